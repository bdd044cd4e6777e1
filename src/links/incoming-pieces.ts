// Pieces that came over several lanes, put in order again and together to frames.

import { maxFrameBytes } from './link.ts';

export interface IncomingFrame {
  readonly bytes: Uint8Array;
  /** What its pieces cost the window. */
  readonly costBytes: number;
}

/** What a piece costs beside its bytes, so that a window of empty ones has an end, too. */
const pieceCostBytes = 1_024;

export function costOfPiece(bytes: number): number {
  return bytes + pieceCostBytes;
}

export class IncomingPieces {
  readonly #early = new Map<number, { readonly last: boolean; readonly bytes: Uint8Array }>();
  readonly #mostEarly: number;
  #next = 0;
  #parts: Uint8Array[] = [];
  #partBytes = 0;

  /** No honest sender is further ahead than by the pieces that the window holds. */
  constructor(windowBytes: number) {
    this.#mostEarly = Math.ceil(windowBytes / pieceCostBytes);
  }

  /** The number of the first piece that is not there. */
  get next(): number {
    return this.#next;
  }

  /** The frames that this piece made whole, in order; undefined where no honest sender sends it: twice, too far ahead, or of a frame that is too long. */
  add(number: number, last: boolean, bytes: Uint8Array): readonly IncomingFrame[] | undefined {
    const ahead = (number - this.#next) >>> 0;
    if (ahead >= this.#mostEarly || this.#early.has(number)) return undefined;
    this.#early.set(number, { last, bytes });
    const whole: IncomingFrame[] = [];
    for (;;) {
      const piece = this.#early.get(this.#next);
      if (piece === undefined) return whole;
      this.#early.delete(this.#next);
      this.#next = (this.#next + 1) >>> 0;
      this.#partBytes += piece.bytes.length;
      if (this.#partBytes > maxFrameBytes) return undefined;
      this.#parts.push(piece.bytes);
      if (piece.last) whole.push(this.#together());
    }
  }

  #together(): IncomingFrame {
    const parts = this.#parts;
    const costBytes = parts.reduce((sum, part) => sum + costOfPiece(part.length), 0);
    let [bytes] = parts;
    if (bytes === undefined || parts.length > 1) {
      bytes = new Uint8Array(this.#partBytes);
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
    }
    this.#parts = [];
    this.#partBytes = 0;
    return { bytes, costBytes };
  }
}
