// The syncs that are kept, their runs and how a run stands; read every few seconds while somebody looks, and at once when one changes.

import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '../api.ts';
import { onBatch } from './live-feed.ts';
import { learnJobs, useLive } from './live-store.ts';
import { useReread } from './use-reread.ts';

export const syncsKey = ['syncs'] as const;

const everyMs = 5000;
const runMs = 1000;
const rereadMs = 300;

export function useSyncs() {
  const queries = useQueryClient();
  useEffect(
    () =>
      onBatch(({ events }) => {
        const touched = events.some(({ name, job }) => name.startsWith('observation.sync.') || job?.kind === 'sync');
        if (touched) void queries.invalidateQueries({ queryKey: syncsKey });
      }),
    [queries],
  );
  return useQuery({
    queryKey: syncsKey,
    queryFn: ({ signal }) => api.call('listSyncs', {}, { signal }),
    refetchInterval: everyMs,
  });
}

/** Newest first. */
export function useSyncRuns(definition: string) {
  const answer = useInfiniteQuery({
    queryKey: ['sync-runs', definition],
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => {
      const page = await api.call(
        'listJobs',
        { query: { definition, limit: 20, ...(pageParam === '' ? {} : { cursor: pageParam }) } },
        { signal },
      );
      learnJobs(page.rows);
      return page;
    },
    getNextPageParam: (page) => page.nextCursor,
  });
  const known = answer.data?.pages.flatMap((page) => page.rows) ?? [];
  useReread(
    rereadMs,
    ({ events }) => events.some(({ job }) => job?.kind === 'sync' && !known.some(({ id }) => id === job.id)),
    answer.refetch,
  );
  const live = useLive((state) => state.jobs);
  return {
    runs: answer.data === undefined ? undefined : known.map((job) => live.get(job.id) ?? job),
    error: answer.error,
    more: answer.hasNextPage,
    readMore: answer.fetchNextPage,
  };
}

/** Of a run that is under way again every second, and once more after its end. */
export function useSyncStatus(jobId: string, underWay: boolean) {
  return useQuery({
    queryKey: ['sync-status', jobId, underWay],
    queryFn: ({ signal }) => api.call('getJobSync', { params: { id: jobId } }, { signal }),
    refetchInterval: underWay ? runMs : false,
    placeholderData: (before) => (before?.jobId === jobId ? before : undefined),
  });
}
