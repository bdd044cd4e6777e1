// The ring through which one reading of a source reaches writers in other threads: 8 MiB of shared memory.

import { blockBytes } from '../../model/hash.ts';
import { blockLength } from './block-table.ts';

export const chunkBytes = 256 * 1024;
const slots = 32;

/** What a writer is to the reader. `left`: it fell behind and goes on by a reading of its own. `gone`: it has ended. */
export const writerStates = { taking: 0, left: 1, gone: 2 } as const;
export type WriterState = (typeof writerStates)[keyof typeof writerStates];

const bellAt = 0;
const producedAt = 1;
const endedAt = 2;
const writersAt = 3;

export interface RingSetup {
  readonly memory: SharedArrayBuffer;
  readonly writers: number;
  /** The blocks that go through, in order. */
  readonly blocks: Int32Array;
  readonly endBytes: number;
}

/** One piece of a block. */
export interface RingChunk {
  readonly block: number;
  /** Offset in the file. */
  readonly from: number;
  readonly length: number;
  readonly isLast: boolean;
  /** Position of its block among the blocks that go through. */
  readonly place: number;
}

export class ReadingRing {
  readonly #cells: Int32Array;
  readonly #digests: Uint8Array;
  readonly #content: Buffer;
  readonly #setup: RingSetup;

  constructor(setup: RingSetup) {
    const { memory, writers, blocks } = setup;
    const digestsAt = cellBytes(writers);
    this.#setup = setup;
    this.#cells = new Int32Array(memory, 0, writersAt + 2 * writers);
    this.#digests = new Uint8Array(memory, digestsAt, blocks.length * 16);
    this.#content = Buffer.from(memory as unknown as ArrayBuffer, digestsAt + blocks.length * 16, slots * chunkBytes);
  }

  static memoryFor(writers: number, blocks: number): SharedArrayBuffer {
    return new SharedArrayBuffer(cellBytes(writers) + blocks * 16 + slots * chunkBytes);
  }

  /** All that goes through, in order; the reader and the writers count it alike. */
  *chunks(): Generator<RingChunk> {
    const { blocks, endBytes } = this.#setup;
    for (const [place, block] of blocks.entries()) {
      const start = block * blockBytes;
      const end = start + blockLength(block, endBytes);
      for (let from = start; from < end; from += chunkBytes) {
        const length = Math.min(chunkBytes, end - from);
        yield { block, from, length, isLast: from + length === end, place };
      }
    }
  }

  /** The memory of the n-th chunk. */
  slot(n: number, length: number): Buffer {
    const at = (n % slots) * chunkBytes;
    return this.#content.subarray(at, at + length);
  }

  get produced(): number {
    return Atomics.load(this.#cells, producedAt);
  }

  /** The reader has filled the next chunk. */
  produce(): void {
    Atomics.add(this.#cells, producedAt, 1);
    this.ring();
  }

  setDigest(place: number, digest: Uint8Array): void {
    this.#digests.set(digest, place * 16);
  }

  digest(place: number): Buffer {
    return Buffer.from(this.#digests.slice(place * 16, place * 16 + 16));
  }

  /** Nothing more comes. */
  end(): void {
    Atomics.store(this.#cells, endedAt, 1);
    this.ring();
  }

  get ended(): boolean {
    return Atomics.load(this.#cells, endedAt) === 1;
  }

  consumed(writer: number): number {
    return Atomics.load(this.#cells, writersAt + 2 * writer);
  }

  consume(writer: number): void {
    Atomics.add(this.#cells, writersAt + 2 * writer, 1);
    this.ring();
  }

  state(writer: number): WriterState {
    return Atomics.load(this.#cells, writersAt + 2 * writer + 1) as WriterState;
  }

  /** The first state other than `taking` stays. */
  setState(writer: number, state: WriterState): void {
    Atomics.compareExchange(this.#cells, writersAt + 2 * writer + 1, writerStates.taking, state);
    this.ring();
  }

  get taking(): readonly number[] {
    return Array.from({ length: this.#setup.writers }, (_, writer) => writer).filter(
      (writer) => this.state(writer) === writerStates.taking,
    );
  }

  /** True where the next chunk would overwrite one that this writer has not taken. */
  isBehind(writer: number): boolean {
    return this.produced - this.consumed(writer) >= slots;
  }

  /** What `wait` is to be given: taken before the look that finds nothing to do. */
  get bell(): number {
    return Atomics.load(this.#cells, bellAt);
  }

  /** Sleeps until something has changed since `bell`, at most for so long. For worker threads. */
  wait(bell: number, mostMs: number): void {
    Atomics.wait(this.#cells, bellAt, bell, mostMs);
  }

  ring(): void {
    Atomics.add(this.#cells, bellAt, 1);
    Atomics.notify(this.#cells, bellAt);
  }
}

function cellBytes(writers: number): number {
  return Math.ceil(((writersAt + 2 * writers) * 4) / 16) * 16;
}
