// The inbox of a link: frames that came in whole and wait for their reader.

import { Fault } from '../model/fault.ts';
import { Waiters } from './turns.ts';

export class Inbox {
  readonly #frames: { readonly bytes: Uint8Array; readonly costBytes: number }[] = [];
  readonly #changed = new Waiters();
  readonly #taken: (costBytes: number) => void;
  #costBytes = 0;
  #ended = false;
  #read = false;

  /** `taken` is told what each frame had cost that a reader takes. */
  constructor(taken: (costBytes: number) => void) {
    this.#taken = taken;
  }

  /** Of all that waits. */
  get costBytes(): number {
    return this.#costBytes;
  }

  put(bytes: Uint8Array, costBytes: number): void {
    this.#frames.push({ bytes, costBytes });
    this.#costBytes += costBytes;
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
          this.#costBytes -= frame.costBytes;
          this.#taken(frame.costBytes);
          return { done: false, value: frame.bytes };
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
