// Files that come by one stream, put into the memory of a write ring for the worker that stores them, by whichever thread the stream ends in.

import { asFault, Fault } from '../model/fault.ts';
import { sameVersion } from '../model/manifest.ts';
import { displayPath } from '../model/names.ts';
import type { KnownFile, ManyRead } from './endpoint.ts';
import { RingWriter } from './write-ring.ts';

/*
 * What goes through the memory, for each file: its number (uint32) and size (float64) in a head of 16 bytes, its bytes, and 8 bytes of
 * which the first says whether they were its content (1) or fill up what did not come (0).
 */
export const ringHeadBytes = 16;
export const ringTailBytes = 8;

export interface RingHead {
  readonly at: number;
  readonly sizeBytes: number;
}

export function ringHeadFrom(bytes: Uint8Array): RingHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, ringHeadBytes);
  return { at: view.getUint32(0, true), sizeBytes: view.getFloat64(8, true) };
}

export function isWholeBy(tail: Uint8Array): boolean {
  return tail[0] === 1;
}

/** What does not fill a piece of the memory waits so long for more. */
const companyMs = 2;
const zeros = new Uint8Array(256 * 1024);

export interface RingFilling {
  /** The place, for faults. */
  readonly place: string;
  /** By how much a file's time may differ from the known one. */
  readonly precisionMs: number;
  readonly signal: AbortSignal;
  /** Nothing came of a file, or not all that was known of it: its fault, or undefined where it is another version. */
  failed(at: number, fault: Fault | undefined): void;
}

/**
 * Puts all that comes of these files into a ring's memory, and resolves when nothing more comes; the ring's end is left to the caller.
 * Rejects with `name_unsafe` for what was not asked for or comes again, and with what `answers` rejects with.
 */
export async function fillRing(
  memory: SharedArrayBuffer,
  files: readonly KnownFile[],
  answers: AsyncIterable<ManyRead>,
  filling: RingFilling,
): Promise<void> {
  const filler = new RingFiller(memory, filling);
  const open = new Map(files.map((file) => [file.path, file]));
  const release = () => filler.close();
  filling.signal.addEventListener('abort', release, { once: true });
  try {
    for await (const answer of answers) {
      filling.signal.throwIfAborted();
      const file = open.get(answer.path);
      if (file === undefined) throw unasked(answer.path, files, filling.place);
      open.delete(answer.path);
      if ('fault' in answer) filling.failed(file.at, answer.fault);
      else await filler.give(file, answer);
    }
    filler.flush();
  } finally {
    filling.signal.removeEventListener('abort', release);
  }
  for (const { at, path } of open.values()) {
    const place = { path: displayPath(path), endpoint: displayPath(filling.place) };
    filling.failed(at, new Fault('network', `${place.endpoint} did not send ${place.path}.`, { place }));
  }
}

function unasked(path: string, files: readonly KnownFile[], endpoint: string): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(endpoint) };
  const isAgain = files.some((file) => file.path === path);
  const what = isAgain ? 'for the second time' : 'which was not asked for';
  return new Fault('name_unsafe', `${place.endpoint} sent ${place.path}, ${what}.`, { place });
}

class RingFiller {
  readonly #ring: RingWriter;
  readonly #filling: RingFilling;
  readonly #head = new Uint8Array(ringHeadBytes);
  readonly #tail = new Uint8Array(ringTailBytes);
  #willFlush = false;

  constructor(memory: SharedArrayBuffer, filling: RingFilling) {
    this.#ring = new RingWriter(memory);
    this.#filling = filling;
  }

  async give(file: KnownFile, { entry, body }: Extract<ManyRead, { body: unknown }>): Promise<void> {
    const { failed, precisionMs, signal } = this.#filling;
    if (!sameVersion(file, entry, precisionMs)) return failed(file.at, undefined);
    const view = new DataView(this.#head.buffer);
    view.setUint32(0, file.at, true);
    view.setFloat64(8, file.sizeBytes, true);
    const head = this.#put(this.#head);
    if (head !== undefined) await head;
    let left = file.sizeBytes;
    let trouble: { readonly fault: Fault | undefined } | undefined;
    try {
      for await (const chunk of body) {
        if (chunk.length > left) {
          trouble = { fault: undefined };
          break;
        }
        left -= chunk.length;
        const waiting = this.#put(chunk);
        if (waiting !== undefined) await waiting;
      }
      if (left > 0) trouble = { fault: undefined };
    } catch (error) {
      trouble = { fault: asFault(error) };
    }
    if (trouble !== undefined) failed(file.at, trouble.fault);
    for (; left > 0 && !signal.aborted; left -= Math.min(left, zeros.length)) await this.#put(zeros.subarray(0, left));
    this.#tail[0] = trouble === undefined ? 1 : 0;
    const tail = this.#put(this.#tail);
    if (tail !== undefined) await tail;
  }

  flush(): void {
    this.#ring.flush();
  }

  close(): void {
    this.#ring.close();
  }

  /** A promise only where there is no room. */
  #put(chunk: Uint8Array): Promise<void> | undefined {
    const done = this.#ring.gather(chunk);
    this.#flushSoon();
    return done === chunk.length ? undefined : this.#putRest(chunk.subarray(done));
  }

  async #putRest(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      this.#filling.signal.throwIfAborted();
      await this.#ring.room();
      at += this.#ring.gather(chunk.subarray(at));
    }
    this.#flushSoon();
  }

  /** Once a little more has had time to come: waking the worker costs more than it waits for. */
  #flushSoon(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    setTimeout(() => {
      this.#willFlush = false;
      this.#ring.flush();
    }, companyMs);
  }
}
