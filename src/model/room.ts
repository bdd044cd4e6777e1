// The room: who is in it, what a member may do, and the table of the states of a file that goes from one member to another.

import { chunkCount } from './chunk-frame.ts';
import { Fault } from './fault.ts';

export const roomRoles = ['host', 'moderator', 'participant', 'observer'] as const;
export type RoomRole = (typeof roomRoles)[number];

export const memberKinds = ['browser', 'daemon'] as const;
export type MemberKind = (typeof memberKinds)[number];

export interface RoomPermissions {
  /** May offer files. */
  readonly canShareFiles: boolean;
  /** May remove members and change what they may do; hosts and moderators only by a host. */
  readonly canManageMembers: boolean;
}

/** `server`: content is not end-to-end encrypted, goes by the relay alone, and is checked and scanned there. */
export type RoomInspection = 'none' | 'server';

export interface RoomMember {
  readonly id: string;
  readonly roomId: string;
  readonly name: string;
  readonly kind: MemberKind;
  readonly role: RoomRole;
  readonly permissions: RoomPermissions;
  /** SHA-256 of its token, hex. */
  readonly tokenHash: string;
  /** The caller of the API that created the room or joined with a token of its own; null for a guest. */
  readonly callerId: string | null;
  readonly joinedAt: number;
  /** Messages up to this number were before its time. */
  readonly joinedSeq: number;
}

/** What a room was given of the server's limits; each is at most what the configuration says. */
export interface RoomLimits {
  readonly members: number;
  readonly maxFileBytes: number;
  readonly runningTransfers: number;
  readonly runningPerMember: number;
  /** Bytes a second that the server passes on for the room; null is no limit. */
  readonly bandwidthBytesPerSecond: number | null;
}

export interface Room {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the key that lets people in, hex. The key comes out of the link's secret, which the server never sees. */
  readonly joinHash: string;
  readonly inspection: RoomInspection;
  /** False: bytes go directly between members or not at all. */
  readonly relay: boolean;
  readonly limits: RoomLimits;
  readonly createdAt: number;
  /** When a member was last heard of. */
  readonly usedAt: number;
  /** Of the last message that was written down; live ones since then have higher numbers. */
  readonly seq: number;
}

/** `pending`: offered. `paused`: by a person, or because somebody is away. */
export const roomTransferStates = ['pending', 'active', 'paused', 'completed', 'failed', 'cancelled'] as const;
export type RoomTransferState = (typeof roomTransferStates)[number];
export type RoomTransferInput = 'accept' | 'reject' | 'pause' | 'resume' | 'complete' | 'fail' | 'cancel';

/** A file's way from one member to one other. */
export interface RoomTransfer {
  readonly id: string;
  readonly roomId: string;
  readonly senderId: string;
  readonly receiverId: string;
  /** Relative path with `/`, as model/names.ts holds it. */
  readonly filename: string;
  readonly sizeBytes: number;
  readonly mimeType: string;
  readonly chunkSizeBytes: number;
  readonly state: RoomTransferState;
  /** Accepted, and waiting for others of the room to end. */
  readonly queued: boolean;
  /** Who paused it; null where no person did. */
  readonly pausedBy: string | null;
  /** Who is away: it goes on by itself when they are back. */
  readonly away: readonly RoomParty[];
  /** SHA-256 of the whole file, hex: what the sender says it is, and what the receiver has. */
  readonly sentChecksum: string | null;
  readonly receivedChecksum: string | null;
  /** `code: sentence`. */
  readonly error: string | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export type RoomParty = 'sender' | 'receiver';

/** Chunks that were sent, and that the receiver has acknowledged. */
export interface ChunkCounts {
  readonly sent: number;
  readonly received: number;
}

export const roleDefaults: Readonly<Record<RoomRole, RoomPermissions>> = {
  host: { canShareFiles: true, canManageMembers: true },
  moderator: { canShareFiles: true, canManageMembers: true },
  participant: { canShareFiles: true, canManageMembers: false },
  observer: { canShareFiles: false, canManageMembers: false },
};

/** A file of no bytes has no chunk. */
export function chunksOf({ sizeBytes, chunkSizeBytes }: Pick<RoomTransfer, 'sizeBytes' | 'chunkSizeBytes'>): number {
  return chunkCount(sizeBytes, chunkSizeBytes);
}

export function partyOf(
  { senderId, receiverId }: Pick<RoomTransfer, 'senderId' | 'receiverId'>,
  memberId: string,
): RoomParty | undefined {
  if (memberId === senderId) return 'sender';
  return memberId === receiverId ? 'receiver' : undefined;
}

/** Rejects with `state_conflict`: an input that the state does not take. Pure. */
export function stepRoomTransfer(state: RoomTransferState, input: RoomTransferInput): RoomTransferState {
  const target = roomTransferTable[state][input];
  if (target === undefined) throw new Fault('state_conflict', `A transfer that is ${state} does not take "${input}".`);
  return target;
}

export function hasEnded(state: RoomTransferState): boolean {
  return Object.keys(roomTransferTable[state]).length === 0;
}

/** The state table. ARCHITECTURE.md's diagram is generated from it; what is not here is refused. */
export const roomTransferTable: Readonly<
  Record<RoomTransferState, Readonly<Partial<Record<RoomTransferInput, RoomTransferState>>>>
> = {
  pending: { accept: 'active', reject: 'cancelled', fail: 'failed', cancel: 'cancelled' },
  active: { pause: 'paused', complete: 'completed', fail: 'failed', cancel: 'cancelled' },
  // Both hashes may agree while somebody is away.
  paused: { resume: 'active', complete: 'completed', fail: 'failed', cancel: 'cancelled' },
  completed: {},
  failed: {},
  cancelled: {},
};
