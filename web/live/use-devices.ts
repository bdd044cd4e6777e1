// Devices, what files one holds, and by what they are offloaded; read every few seconds while somebody looks, and at once when one comes or goes.

import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '../api.ts';
import { onBatch } from './live-feed.ts';
import { useReread } from './use-reread.ts';

export const devicesKey = ['devices'] as const;

const everyMs = 5000;
/** While files arrive, which of them were taken is read again at most this often. */
const rereadMs = 2000;

export function useDevices() {
  const queries = useQueryClient();
  useEffect(
    () =>
      onBatch((batch) => {
        if (batch.events.some(({ name }) => name.startsWith('observation.device.')))
          void queries.invalidateQueries({ queryKey: devicesKey });
      }),
    [queries],
  );
  return useQuery({
    queryKey: devicesKey,
    queryFn: ({ signal }) => api.call('listDevices', {}, { signal }),
    refetchInterval: everyMs,
  });
}

/** In order of their paths. Not read while the device is away. */
export function useDeviceFiles(id: string, connected: boolean) {
  const queries = useQueryClient();
  useReread(
    rereadMs,
    ({ events }) =>
      events.some(({ name, job }) => name.startsWith('observation.job.') && job?.sources[0] === `device://${id}/`),
    () => queries.invalidateQueries({ queryKey: ['device-files', id] }),
  );
  return useInfiniteQuery({
    queryKey: ['device-files', id],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call(
        'listDeviceFiles',
        { params: { id }, query: { limit: 500, ...(pageParam === '' ? {} : { cursor: pageParam }) } },
        { signal },
      ),
    getNextPageParam: (page) => page.nextCursor,
    enabled: connected,
    retry: false,
  });
}

export function useOffloadSettings() {
  return useQuery({
    queryKey: ['offload-settings'],
    queryFn: ({ signal }) => api.call('getOffloadSettings', {}, { signal }),
    staleTime: 30_000,
  });
}
