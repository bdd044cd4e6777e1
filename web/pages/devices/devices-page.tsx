// The page of devices: which cameras and cards are here or away, what is taken of them by itself, and the drawer of one.

import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import type { DeviceView } from '../../../src/model/device-views.ts';
import { asFault } from '../../../src/model/fault.ts';
import { api } from '../../api.ts';
import { PageHead } from '../../frame/page-head.tsx';
import { noteFault } from '../../live/notes.ts';
import { devicesKey, useDevices, useOffloadSettings } from '../../live/use-devices.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go, useAddress } from '../../router.ts';
import { batteryWords, deviceKind, deviceLook, deviceSentence } from '../../words/devices.ts';
import { exactMoment } from '../../words/times.ts';
import { DeviceDrawer } from './device-drawer.tsx';
import type { Selection } from './file-selection.ts';
import { OffloadDrawer } from './offload-drawer.tsx';
import { OffloadRules } from './offload-rules.tsx';

export function DevicesPage({ open }: { open: string | undefined }) {
  const { query } = useAddress();
  const { data, error } = useDevices();
  const { data: settings } = useOffloadSettings();
  const [chosen, setChosen] = useState<{ readonly device: string; readonly selection: Selection }>();
  const close = useCallback(() => go('/devices'), []);
  const opened = data?.rows.find(({ id }) => id === open);
  const selection: Selection = chosen !== undefined && chosen.device === open ? chosen.selection : 'new';
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PageHead title="Devices">
          <LookAgain />
        </PageHead>
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        <div className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
          {data?.troubles.map(({ kind, fault }) => (
            <p key={kind} className="flex gap-2 border-b border-line bg-waits-tint px-4 py-2">
              <Icon name="waits" className="mt-0.5 text-waits" />
              <span>
                <span className="font-medium">{deviceKind(kind)} cannot be looked for.</span> {fault.message}{' '}
                <span className="text-ink-soft">{fault.remedy}</span>
              </span>
            </p>
          ))}
          {data?.rows.length === 0 && (
            <EmptyState title="No device has been here yet" command="wherry devices">
              Put a card into its reader or plug a camera in: it appears here by itself, with its files. A card is known
              by its DCIM or PRIVATE folder once it is mounted.
            </EmptyState>
          )}
          {data !== undefined && data.rows.length > 0 && (
            <ul aria-label="Devices">
              {[...data.rows].sort(hereFirst).map((device) => (
                <DeviceRow key={device.id} device={device} open={device.id === open} />
              ))}
            </ul>
          )}
          {settings !== undefined && settings.rules.length > 0 && (
            <section aria-label="Taken by itself" className="px-4 py-4">
              <h2 className="mb-2 text-12 font-semibold text-ink-soft">Taken by itself</h2>
              <OffloadRules rules={settings.rules} settings={settings} />
            </section>
          )}
        </div>
      </div>
      {opened !== undefined && query.get('offload') === '1' && (
        <OffloadDrawer device={opened} selection={selection} onClose={() => go(`/devices/${opened.id}`)} />
      )}
      {opened !== undefined && query.get('offload') !== '1' && (
        <DeviceDrawer
          key={opened.id}
          device={opened}
          settings={settings}
          selection={selection}
          onSelect={(next) => setChosen({ device: opened.id, selection: next })}
          onClose={close}
        />
      )}
    </>
  );
}

function hereFirst(one: DeviceView, other: DeviceView): number {
  return Number(other.connected) - Number(one.connected) || one.name.localeCompare(other.name);
}

function LookAgain() {
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    try {
      queries.setQueryData(devicesKey, await api.call('lookForDevices'));
    } catch (error) {
      noteFault(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button icon="retry" disabled={busy} onClick={() => void look()}>
      Look again
    </Button>
  );
}

function DeviceRow({ device, open }: { device: DeviceView; open: boolean }) {
  const nowMs = useNow();
  const { id, name, kind, model, address, battery, since } = device;
  const look = deviceLook(device);
  return (
    <li className={`border-b border-line ${open ? 'bg-tint-strong' : 'hover:bg-tint'}`}>
      <Link
        href={`/devices/${id}`}
        className="grid grid-cols-[92px_minmax(0,1fr)_minmax(0,260px)_130px] items-center gap-x-4 px-4 py-2.5 @max-[760px]:grid-cols-[minmax(0,1fr)_auto] @max-[760px]:gap-y-1"
      >
        <span className="@max-[760px]:order-2">
          <StateMark look={look} />
        </span>
        <span className="flex min-w-0 flex-col">
          <span className="truncate font-medium">{name}</span>
          <span className="truncate text-12 text-ink-faint" title={address ?? undefined}>
            {[deviceKind(kind), model, address].filter((part) => part !== null).join(' · ')}
          </span>
        </span>
        <span
          className={`min-w-0 truncate tabular-nums @max-[760px]:order-3 @max-[760px]:col-span-2 ${look.tone === 'needs' ? 'text-needs' : 'text-ink-soft'}`}
          title={exactMoment(Date.parse(since))}
        >
          {deviceSentence(device, nowMs)}
        </span>
        <span className="text-right text-12 text-ink-soft tabular-nums @max-[760px]:hidden">
          {battery === null ? '' : batteryWords(battery)}
        </span>
      </Link>
    </li>
  );
}
