// The list of jobs, newest first, kept fresh by events and live progress.

import { useInfiniteQuery } from '@tanstack/react-query';
import type { JobView } from '../../src/model/views.ts';
import { api } from '../api.ts';
import { learnJobs, useLive } from './live-store.ts';
import { useReread } from './use-reread.ts';

export const jobsKey = ['jobs'] as const;

const rereadMs = 1500;

export function useJobs() {
  const answer = useInfiniteQuery({
    queryKey: jobsKey,
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => {
      const page = await api.call(
        'listJobs',
        { query: { limit: 100, ...(pageParam === '' ? {} : { cursor: pageParam }) } },
        { signal },
      );
      learnJobs(page.rows);
      return { ids: page.rows.map((job) => job.id), nextCursor: page.nextCursor };
    },
    getNextPageParam: (page) => page.nextCursor,
  });
  const { refetch } = answer;
  const ids = answer.data?.pages.flatMap((page) => page.ids);
  const shown = ids?.join();
  // A job that is listed is patched by its event; only one that is new makes the list be read again.
  useReread(
    rereadMs,
    ({ events }) => shown !== undefined && events.some(({ job }) => job !== undefined && !shown.includes(job.id)),
    refetch,
  );
  const known = useLive((state) => state.jobs);
  const jobs: readonly JobView[] | undefined = ids?.flatMap((id) => known.get(id) ?? []);
  return { jobs, error: answer.error, more: answer.hasNextPage, readMore: answer.fetchNextPage };
}
