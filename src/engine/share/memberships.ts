// The rooms that this daemon is in: by job, so that their places stay the same while members come and go.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { jobOfRoomAddress } from './room-address.ts';
import { type Membership, roomPlace } from './room-place.ts';

export interface Memberships {
  join(jobId: string, membership: Membership): void;
  leave(jobId: string): void;
  /** The place of an address; undefined for addresses that are of no room. */
  place(address: string): Endpoint | undefined;
}

export function createMemberships(): Memberships {
  const members = new Map<string, Membership>();
  return {
    join: (jobId, membership) => members.set(jobId, membership),
    leave: (jobId) => members.delete(jobId),
    place: (address) => {
      const jobId = jobOfRoomAddress(address);
      return jobId === undefined ? undefined : roomPlace(address, () => members.get(jobId));
    },
  };
}
