// The hash of a whole file that is read in pieces from anywhere: what passes by in order is used, what is missing is read again.

import { Fault } from '../model/fault.ts';
import type { NewHash, RunningHash, SourceFile } from './files.ts';

/** Read at once where a part has to be read for the hash alone. */
const catchUpBytes = 1_048_576;

export class WholeHash {
  readonly #source: SourceFile;
  readonly #hash: RunningHash;
  /** Bytes from the beginning that are in the hash, or on their way into it. */
  #position = 0;
  /** Everything that changes the hash, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #catchingUp: Promise<void> | undefined;
  #catchUpTo = 0;
  #digest: Promise<string> | undefined;

  constructor(source: SourceFile, newHash: NewHash) {
    this.#source = source;
    this.#hash = newHash();
  }

  /** What was just read. Resolves when it has been used, so that a slow hash holds its reader back; `bytes` must not change until then. */
  feed(from: number, bytes: Uint8Array): Promise<void> {
    const end = from + bytes.length;
    if (end <= this.#position) return Promise.resolve();
    if (from > this.#position) {
      this.#fillUpTo(from);
      return Promise.resolve();
    }
    return this.#take(bytes.subarray(this.#position - from));
  }

  /** SHA-256 of the whole (hex). Rejects as the source's `read` does. */
  digest(): Promise<string> {
    this.#digest ??= this.#finish();
    return this.#digest;
  }

  #take(bytes: Uint8Array): Promise<void> {
    this.#position += bytes.length;
    const done = this.#work.then(() => this.#hash.update(bytes));
    this.#work = done;
    // Whoever asks for the digest is told; until then nobody may be waiting.
    done.catch(() => undefined);
    return done;
  }

  /** A stream that begins in the middle: what lies before it is read beside it, so that the end need not wait for that. */
  #fillUpTo(end: number): void {
    this.#catchUpTo = Math.max(this.#catchUpTo, end);
    if (this.#catchingUp !== undefined) return;
    this.#catchingUp = this.#readUpTo(() => this.#catchUpTo).finally(() => {
      this.#catchingUp = undefined;
    });
    this.#catchingUp.catch(() => undefined);
  }

  async #readUpTo(end: () => number): Promise<void> {
    while (this.#position < end()) {
      const from = this.#position;
      const bytes = await readExactly(this.#source, from, Math.min(end(), from + catchUpBytes));
      // What passes by meanwhile may have been the same part.
      await this.feed(from, bytes);
    }
  }

  async #finish(): Promise<string> {
    await this.#catchingUp?.catch(() => undefined);
    await this.#readUpTo(() => this.#source.sizeBytes);
    await this.#work;
    return this.#hash.digest();
  }
}

/** Rejects with `source_changed` where the file has become shorter, and as `read` does. */
export async function readExactly(source: SourceFile, from: number, to: number): Promise<Uint8Array> {
  const bytes = await source.read(from, to);
  if (bytes.length === to - from) return bytes;
  throw new Fault(
    'source_changed',
    `${source.name} gave ${bytes.length} bytes at ${from} where ${to - from} should be: it has changed since it was offered`,
    { place: { path: source.name, offsetBytes: from, operation: 'read' } },
  );
}

/** SHA-256 (hex). Rejects with `unsupported` where the platform has no WebCrypto: a page that is not served by https. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await subtle().digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  let hex = '';
  for (const byte of digest) hex += (byte < 16 ? '0' : '') + byte.toString(16);
  return hex;
}

/** WebCrypto, or the Fault that says why there is none. */
export function subtle(): typeof crypto.subtle {
  const found: typeof crypto.subtle | undefined = globalThis.crypto?.subtle;
  if (found !== undefined) return found;
  throw new Fault(
    'unsupported',
    'This browser gives pages no cryptography here, because the page did not come by https; open the room by its https address',
  );
}
