// Who asks about rooms: a member with its own token, or somebody whom the API knows.

import type { Rooms } from '../engine/rooms/rooms.ts';
import type { Scope } from '../model/views.ts';
import { type Access, type AskerRequest, bearerOf } from './access.ts';
import { type Caller, requireScope } from './caller.ts';

export interface RoomDoor {
  /** `scope` is what a token of the API must have; a member's own is good for its room alone. Rejects with `not_authenticated`, `not_authorised`, `rate_limited`. */
  caller(request: AskerRequest, scope: Scope | 'open', token?: string): Caller;
  /** Who of the API's callers it is, where it says so; a member's token is for its room. Rejects as `Access.caller`. */
  known(request: AskerRequest): Caller | undefined;
}

const memberPrefix = 'wrm_';

export function openRoomDoor(access: Access, rooms: Rooms): RoomDoor {
  return {
    known: (request) => (bearerOf(request)?.startsWith(memberPrefix) ? undefined : access.caller(request)),
    caller(request, scope, token) {
      const given = token ?? bearerOf(request);
      const member = given?.startsWith(memberPrefix) ? rooms.memberByToken(given) : undefined;
      if (member !== undefined) {
        // Names are for the room; the audit is read by others.
        return { kind: 'member', id: member.memberId, name: 'a member of a room', scopes: [], expiresAt: null };
      }
      return requireScope(access.caller(request, token), scope === 'open' ? 'read' : scope);
    },
  };
}
