// Cuts what goes by into the blocks of the journal, and hashes each.

import { blockBytes } from '../model/hash.ts';
import { createLeafHasher } from './content-hash.ts';

/** Cuts a sequence of chunks into blocks and tells each block's digest. */
export class BlockCutter {
  readonly #leaf = createLeafHasher();
  readonly #told: (block: number, digest: Buffer) => void;
  readonly #part: (part: Uint8Array) => void;
  #at: number;

  /** `from` is the first byte's offset, at a block's beginning. `part` is given the content, no part of it from two blocks. */
  constructor(
    from: number,
    told: (block: number, digest: Buffer) => void,
    part: (part: Uint8Array) => void = () => undefined,
  ) {
    this.#at = from;
    this.#told = told;
    this.#part = part;
  }

  get at(): number {
    return this.#at;
  }

  update(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.length; ) {
      const part = chunk.subarray(done, done + blockBytes - (this.#at % blockBytes));
      this.#leaf.update(part);
      this.#part(part);
      done += part.length;
      this.#at += part.length;
      if (this.#at % blockBytes === 0) this.#tell();
    }
  }

  /** Tells the last block, where it is not whole. */
  end(): void {
    if (this.#at % blockBytes !== 0) this.#tell();
  }

  #tell(): void {
    this.#told(Math.ceil(this.#at / blockBytes) - 1, Buffer.from(this.#leaf.digest()));
    this.#leaf.reset();
  }
}
