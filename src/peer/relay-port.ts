// What a session asks of a relay: to take a file's bytes from somewhere on, and to give them while they still come in.

import type { WordOf } from './messages.ts';

/** Where an upload is read, as `begin` says it to the receiver. */
export type RelayTicket = NonNullable<WordOf<'begin'>['relay']>;

export interface RelayUpload {
  readonly ticket: RelayTicket;
  /** First byte of the file that this upload holds. */
  readonly firstByte: number;
  /** Resolves when the relay has all of it; rejects with the Fault that ended it. */
  readonly done: Promise<void>;
  /**
   * Sends no more. Resolves with the byte of the file up to which the relay has it; what it has stays there to be read. May be called at any
   * time, and rejects where the relay cannot be asked.
   */
  stop(): Promise<number>;
}

export interface RelayUploadOrder {
  readonly transferId: string;
  readonly sizeBytes: number;
  /** Need not lie on a frame: the upload begins with the frame that it lies in. */
  readonly fromByte: number;
  read(from: number, to: number): Promise<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface RelayReadOrder {
  readonly transferId: string;
  readonly ticket: RelayTicket;
  readonly sizeBytes: number;
  readonly fromByte: number;
  readonly signal: AbortSignal;
}

export interface RelayPiece {
  /** Byte of the file with which it begins. */
  readonly from: number;
  readonly bytes: Uint8Array;
}

export interface RelayPort {
  /** Resolves when the upload exists. Rejects with `not_authorised` or `unsupported` where the relay is forbidden, else as the server says. */
  upload(order: RelayUploadOrder): Promise<RelayUpload>;
  /**
   * The bytes in order, without gaps, checked where they are encrypted; the first piece holds `fromByte`. Asking for the next piece says that the
   * last one is written, and what is written is freed. Ends with the file's last byte. Rejects with `corrupt` where a piece was tampered with,
   * `network` where the relay stays away.
   */
  read(order: RelayReadOrder): AsyncIterable<RelayPiece>;
}
