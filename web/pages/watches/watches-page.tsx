// The page of watches: which folders are watched, how each is, and the drawer of one of them or of a new one.

import { useCallback } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { WatchView } from '../../../src/model/watch-views.ts';
import { PageHead } from '../../frame/page-head.tsx';
import { useNow } from '../../live/use-now.ts';
import { useWatches } from '../../live/use-watches.ts';
import { ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { ListEntry } from '../../parts/list-entry.tsx';
import { go, useAddress } from '../../router.ts';
import { counted, size } from '../../words/amounts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { ago } from '../../words/times.ts';
import { watchLook, watchSentence } from '../../words/watches.ts';
import { WatchDrawer } from './watch-drawer.tsx';
import { WatchFormDrawer } from './watch-form-drawer.tsx';

export function WatchesPage({ open }: { open: string | undefined }) {
  const { query } = useAddress();
  const { data, error } = useWatches();
  const close = useCallback(() => go('/watches'), []);
  const opened = data?.rows.find((watch) => watch.id === open);
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PageHead title="Watches">
          <ButtonLink href="/watches/new">Watch a folder</ButtonLink>
        </PageHead>
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        {data?.rows.length === 0 && (
          <EmptyState
            title="No folder is watched"
            action={<ButtonLink href="/watches/new">Watch a folder</ButtonLink>}
            command="wherry watch FROM TO"
          >
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
  const { status, counts } = watch;
  return (
    <ListEntry
      href={`/watches/${watch.id}`}
      open={open}
      look={watchLook(watch)}
      name={jobTitle({ name: watch.name, sources: [watch.source], destinations: watch.destinations })}
      detail={`${watch.source} → ${watch.destinations.join(', ')}`}
      detailTitle={`${watch.source}\n→ ${watch.destinations.join('\n→ ')}`}
      sentence={watchSentence(watch)}
      figures={
        <>
          <span>
            {counted(counts.completed, 'file')}, {size(counts.bytesCompleted)}
          </span>
          <span>{status?.lastScanAt == null ? '' : `scanned ${ago(Date.parse(status.lastScanAt), nowMs)}`}</span>
        </>
      }
    />
  );
}
