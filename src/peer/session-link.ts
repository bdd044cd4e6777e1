// One link of a session: the greeting, words and chunks apart, and a watch on whether the other side is still there.

import type { Link } from '../links/link.ts';
import type { ChunkFrame } from '../model/chunk-frame.ts';
import type { Clock } from '../model/clock.ts';
import { asFault, Fault } from '../model/fault.ts';
import {
  agreedVersion,
  decodeMessage,
  encodeWord,
  limits,
  oldestProtocolVersion,
  protocolVersion,
  type Word,
  type WordOf,
} from './messages.ts';
import type { TransferPath } from './room-client.ts';

/** A link that both sides have greeted each other on. */
export interface AttachedLink {
  readonly link: Link;
  /** How content over it goes. */
  readonly path: Exclude<TransferPath, 'relay'>;
  readonly isOpen: boolean;
  /** Says a word after all that was sent before; where the link breaks, nothing is said. */
  say(word: Word): void;
  /** A frame, with the link's back-pressure. Rejects as `Link.send` does. */
  send(frame: Uint8Array, signal: AbortSignal): Promise<void>;
}

export interface LinkListener {
  /** The other side's greeting, once, before anything else. Throws where it cannot be lived with. */
  greeted(link: AttachedLink, hello: WordOf<'hello'>): void;
  word(link: AttachedLink, word: Word): void;
  chunk(link: AttachedLink, chunk: ChunkFrame): void;
  /** Once, also where there was no greeting. */
  gone(link: AttachedLink, fault: Fault): void;
}

/**
 * Greets, and hands on what comes until the link ends. A side that says what is no message, or nothing for `limits.silenceMs` though it is
 * asked, loses the link.
 */
export function attachLink(link: Link, instance: string, clock: Clock, listener: LinkListener): AttachedLink {
  let isOpen = true;
  let isGreeted = false;
  let heardMs = clock.monotonic();
  const over = new AbortController();

  const attached: AttachedLink = {
    link,
    get path() {
      return link.path === 'relay' ? 'socket' : link.path;
    },
    get isOpen() {
      return isOpen && isGreeted;
    },
    say: (word) => {
      link.send(encodeWord(word)).catch(() => undefined);
    },
    send: (frame, signal) => link.send(frame, signal),
  };

  const end = (fault: Fault) => {
    if (!isOpen) return;
    isOpen = false;
    over.abort(fault);
    listener.gone(attached, fault);
  };

  const hear = (frame: Uint8Array) => {
    const message = decodeMessage(frame);
    if (!isGreeted) {
      if (message.kind !== 'word' || message.word.type !== 'hello') {
        throw new Fault('invalid', 'The other side spoke before it said hello');
      }
      agreedVersion(message.word);
      isGreeted = true;
      listener.greeted(attached, message.word);
      return;
    }
    if (message.kind === 'chunk') return listener.chunk(attached, message.chunk);
    const { word } = message;
    if (word.type === 'hello') throw new Fault('invalid', 'The other side said hello twice on one link');
    if (word.type === 'ping') attached.say({ type: 'pong', number: word.number });
    else if (word.type !== 'pong') listener.word(attached, word);
  };

  const read = async () => {
    for await (const frame of link.frames()) {
      heardMs = clock.monotonic();
      if (isOpen) hear(frame);
    }
    const reason = await link.closed;
    end(new Fault('network', `The link to ${link.peerId} has ended (${reason})`, { place: { endpoint: link.peerId } }));
  };

  const watch = async () => {
    for (let number = 0; !over.signal.aborted; number++) {
      await clock.sleep(limits.pingMs / 4, over.signal);
      const silentMs = clock.monotonic() - heardMs;
      if (silentMs >= limits.silenceMs) {
        throw new Fault('timeout', `Nothing was heard from ${link.peerId} for ${Math.round(silentMs / 1000)} s`, {
          place: { endpoint: link.peerId },
        });
      }
      if (silentMs >= limits.pingMs && isGreeted) attached.say({ type: 'ping', number });
    }
  };

  const giveUp = async (error: unknown) => {
    const fault = asFault(error);
    end(fault);
    await link.close(fault.message).catch(() => undefined);
  };

  attached.say({ type: 'hello', version: protocolVersion, oldest: oldestProtocolVersion, instance });
  read().catch(giveUp);
  watch().catch((error: unknown) => (isOpen ? giveUp(error) : undefined));
  return attached;
}
