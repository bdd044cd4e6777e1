// The page of syncs: what is brought over again and again, how each is and when it is due, and the drawer of one or of a new one.

import { useCallback } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { SyncView } from '../../../src/model/sync-views.ts';
import { PageHead } from '../../frame/page-head.tsx';
import { useNow } from '../../live/use-now.ts';
import { useSyncs } from '../../live/use-syncs.ts';
import { ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { ListEntry } from '../../parts/list-entry.tsx';
import { go, useAddress } from '../../router.ts';
import { scheduleWords } from '../../words/schedules.ts';
import { nextWords, syncLook, syncSentence } from '../../words/syncs.ts';
import { SinksPanel } from './sinks-panel.tsx';
import { SyncDrawer } from './sync-drawer.tsx';
import { SyncFormDrawer } from './sync-form-drawer.tsx';

export function SyncsPage({ open }: { open: string | undefined }) {
  const { query } = useAddress();
  const { data, error } = useSyncs();
  const close = useCallback(() => go('/syncs'), []);
  const opened = data?.rows.find(({ id }) => id === open);
  const isEdited = query.get('edit') === '1';
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PageHead title="Syncs">
          <ButtonLink href="/syncs/new">Sync folders</ButtonLink>
        </PageHead>
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        <div className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
          {data?.rows.length === 0 && (
            <EmptyState
              title="Nothing is kept in step"
              action={<ButtonLink href="/syncs/new">Sync folders</ButtonLink>}
              command="wherry sync FROM TO"
            >
              A sync brings home what is new in a folder, on this machine or on another, every few minutes or when you
              say so. It shows its plan before anything is done. Begin with a sync here, or with this command.
            </EmptyState>
          )}
          {data !== undefined && data.rows.length > 0 && (
            <ul aria-label="Syncs">
              {data.rows.map((sync) => (
                <SyncRow key={sync.id} sync={sync} open={sync.id === open} />
              ))}
            </ul>
          )}
          <SinksPanel />
        </div>
      </div>
      {open === 'new' && <SyncFormDrawer sync={undefined} onClose={close} />}
      {opened !== undefined && isEdited && (
        <SyncFormDrawer key={opened.id} sync={opened} onClose={() => go(`/syncs/${opened.id}`)} />
      )}
      {opened !== undefined && !isEdited && <SyncDrawer key={opened.id} sync={opened} onClose={close} />}
    </>
  );
}

function SyncRow({ sync, open }: { sync: SyncView; open: boolean }) {
  const nowMs = useNow(1000);
  return (
    <ListEntry
      href={`/syncs/${sync.id}`}
      open={open}
      look={syncLook(sync)}
      name={sync.name}
      detail={`${sync.source} → ${sync.destinations.join(', ')}`}
      detailTitle={`${sync.source}\n→ ${sync.destinations.join('\n→ ')}`}
      sentence={syncSentence(sync, nowMs)}
      figures={
        <>
          <span>{sync.schedule === null ? 'By hand' : scheduleWords(sync.schedule)}</span>
          <span>{nextWords(sync, nowMs)}</span>
        </>
      }
    />
  );
}
