// The page of events: durable facts as they happen, newest first, with what came before this page was opened.

import { useState } from 'react';
import type { EventView } from '../../../src/model/views.ts';
import { PageTabs } from '../../frame/page-tabs.tsx';
import { Chip } from '../../parts/chip.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { Link } from '../../parts/link.tsx';
import { factText } from '../../words/facts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { toneFill } from '../../words/states.ts';
import { baseName } from '../../words/transfers.ts';
import { History, HistoryLine } from './history.tsx';

const groups = [
  ['', 'All'],
  ['observation.transfer.', 'Transfers'],
  ['observation.job.', 'Jobs'],
  ['observation.watch.', 'Watches'],
  ['observation.storage.', 'Storage'],
] as const;

export function EventsPage() {
  const [prefix, setPrefix] = useState('');
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <PageTabs>
        {groups.map(([key, label]) => (
          <Chip key={key} on={key === prefix} onClick={() => setPrefix(key)}>
            {label}
          </Chip>
        ))}
      </PageTabs>
      <History
        queryKey={['events']}
        shows={(event) => event.name.startsWith(prefix)}
        what="events"
        nothing={
          <EmptyState title="Nothing has happened yet">
            Every fact of every transfer and job is kept here and sent to whoever listens: webhooks, scripts, this page.
          </EmptyState>
        }
      >
        {(event) => <EventRow key={event.cursor} event={event} />}
      </History>
    </div>
  );
}

function EventRow({ event }: { event: EventView }) {
  const { text, more, tone } = factText(event.name, event.data);
  const about =
    event.transfer === undefined
      ? event.job === undefined
        ? undefined
        : { name: jobTitle(event.job), href: `/jobs/${event.job.id}` }
      : { name: baseName(event.transfer.source.path), href: `/transfers/${event.transfer.id}` };
  return (
    <HistoryLine at={event.at} columns="grid-cols-[6.5rem_minmax(0,2fr)_minmax(0,2fr)_minmax(0,1fr)]">
      <span className="flex min-w-0 items-center gap-2">
        <span aria-hidden="true" className={`size-[7px] shrink-0 rounded-full ${toneFill[tone]}`} />
        <span className="truncate" title={more}>
          {text}
          {more !== undefined && <span className="text-ink-faint"> · {more}</span>}
        </span>
      </span>
      <span className="min-w-0 narrow:order-3 narrow:col-span-2 narrow:pl-[15px]">
        {about !== undefined && (
          <Link href={about.href} className="block hover:underline">
            <FileName name={about.name} />
          </Link>
        )}
      </span>
      <code className="truncate text-right font-mono text-12 text-ink-faint narrow:hidden">
        {event.name.replace(/^observation\./, '')}
      </code>
    </HistoryLine>
  );
}
