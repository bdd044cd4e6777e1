// Links within one process: for members that sit in the same one, and for tests that need no network.

import { Inbox } from './inbox.ts';
import { costOfPiece } from './incoming-pieces.ts';
import {
  type Link,
  type LinkKind,
  type LinkPath,
  linkClosed,
  lostReason,
  maxReasonLength,
  refuseTooLong,
} from './link.ts';
import { Turns, Waiters } from './turns.ts';

export interface LoopbackOptions {
  /** What may wait unread before `send` waits; one frame always may. Default is 4 MiB. */
  readonly windowBytes?: number;
  /** Default is `direct`. */
  readonly path?: LinkPath;
}

export interface LoopbackPair {
  /** Of the first peer, to the second. */
  readonly first: Link;
  readonly second: Link;
  /** The line breaks: both sides are closed with `lostReason`, and what was not read yet on either side is still read. */
  lose(): void;
}

export function loopback(firstId: string, secondId: string, options: LoopbackOptions = {}): LoopbackPair {
  const first = new LoopbackEnd(secondId, options);
  const second = new LoopbackEnd(firstId, options);
  first.join(second);
  second.join(first);
  return {
    first,
    second,
    lose: () => {
      for (const end of [first, second]) end.shut(lostReason);
    },
  };
}

class LoopbackEnd implements Link {
  readonly peerId: string;
  readonly kind: LinkKind = 'loopback';
  readonly path: LinkPath;
  readonly closed: Promise<string>;
  readonly #resolveClosed: (reason: string) => void;
  readonly #windowBytes: number;
  readonly #inbox: Inbox;
  readonly #turns = new Turns();
  /** Woken when this side's reader takes a frame, or the link closes. */
  readonly #room = new Waiters();
  #other: LoopbackEnd | undefined;
  #reason: string | undefined;
  #sentBytes = 0;
  #receivedBytes = 0;

  constructor(peerId: string, options: LoopbackOptions) {
    this.peerId = peerId;
    this.path = options.path ?? 'direct';
    this.#windowBytes = options.windowBytes ?? 4 * 1_048_576;
    this.#inbox = new Inbox(() => this.#room.wake());
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  join(other: LoopbackEnd): void {
    this.#other = other;
  }

  async send(frame: Uint8Array, signal?: AbortSignal): Promise<void> {
    refuseTooLong(frame, this.peerId);
    const done = await this.#turns.take(signal);
    try {
      for (;;) {
        const other = this.#other;
        if (this.#reason !== undefined || other === undefined)
          throw linkClosed(this.peerId, this.#reason ?? lostReason);
        const waiting = other.#inbox.costBytes;
        if (waiting === 0 || waiting + costOfPiece(frame.length) <= this.#windowBytes) {
          this.#sentBytes += frame.length;
          // Not `slice`: that of a Buffer would show the same memory.
          other.#take(new Uint8Array(frame));
          return;
        }
        await other.#room.wait(signal);
      }
    } finally {
      done();
    }
  }

  frames(): AsyncIterableIterator<Uint8Array> {
    return this.#inbox.frames();
  }

  async close(reason: string): Promise<void> {
    const said = reason.slice(0, maxReasonLength);
    this.shut(said);
    this.#other?.shut(said);
  }

  shut(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#inbox.end();
    this.#room.wake();
    this.#resolveClosed(reason);
  }

  traffic() {
    return { sentBytes: this.#sentBytes, receivedBytes: this.#receivedBytes, roundTripMs: 0 };
  }

  #take(frame: Uint8Array): void {
    this.#receivedBytes += frame.length;
    this.#inbox.put(frame, costOfPiece(frame.length));
  }
}
