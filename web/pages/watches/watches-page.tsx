// The page of watches: which folders are watched, how each is, and the drawer of one of them or of a new one.

import { useCallback } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { WatchView } from '../../../src/model/watch-views.ts';
import { useNow } from '../../live/use-now.ts';
import { useWatches } from '../../live/use-watches.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Link } from '../../parts/link.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go, useAddress } from '../../router.ts';
import { counted, size } from '../../words/amounts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { ago } from '../../words/times.ts';
import { watchLook, watchSentence } from '../../words/watches.ts';
import { WatchDrawer } from './watch-drawer.tsx';
import { WatchFormDrawer } from './watch-form-drawer.tsx';

const strongLink =
  'inline-flex h-7 items-center rounded border border-ink bg-ink px-2.5 font-medium text-surface hover:opacity-85 coarse:h-10 coarse:px-4';

export function WatchesPage({ open }: { open: string | undefined }) {
  const { query } = useAddress();
  const { data, error } = useWatches();
  const close = useCallback(() => go('/watches'), []);
  const opened = data?.rows.find((watch) => watch.id === open);
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <div className="flex shrink-0 items-center justify-between gap-3 border-b border-line px-4 py-2">
          <h1 className="text-14 font-semibold">Watches</h1>
          <Link href="/watches/new" className={strongLink}>
            Watch a folder
          </Link>
        </div>
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        {data?.rows.length === 0 && (
          <EmptyState title="No folder is watched" command="wherry watch FROM TO">
            A watch moves files out of a folder as they appear, day and night, also while they still grow. Begin with a
            folder here, or with this command.
          </EmptyState>
        )}
        {data !== undefined && data.rows.length > 0 && (
          <ul className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
            {data.rows.map((watch) => (
              <WatchRow key={watch.id} watch={watch} open={watch.id === open} />
            ))}
          </ul>
        )}
      </div>
      {open === 'new' && <WatchFormDrawer watch={undefined} onClose={close} />}
      {opened !== undefined && query.get('edit') === '1' && (
        <WatchFormDrawer key={opened.id} watch={opened} onClose={() => go(`/watches/${opened.id}`)} />
      )}
      {opened !== undefined && query.get('edit') !== '1' && <WatchDrawer watch={opened} onClose={close} />}
    </>
  );
}

function WatchRow({ watch, open }: { watch: WatchView; open: boolean }) {
  const nowMs = useNow(5000);
  const look = watchLook(watch);
  const { status, counts } = watch;
  return (
    <li className={`border-b border-line ${open ? 'bg-tint-strong' : 'hover:bg-tint'}`}>
      <Link
        href={`/watches/${watch.id}`}
        className="grid grid-cols-[116px_minmax(0,1fr)_minmax(0,300px)_150px] items-center gap-x-4 px-4 py-2.5 @max-[820px]:grid-cols-[minmax(0,1fr)_auto] @max-[820px]:gap-y-1"
      >
        <span className="@max-[820px]:order-2">
          <StateMark look={look} />
        </span>
        <span className="flex min-w-0 flex-col">
          <span className="truncate font-medium">
            {jobTitle({ name: watch.name, sources: [watch.source], destinations: watch.destinations })}
          </span>
          <span
            className="truncate text-12 text-ink-faint"
            title={`${watch.source}\n→ ${watch.destinations.join('\n→ ')}`}
          >
            {watch.source} → {watch.destinations.join(', ')}
          </span>
        </span>
        <span
          className={`min-w-0 truncate @max-[820px]:order-3 @max-[820px]:col-span-2 ${look.tone === 'waits' || look.tone === 'needs' ? (look.tone === 'needs' ? 'text-needs' : 'text-waits') : 'text-ink-soft'}`}
        >
          {watchSentence(watch)}
        </span>
        <span className="flex flex-col text-right text-12 text-ink-faint tabular-nums @max-[820px]:hidden">
          <span>
            {counted(counts.completed, 'file')}, {size(counts.bytesCompleted)}
          </span>
          <span>{status?.lastScanAt == null ? '' : `scanned ${ago(Date.parse(status.lastScanAt), nowMs)}`}</span>
        </span>
      </Link>
    </li>
  );
}
