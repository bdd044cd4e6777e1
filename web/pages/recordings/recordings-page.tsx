// The page of recordings: what came home and what was made of it, as pictures or as a list, however many there are.

import { useCallback, useMemo } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import { fileKinds } from '../../../src/model/file-kind.ts';
import { type RecordingFilter, useRecordings } from '../../live/use-recordings.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Link } from '../../parts/link.tsx';
import { go, useAddress, withQuery } from '../../router.ts';
import { RecordingDrawer } from './recording-drawer.tsx';
import { RecordingFilters } from './recording-filters.tsx';
import { RecordingGrid } from './recording-grid.tsx';

export function RecordingsPage({ open }: { open: string | undefined }) {
  const { path, query } = useAddress();
  const filter = useMemo(() => filterOf(query), [query]);
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage } = useRecordings(filter);
  const recordings = useMemo(() => data?.pages.flatMap((page) => page.rows) ?? [], [data]);
  const change = useCallback(
    (changes: Record<string, string | undefined>) => go(withQuery(path, query, changes), { replace: true }),
    [path, query],
  );
  const addressOf = useCallback((id: string) => withQuery(`/recordings/${id}`, query, {}), [query]);
  const close = useCallback(() => go(withQuery('/recordings', query, {})), [query]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <RecordingFilters filter={filter} query={query} known={recordings} onChange={change} />
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        {data !== undefined && recordings.length === 0 && isFiltered && (
          <EmptyState title="No recording is like that">Take a filter away to see more.</EmptyState>
        )}
        {data !== undefined && recordings.length === 0 && !isFiltered && (
          <EmptyState
            title="Nothing has come home yet"
            action={
              <Link href="/devices" className="font-medium underline decoration-line-strong underline-offset-2">
                Show the devices
              </Link>
            }
            command="wherry devices"
          >
            A recording is a file that was taken off a camera or a card, proven, with what was made of it. Plug a device
            in and offload it: its files appear here.
          </EmptyState>
        )}
        {recordings.length > 0 && (
          <RecordingGrid
            recordings={recordings}
            asList={query.get('view') === 'list'}
            openId={open}
            addressOf={addressOf}
            onEnd={more}
          />
        )}
      </div>
      {open !== undefined && <RecordingDrawer key={open} id={open} onClose={close} />}
    </>
  );
}

function filterOf(query: URLSearchParams): RecordingFilter {
  const text = (key: string) => {
    const value = query.get(key)?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  return {
    search: text('q'),
    device: text('device'),
    associateWith: text('key'),
    job: text('job'),
    kind: fileKinds.find((kind) => kind === query.get('kind')),
    fromDay: text('from'),
    toDay: text('to'),
  };
}
