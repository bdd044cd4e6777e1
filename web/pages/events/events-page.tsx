// The page of events: durable facts as they happen, newest first, with what came before this page was opened.

import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { EventView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { PageTabs } from '../../frame/page-tabs.tsx';
import { useLive } from '../../live/live-store.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { Link } from '../../parts/link.tsx';
import { factText } from '../../words/facts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { toneFill } from '../../words/states.ts';
import { exactMoment, moment } from '../../words/times.ts';
import { baseName } from '../../words/transfers.ts';

const groups = [
  ['', 'All'],
  ['observation.transfer.', 'Transfers'],
  ['observation.job.', 'Jobs'],
  ['observation.watch.', 'Watches'],
  ['observation.storage.', 'Storage'],
] as const;

export function EventsPage() {
  const [prefix, setPrefix] = useState('');
  const live = useLive((state) => state.events);
  const { data, error, hasNextPage, fetchNextPage, isPending } = useInfiniteQuery({
    queryKey: ['events'],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call('listEvents', { query: { before: pageParam, limit: 200 } }, { signal }),
    getNextPageParam: (page) => (page.rows.length < 200 ? null : page.cursor),
    maxPages: 10,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const seen = new Set<string>();
  const all = [...live, ...(data?.pages.flatMap((page) => page.rows) ?? [])].filter((event) => {
    if (seen.has(event.cursor) || !event.name.startsWith(prefix)) return false;
    seen.add(event.cursor);
    return true;
  });
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <PageTabs>
        {groups.map(([key, label]) => (
          <button
            key={key}
            type="button"
            aria-pressed={key === prefix}
            onClick={() => setPrefix(key)}
            className={`h-7 shrink-0 rounded-full border px-2.5 text-12 font-medium coarse:h-9 coarse:px-3.5 ${key === prefix ? 'border-ink bg-ink text-surface' : 'border-line-strong text-ink-soft hover:bg-tint'}`}
          >
            {label}
          </button>
        ))}
      </PageTabs>
      <div className="min-h-0 flex-1 overflow-y-auto">
        {error !== null && <p className="px-4 py-3 text-needs">{asFault(error).message}</p>}
        {all.length === 0 && !isPending && (
          <EmptyState title="Nothing has happened yet">
            Every fact of every transfer and job is kept here and sent to whoever listens: webhooks, scripts, this page.
          </EmptyState>
        )}
        <ol>
          {all.map((event) => (
            <EventRow key={event.cursor} event={event} />
          ))}
        </ol>
        {hasNextPage && (
          <div className="p-4">
            <Button onClick={() => void fetchNextPage()}>Show older events</Button>
          </div>
        )}
      </div>
    </div>
  );
}

function EventRow({ event }: { event: EventView }) {
  const nowMs = useNow(60_000);
  const { text, more, tone } = factText(event.name, event.data);
  const ms = Date.parse(event.at);
  const about =
    event.transfer === undefined
      ? event.job === undefined
        ? undefined
        : { name: jobTitle(event.job), href: `/jobs/${event.job.id}` }
      : { name: baseName(event.transfer.source.path), href: `/transfers/${event.transfer.id}` };
  return (
    <li className="grid grid-cols-[6.5rem_minmax(0,2fr)_minmax(0,2fr)_minmax(0,1fr)] items-center gap-x-4 border-b border-line px-4 py-1.5 [contain-intrinsic-size:auto_33px] [content-visibility:auto] narrow:grid-cols-[minmax(0,1fr)_auto] narrow:gap-y-0.5">
      <time
        dateTime={event.at}
        title={exactMoment(ms)}
        className="text-12 text-ink-faint tabular-nums narrow:order-2 narrow:text-right"
      >
        {moment(ms, nowMs)}
      </time>
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
    </li>
  );
}
