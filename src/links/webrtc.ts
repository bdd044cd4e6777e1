// Links from browser to browser (and to Node) by WebRTC's data channels: the way without a server, or through a TURN server.

import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import { FramedLink } from './framed-link.ts';
import type { Lane } from './lane.ts';
import { type Link, lostReason } from './link.ts';
import type { IceServer, RtcConstructor } from './rtc.ts';
import { WebrtcConnection } from './webrtc-connection.ts';
import { mostConnections, readSignal, type Signals, type WebrtcSignal, writeSignal } from './webrtc-signals.ts';

export interface WebrtcOptions {
  readonly peerId: string;
  /** One side offers and the other answers; both know from their ids who is who. */
  readonly role: 'offer' | 'answer';
  readonly RTCPeerConnection: RtcConstructor;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Default is none: addresses of the same network only. */
  readonly iceServers?: readonly IceServer[];
  /** `relay`: through a TURN server and no other way. Default is `all`. */
  readonly policy?: 'all' | 'relay';
  /** How many connections there are from the beginning; more come by themselves where the network is slow. Default is 1. */
  readonly connections?: number;
  /** How many there may be. Default is 8. */
  readonly mostConnections?: number;
  /** The side that offers gives up after that time; default is 20 s. The other waits for an offer until `signal` says otherwise. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

const defaultPatienceMs = 20_000;
/** An offer that nobody heard is made again. */
const repeatMs = 1_000;
/** Over a network this near one connection takes what the machine can give, and several take it from one another. */
const nearMs = 10;
/** So much in a second is not held back by delay and loss. */
const quickBytesPerSecond = 8_000_000;

/**
 * Resolves with a link that is open. Rejects with `unreachable` where no way was found in time, or the signal's reason. A link whose other
 * side begins anew (its page was loaded again) closes with `lostReason`: open another one.
 */
export function openWebrtcLink(options: WebrtcOptions): Promise<Link> {
  return new WebrtcOpening(options).link();
}

class WebrtcOpening {
  readonly #options: WebrtcOptions;
  readonly #opened = Promise.withResolvers<Link>();
  readonly #over = new AbortController();
  readonly #connections = new Map<number, WebrtcConnection>();
  #attempt = '';
  #link: FramedLink | undefined;
  #answered = false;
  #stopListening: () => void = () => undefined;
  #sentBytes = 0;

  constructor(options: WebrtcOptions) {
    this.#options = options;
  }

