// Who is asking, and what their scopes let them do.

import { Fault } from '../model/fault.ts';
import type { Scope } from '../model/views.ts';

export interface Caller {
  /** `member`: of one room, and nobody anywhere else. */
  readonly kind: 'console' | 'token' | 'member';
  /** Changes when the credential does; ends live connections when it is revoked. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970, null where it does not end. */
  readonly expiresAt: number | null;
}

/** admin may everything; write and management hold read. */
export function mayUse(caller: Caller, scope: Scope): boolean {
  if (caller.scopes.includes(scope) || caller.scopes.includes('admin')) return true;
  return scope === 'read' && caller.scopes.length > 0;
}

/** Rejects with `not_authenticated` or `not_authorised`. */
export function requireScope(caller: Caller | undefined, scope: Scope): Caller {
  if (caller === undefined)
    throw new Fault('not_authenticated', 'This needs a token (`Authorization: Bearer …`) or a signed-in console.');
  if (!mayUse(caller, scope))
    throw new Fault('not_authorised', `This needs the scope ${scope}, which ${caller.name} does not have.`);
  return caller;
}
