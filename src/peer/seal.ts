// What two members tell each other through the server, sealed so that it can neither read, change nor repeat it.

import { Fault } from '../model/fault.ts';
import { nonceOf } from './end-to-end.ts';
import { deriveAesKey } from './room-keys.ts';
import { subtle } from './whole-hash.ts';

/** Signals (finding a direct way), and the frames of a link through the server's socket: keys and counters of their own. */
export type SealPurpose = 'signal' | 'frame';

const saltLength = 16;
const kinds = { greeting: 1, sealed: 2 } as const;
/** Salts of the other side that are remembered, so that nothing sealed for one of them is taken twice. */
const mostSalts = 256;

type AesKey = Awaited<ReturnType<typeof deriveAesKey>>;

interface TheirState {
  readonly salt: string;
  readonly sealing: Readonly<Record<SealPurpose, Promise<AesKey>>>;
  readonly opening: Readonly<Record<SealPurpose, Promise<AesKey>>>;
  /** The highest counter that was opened. */
  readonly opened: Record<SealPurpose, number>;
}

export interface PairSealOptions {
  /** `roomKeyOf`. */
  readonly roomKey: Uint8Array;
  readonly me: string;
  readonly them: string;
  readonly random: (count: number) => Uint8Array;
  /** Brings a greeting to the other side; what is lost is said again when anything of theirs comes. */
  greet(greeting: Uint8Array): void;
}

/**
 * The sealing of one pair of members, for one start of the program on each side. Both send a greeting with a random salt, sealed by the room's key; what
 * follows is sealed by keys of both salts, so that nothing of an earlier time can be played again, and by counters, so that
 * nothing of this time can.
 */
export class PairSeal {
  readonly #options: PairSealOptions;
  readonly #mySalt: Uint8Array;
  readonly #greetKey: Promise<AesKey>;
  readonly #known = new Map<string, TheirState>();
  /** Never begin again, whatever the other side's salt is: a key and a counter are used once. */
  readonly #counters: Record<SealPurpose, number> = { signal: 0, frame: 0 };
  #theirs: TheirState | undefined;
  #ready = Promise.withResolvers<void>();
  #isReady = false;

