// The watches with how each is right now; read every few seconds while somebody looks, and at once when one changes.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '../api.ts';
import { onBatch } from './live-feed.ts';

export const watchesKey = ['watches'] as const;

const everyMs = 3000;

export function useWatches() {
  const queries = useQueryClient();
  useEffect(
    () =>
      onBatch((batch) => {
        const touched = batch.events.some(
          (event) => event.name.startsWith('observation.watch.') || event.job?.kind === 'watch',
        );
        if (touched) void queries.invalidateQueries({ queryKey: watchesKey });
      }),
    [queries],
  );
  return useQuery({
    queryKey: watchesKey,
    queryFn: ({ signal }) => api.call('listWatches', {}, { signal }),
    refetchInterval: everyMs,
  });
}
