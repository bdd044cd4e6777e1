// The contract of a link: a pipe to one peer for whole frames of bytes, in order, that holds its sender back.

import { Fault } from '../model/fault.ts';

/** A chunk of 1 MiB with the header before it fits. */
export const maxFrameBytes = 1_048_576 + 65_536;

/** What `closed` says where the other side went without a word: nothing was heard for too long, or the line broke. */
export const lostReason = 'lost';
/** What `closed` says, on both sides, where one of them sent what no link sends: garbage, too much, out of order. */
export const misbehavedReason = 'misbehaved';
/** Longer reasons are cut. */
export const maxReasonLength = 200;
/** Within this time a link whose other side is gone is closed with `lostReason`. */
export const deadLinkMs = 15_000;

export type LinkKind = 'webrtc' | 'websocket' | 'loopback' | 'tls';
/** How the bytes get there: straight, through a TURN server, or through a Wherry server. */
export type LinkPath = 'direct' | 'turn' | 'relay';

export interface LinkTraffic {
  /** Of frames (without the link's own framing) that were handed to the line; what lies in its buffers counts as sent. */
  readonly sentBytes: number;
  /** Of frames that came in whole, read or still to be read. */
  readonly receivedBytes: number;
  /** Of the last question that was answered; undefined before the first. */
  readonly roundTripMs: number | undefined;
}

export interface Link {
  readonly peerId: string;
  readonly kind: LinkKind;
  /** May change while the link stands; ask when it is shown. */
  readonly path: LinkPath;
  /**
   * Resolves when the frame is on its way and there is room for another: awaiting it is the back-pressure. It does not say that
   * the frame arrived; who must know that has the other side say so. An empty frame is a frame. Frames arrive in the order of the calls; `frame`
   * must not change before it resolves and is the caller's again afterwards. Rejects with `invalid` where it is longer than
   * `maxFrameBytes`, `network` where the link is closed or closes meanwhile, and with the signal's reason where that is
   * aborted before the frame's first byte went: then nothing of it arrives.
   */
  send(frame: Uint8Array, signal?: AbortSignal): Promise<void>;
  /**
   * What arrives, once. Who stops reading holds the sender back; who leaves the loop may call it again later and goes on with the
   * next frame. Ends, without error, when the link is closed and all that came in whole was given. Throws `state_conflict`
   * while another reads.
   */
  frames(): AsyncIterableIterator<Uint8Array>;
  /**
   * Tells the other side why and closes; frames whose `send` has resolved are given a moment to leave first. Resolves when it is closed; the second
   * call does nothing more. Frames that were not read yet can still be read.
   */
  close(reason: string): Promise<void>;
  /** Why it closed: what either side said, `lostReason` or `misbehavedReason`. Never rejects. */
  readonly closed: Promise<string>;
  traffic(): LinkTraffic;
}

export function refuseTooLong(frame: Uint8Array, peerId: string): void {
  if (frame.length <= maxFrameBytes) return;
  throw new Fault(
    'invalid',
    `A frame of ${frame.length} bytes for ${peerId} is longer than a link takes (${maxFrameBytes}); send it in parts`,
    { place: { endpoint: peerId, operation: 'send' } },
  );
}

/** What `send` rejects with once the link is closed. */
export function linkClosed(peerId: string, reason: string): Fault {
  return new Fault('network', `The link to ${peerId} is closed (${reason}); go on over another one`, {
    place: { endpoint: peerId, operation: 'send' },
  });
}
