// Lanes within one process for tests of what runs over lanes, which can be silenced, slowed, broken and written to by a stranger.

import type { Lane, LaneListener } from '../../src/links/lane.ts';

export interface MemoryLane extends Lane {
  /** What the other side's link gets, past this side's. */
  inject(message: Uint8Array): void;
}

export interface LanePair {
  readonly first: MemoryLane;
  readonly second: MemoryLane;
  /** Nothing goes through any more, and nobody is told. */
  silence(): void;
  /** Both sides are told that it is broken. */
  lose(): void;
}

/** `late` puts a message off by so many turns of the event loop. */
export function memoryLanes(late: () => number = () => 0): LanePair {
  let silent = false;
  const open = () => !silent;
  const first = new MemoryEnd(open, late);
  const second = new MemoryEnd(open, late);
  first.other = second;
  second.other = first;
  return {
    first,
    second,
    silence: () => {
      silent = true;
    },
    lose: () => {
      for (const end of [first, second]) end.end();
    },
  };
}

class MemoryEnd implements MemoryLane {
  readonly mostMessageBytes = 262_144;
  lowBytes = 0;
  other: MemoryEnd | undefined;
  readonly #open: () => boolean;
  readonly #late: () => number;
  readonly #queue: { readonly message: Uint8Array; turns: number }[] = [];
  #listener: LaneListener | undefined;
  #lost = false;
  #moving = false;
  #bufferedBytes = 0;

  constructor(open: () => boolean, late: () => number) {
    this.#open = open;
    this.#late = late;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  listen(listener: LaneListener): void {
    this.#listener = listener;
  }

  send(message: Uint8Array): void {
    if (this.#lost) return;
    this.#queue.push({ message: new Uint8Array(message), turns: this.#late() });
    this.#bufferedBytes += message.length;
    this.#move();
  }

  inject(message: Uint8Array): void {
    this.send(message);
  }

  /** Each in its turn, as the event loop turns: no message is there before the call that sent it has returned. */
  #move(): void {
    if (this.#moving) return;
    this.#moving = true;
    const step = () => {
      const [next] = this.#queue;
      if (next === undefined || this.#lost || !this.#open()) {
        this.#moving = false;
        return;
      }
      if (next.turns > 0) next.turns--;
      else {
        this.#queue.shift();
        this.#bufferedBytes -= next.message.length;
        this.other?.hear(next.message);
        this.#listener?.drained();
      }
      setImmediate(step);
    };
    setImmediate(step);
  }

  hear(message: Uint8Array): void {
    this.#listener?.message(message);
  }

  close(): void {
    this.#lost = true;
    this.other?.end();
  }

  end(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#listener?.lost();
  }
}
