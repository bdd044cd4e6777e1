// What a room's server says, as its client shows it.

import { Fault, faultCodes } from '../model/fault.ts';
import type { RoomTransferView } from '../model/room-contract.ts';
import type { MemberView, RoomDetailView } from '../model/room-views.ts';
import type { Problem, RoomInfo, RoomMemberView, RoomTransfer } from './room-client.ts';

export function memberOf({ id, name, kind, role, permissions, present }: MemberView): RoomMemberView {
  return { id, name, kind, role, permissions, present };
}

export function roomInfoOf({ id, name, inspection, relay, limits }: RoomDetailView, chunkBytes: number): RoomInfo {
  return { id, name, inspection, relay, chunkBytes, maxFileBytes: limits.maxFileBytes };
}

export function problemOf(fault: Fault): Problem {
  return { code: fault.code, message: fault.message, remedy: fault.meaning.remedy };
}

/** The server writes `code: sentence`, with codes of its own beside ours. */
export function problemOfRow(error: string | null | undefined): Problem | undefined {
  if (error === null || error === undefined || error === '') return undefined;
  const [, word = '', sentence = error] = /^([a-z_]+): (.*)$/s.exec(error) ?? [];
  const code = faultCodes.find((each) => each === word) ?? 'rejected';
  return problemOf(new Fault(code, sentence));
}

/** A person's pause ends by a person; where nobody has paused it somebody is away. */
export function pausedByOf(row: Partial<RoomTransferView>): RoomTransfer['pausedBy'] {
  if (row.status !== 'paused') return undefined;
  return row.paused_by === null || row.paused_by === undefined ? 'system' : 'person';
}
