// What goes over the namespace `/rooms`: the events of both directions, and what they are answered with.

import type { RoomMessage, RoomTransferView } from './room-contract.ts';
import type { RoomDetailView } from './room-views.ts';
import type { Problem } from './views.ts';

/** Handed to `io(url + '/rooms', {auth})`. An API token names the room, too. */
export interface RoomHandshake {
  readonly token: string;
  readonly room?: string;
  /** The last message that was seen: what came since then is told first. Left out: nothing is told again. */
  readonly after?: number;
}

/** First of all, before messages that were missed. */
export interface RoomReady {
  readonly room: RoomDetailView;
  /** Messages after `after` that are told now. */
  readonly replayed: number;
  /** True where some of those after `after` are no longer kept; `room` is the truth. */
  readonly gap: boolean;
}

export type RoomAnswer<Value = unknown> =
  | ({ readonly ok: true } & Value)
  | { readonly ok: false; readonly problem: Problem };
export type RoomAcknowledge<Value = unknown> = (answer: RoomAnswer<Value>) => void;

/** One frame of a websocket link. `link` names the link between the two, chosen by who opens it. */
export type SentFrame = { readonly to: string; readonly link: string; readonly data: Uint8Array };
export type HeardFrame = { readonly from: string; readonly link: string; readonly data: Uint8Array };

/** What a client may emit; each with a last argument that is called with the answer. */
export interface RoomClientEvents {
  /** Sealed by its sender, at most 64 KiB. Answered once it is on its way; `unreachable` where that member is not connected. */
  signal: (signal: { to: string; data: Uint8Array }, done: RoomAcknowledge) => void;
  /** Answered once the other side has acknowledged it: that is the back-pressure. */
  frame: (frame: SentFrame, done: RoomAcknowledge) => void;
  /** A chunk frame (chunk-frame.ts) from the sender of a transfer; answered once the receiver has acknowledged it. */
  chunk: (frame: Uint8Array, done: RoomAcknowledge<{ transfer: RoomTransferView }>) => void;
  /**
   * How far it is, never less than before: what has arrived from the receiver alone, what was sent from either. Some times a second are
   * enough: all that a member says but bytes is counted (`rates.messagesPerMinute`).
   */
  progress: (
    progress: { transfer_id: string; chunks_received?: number; chunks_sent?: number },
    done: RoomAcknowledge<{ transfer: RoomTransferView }>,
  ) => void;
  /** From the sender: all is sent, and this is the whole file's SHA-256. */
  end: (end: { transfer_id: string; checksum: string }, done: RoomAcknowledge<{ transfer: RoomTransferView }>) => void;
  /** From the receiver: all is there and this is what it holds. Equal to the sender's it completes the transfer; else the transfer fails. */
  complete: (
    end: { transfer_id: string; checksum: string },
    done: RoomAcknowledge<{ transfer: RoomTransferView }>,
  ) => void;
  /** Either side cannot go on: no room, content that is refused, a file that is gone. */
  fail: (
    end: { transfer_id: string; code: RoomFailCode; reason?: string },
    done: RoomAcknowledge<{ transfer: RoomTransferView }>,
  ) => void;
  /** I am still here. */
  presence: (nothing: Record<string, never>, done: RoomAcknowledge) => void;
}

/** Why a member may say that a transfer has failed. */
export const roomFailCodes = ['space', 'corrupt', 'infected', 'type_refused', 'source_changed', 'io'] as const;
export type RoomFailCode = (typeof roomFailCodes)[number];

/** What a client hears. Where the last argument is a function, it is to be called once the thing has been taken. */
export interface RoomServerEvents {
  ready: (ready: RoomReady) => void;
  message: (message: RoomMessage) => void;
  signal: (signal: { from: string; data: Uint8Array }) => void;
  frame: (frame: HeardFrame, taken: (answer: { ok: true } | { ok: false; reason?: string }) => void) => void;
  chunk: (frame: Uint8Array, taken: (answer: { ok: true } | { ok: false; reason?: string }) => void) => void;
  /** The connection ends now, and why: removed from the room, the room is closed, another connection of the same member has come. */
  problem: (problem: Problem) => void;
}
