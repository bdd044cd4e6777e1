// One channel of an SSH connection: bytes both ways without a stream's detours, and a window wide enough for far hosts.

import type { ClientChannel } from 'ssh2';

/** What ssh2 keeps to itself; its version is pinned. */
interface Inside {
  push(data: Buffer | null): boolean;
  readonly incoming: { window: number };
  readonly outgoing: { readonly id: number; readonly state: string };
  readonly _client: {
    readonly _protocol: {
      channelWindowAdjust(id: number, bytes: number): void;
      signal(id: number, name: string): void;
    };
  };
}

/** What may be under way to us at most: 20 ms at 3 Gbit/s. ssh2's own 2 MiB hold a line of 1 Gbit/s back from some 15 ms on. */
const mostWindowBytes = 8 * 1024 * 1024;
const leastWindowBytes = 2 * 1024 * 1024;
/** 1.5 Gbit/s. */
const worthwhileBytesPerMs = 187_500;

/**
 * As much as keeps a fast line busy and no more: whatever else is asked for over the same connection waits behind what is under way, and
 * what is under way when it breaks off has come for nothing.
 */
export function windowFor(roundTripMs: number): number {
  return Math.min(mostWindowBytes, Math.max(leastWindowBytes, Math.round(roundTripMs * worthwhileBytesPerMs)));
}

export interface ChannelEnd {
  /** Null where a signal or the loss of the connection ended it. */
  readonly code: number | null;
  readonly signal: string | undefined;
}

/** `received` gets each piece, whose memory is used again afterwards; null is the end of what the other side sends. */
export class FarChannel {
  readonly #channel: ClientChannel;
  readonly #inside: Inside;
  readonly #windowBytes: number;
  #isPaused = false;
  #isClosed = false;
  /** A channel that is lost answers none of them. */
  readonly #writers = new Set<() => void>();
  /** When the channel is closed from both sides, or lost. */
  readonly closed: Promise<ChannelEnd>;

  constructor(channel: ClientChannel, received: (data: Buffer | null) => void, windowBytes = mostWindowBytes) {
    this.#channel = channel;
    this.#windowBytes = windowBytes;
    this.#inside = channel as unknown as Inside;
    this.#inside.push = (data) => {
      received(data);
      if (data === null) channel.emit('end');
      else if (!this.#isPaused) this.#widen();
      return !this.#isPaused;
    };
    this.closed = new Promise((resolve) => {
      let end: ChannelEnd = { code: null, signal: undefined };
      channel.on('exit', (code: number | null, signal?: string) => {
        end = { code, signal };
      });
      channel.on('close', () => {
        this.#isClosed = true;
        resolve(end);
        for (const done of [...this.#writers]) done();
      });
    });
    channel.on('error', () => undefined);
    this.#widen();
  }

  /** Resolves when there is room for more, or the channel is lost; `closed` tells. The memory may be used again then. */
  write(data: Uint8Array): Promise<void> {
    // ssh2 never answers what is written after the end.
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#writers.delete(done);
        resolve();
      };
      this.#writers.add(done);
      this.#channel.write(data, done);
    });
  }

  /** Nothing more is sent; the other side may still send. */
  end(): void {
    this.#channel.end();
  }

  /** While paused, no more than the window's bytes come. */
  set paused(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (!isPaused) this.#widen();
  }

  onError(received: (data: Buffer) => void): void {
    this.#channel.stderr.on('data', received);
  }

  close(): void {
    this.#channel.close();
  }

  #widen(): void {
    const { incoming, outgoing, _client } = this.#inside;
    if (incoming.window > this.#windowBytes / 2 || outgoing.state === 'closed' || outgoing.state === 'closing') return;
    const more = this.#windowBytes - incoming.window;
    incoming.window += more;
    _client._protocol.channelWindowAdjust(outgoing.id, more);
  }
}
