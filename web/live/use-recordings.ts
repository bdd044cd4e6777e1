// Recordings by what they are picked out by, newest first, page by page; new ones appear while the list is near its top.

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { FileKind } from '../../src/model/file-kind.ts';
import { api } from '../api.ts';
import { useReread } from './use-reread.ts';

export interface RecordingFilter {
  readonly search: string | undefined;
  readonly device: string | undefined;
  readonly associateWith: string | undefined;
  readonly job: string | undefined;
  readonly kind: FileKind | undefined;
  /** Days of this browser's zone, YYYY-MM-DD; both are in. */
  readonly fromDay: string | undefined;
  readonly toDay: string | undefined;
}

const pageRows = 100;
const rereadMs = 2000;
/** Somebody who is further down reads what was; reading it all again would only move it away. */
const pagesKeptFresh = 3;

export function useRecordings(filter: RecordingFilter) {
  const answer = useInfiniteQuery({
    queryKey: ['recordings', filter],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call(
        'listRecordings',
        { query: { limit: pageRows, ...(pageParam === '' ? {} : { cursor: pageParam }), ...queryOf(filter) } },
        { signal },
      ),
    getNextPageParam: (page) => page.nextCursor,
  });
  const { refetch, data } = answer;
  const isNearTop = (data?.pages.length ?? 0) <= pagesKeptFresh;
  useReread(
    rereadMs,
    ({ events }) =>
      isNearTop &&
      events.some(({ name, transfer }) => name === 'observation.transfer.completed' && transfer?.mode === 'offload'),
    refetch,
  );
  return answer;
}

export function useRecording(id: string) {
  return useQuery({
    queryKey: ['recording', id],
    queryFn: ({ signal }) => api.call('getRecording', { params: { id } }, { signal }),
  });
}

function queryOf({ search, device, associateWith, job, kind, fromDay, toDay }: RecordingFilter) {
  const from = startOf(fromDay, 0);
  const until = startOf(toDay, 1);
  return {
    ...(search === undefined ? {} : { search }),
    ...(device === undefined ? {} : { device }),
    ...(associateWith === undefined ? {} : { associateWith }),
    ...(job === undefined ? {} : { job }),
    ...(kind === undefined ? {} : { kind }),
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
}

/** The start of a day, or of one some days later; undefined where the text is no day. */
function startOf(day: string | undefined, daysLater: number): string | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '');
  if (match === null) return undefined;
  const [, year, month, date] = match.map(Number);
  const at = new Date(year ?? 0, (month ?? 1) - 1, (date ?? 1) + daysLater);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
