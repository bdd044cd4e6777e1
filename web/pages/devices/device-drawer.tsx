// The drawer of one device: how it is, what files it holds and which of them are new, what is taken of it by itself, and the way to offload it.

import type { DeviceFileView, DeviceView } from '../../../src/model/device-views.ts';
import { asFault } from '../../../src/model/fault.ts';
import type { OffloadSettingsView } from '../../../src/model/offload-views.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { useDeviceFiles } from '../../live/use-devices.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { keyOf } from '../../pickers/picked-path.ts';
import { go } from '../../router.ts';
import { counted, exactSize, size } from '../../words/amounts.ts';
import { batteryWords, deviceKind, deviceLook, deviceSentence } from '../../words/devices.ts';
import { exactMoment, moment } from '../../words/times.ts';
import { baseName, folderOf } from '../../words/transfers.ts';
import { chosenCount, isChosen, type Selection, toggled } from './file-selection.ts';
import { OffloadRules } from './offload-rules.tsx';

interface DeviceDrawerProps {
  device: DeviceView;
  settings: OffloadSettingsView | undefined;
  selection: Selection;
  onSelect: (selection: Selection) => void;
  onClose: () => void;
}

export function DeviceDrawer({ device, settings, selection, onSelect, onClose }: DeviceDrawerProps) {
  const { id, name, connected } = device;
  const files = useDeviceFiles(id, connected);
  const [first] = files.data?.pages ?? [];
  const count = first === undefined ? 0 : chosenCount(selection, first);
  const rules = settings?.rules.filter(({ devices }) => devices.includes(id)) ?? [];
  return (
    <Drawer
      title={<span className="break-words">{name}</span>}
      label={`Device ${name}`}
      onClose={onClose}
      footer={
        connected && (
          <div className="flex items-center gap-3">
            <Button weight="strong" icon="arrow" disabled={count === 0} onClick={() => go(`/devices/${id}?offload=1`)}>
              Offload {count === 0 ? '' : counted(count, 'file')}
            </Button>
            {first !== undefined && count === 0 && (
              <span className="text-ink-faint">
                {first.total === 0 ? 'It holds no files.' : 'Everything on it has been taken.'}
              </span>
            )}
          </div>
        )
      }
    >
      <Standing device={device} />
      {connected && <Files files={files} selection={selection} onSelect={onSelect} />}
      {settings !== undefined && rules.length > 0 && (
        <Section title="Taken by itself">
          <OffloadRules rules={rules} settings={settings} />
        </Section>
      )}
    </Drawer>
  );
}

function Standing({ device }: { device: DeviceView }) {
  const { id, kind, model, serial, address, fault, connected, battery, since } = device;
  const nowMs = useNow();
  const rows = [
    ['Kind', deviceKind(kind)],
    ['Model', model],
    ['Serial', serial],
    [connected ? 'At' : 'Was at', address],
    ['Battery', battery === null ? null : batteryWords(battery).replace('Battery ', '')],
  ] as const;
  return (
    <section aria-label="State" className="flex flex-col gap-3 p-4">
      <div className="text-14 font-medium">
        <StateMark look={deviceLook(device)} />
      </div>
      {fault === null ? (
        <p title={exactMoment(Date.parse(since))}>
          {deviceSentence(device, nowMs)}.
          {!connected && ' What is under way goes on where it stopped once it is connected again.'}
        </p>
      ) : (
        <div className="flex gap-2 rounded bg-needs-tint p-3">
          <Icon name="needs" className="mt-0.5 text-needs" />
          <div className="flex min-w-0 flex-col gap-1">
            <p className="break-words font-medium">{fault.message}</p>
            <p className="text-ink-soft">{fault.remedy}</p>
          </div>
        </div>
      )}
      <Facts
        rows={[
          ...rows.flatMap(([label, value]) => (value === null ? [] : [[label, value] as const])),
          [
            'Address',
            <span key="id" className="flex items-start gap-1">
              <span className="min-w-0 flex-1 wrap-anywhere font-mono text-12 leading-5">device://{id}/</span>
              <span className="-my-1">
                <CopyButton text={`device://${id}/`} what="the address" />
              </span>
            </span>,
          ],
        ]}
      />
      <Link
        href={`/recordings?device=${id}`}
        className="self-start underline decoration-line-strong underline-offset-2"
      >
        Show its recordings
      </Link>
    </section>
  );
}

