// What the relay asks of the rooms, and tells them: it knows bytes and offsets, they know who may have them.

import type { Fault } from '../../model/fault.ts';

/** A transfer as far as its bytes are concerned. */
export interface RelayTransfer {
  readonly id: string;
  readonly roomId: string;
  readonly senderId: string;
  readonly receiverId: string;
  readonly sizeBytes: number;
  /** As declared; both are looked at only where the server inspects. */
  readonly fileName: string;
  readonly mimeType: string | null;
  /** `server`: the content comes as it is, and is checked here. `none`: it comes in frames of ciphertext. */
  readonly inspection: 'none' | 'server';
  /** Bytes go through only while it is `active`; `over` is for good. */
  readonly state: 'pending' | 'active' | 'paused' | 'over';
}

export interface RelayGate {
  /** The member whom a bearer token belongs to; undefined for strangers: a wrong token, another room, one who has left. */
  memberOf(roomId: string, bearer: string): Promise<string | undefined>;
  /** Undefined where the room has no such transfer, also after it has been forgotten. */
  transfer(roomId: string, transferId: string): RelayTransfer | undefined;
  /** Whether anything may go through this server. Throws `not_authorised` with the reason. */
  admits(roomId: string): void;
  /** Memory of the room's limit (endpoints/bandwidth.ts); undefined where there is none. */
  bandwidth(roomId: string): SharedArrayBuffer | undefined;
  /** The sender's bytes can be read from now on: the receiver is to be told of it. */
  opened(transfer: RelayTransfer, upload: RelayUploadView): void;
  /** Bytes went in or out: neither side is idle. At most once a second for each transfer. */
  moved(transferId: string): void;
  /** The relay cannot go on with it, and both sides are to be told: `space`, `infected`, `type_refused`, `tool_unavailable`, `io`. */
  failed(transferId: string, fault: Fault): void;
  /** Calls the listener after each change of a transfer's state. Returns what takes it off again. */
  onChange(listener: (transferId: string) => void): () => void;
}

/** What a receiver has to know to read. */
export interface RelayUploadView {
  readonly id: string;
  /** Of the upload, on the wire. */
  readonly sizeBytes: number;
  /** Which frame of the whole file comes first. */
  readonly firstFrame: number;
}

/** A frame of encrypted content: 64 KiB and the tag of AES-256-GCM; the last one of a file may be shorter. */
export const frameBytes = 65_536;
export const wireFrameBytes = frameBytes + 16;

/** Bytes on the wire from a frame to the end of a file. A file of no bytes has no frame. */
export function wireBytes(sizeBytes: number, firstFrame = 0): number {
  const frames = Math.ceil(sizeBytes / frameBytes);
  return Math.max(0, sizeBytes + 16 * frames - firstFrame * wireFrameBytes);
}
