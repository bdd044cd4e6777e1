// The rooms that this console's user is in; read every few seconds while somebody looks.

import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';

export const roomsKey = ['rooms'] as const;

const everyMs = 3000;

export function useRooms() {
  return useQuery({
    queryKey: roomsKey,
    queryFn: ({ signal }) => api.call('listRooms', {}, { signal }),
    refetchInterval: everyMs,
  });
}
