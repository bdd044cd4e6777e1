// The page of changes: who did what by console, command or script, newest first, with what was done before this page was opened.

import { useInfiniteQuery } from '@tanstack/react-query';
import { asFault } from '../../../src/model/fault.ts';
import type { EventView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { PageTabs } from '../../frame/page-tabs.tsx';
import { useLive } from '../../live/live-store.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Link } from '../../parts/link.tsx';
import { changeText } from '../../words/changes.ts';
import { exactMoment, moment } from '../../words/times.ts';

const name = 'observation.audit.changed';
const pageSize = 100;

export function ChangesPage() {
  const live = useLive((state) => state.events);
  const { data, error, hasNextPage, fetchNextPage, isPending } = useInfiniteQuery({
    queryKey: ['changes'],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call('listEvents', { query: { name, before: pageParam, limit: pageSize } }, { signal }),
    getNextPageParam: (page) => (page.rows.length < pageSize ? null : page.cursor),
    maxPages: 20,
    refetchOnWindowFocus: false,
  });
  const fresh = live.filter((event) => event.name === name);
  const all = [
    ...new Map(
      [...fresh, ...(data?.pages.flatMap((page) => page.rows) ?? [])].map((event) => [event.cursor, event]),
    ).values(),
  ];
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <PageTabs />
      <div className="min-h-0 flex-1 overflow-y-auto">
        {error !== null && <p className="px-4 py-3 text-needs">{asFault(error).message}</p>}
        {all.length === 0 && !isPending && error === null && (
          <EmptyState title="Nobody has changed anything yet">
            Whoever starts, pauses, edits or removes something, here, by a command or by a script, is written down with
            what was done.
          </EmptyState>
        )}
        <ol>
          {all.map((event) => (
            <ChangeRow key={event.cursor} event={event} />
          ))}
        </ol>
        {hasNextPage && (
          <div className="p-4">
            <Button onClick={() => void fetchNextPage()}>Show older changes</Button>
          </div>
        )}
      </div>
    </div>
  );
}

function ChangeRow({ event }: { event: EventView }) {
  const nowMs = useNow(60_000);
  const { who, how, what, about, href } = changeText(event.data);
  const ms = Date.parse(event.at);
  const address = typeof event.data.address === 'string' ? event.data.address : '';
  return (
    <li className="grid grid-cols-[6.5rem_minmax(0,1fr)_minmax(0,1.4fr)_minmax(0,1fr)_7rem] items-center gap-x-4 border-b border-line px-4 py-1.5 [contain-intrinsic-size:auto_33px] [content-visibility:auto] narrow:grid-cols-[minmax(0,1fr)_auto] narrow:gap-y-0.5">
      <time
        dateTime={event.at}
        title={exactMoment(ms)}
        className="text-12 text-ink-faint tabular-nums narrow:order-2 narrow:text-right"
      >
        {moment(ms, nowMs)}
      </time>
      <span className="truncate font-medium narrow:order-1">{what}</span>
      <span className="min-w-0 narrow:order-3 narrow:col-span-2">
        {about !== undefined && <About text={about} href={href} />}
      </span>
      <span className="truncate text-ink-soft narrow:order-4 narrow:col-span-2">
        {who}
        {how !== '' && <span className="text-ink-faint"> · {how}</span>}
      </span>
      <code className="truncate text-right font-mono text-12 text-ink-faint narrow:hidden" title="Where it came from">
        {address}
      </code>
    </li>
  );
}

function About({ text, href }: { text: string; href: string | undefined }) {
  if (href === undefined) {
    return (
      <span className="block truncate" title={text}>
        {text}
      </span>
    );
  }
  return (
    <Link href={href} title={text} className="block truncate underline decoration-line-strong underline-offset-2">
      {text}
    </Link>
  );
}
