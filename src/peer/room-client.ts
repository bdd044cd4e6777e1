// What a member's client of a room does and shows: the same for a page, a guest's phone and a daemon.

import type { FaultCode } from '../model/fault.ts';
import type { MemberKind, RoomPermissions, RoomRole } from '../model/room.ts';
import type { ReceivingFile, SourceFile } from './files.ts';

export type { MemberKind, RoomPermissions, RoomRole };

export interface RoomMemberView {
  readonly id: string;
  readonly name: string;
  readonly kind: MemberKind;
  readonly role: RoomRole;
  readonly permissions: RoomPermissions;
  /** Heard of within the last 30 s. */
  readonly present: boolean;
}

export interface RoomInfo {
  readonly id: string;
  readonly name: string;
  /** `server`: the server sees, checks and scans what goes through; there is no end-to-end encryption, and every page says so. */
  readonly inspection: 'none' | 'server';
  readonly chunkBytes: number;
  readonly maxFileBytes: number;
  /** False: the owner forbids the relay. */
  readonly relay: boolean;
}

/** What went wrong, in words for a person. */
export interface Problem {
  readonly code: FaultCode;
  readonly message: string;
  readonly remedy: string;
}

/** A range, never a jumping number; `cause` says why it is what it is where there is a reason ("limited by the relay"). */
export interface Eta {
  readonly minSeconds: number;
  readonly maxSeconds: number;
  readonly cause: string | undefined;
}

export type RoomTransferStatus = 'pending' | 'active' | 'paused' | 'completed' | 'failed' | 'cancelled';
/** How the bytes go now: straight, through a TURN server, through the server's socket (until a quicker one is ready), or by the relay. */
export type TransferPath = 'direct' | 'turn' | 'socket' | 'relay';
export type PathRule = 'auto' | 'direct' | 'relay';

export interface RoomTransfer {
  readonly id: string;
  readonly senderId: string;
  readonly receiverId: string;
  /** Of this member: what it does in the transfer; `watching` where it is another's, whose name it is not told. */
  readonly part: 'sending' | 'receiving' | 'watching';
  /** Relative path; undefined where only sender and receiver may know it. */
  readonly name: string | undefined;
  readonly sizeBytes: number;
  readonly mimeType: string | undefined;
  readonly status: RoomTransferStatus;
  /** Of a paused one: a person's pause ends when a person says so, the system's by itself. */
  readonly pausedBy: 'person' | 'system' | undefined;
  /** After a reload: the sender is to give its file again, or the receiver to say again where it goes (`accept`). */
  readonly needs: 'file' | 'destination' | undefined;
  /** What the receiver has verified and written. */
  readonly bytesDone: number;
  readonly path: TransferPath | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly eta: Eta | undefined;
  readonly problem: Problem | undefined;
  /** ISO 8601. */
  readonly startedAt: string | undefined;
  readonly completedAt: string | undefined;
  /** SHA-256 of the whole, once completed (hex). */
  readonly checksum: string | undefined;
}

export interface RoomView {
  /** `away`: the server is not reached; it is tried again by itself. `closed`: this member has left, was removed, or the room is gone. */
  readonly connection: 'joining' | 'open' | 'away' | 'closed';
  readonly room: RoomInfo;
  readonly me: RoomMemberView;
  readonly members: readonly RoomMemberView[];
  /** Newest last; those that have ended are kept until the client is closed. */
  readonly transfers: readonly RoomTransfer[];
  readonly pathRule: PathRule;
  /** Why the connection is away or closed. */
  readonly problem: Problem | undefined;
}

/** Every verb rejects with the Fault that the server's problem names, or `network` while the server is away. */
export interface RoomClient {
  /** An immutable snapshot; another object after every change. */
  readonly view: RoomView;
  /** What a member returns with after a reload (`openRoom`'s `memberToken` and `after`). */
  readonly ticket: { readonly memberToken: string; readonly after: number };
  /** Called after each change, at most some times a second for progress. The result ends it. */
  subscribe(listener: () => void): () => void;
  /** One offer for each receiver and file. */
  offer(receiverIds: readonly string[], files: readonly SourceFile[]): Promise<readonly RoomTransfer[]>;
  /** Also after a reload, with the partial that is there. Resolves when it is accepted, not when it has arrived. */
  accept(id: string, into: ReceivingFile): Promise<void>;
  /** Nothing more goes into the file that `accept` was given, which is left as it is, until `accept` is called again. */
  letGo(id: string): void;
  reject(id: string, reason?: string): Promise<void>;
  /** After a reload: the sender gives its file again. `source_changed` where it is not the one that was offered. */
  giveAgain(id: string, file: SourceFile): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  cancel(id: string): Promise<void>;
  setPath(rule: PathRule): void;
  setMember(
    memberId: string,
    change: { readonly role?: RoomRole; readonly permissions?: Partial<RoomPermissions> },
  ): Promise<void>;
  removeMember(memberId: string): Promise<void>;
  /** Leaves the room for good. */
  leave(): Promise<void>;
  /** Goes away without leaving: transfers are paused by the system and go on when this member returns. */
  close(): Promise<void>;
}
