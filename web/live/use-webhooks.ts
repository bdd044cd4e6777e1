// The webhooks with how each is, and their messages; read every few seconds while somebody looks.

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { DeliveryView } from '../../src/model/webhook-views.ts';
import { api } from '../api.ts';

export const webhooksKey = ['webhooks'] as const;

const everyMs = 2000;

export function useWebhooks() {
  return useQuery({
    queryKey: webhooksKey,
    queryFn: ({ signal }) => api.call('listWebhooks', {}, { signal }),
    refetchInterval: everyMs,
  });
}

/** Newest first. */
export function useMessages(id: string, state: DeliveryView['state'] | undefined) {
  return useInfiniteQuery({
    queryKey: [...webhooksKey, id, state ?? 'all'],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      api.call(
        'listDeliveries',
        {
          params: { id },
          query: {
            limit: 50,
            ...(pageParam === '' ? {} : { cursor: pageParam }),
            ...(state === undefined ? {} : { state }),
          },
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextCursor,
    maxPages: 10,
    refetchInterval: everyMs,
  });
}
