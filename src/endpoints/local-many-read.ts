// The reader's end of many local files by one call: pieces come from the worker, files go out one after the other.

import { faultFrom } from '../model/fault.ts';
import type { Call, ManyRead } from './endpoint.ts';
import type { ManyPiece, ManyRow, ReadManyInput } from './local-many.ts';
import type { MountPool } from './mounts.ts';

/** Pieces that wait for the reader, and one more that the worker may fill meanwhile. */
const piecesAhead = 2;

interface Next {
  readonly row: ManyRow;
  readonly bytes: Uint8Array;
}

/** As `Endpoint.readMany`, in the order of the paths. A file that changed while it was read fails its body with `source_changed`. */
export async function* readManyLocal(
  pool: MountPool,
  input: Omit<ReadManyInput, 'credit'>,
  call: Call,
): AsyncGenerator<ManyRead> {
  const stop = new AbortController();
  const credit = new SharedArrayBuffer(4);
  const pieces = new Pieces(new Int32Array(credit));
  const ended = pool.run<null>('local.readMany', { ...input, credit } satisfies ReadManyInput, {
    signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
    unqueued: true,
    onMessage: (message) => pieces.put(message as ManyPiece),
  });
  ended.then(
    () => pieces.end(undefined),
    (fault: unknown) => pieces.end(fault),
  );
  let bytesDone = 0;
  try {
    for (;;) {
      const first = await pieces.next();
      if (first === undefined) return;
      const path = input.paths[first.row.at] ?? '';
      const { entry, end } = first.row;
      if (entry === undefined) {
        if (end != null) yield { path, fault: faultFrom(end) };
        continue;
      }
      let row = first.row;
      const body = async function* () {
        for (let { bytes } = first; ; ) {
          bytesDone += bytes.length;
          call.progress?.(bytesDone);
          if (bytes.length > 0) yield bytes;
          if (row.end != null) throw faultFrom(row.end);
          if (row.end === null) return;
          const more = await pieces.more();
          row = more.row;
          bytes = more.bytes;
        }
      };
      yield { path, entry, body: body() };
      while (row.end === undefined) row = (await pieces.more()).row;
    }
  } finally {
    stop.abort();
    // Until then the worker may still hold files open.
    await ended.catch(() => undefined);
  }
}

class Pieces {
  readonly #credit: Int32Array;
  readonly #waiting: ManyPiece[] = [];
  #piece: ManyPiece | undefined;
  #row = 0;
  #at = 0;
  #told: () => void = () => undefined;
  #over: { readonly fault: unknown } | undefined;

  constructor(credit: Int32Array) {
    this.#credit = credit;
    for (let ahead = 0; ahead < piecesAhead; ahead++) this.#allowOne();
  }

  put(piece: ManyPiece): void {
    this.#waiting.push(piece);
    this.#told();
  }

  end(fault: unknown): void {
    this.#over = { fault };
    this.#told();
  }

  /** Undefined after the last. Rejects with what ended the reading. */
  async next(): Promise<Next | undefined> {
    while (this.#piece === undefined || this.#row === this.#piece.rows.length) {
      if (this.#piece !== undefined) this.#allowOne();
      this.#piece = this.#waiting.shift();
      this.#row = 0;
      this.#at = 0;
      if (this.#piece !== undefined) continue;
      if (this.#over === undefined) await new Promise<void>((resolve) => (this.#told = resolve));
      else if (this.#over.fault !== undefined) throw this.#over.fault;
      else return undefined;
    }
    const row = this.#piece.rows[this.#row++] as ManyRow;
    this.#at += row.length;
    return { row, bytes: this.#piece.bytes.subarray(this.#at - row.length, this.#at) };
  }

  /** The rest of a file that has begun. */
  async more(): Promise<Next> {
    const next = await this.next();
    if (next === undefined) throw new Error('a reading of many files ended within one');
    return next;
  }

  #allowOne(): void {
    Atomics.add(this.#credit, 0, 1);
    Atomics.notify(this.#credit, 0);
  }
}
