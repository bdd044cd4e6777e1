// Who may speak the sync contract: whoever has a token, and, where that is allowed, anybody on this machine.

import type { Access, AskerRequest } from '../access.ts';
import type { Caller } from '../caller.ts';
import { isLoopback } from '../origin.ts';

export interface ContractDoor {
  /** Whether clients on this machine need no token. */
  isOpen: boolean;
  /** As `Access.caller`. */
  caller(request: AskerRequest, token?: string): Caller | undefined;
}

const neighbour: Caller = {
  kind: 'token',
  id: 'sync-without-token',
  name: 'a client on this machine',
  scopes: ['read', 'write'],
  expiresAt: null,
};

export function openContractDoor(access: Access, isOpen: boolean): ContractDoor {
  const door: ContractDoor = {
    isOpen,
    caller: (request, token) => {
      const known = access.caller(request, token);
      if (known !== undefined || !door.isOpen) return known;
      // What a proxy passes on comes from loopback, too, whoever it is from; and a page of another origin needs a token.
      const isPassedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => name in request.headers);
      const isOwn = access.origin(request) !== 'allowed';
      return isLoopback(request.address) && !isPassedOn && isOwn ? neighbour : undefined;
    },
  };
  return door;
}
