// What two peers have with each other: their links, which may come and go, and all transfers between them, side by side.

import type { Link } from '../links/link.ts';
import type { ChunkFrame } from '../model/chunk-frame.ts';
import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import type { NewHash } from './files.ts';
import { limits, type Word, type WordOf } from './messages.ts';
import type { ReceiveOrder } from './receive-order.ts';
import { Receiving } from './receiving.ts';
import type { RelayPort } from './relay-port.ts';
import { Sending, type SendOrder } from './sending.ts';
import { type AttachedLink, attachLink } from './session-link.ts';

export interface SessionOptions {
  readonly peerId: string;
  /** Of this start of the program or page: new each time, so that the other side knows what was forgotten. */
  readonly instance: string;
  readonly clock: Clock;
  readonly newHash: NewHash;
  readonly relay?: RelayPort;
  /** Called after whatever a viewer of the transfers or links would see; often. */
  changed?(): void;
}

export class Session {
  readonly peerId: string;
  readonly #options: SessionOptions;
  /** Newest last. */
  readonly #links: AttachedLink[] = [];
  readonly #sendings = new Map<string, Sending>();
  readonly #receivings = new Map<string, Receiving>();
  #theirInstance: string | undefined;
  #isClosed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.peerId = options.peerId;
  }

  /** Links that both sides have greeted each other on. */
  get openLinks(): readonly AttachedLink[] {
    return this.#links.filter(({ isOpen }) => isOpen);
  }

  /**
   * Takes a link into use; the session reads it from now on and closes it when it is misused or silent. Several may stand at a time: words go over the
   * quickest kind, chunks over the one that they were asked for on.
   */
  attach(link: Link): void {
    if (this.#isClosed) {
      link.close('The session is closed').catch(() => undefined);
      return;
    }
    const attached = attachLink(link, this.#options.instance, this.#options.clock, {
      greeted: (each, hello) => this.#greeted(each, hello),
      word: (each, word) => this.#hear(each, word),
      chunk: (each, chunk) => this.#hearChunk(each, chunk),
      gone: (each) => this.#gone(each),
    });
    this.#links.push(attached);
  }

  /** Ready to be asked. The same transfer again (a file that was given again) takes the former's place. Throws `limit_reached`. */
  send(order: SendOrder): Sending {
    this.#makeRoom();
    this.#sendings.get(order.transferId)?.forget(undefined);
    const sending = new Sending(order, {
      clock: this.#options.clock,
      newHash: this.#options.newHash,
      relay: this.#options.relay,
      say: (word) => this.#say(word),
      changed: () => this.#options.changed?.(),
    });
    this.#sendings.set(order.transferId, sending);
    // Whoever was refused for want of the file asks at once.
    sending.sayState();
    return sending;
  }

  /** Asks for it as soon as there is a way. Throws `limit_reached`, and `state_conflict` where it is being received already. */
  receive(order: ReceiveOrder): Receiving {
    this.#makeRoom();
    const former = this.#receivings.get(order.transferId);
    if (former !== undefined && !former.isClosed && !hasEnded(former)) {
      throw new Fault('state_conflict', `Transfer ${order.transferId} is being received already`);
    }
    const receiving = new Receiving(
      { ...order, askedBefore: former?.asked ?? 0 },
      {
        clock: this.#options.clock,
        relay: this.#options.relay,
        linkFor: (path) => this.openLinks.findLast((each) => (each.path === 'socket') === (path === 'socket')),
        hasLink: () => this.openLinks.length > 0,
        say: (word) => this.#say(word),
        changed: () => this.#options.changed?.(),
      },
    );
    this.#receivings.set(order.transferId, receiving);
    return receiving;
  }

  /** Ended transfers are kept, so that their end can be said again, until this is called. */
  forget(transferId: string): void {
    this.#sendings.delete(transferId);
    this.#receivings.delete(transferId);
  }

  /** Transfers stay as they are: a new session goes on with them. Their files are not touched any more. */
  async close(reason: string): Promise<void> {
    this.#isClosed = true;
    for (const each of this.#sendings.values()) each.forget(undefined);
    for (const each of this.#receivings.values()) each.close();
    await Promise.all(this.#links.map(({ link }) => link.close(reason).catch(() => undefined)));
  }

  #greeted(attached: AttachedLink, { instance }: WordOf<'hello'>): void {
    const isNew = this.#theirInstance !== undefined && this.#theirInstance !== instance;
    this.#theirInstance = instance;
    if (isNew) {
      for (const { link } of this.#links.filter((each) => each !== attached)) {
        link.close('The other side has started anew').catch(() => undefined);
      }
      for (const each of this.#sendings.values()) each.forget(undefined);
      for (const each of this.#receivings.values()) each.forget();
    }
    for (const each of this.#sendings.values()) each.sayState();
    for (const each of this.#receivings.values()) {
      each.sayState();
      each.linksChanged();
    }
    this.#options.changed?.();
  }

  #gone(attached: AttachedLink): void {
    const at = this.#links.indexOf(attached);
    if (at >= 0) this.#links.splice(at, 1);
    for (const each of this.#sendings.values()) each.forget(attached);
    for (const each of this.#receivings.values()) each.linksChanged();
    this.#options.changed?.();
  }

  #hear(link: AttachedLink, word: Word): void {
    if (!('transferId' in word)) return;
    const sending = this.#sendings.get(word.transferId);
    if (sending !== undefined) {
      sending.hear(word, link);
      return;
    }
    const receiving = this.#receivings.get(word.transferId);
    if (receiving !== undefined) {
      receiving.hear(word);
      return;
    }
    if (word.type !== 'want') return;
    const { transferId, stream } = word;
    const message = 'The sender has not given the file yet, or not again since it came back';
    link.say({ type: 'refuse', transferId, stream, code: 'not_found', message });
  }

  #hearChunk(link: AttachedLink, chunk: ChunkFrame): void {
    // Of a transfer that was not accepted, or was forgotten: nobody asked for it, nothing is done with it.
    this.#receivings.get(chunk.header.transfer_id)?.hearChunk(link, chunk);
  }

  /** Over the quickest kind of link, the newest of it. */
  #say(word: Word): boolean {
    const open = this.openLinks;
    const link = open.findLast(({ path }) => path !== 'socket') ?? open.at(-1);
    link?.say(word);
    return link !== undefined;
  }

  #makeRoom(): void {
    const open =
      [...this.#sendings.values()].filter((each) => !hasEnded(each)).length +
      [...this.#receivings.values()].filter((each) => !hasEnded(each)).length;
    if (this.#isClosed) throw new Fault('state_conflict', `The session with ${this.peerId} is closed`);
    if (open < limits.transfers) return;
    throw new Fault(
      'limit_reached',
      `There are ${limits.transfers} transfers with ${this.peerId} already; wait for some to end`,
    );
  }
}

function hasEnded(transfer: Sending | Receiving): boolean {
  const { phase } = transfer.view;
  return phase === 'done' || phase === 'failed' || phase === 'cancelled';
}
