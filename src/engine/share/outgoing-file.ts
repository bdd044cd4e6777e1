// A file that a member sends: what the mover reads at its source waits here until the session asks for it.

import { Fault } from '../../model/fault.ts';

/** So much behind the last byte asked for can be asked for again. */
const windowBytes = 16 * 1024 * 1024;
/** So much is read ahead of what is asked for. */
const aheadBytes = 4 * 1024 * 1024;

interface Piece {
  readonly from: number;
  readonly bytes: Uint8Array;
}

export class OutgoingFile {
  readonly #sizeBytes: number;
  readonly #pieces: Piece[] = [];
  /** Of the body: how far it has come, and what has been let go of. */
  #end = 0;
  #begin = 0;
  #asked = 0;
  #fault: Fault | undefined;
  #isStale = false;
  #changed = Promise.withResolvers<void>();

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /**
   * Resolves with the bytes from `from` up to `to` (not included) once they are there; while nobody fills it, it waits. Rejects where there
   * will be none any more.
   */
  read = async (from: number, to: number): Promise<Uint8Array> => {
    if (to > this.#sizeBytes) throw new Fault('invalid', `The file ends at ${this.#sizeBytes}, before ${to}.`);
    if (to > this.#asked) {
      this.#asked = to;
      this.#tell();
    }
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault;
      if (from < this.#begin) {
        // Too far back for what is kept: whoever fills it begins again.
        this.#asked = to;
        this.#isStale = true;
        this.#tell();
      } else if (to <= this.#end) return this.#take(from, to);
      await this.#changed.promise;
    }
  };

  /**
   * Takes the whole content from its beginning, as fast as it is asked for; resolves with its size. Rejects with the signal's reason, with
   * `network` where what was let go of is asked for again: it is to be filled anew. `told` is called after each piece.
   */
  async fill(body: ReadableStream<Uint8Array>, told: () => void, signal?: AbortSignal): Promise<number> {
    const reader = body.getReader();
    const stop = () => this.#tell();
    signal?.addEventListener('abort', stop, { once: true });
    this.#pieces.length = 0;
    this.#begin = 0;
    this.#end = 0;
    this.#isStale = false;
    const check = () => {
      signal?.throwIfAborted();
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#isStale) throw new Fault('network', 'The receiver asks for what went out long ago; it is sent again.');
    };
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        check();
        this.#pieces.push({ from: this.#end, bytes: Uint8Array.from(value) });
        this.#end += value.byteLength;
        this.#letGo();
        this.#tell();
        told();
        while (this.#end >= this.#asked + aheadBytes) {
          await this.#changed.promise;
          check();
        }
      }
      return this.#end;
    } catch (error) {
      await reader.cancel(error).catch(() => undefined);
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  fail(fault: Fault): void {
    this.#fault ??= fault;
    this.#tell();
  }

  #take(from: number, to: number): Uint8Array {
    const whole = new Uint8Array(to - from);
    for (const piece of this.#pieces) {
      const start = Math.max(from, piece.from);
      const end = Math.min(to, piece.from + piece.bytes.byteLength);
      if (start < end) whole.set(piece.bytes.subarray(start - piece.from, end - piece.from), start - from);
    }
    return whole;
  }

  #letGo(): void {
    for (;;) {
      const [oldest] = this.#pieces;
      if (oldest === undefined) return;
      const end = oldest.from + oldest.bytes.byteLength;
      if (end > this.#asked - windowBytes) return;
      this.#pieces.shift();
      this.#begin = end;
    }
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}