  constructor(options: PairSealOptions) {
    this.#options = options;
    this.#mySalt = options.random(saltLength);
    this.#greetKey = deriveAesKey(options.roomKey, new Uint8Array(), 'wherry room greeting 1');
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when both sides know each other's salt; waits anew after the other side has started anew. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** To be called when the other member is there: at first, and whenever it comes back. */
  async begin(): Promise<void> {
    this.#options.greet(await this.#greeting());
  }

  /** In the order of the calls. Rejects with `unreachable` before the other side is known. */
  async seal(purpose: SealPurpose, plain: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const theirs = this.#theirs;
    if (theirs === undefined) {
      throw new Fault('unreachable', `${this.#options.them} has not greeted yet`, {
        place: { endpoint: this.#options.them },
      });
    }
    const counter = this.#counters[purpose]++;
    const key = await theirs.sealing[purpose];
    const sealed = new Uint8Array(
      await subtle().encrypt({ name: 'AES-GCM', iv: nonceOf(counter) }, key, plain as Uint8Array<ArrayBuffer>),
    );
    const message = new Uint8Array(9 + sealed.length);
    message[0] = kinds.sealed;
    new DataView(message.buffer).setBigUint64(1, BigInt(counter));
    message.set(sealed, 9);
    return message;
  }

  /**
   * What was sealed; undefined for a greeting. To be called in the order in which things came. Rejects with `corrupt` for what the other side has not
   * sealed for this one, and for what was opened before.
   */
  async open(purpose: SealPurpose, message: Uint8Array): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (message[0] === kinds.greeting && purpose === 'signal') {
      await this.#hearGreeting(message);
      return undefined;
    }
    const theirs = this.#theirs;
    if (message[0] !== kinds.sealed || message.length < 9 || theirs === undefined)
      throw this.#refused('is no sealed message');
    const counter = Number(new DataView(message.buffer, message.byteOffset, message.length).getBigUint64(1));
    if (counter <= theirs.opened[purpose]) throw this.#refused('was opened before');
    try {
      const key = await theirs.opening[purpose];
      const plain = await subtle().decrypt(
        { name: 'AES-GCM', iv: nonceOf(counter) },
        key,
        message.slice(9) as Uint8Array<ArrayBuffer>,
      );
      // Another copy may have been opened while this one was.
      if (counter <= theirs.opened[purpose]) throw this.#refused('was opened before');
      theirs.opened[purpose] = counter;
      return new Uint8Array(plain);
    } catch (cause) {
      throw cause instanceof Fault ? cause : this.#refused('does not open', cause);
    }
  }

  async #greeting(): Promise<Uint8Array<ArrayBuffer>> {
    const { me, them, random } = this.#options;
    const plain = new Uint8Array(saltLength * 2);
    plain.set(this.#mySalt);
    if (this.#theirs !== undefined) plain.set(fromHex(this.#theirs.salt), saltLength);
    const nonce = random(12) as Uint8Array<ArrayBuffer>;
    const additionalData = new TextEncoder().encode(JSON.stringify([me, them]));
    const key = await this.#greetKey;
    const sealed = new Uint8Array(await subtle().encrypt({ name: 'AES-GCM', iv: nonce, additionalData }, key, plain));
    const message = new Uint8Array(13 + sealed.length);
    message[0] = kinds.greeting;
    message.set(nonce, 1);
    message.set(sealed, 13);
    return message;
  }

  async #hearGreeting(message: Uint8Array): Promise<void> {
    const { me, them } = this.#options;
    const additionalData = new TextEncoder().encode(JSON.stringify([them, me]));
    const iv = message.slice(1, 13) as Uint8Array<ArrayBuffer>;
    const sealed = message.slice(13) as Uint8Array<ArrayBuffer>;
    const opened = await subtle()
      .decrypt({ name: 'AES-GCM', iv, additionalData }, await this.#greetKey, sealed)
      .catch((cause: unknown) => {
        throw this.#refused('is no greeting of theirs', cause);
      });
    const plain = new Uint8Array(opened);
    const salt = toHex(plain.subarray(0, saltLength));
    const knowsMe = toHex(plain.subarray(saltLength)) === toHex(this.#mySalt);
    const isNew = this.#theirs?.salt !== salt;
    if (isNew) {
      this.#theirs = this.#known.get(salt) ?? this.#meet(salt);
      if (this.#isReady) this.#ready = Promise.withResolvers<void>();
      this.#isReady = false;
    }
    if (knowsMe && !this.#isReady) {
      this.#isReady = true;
      this.#ready.resolve();
    }
    if (isNew || !knowsMe) this.#options.greet(await this.#greeting());
  }

  #meet(salt: string): TheirState {
    if (this.#known.size >= mostSalts) throw this.#refused('is one greeting too many');
    const { roomKey, me, them } = this.#options;
    const mine = this.#mySalt;
    const theirs = fromHex(salt);
    const key = (purpose: SealPurpose, from: string, to: string, salts: Uint8Array) =>
      deriveAesKey(roomKey, salts, JSON.stringify(['wherry pair 1', purpose, from, to]));
    const both = (from: string, to: string, salts: Uint8Array) => ({
      signal: key('signal', from, to, salts),
      frame: key('frame', from, to, salts),
    });
    const state: TheirState = {
      salt,
      sealing: both(me, them, joined(mine, theirs)),
      opening: both(them, me, joined(theirs, mine)),
      opened: { signal: -1, frame: -1 },
    };
    this.#known.set(salt, state);
    return state;
  }

  #refused(what: string, cause?: unknown): Fault {
    return new Fault('corrupt', `What came from ${this.#options.them} ${what}; it was left alone`, {
      cause,
      place: { endpoint: this.#options.them },
    });
  }
}

function joined(one: Uint8Array, two: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + two.length);
  both.set(one);
  both.set(two, one.length);
  return both;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
