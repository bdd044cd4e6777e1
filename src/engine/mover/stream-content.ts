// What goes by in a stream: cut into journal blocks, hashed, held to the bandwidth, stopped when it is asked for.

import { awaitBandwidth } from '../../endpoints/bandwidth.ts';
import { createLeafHasher } from '../../endpoints/content-hash.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import { blockBytes } from '../../model/hash.ts';

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

export interface Passing {
  readonly control: Control;
  readonly limits: readonly SharedArrayBuffer[];
  readonly signal: AbortSignal;
  /** At most so many bytes go by; then the stream ends. */
  readonly mostBytes: number;
  /** Called before the chunk goes on, which may take its memory away. */
  readonly chunk: (chunk: Uint8Array) => void;
}

/** The same stream, looked at in passing. The source is cancelled when it is cancelled or has given enough. */
export function passing(source: ReadableStream<Uint8Array>, options: Passing): ReadableStream<Uint8Array> {
  const { control, limits, signal, mostBytes } = options;
  const reader = source.getReader();
  let left = mostBytes;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          signal.throwIfAborted();
          const { value } = left > 0 ? await reader.read() : {};
          control.enter(sides.none);
          if (value === undefined) {
            await reader.cancel();
            controller.close();
            return;
          }
          const chunk = value.length > left ? value.subarray(0, left) : value;
          for (const limit of limits) await awaitBandwidth(limit, chunk.length, signal);
          options.chunk(chunk);
          left -= chunk.length;
          controller.enqueue(chunk);
        } catch (error) {
          await reader.cancel(error).catch(() => undefined);
          controller.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
