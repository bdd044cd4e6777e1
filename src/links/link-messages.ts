// The messages that links exchange on their lanes: pieces of frames, how much was read, signs of life, and goodbye.

import { maxFrameBytes, maxReasonLength } from './link.ts';

/** Before the bytes of a piece: kind, whether it is the frame's last, two bytes of zero, number. */
export const pieceHeaderBytes = 8;

const kinds = { piece: 1, read: 2, ask: 3, answer: 4, bye: 5 } as const;

export type LinkMessage =
  /** Pieces are numbered from 0 over all lanes, modulo 2^32; a frame is the pieces up to and with the next last one. */
  | { readonly kind: 'piece'; readonly number: number; readonly last: boolean; readonly bytes: Uint8Array }
  /** The cost of all pieces whose frames were read since the link began. */
  | { readonly kind: 'read'; readonly costBytes: number }
  | { readonly kind: 'ask' | 'answer'; readonly id: number }
  /**
   * `pieces` is the number of the next piece that would have come: whoever has all before it has everything. `hasAll` says that
   * this is so on the side that speaks, which has heard the other's goodbye; it is said again when it becomes so.
   */
  | { readonly kind: 'bye'; readonly pieces: number; readonly hasAll: boolean; readonly reason: string };

const text = new TextEncoder();
const fromText = new TextDecoder('utf-8', { fatal: true });

export function writeMessage(message: LinkMessage): Uint8Array {
  switch (message.kind) {
    case 'piece': {
      const out = new Uint8Array(pieceHeaderBytes + message.bytes.length);
      out[0] = kinds.piece;
      out[1] = message.last ? 1 : 0;
      viewOf(out).setUint32(4, message.number);
      out.set(message.bytes, pieceHeaderBytes);
      return out;
    }
    case 'read': {
      const out = new Uint8Array(9);
      out[0] = kinds.read;
      viewOf(out).setFloat64(1, message.costBytes);
      return out;
    }
    case 'ask':
    case 'answer': {
      const out = new Uint8Array(5);
      out[0] = kinds[message.kind];
      viewOf(out).setUint32(1, message.id);
      return out;
    }
    case 'bye': {
      const reason = text.encode(message.reason.slice(0, maxReasonLength));
      const out = new Uint8Array(6 + reason.length);
      out[0] = kinds.bye;
      out[1] = message.hasAll ? 1 : 0;
      viewOf(out).setUint32(2, message.pieces);
      out.set(reason, 6);
      return out;
    }
  }
}

/** Undefined for what no link writes. The bytes of a piece are those of the message, not a copy. */
export function readMessage(message: Uint8Array): LinkMessage | undefined {
  const view = viewOf(message);
  switch (message[0]) {
    case kinds.piece: {
      if (message.length < pieceHeaderBytes || message.length > pieceHeaderBytes + maxFrameBytes) return undefined;
      const flag = view.getUint8(1);
      if (flag > 1 || view.getUint16(2) !== 0) return undefined;
      const bytes = message.subarray(pieceHeaderBytes);
      // Only an empty frame has an empty piece; others would be pieces without an end.
      if (bytes.length === 0 && flag === 0) return undefined;
      return { kind: 'piece', number: view.getUint32(4), last: flag === 1, bytes };
    }
    case kinds.read: {
      const costBytes = message.length === 9 ? view.getFloat64(1) : -1;
      return Number.isSafeInteger(costBytes) && costBytes >= 0 ? { kind: 'read', costBytes } : undefined;
    }
    case kinds.ask:
    case kinds.answer:
      if (message.length !== 5) return undefined;
      return { kind: message[0] === kinds.ask ? 'ask' : 'answer', id: view.getUint32(1) };
    case kinds.bye: {
      // A character of UTF-16 is at most three bytes of UTF-8.
      if (message.length < 6 || message.length > 6 + 3 * maxReasonLength || view.getUint8(1) > 1) return undefined;
      try {
        const reason = fromText.decode(message.subarray(6));
        return { kind: 'bye', pieces: view.getUint32(2), hasAll: view.getUint8(1) === 1, reason };
      } catch {
        return undefined;
      }
    }
    default:
      return undefined;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