interface FilesProps {
  files: ReturnType<typeof useDeviceFiles>;
  selection: Selection;
  onSelect: (selection: Selection) => void;
}

function Files({
  files: { data, error, isPending, hasNextPage, fetchNextPage, refetch },
  selection,
  onSelect,
}: FilesProps) {
  const [first] = data?.pages ?? [];
  const rows = data?.pages.flatMap((page) => page.rows) ?? [];
  if (error !== null) {
    const { message, code } = asFault(error);
    return (
      <Section title="Files">
        <p className={code === 'device' ? 'text-waits' : 'text-needs'}>{message}</p>
        <Button className="mt-2" icon="retry" onClick={() => void refetch()}>
          Read them again
        </Button>
      </Section>
    );
  }
  return (
    <Section title={first === undefined ? 'Files' : `${counted(first.total, 'file')}, ${size(first.totalBytes)}`}>
      {isPending && <p className="text-ink-faint">Reading…</p>}
      {first !== undefined && first.total > 0 && (
        <div role="toolbar" aria-label="Which files" className="mb-2 flex gap-1">
          <Chip on={selection === 'new'} onClick={() => onSelect('new')}>
            New: {first.total - first.taken}
          </Chip>
          <Chip on={selection === 'all'} onClick={() => onSelect('all')}>
            All: {first.total}
          </Chip>
          <Chip on={typeof selection !== 'string'} onClick={() => onSelect(new Map())}>
            {typeof selection === 'string' ? 'By hand' : `By hand: ${selection.size}`}
          </Chip>
        </div>
      )}
      {selection === 'all' && first !== undefined && first.taken > 0 && (
        <p className="mb-2 text-12 text-ink-faint">
          {counted(first.taken, 'file was', 'files were')} taken before and will not be taken twice.
        </p>
      )}
      <ul aria-label="Files of the device" className="-mx-4">
        {rows.map((file) => (
          <FileRow
            key={keyOf(file)}
            file={file}
            chosen={isChosen(file, selection)}
            onToggle={() => onSelect(toggled(file, selection, rows))}
          />
        ))}
      </ul>
      {hasNextPage && (
        <Button className="mt-2" onClick={() => void fetchNextPage()}>
          Show more
        </Button>
      )}
      {first !== undefined && first.refused.length > 0 && (
        <details className="mt-3 text-waits">
          <summary className="cursor-pointer">{counted(first.refused.length, 'file')} cannot be taken</summary>
          <ul className="mt-1 flex flex-col gap-1 text-12 text-ink-soft">
            {first.refused.map(({ path, fault }) => (
              <li key={path} className="wrap-anywhere">
                <span className="font-mono">{path}</span>: {fault.message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </Section>
  );
}

function FileRow({ file, chosen, onToggle }: { file: DeviceFileView; chosen: boolean; onToggle: () => void }) {
  const nowMs = useNow();
  const name = baseName(file.path);
  const ms = file.mtime === null ? undefined : Date.parse(file.mtime);
  const companions = file.companions.map(baseName);
  return (
    <li className="border-t border-line [content-visibility:auto] [contain-intrinsic-size:auto_44px] hover:bg-tint">
      <div className="flex items-start gap-3 px-4 py-1.5">
        <input
          type="checkbox"
          aria-label={`Take ${name}`}
          checked={chosen}
          onChange={onToggle}
          className="mt-0.5 size-4 shrink-0 accent-(--ink) coarse:size-5"
        />
        <span className="flex min-w-0 flex-1 flex-col">
          <FileName name={name} title={file.path} />
          <span className="truncate text-12 text-ink-faint">
            {folderOf(file.path)}
            {companions.length > 0 && ` · with ${companions.join(', ')}`}
          </span>
        </span>
        <span className="flex shrink-0 flex-col text-right text-12 text-ink-soft tabular-nums">
          <span title={exactSize(file.sizeBytes)}>{size(file.sizeBytes)}</span>
          {file.transferId === null ? (
            <time dateTime={file.mtime ?? undefined} title={ms === undefined ? undefined : exactMoment(ms)}>
              {ms === undefined ? '' : moment(ms, nowMs)}
            </time>
          ) : (
            <Link
              href={`/transfers/${file.transferId}`}
              className="text-ink-soft underline decoration-line-strong underline-offset-2"
            >
              taken
            </Link>
          )}
        </span>
      </div>
    </li>
  );
}
