// The inbox of a link: frames that came in whole and wait for their reader.

import { Fault } from '../model/fault.ts';
import { Waiters } from './turns.ts';

/** What a frame costs beside its bytes, so that empty ones have an end, too. */
const frameCostBytes = 64;

export class Inbox {
  readonly #frames: Uint8Array[] = [];
  readonly #changed = new Waiters();
  readonly #taken: (costBytes: number) => void;
  #costBytes = 0;
  #ended = false;
  #read = false;

  /** `taken` is told what `costOf` says of each frame that a reader takes. */
  constructor(taken: (costBytes: number) => void) {
    this.#taken = taken;
  }

  /** Of all that waits. */
  get costBytes(): number {
    return this.#costBytes;
  }

  put(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#costBytes += costOf(frame.length);
    this.#changed.wake();
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#changed.wake();
  }

  /** As `Link.frames` says. */
  frames(): AsyncIterableIterator<Uint8Array> {
    if (this.#read) throw new Fault('state_conflict', 'The frames of this link are being read already');
    this.#read = true;
    let left = false;
    const leave = () => {
      if (!left) this.#read = false;
      left = true;
      this.#changed.wake();
      return { done: true, value: undefined } as const;
    };
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      for (;;) {
        if (left) return { done: true, value: undefined };
        const frame = this.#frames.shift();
        if (frame !== undefined) {
          this.#costBytes -= costOf(frame.length);
          this.#taken(costOf(frame.length));
          return { done: false, value: frame };
        }
        if (this.#ended) return leave();
        await this.#changed.wait();
      }
    };
    const reader: AsyncIterableIterator<Uint8Array> = {
      next,
      return: async () => leave(),
      [Symbol.asyncIterator]: () => reader,
    };
    return reader;
  }
}

export function costOf(frameBytes: number): number {
  return frameBytes + frameCostBytes;
}
