// A list of facts, newest first: what was heard since the page was opened, and what came before, page by page.

import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { EventView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { useLive } from '../../live/live-store.ts';
import { Button } from '../../parts/button.tsx';
import { When } from '../../parts/when.tsx';

interface HistoryProps {
  queryKey: readonly string[];
  /** Asked of the daemon. Default is every event. */
  name?: string;
  /** Which of what is known are shown. */
  shows: (event: EventView) => boolean;
  /** What they are, in the plural. */
  what: string;
  /** Shown while there is nothing. */
  nothing: ReactNode;
  children: (event: EventView) => ReactNode;
}

const pageSize = 200;

export function History({ queryKey, name, shows, what, nothing, children }: HistoryProps) {
  const live = useLive((state) => state.events);
  const { data, error, hasNextPage, fetchNextPage, isPending } = useInfiniteQuery({
    queryKey,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call(
        'listEvents',
        { query: { before: pageParam, limit: pageSize, ...(name === undefined ? {} : { name }) } },
        { signal },
      ),
    getNextPageParam: (page) => (page.rows.length < pageSize ? null : page.cursor),
    maxPages: 10,
    refetchOnWindowFocus: false,
  });
  const known = [...live, ...(data?.pages.flatMap((page) => page.rows) ?? [])].filter(shows);
  const all = new Map(known.map((event) => [event.cursor, event]));
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      {error !== null && <p className="px-4 py-3 text-needs">{asFault(error).message}</p>}
      {all.size === 0 && !isPending && error === null && nothing}
      <ol>{[...all.values()].map(children)}</ol>
      {hasNextPage && (
        <div className="p-4">
          <Button onClick={() => void fetchNextPage()}>Show older {what}</Button>
        </div>
      )}
    </div>
  );
}

/** One line; `columns` are those beside the moment, where there is room. */
export function HistoryLine({ at, columns, children }: { at: string; columns: string; children: ReactNode }) {
  return (
    <li
      className={`grid ${columns} items-center gap-x-4 border-b border-line px-4 py-1.5 [contain-intrinsic-size:auto_33px] [content-visibility:auto] narrow:grid-cols-[minmax(0,1fr)_auto] narrow:gap-y-0.5`}
    >
      <When at={at} className="text-12 text-ink-faint narrow:order-2 narrow:text-right" />
      {children}
    </li>
  );
}
