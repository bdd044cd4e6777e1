// One other member of a room: what is sealed for it, the links to it, and the session over them.

import type { Link } from '../links/link.ts';
import type { Signals } from '../links/webrtc-signals.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { NewHash } from './files.ts';
import type { RelayPort } from './relay-port.ts';
import { PairSeal } from './seal.ts';
import { sealLink } from './sealed-link.ts';
import { Session } from './session.ts';

/** Resolves with an open link; rejects where there is no way, or with the signal's reason. */
export type OpenDirect = (options: {
  readonly peerId: string;
  readonly role: 'offer' | 'answer';
  readonly signals: Signals;
  readonly signal: AbortSignal;
}) => Promise<Link>;

export interface PairOptions {
  readonly me: string;
  readonly them: string;
  readonly roomKey: Uint8Array;
  readonly instance: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly newHash: NewHash;
  readonly relay: RelayPort | undefined;
  /** Undefined where the direct way is not to be taken. */
  readonly openDirect: OpenDirect | undefined;
  /** Of the websocket link. */
  openSocketLink(): Link;
  signal(data: Uint8Array): Promise<void>;
  changed(): void;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

export class RoomPair {
  readonly session: Session;
  readonly #options: PairOptions;
  readonly #seal: PairSeal;
  readonly #over = new AbortController();
  #hurry = new AbortController();
  #listeners = new Set<(message: Uint8Array) => void>();
  /** Signals leave, and are opened, in their order. */
  #sending: Promise<unknown> = Promise.resolve();
  #hearing: Promise<unknown> = Promise.resolve();
  #isDirectWanted = false;

  constructor(options: PairOptions) {
    const { me, them, roomKey, random, clock, newHash, relay, instance } = options;
    this.#options = options;
    this.#seal = new PairSeal({
      ...{ roomKey, me, them, random: (count) => random.bytes(count) },
      greet: (greeting) => void options.signal(greeting).catch(() => undefined),
    });
    const changed = () => options.changed();
    this.session = new Session({
      peerId: them,
      instance,
      clock,
      newHash,
      changed,
      ...(relay === undefined ? {} : { relay }),
    });
    // One of the two opens links, so that there are not two of each.
    if (me < them) this.#keep(() => this.#openSocket());
  }

  /** The other member is there (again), or the server is. */
  present(): void {
    this.#seal.begin().catch(() => undefined);
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** From now on a direct way is looked for and kept. */
  wantDirect(): void {
    const { openDirect, me, them } = this.#options;
    if (openDirect === undefined || this.#isDirectWanted) return;
    this.#isDirectWanted = true;
    const role = me < them ? 'offer' : 'answer';
    const signals: Signals = { send: (message) => this.#send(message), listen: (receive) => this.#listen(receive) };
    this.#keep(async () => {
      await this.#seal.ready();
      const link = await openDirect({ peerId: them, role, signals, signal: this.#over.signal });
      this.session.attach(link);
      return link;
    });
  }

  /** A link that the other side has opened through the socket. */
  incoming(link: Link): void {
    this.session.attach(sealLink(link, this.#seal));
  }

  hear(data: Uint8Array): void {
    const heard = this.#hearing.then(async () => {
      const plain = await this.#seal.open('signal', data);
      if (plain !== undefined) for (const each of [...this.#listeners]) each(plain);
    });
    // Somebody without the secret, or something played again: it is left alone.
    this.#hearing = heard.catch(() => undefined);
  }

  async close(reason: string): Promise<void> {
    this.#over.abort(new Error(reason));
    await this.session.close(reason);
  }

  async #openSocket(): Promise<Link> {
    await this.#seal.ready();
    const link = this.#options.openSocketLink();
    this.session.attach(sealLink(link, this.#seal));
    return link;
  }

  /** Opens the next one whenever the last is gone. */
  #keep(open: () => Promise<Link>): void {
    const { clock } = this.#options;
    const { signal } = this.#over;
    const run = async () => {
      for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
        const beganMs = clock.monotonic();
        const link = await open().catch(() => undefined);
        if (signal.aborted) return;
        await link?.closed;
        if (clock.monotonic() - beganMs > longestPauseMs) pauseMs = firstPauseMs;
        await clock.sleep(pauseMs, AbortSignal.any([signal, this.#hurry.signal])).catch(() => {
          pauseMs = firstPauseMs;
        });
      }
    };
    run().catch(() => undefined);
  }

  #send(message: Uint8Array): Promise<void> {
    const sent = this.#sending.then(async () => this.#options.signal(await this.#seal.seal('signal', message)));
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  #listen(receive: (message: Uint8Array) => void): () => void {
    this.#listeners.add(receive);
    return () => this.#listeners.delete(receive);
  }
}
