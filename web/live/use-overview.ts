// The overview of the daemon: read every two seconds while somebody looks, shared by the top bar and the first page.

import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { useLive } from './live-store.ts';

export const overviewKey = ['overview'] as const;

export function useOverview() {
  const offline = useLive((state) => state.connection.kind === 'offline');
  return useQuery({
    queryKey: overviewKey,
    queryFn: ({ signal }) => api.call('getOverview', {}, { signal }),
    refetchInterval: offline ? 5000 : 2000,
    retry: false,
  });
}
