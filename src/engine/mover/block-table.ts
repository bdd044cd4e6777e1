// The blocks of a file that is under way, in shared memory: which are done, and their digests.

import { combineLeaves } from '../../endpoints/content-hash.ts';
import { blockBytes } from '../../model/hash.ts';

/** `none`: to be copied. `claimed`: the journal says it is there, to be proved by re-reading. `done`: proved. */
export const blockStates = { none: 0, claimed: 1, done: 2 } as const;
export type BlockState = (typeof blockStates)[keyof typeof blockStates];

const digestBytes = 16;
/** Int32 cells: blocks since the last checkpoint, its time in seconds of the monotonic clock. */
const headBytes = 8;

/** One memory for all lanes of a file; 17 bytes a block. */
export class BlockTable {
  readonly memory: SharedArrayBuffer;
  readonly count: number;
  readonly #head: Int32Array;
  readonly #states: Uint8Array;
  readonly #digests: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.count = (memory.byteLength - headBytes) / (1 + digestBytes);
    this.#head = new Int32Array(memory, 0, 2);
    this.#states = new Uint8Array(memory, headBytes, this.count);
    this.#digests = new Uint8Array(memory, headBytes + this.count);
  }

  /** A new table for a file of that size; `before` hands on its blocks as far as they fit, with their states. */
  static forSize(sizeBytes: number, before?: BlockTable): BlockTable {
    const count = Math.ceil(sizeBytes / blockBytes);
    const table = new BlockTable(new SharedArrayBuffer(headBytes + count * (1 + digestBytes)));
    for (let at = 0; before !== undefined && at < Math.min(count, before.count); at++) {
      table.set(at, before.state(at), before.digest(at));
    }
    return table;
  }

  state(block: number): BlockState {
    return Atomics.load(this.#states, block) as BlockState;
  }

  /** The digest that belongs to a state other than `none`. */
  digest(block: number): Uint8Array {
    return this.#digests.slice(block * digestBytes, (block + 1) * digestBytes);
  }

  set(block: number, state: BlockState, digest?: Uint8Array): void {
    if (digest !== undefined) this.#digests.set(digest, block * digestBytes);
    Atomics.store(this.#states, block, state);
  }

  /** True for the one lane whose turn it is to make the partial durable: every `everyBlocks` blocks or `everySeconds`. */
  takesCheckpoint(everyBlocks: number, everySeconds: number): boolean {
    const now = Number(process.hrtime.bigint() / 1_000_000_000n) + 1;
    const blocks = Atomics.add(this.#head, 0, 1) + 1;
    const last = Atomics.load(this.#head, 1);
    if (last === 0) {
      Atomics.compareExchange(this.#head, 1, 0, now);
      return false;
    }
    if (blocks < everyBlocks && now - last < everySeconds) return false;
    if (Atomics.compareExchange(this.#head, 0, blocks, 0) !== blocks) return false;
    Atomics.store(this.#head, 1, now);
    return true;
  }

  /** Bytes of a file of that size in blocks of a state. */
  bytesIn(state: BlockState, sizeBytes: number): number {
    let bytes = 0;
    for (let at = 0; at < this.count; at++) if (this.state(at) === state) bytes += blockLength(at, sizeBytes);
    return bytes;
  }

  /** `xxh128-8m` of the whole file; all blocks must be done. */
  contentHash(): string {
    return combineLeaves(Array.from({ length: this.count }, (_, at) => this.digest(at)));
  }
}

export function blockLength(block: number, sizeBytes: number): number {
  return Math.min(blockBytes, sizeBytes - block * blockBytes);
}
