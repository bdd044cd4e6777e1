// Links between two members of a room through the server's socket: always there, and the last way that is left.

import type { Clock } from '../model/clock.ts';
import { FramedLink } from './framed-link.ts';
import type { Lane, LaneListener } from './lane.ts';
import type { Link } from './link.ts';

/** What a link needs of the socket to the server. */
export interface FrameSocket {
  /** Resolves when the other member's client has taken it; rejects where it was not taken, or nobody can say. In order. */
  send(memberId: string, linkName: string, data: Uint8Array): Promise<void>;
  /** `receive` says whether the frame was taken. Ends with the function that is returned. */
  listen(receive: (memberId: string, linkName: string, data: Uint8Array) => boolean): () => void;
}

export interface WebsocketLinksOptions {
  readonly socket: FrameSocket;
  readonly clock: Clock;
  /** For the names of links. */
  readonly newId: () => string;
  /** A member opened one. */
  readonly incoming: (link: Link) => void;
}

export interface WebsocketLinks {
  /** Opens one; it is there at once, and closes with `lostReason` where the member cannot be reached. */
  open(memberId: string): Link;
  /** The socket is gone: all links are lost. */
  lose(): void;
}

/** What the server holds for a slow receiver: more than this is not on the way unacknowledged. */
const unacknowledgedBytes = 262_144;
const mostMessageBytes = 69_632;
/** A member that opens one link after another is not given memory for it. */
const mostIncoming = 8;

/** There is one of these for a socket; it takes all its frames. */
export function websocketLinks(options: WebsocketLinksOptions): WebsocketLinks {
  const { socket, clock } = options;
  const lanes = new Map<string, SocketLane>();
  const keyOf = (memberId: string, name: string) => JSON.stringify([memberId, name]);

  const begin = (memberId: string, name: string) => {
    const key = keyOf(memberId, name);
    const lane = new SocketLane(memberId, (data) => socket.send(memberId, name, data));
    lanes.set(key, lane);
    const link = new FramedLink({
      peerId: memberId,
      kind: 'websocket',
      path: () => 'relay',
      clock,
      laneBytes: unacknowledgedBytes,
      ended: () => lanes.delete(key),
    });
    link.addLane(lane);
    return { lane, link };
  };

  const ofMember = (memberId: string) => [...lanes.values()].filter((lane) => lane.memberId === memberId).length;

  const stop = socket.listen((memberId, name, data) => {
    const lane = lanes.get(keyOf(memberId, name));
    if (lane !== undefined) return lane.take(data);
    // An empty message opens a link; another one belongs to a link that is over here, as after a reload.
    if (data.length > 0 || ofMember(memberId) >= mostIncoming) return false;
    options.incoming(begin(memberId, name).link);
    return true;
  });

  return {
    open(memberId) {
      const { lane, link } = begin(memberId, options.newId());
      lane.send(new Uint8Array());
      return link;
    },
    lose() {
      stop();
      for (const lane of [...lanes.values()]) lane.lose();
    },
  };
}

class SocketLane implements Lane {
  readonly memberId: string;
  readonly mostMessageBytes = mostMessageBytes;
  lowBytes = 0;
  readonly #emit: (data: Uint8Array) => Promise<void>;
  #listener: LaneListener | undefined;
  #unacknowledged = 0;
  #lost = false;

  constructor(memberId: string, emit: (data: Uint8Array) => Promise<void>) {
    this.memberId = memberId;
    this.#emit = emit;
  }

  get bufferedBytes(): number {
    return this.#unacknowledged;
  }

  listen(listener: LaneListener): void {
    this.#listener = listener;
  }

  send(message: Uint8Array): void {
    if (this.#lost) return;
    this.#unacknowledged += message.length;
    this.#emit(message).then(
      () => {
        this.#unacknowledged -= message.length;
        this.#listener?.drained();
      },
      () => this.lose(),
    );
  }

  take(data: Uint8Array): boolean {
    if (this.#lost) return false;
    // Through the socket comes what the other member's client sent, which may be anything.
    if (data.length === 0 || data.length > mostMessageBytes) this.#listener?.misbehaved();
    else this.#listener?.message(data);
    return true;
  }

  lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#listener?.lost();
  }

  close(): void {
    this.#lost = true;
  }
}