  link(): Promise<Link> {
    const { signal, signals, role } = this.#options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const giveUp = () => this.#end(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#opened.promise.then(
      () => signal?.removeEventListener('abort', giveUp),
      () => signal?.removeEventListener('abort', giveUp),
    );
    this.#stopListening = signals.listen((message) => {
      const heard = readSignal(message);
      if (heard !== undefined) this.#hear(heard);
    });
    if (role === 'answer') this.#tell({ kind: 'ready' });
    else {
      this.#begin();
      void this.#insist();
    }
    return this.#opened.promise;
  }

  #begin(): void {
    this.#answered = false;
    this.#attempt = this.#options.newId();
    this.#connect(0);
  }

  /** Offers until it is answered, and for no longer than its patience. */
  async #insist(): Promise<void> {
    const { clock, patienceMs = defaultPatienceMs, peerId } = this.#options;
    const endMs = clock.monotonic() + patienceMs;
    try {
      while (this.#link === undefined) {
        const leftMs = endMs - clock.monotonic();
        if (leftMs <= 0) {
          const what = this.#answered ? 'found no way through the networks between' : 'was given no answer';
          this.#end(
            new Fault('unreachable', `A direct connection to ${peerId} ${what} within ${patienceMs / 1_000} s`, {
              place: { endpoint: peerId, operation: 'connect' },
            }),
          );
          return;
        }
        await clock.sleep(Math.min(leftMs, repeatMs), this.#over.signal);
        // A connection that came to nothing at once, as where a packet of its beginning was lost, is begun anew.
        if (this.#link === undefined && this.#connections.size === 0) this.#begin();
        for (const connection of this.#connections.values()) connection.repeat();
      }
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }

  #hear(signal: WebrtcSignal): void {
    if (this.#options.role === 'offer') {
      this.#hearAnswerer(signal);
      return;
    }
    if (signal.kind !== 'offer' && signal.kind !== 'candidate') return;
    if (signal.kind === 'offer' && signal.attempt !== this.#attempt) {
      // The other side has begun anew. An open link is another matter: whoever opened it opens the next one, too, and the offer comes again.
      if (this.#link !== undefined) {
        this.#end(undefined);
        return;
      }
      this.#forget();
      this.#attempt = signal.attempt;
    }
    if (signal.attempt !== this.#attempt) return;
    const known = this.#connections.get(signal.connection);
    if (known === undefined && signal.kind !== 'offer') return;
    (known ?? this.#connect(signal.connection)).hear(signal);
  }

  #hearAnswerer(signal: WebrtcSignal): void {
    if (signal.kind === 'ready') {
      if (this.#link !== undefined) {
        this.#end(undefined);
        return;
      }
      if (!this.#answered) {
        this.#connections.get(0)?.repeat();
        return;
      }
      this.#forget();
      this.#begin();
      return;
    }
    if (signal.attempt !== this.#attempt) return;
    if (signal.kind === 'more') {
      this.#grow();
      return;
    }
    if (signal.kind === 'answer') this.#answered = true;
    this.#connections.get(signal.connection)?.hear(signal);
  }

  #connect(number: number): WebrtcConnection {
    const { role, RTCPeerConnection, policy, iceServers = [] } = this.#options;
    const connection = new WebrtcConnection({
      number,
      attempt: this.#attempt,
      role,
      RTCPeerConnection,
      configuration: {
        iceServers: iceServers.map((server) => ({ ...server, urls: [...server.urls] })),
        iceTransportPolicy: policy ?? 'all',
      },
      tell: (signal) => this.#tell(signal),
      opened: (lane) => this.#laneOpened(connection, lane),
      failed: () => {
        // Of several, one that never opened is not missed; with a lane the link itself sees that it is gone.
        if (this.#connections.get(number) === connection) this.#connections.delete(number);
      },
    });
    this.#connections.set(number, connection);
    return connection;
  }

  #laneOpened(connection: WebrtcConnection, lane: Lane): void {
    if (this.#link !== undefined) {
      this.#link.addLane(lane);
      return;
    }
    const { peerId, clock, connections = 1, role } = this.#options;
    const link = new FramedLink({
      peerId,
      kind: 'webrtc',
      clock,
      path: () => ([...this.#connections.values()].some(({ way }) => way?.path === 'turn') ? 'turn' : 'direct'),
      tick: () => this.#tick(),
      ended: () => this.#end(undefined),
    });
    this.#link = link;
    link.addLane(lane);
    if (role === 'offer') while (this.#connections.size < Math.min(connections, mostConnections)) this.#addConnection();
    // A link that does not know its path yet would be shown as what it is not.
    void connection.look().then(() => this.#opened.resolve(link));
  }

  #tick(): void {
    for (const connection of this.#connections.values()) void connection.look();
    const link = this.#link;
    if (link === undefined) return;
    const { sentBytes } = link.traffic();
    const perSecond = ((sentBytes - this.#sentBytes) * 1_000) / link.tickMs;
    this.#sentBytes = sentBytes;
    const roundTripMs = Math.max(...[...this.#connections.values()].map(({ way }) => way?.roundTripMs ?? 0));
    if (!link.wasHeldByLanes() || roundTripMs < nearMs || perSecond > quickBytesPerSecond) return;
    if (this.#options.role === 'offer') this.#grow();
    else this.#tell({ kind: 'more', attempt: this.#attempt });
  }

  /** All that there may be: each connection has a share of its own of a network that delays and loses. */
  #grow(): void {
    const most = Math.min(this.#options.mostConnections ?? mostConnections, mostConnections);
    if (this.#link !== undefined) while (this.#connections.size < most) this.#addConnection();
  }

  #addConnection(): void {
    for (let number = 0; number < mostConnections; number++) {
      if (!this.#connections.has(number)) return void this.#connect(number);
    }
  }

  #tell(signal: WebrtcSignal): void {
    if (this.#over.signal.aborted) return;
    // What cannot be brought now is offered again, or the link is not opened; it is not this call's to wait for.
    this.#options.signals.send(writeSignal(signal)).catch(() => undefined);
  }

  #forget(): void {
    const connections = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of connections) connection.close();
  }

  /** With a reason: what the opening rejects with. */
  #end(reason: unknown): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#stopListening();
    const link = this.#link;
    if (link !== undefined) link.lose();
    this.#opened.reject(
      reason ??
        new Fault('unreachable', `The connection to ${this.#options.peerId} was ${lostReason} while it was opened`),
    );
    // What was said last is still on its way, on both sides.
    this.#forget();
  }
}
