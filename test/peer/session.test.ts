// A session: what one side sends arrives byte by byte on the other or is never shown, whatever happens on the way.

import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { loopback } from '../../src/links/loopback.ts';
import { decodeChunk, encodeChunk } from '../../src/model/chunk-frame.ts';
import { decodeMessage, encodeWord, limits, type Word } from '../../src/peer/messages.ts';
import { PathChoice } from '../../src/peer/path-choice.ts';
import { Session } from '../../src/peer/session.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import {
  chunkBytes,
  heldSource,
  holds,
  isChunk,
  join,
  type MemoryFile,
  type MemorySource,
  memoryFile,
  memorySource,
  nodeHash,
  type SessionPair,
  sessionPair,
  sha256,
} from './session-rig.ts';

const transferId = 'transfer-1';
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function pairOf(clock: FakeClock): SessionPair {
  const pair = sessionPair(clock);
  open.push(() => pair.close());
  return pair;
}

function choiceOf(clock: FakeClock) {
  return new PathChoice('auto', () => clock.monotonic());
}

function begin(pair: SessionPair, clock: FakeClock, source: MemorySource, into: MemoryFile) {
  const sending = pair.sender.send({ transferId, source, chunkBytes });
  const receiving = pair.receiver.receive({
    transferId,
    sizeBytes: source.sizeBytes,
    chunkBytes,
    into,
    choice: choiceOf(clock),
  });
  const ended = Promise.all([sending.ended, receiving.ended]);
  return { sending, receiving, ended };
}

describe('a file over one link', () => {
  test.each([0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3_000_000])('of %i bytes arrives', async (sizeBytes) => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const source = memorySource(randomBytes(sizeBytes));
    const into = memoryFile();
    const { ended, sending } = begin(pair, clock, source, into);
    const hash = sha256(source.bytes);
    expect(await clock.advanceUntil(ended)).toEqual([
      { kind: 'done', sha256: hash },
      { kind: 'done', sha256: hash },
    ]);
    expect(holds(into, source.bytes)).toBe(true);
    expect(sending.view).toMatchObject({ phase: 'done', bytesDone: sizeBytes });
    expect(source.readBytes).toBe(sizeBytes);
  });

  test('goes on after what was kept, and only that is sent; the hash is of the whole', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    let chunks = 0;
    join(pair, { fate: (frame) => (isChunk(frame) && chunks++ < 0 ? 'lose' : 'pass') });
    const bytes = randomBytes(20 * chunkBytes);
    const kept = bytes.subarray(0, 15 * chunkBytes + 100);
    const into = memoryFile({ kept, keptVersion: 'v1' });
    const { ended } = begin(pair, clock, memorySource(bytes), into);
    await clock.advanceUntil(ended);
    expect(holds(into, bytes)).toBe(true);
    expect(chunks).toBe(5);
  });

  test('that was kept of another content is begun anew', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const bytes = randomBytes(10 * chunkBytes);
    const into = memoryFile({ kept: randomBytes(5 * chunkBytes), keptVersion: 'v0' });
    const { ended } = begin(pair, clock, memorySource(bytes), into);
    await clock.advanceUntil(ended);
    expect(holds(into, bytes)).toBe(true);
    expect(into.restarts).toBe(1);
  });

  test('whose kept part has gone bad, of an unknown version, is begun anew once the hashes disagree', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const bytes = randomBytes(10 * chunkBytes);
    const into = memoryFile({ kept: randomBytes(5 * chunkBytes) });
    const { ended } = begin(pair, clock, memorySource(bytes), into);
    await clock.advanceUntil(ended);
    expect(holds(into, bytes)).toBe(true);
    expect(into.restarts).toBe(1);
  });
});

describe('chunks', () => {
  test('that come wrong are asked for again', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    const spoilt = new Set([0, 3, 4, 9]);
    let chunks = 0;
    join(pair, { fate: (frame) => (isChunk(frame) && spoilt.has(chunks++) ? 'spoil' : 'pass') });
    const source = memorySource(randomBytes(10 * chunkBytes));
    const into = memoryFile();
    await clock.advanceUntil(begin(pair, clock, source, into).ended);
    expect(holds(into, source.bytes)).toBe(true);
    expect(chunks).toBe(14);
  });

  test('that always come wrong end it with `corrupt` on both sides, and nothing is shown', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair, { fate: (frame) => (isChunk(frame) && decodeChunk(frame).header.chunk_index === 2 ? 'spoil' : 'pass') });
    const into = memoryFile();
    const outcomes = await clock.advanceUntil(begin(pair, clock, memorySource(randomBytes(100_000)), into).ended);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'failed', fault: { code: 'corrupt' } });
    expect(into.published).toBeUndefined();
    expect(into.isAbandoned).toBe(true);
  });

  test('that come twice are refused', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair, { fate: (frame) => (isChunk(frame) ? 'repeat' : 'pass') });
    const source = memorySource(randomBytes(10 * chunkBytes));
    const into = memoryFile();
    const { ended, receiving } = begin(pair, clock, source, into);
    await clock.advanceUntil(ended);
    expect(holds(into, source.bytes)).toBe(true);
    expect(receiving.refusedChunks).toBe(10);
  });

  test('that come in another order arrive', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair, { fate: (frame, index) => (isChunk(frame) && index % 3 === 0 ? 'swap' : 'pass') });
    const source = memorySource(randomBytes(30 * chunkBytes));
    const into = memoryFile();
    await clock.advanceUntil(begin(pair, clock, source, into).ended);
    expect(holds(into, source.bytes)).toBe(true);
  });

  test('are never further ahead than the window, where the receiver does not write', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    let chunks = 0;
    join(pair, { fate: (frame) => (isChunk(frame) && ++chunks < 0 ? 'lose' : 'pass') });
    const source = memorySource(randomBytes(limits.windowBytes * 2));
    const gate = Promise.withResolvers<void>();
    const file = memoryFile();
    const into = Object.assign(Object.create(file) as MemoryFile, {
      write: async (from: number, bytes: Uint8Array) => {
        await gate.promise;
        return file.write(from, bytes);
      },
    });
    const { ended } = begin(pair, clock, source, into);
    while (chunks < limits.windowBytes / chunkBytes) await clock.advance(100);
    await clock.advance(1_000);
    expect(chunks).toBe(limits.windowBytes / chunkBytes);
    gate.resolve();
    await clock.advanceUntil(ended);
    expect(holds(file, source.bytes)).toBe(true);
  });
});

/** The other side by hand: hears every word, says what the test says. */
function byHand(session: Session) {
  const pair = loopback('hand', 'session');
  session.attach(pair.second);
  const heard: Word[] = [];
  const read = (async () => {
    for await (const frame of pair.first.frames()) {
      const message = decodeMessage(frame);
      if (message.kind === 'word') heard.push(message.word);
    }
  })();
  const say = (word: Word) => pair.first.send(encodeWord(word));
  open.push(async () => {
    await pair.first.close('over');
    await read;
  });
  return { ...pair, heard, say, hello: () => say({ type: 'hello', version: 1, oldest: 1, instance: 'hand' }) };
}

describe('a receiver that is sent what it did not ask for', () => {
  async function asked(clock: FakeClock, into: MemoryFile) {
    const session = new Session({ peerId: 'hand', instance: 'i', clock, newHash: nodeHash });
    open.push(() => session.close('over'));
    const hand = byHand(session);
    await hand.hello();
    const receiving = session.receive({
      transferId,
      sizeBytes: 4 * chunkBytes,
      chunkBytes,
      into,
      choice: choiceOf(clock),
    });
    while (!hand.heard.some(({ type }) => type === 'want')) await clock.advance(100);
    const want = hand.heard.find((word) => word.type === 'want');
    const stream = want?.type === 'want' ? want.stream : 0;
    await hand.say({ type: 'begin', transferId, stream, from: 0, version: 'v1', sizeBytes: 4 * chunkBytes });
    const bytes = randomBytes(chunkBytes);
    const chunk = (change: Record<string, unknown> = {}, content: Uint8Array = bytes) =>
      hand.first.send(
        encodeChunk(
          {
            transfer_id: transferId,
            chunk_index: 0,
            total_chunks: 4,
            chunk_size: content.length,
            checksum: sha256(content),
            stream,
            ...change,
          },
          content,
        ),
      );
    return { session, hand, receiving, chunk };
  }

  test('takes what fits, which is the control', async () => {
    const clock = fakeClock();
    const into = memoryFile();
    const { chunk, receiving } = await asked(clock, into);
    await chunk();
    while (into.content.length === 0) await clock.advance(100);
    expect(receiving.refusedChunks).toBe(0);
  });

  test.each([
    ['an index out of range', { chunk_index: 3, total_chunks: 4 }, new Uint8Array(chunkBytes - 1)],
    ['another number of chunks', { total_chunks: 5 }, undefined],
    ['of a stream that is over', { stream: 0 }, undefined],
    ['of no stream', { stream: undefined }, undefined],
    ['beyond the window and the file', { chunk_index: 4, total_chunks: 5 }, undefined],
  ])('refuses a chunk with %s', async (_what, change, content) => {
    const clock = fakeClock();
    const into = memoryFile();
    const { chunk, receiving } = await asked(clock, into);
    await chunk(change, content);
    while (receiving.refusedChunks === 0) await clock.advance(100);
    expect(into.content.length).toBe(0);
  });

  test('refuses a chunk while it is paused', async () => {
    const clock = fakeClock();
    const into = memoryFile();
    const { chunk, receiving, hand } = await asked(clock, into);
    receiving.pause('person');
    await chunk();
    while (receiving.refusedChunks === 0) await clock.advance(100);
    expect(into.content.length).toBe(0);
    expect(hand.heard.at(-1)).toEqual({ type: 'pause', transferId, by: 'person' });
  });

  test('does nothing with chunks of a transfer that was not accepted', async () => {
    const clock = fakeClock();
    const into = memoryFile();
    const { chunk, hand } = await asked(clock, into);
    await chunk({ transfer_id: 'another' });
    await chunk();
    while (into.content.length === 0) await clock.advance(100);
    expect(hand.heard.some(({ type }) => type === 'wrong')).toBe(false);
  });

  test('gives a sender up that keeps sending the impossible', async () => {
    const clock = fakeClock();
    const into = memoryFile();
    const { chunk, receiving } = await asked(clock, into);
    for (let count = 0; count < 20; count++) await chunk({ total_chunks: 5 });
    expect(await clock.advanceUntil(receiving.ended)).toMatchObject({ kind: 'failed', fault: { code: 'corrupt' } });
  });

  test('shows nothing where the end says another hash, also at the second time', async () => {
    const clock = fakeClock();
    const session = new Session({ peerId: 'hand', instance: 'i', clock, newHash: nodeHash });
    open.push(() => session.close('over'));
    const hand = byHand(session);
    await hand.hello();
    const into = memoryFile();
    const receiving = session.receive({ transferId, sizeBytes: 0, chunkBytes, into, choice: choiceOf(clock) });
    let over = false;
    const ended = receiving.ended.finally(() => {
      over = true;
    });
    for (let answered = 0; !over; await clock.advance(100)) {
      const want = hand.heard.filter((word) => word.type === 'want')[answered];
      if (want === undefined) continue;
      answered += 1;
      const { stream } = want;
      await hand.say({ type: 'begin', transferId, stream, from: 0, version: 'v1', sizeBytes: 0 });
      await hand.say({ type: 'end', transferId, stream, version: 'v1', sizeBytes: 0, sha256: '0'.repeat(64) });
    }
    expect(await ended).toMatchObject({ kind: 'failed', fault: { code: 'corrupt' } });
    expect(into.published).toBeUndefined();
  });
});

describe('a link', () => {
  test('that breaks in the middle: it goes on over the next, and what was verified is not sent again', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    let sent = 0;
    const link = join(pair, { fate: (frame) => (isChunk(frame) && ++sent < 0 ? 'lose' : 'pass') });
    const { source, release } = heldSource(randomBytes(limits.windowBytes * 3), limits.windowBytes + 2_000_000);
    const into = memoryFile();
    const { ended, sending } = begin(pair, clock, source, into);
    while (into.content.length < limits.windowBytes) await clock.advance(10);
    link.lose();
    release();
    while (sending.view.phase !== 'waiting') await clock.advance(10);
    join(pair, { fate: (frame) => (isChunk(frame) && ++sent < 0 ? 'lose' : 'pass') });
    await clock.advanceUntil(ended);
    expect(holds(into, source.bytes)).toBe(true);
    expect(sent * chunkBytes - source.sizeBytes).toBeLessThanOrEqual(limits.windowBytes);
  });

  test('that swallows everything without breaking is noticed within 15 s, and another one takes over', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    let mute = false;
    const link = join(pair, { fate: () => (mute ? 'lose' : 'pass') });
    const { source, release } = heldSource(randomBytes(limits.windowBytes * 2), limits.windowBytes);
    const into = memoryFile();
    const { ended } = begin(pair, clock, source, into);
    while (into.content.length < limits.windowBytes / 2) await clock.advance(10);
    mute = true;
    release();
    const beganMs = clock.monotonic();
    await clock.advanceUntil(link.second.closed);
    expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(15_000);
    join(pair);
    await clock.advanceUntil(ended);
    expect(holds(into, source.bytes)).toBe(true);
  });

  test('on which the other side says garbage, or nothing that fits, is closed', async () => {
    const clock = fakeClock();
    for (const first of [
      Uint8Array.of(1, 2, 3),
      encodeWord({ type: 'ping', number: 1 }),
      encodeWord({ type: 'hello', version: 9, oldest: 9, instance: 'x' }),
    ]) {
      const session = new Session({ peerId: 'hand', instance: 'i', clock, newHash: nodeHash });
      open.push(() => session.close('over'));
      const hand = byHand(session);
      await hand.first.send(first);
      expect(await clock.advanceUntil(hand.first.closed)).toMatch(/chunk frame|before it said hello|version/);
    }
  });

  test('carries many transfers, both ways, side by side', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const all = Array.from({ length: 12 }, (_, index) => {
      const [from, to] = index % 2 === 0 ? [pair.sender, pair.receiver] : [pair.receiver, pair.sender];
      const source = memorySource(randomBytes(index * 40_000));
      const into = memoryFile();
      const id = `t${index}`;
      from.send({ transferId: id, source, chunkBytes });
      const { sizeBytes } = source;
      const { ended } = to.receive({ transferId: id, sizeBytes, chunkBytes, into, choice: choiceOf(clock) });
      return { source, into, ended };
    });
    await clock.advanceUntil(Promise.all(all.map(({ ended }) => ended)));
    for (const { source, into } of all) expect(holds(into, source.bytes)).toBe(true);
  });
});

describe('a person', () => {
  test.each(['sending', 'receiving'] as const)('pauses on the %s side, and resumes', async (side) => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const { source, release } = heldSource(randomBytes(limits.windowBytes * 2), 2_000_000);
    const into = memoryFile();
    const both = begin(pair, clock, source, into);
    while (into.content.length === 0) await clock.advance(10);
    both[side].pause('person');
    release();
    while (both.sending.view.phase !== 'paused' || both.receiving.view.phase !== 'paused') await clock.advance(10);
    await clock.advance(1_000);
    const { length } = into.content;
    await clock.advance(30_000);
    expect(into.content.length).toBe(length);
    both[side].resume();
    await clock.advanceUntil(both.ended);
    expect(holds(into, source.bytes)).toBe(true);
  });

  test.each(['sending', 'receiving'] as const)(
    'cancels on the %s side: nothing is shown, both are told why',
    async (side) => {
      const clock = fakeClock();
      const pair = pairOf(clock);
      join(pair);
      const into = memoryFile();
      const { source } = heldSource(randomBytes(limits.windowBytes * 2), 2_000_000);
      const both = begin(pair, clock, source, into);
      while (into.content.length === 0) await clock.advance(10);
      both[side].cancel('changed my mind');
      const outcomes = await clock.advanceUntil(both.ended);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ kind: 'cancelled', fault: { message: 'changed my mind' } });
      }
      expect(into.isAbandoned).toBe(true);
      expect(into.published).toBeUndefined();
    },
  );
});

describe('either side', () => {
  test('whose disk is full: it fails with `space`, and both are told', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const into = memoryFile({ roomBytes: 100_000 });
    const outcomes = await clock.advanceUntil(begin(pair, clock, memorySource(randomBytes(200_000)), into).ended);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'failed', fault: { code: 'space' } });
  });

  test('that starts anew: the sender gives its file again, and it goes on from what is verified', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const { source } = heldSource(randomBytes(limits.windowBytes * 2), 3_000_000);
    const into = memoryFile();
    const { receiving } = begin(pair, clock, source, into);
    while (into.content.length < limits.windowBytes / 2) await clock.advance(10);
    await pair.sender.close('reloaded');
    const { length } = into.content;
    const again = sessionPair(clock);
    open.push(() => again.close());
    let sent = 0;
    join(
      { sender: again.sender, receiver: pair.receiver },
      { fate: (frame) => (isChunk(frame) && ++sent < 0 ? 'lose' : 'pass') },
    );
    while (receiving.view.problem?.code !== 'not_found') await clock.advance(100);
    again.sender.send({ transferId, source: memorySource(source.bytes), chunkBytes });
    await clock.advanceUntil(receiving.ended);
    expect(holds(into, source.bytes)).toBe(true);
    expect(sent * chunkBytes).toBeLessThanOrEqual(source.sizeBytes - length + limits.windowBytes);
  });

  test('that starts anew: the receiver brings what it kept', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const { source, release } = heldSource(randomBytes(limits.windowBytes * 2), 3_000_000);
    const first = memoryFile();
    const { sending } = begin(pair, clock, source, first);
    while (first.content.length < limits.windowBytes / 2) await clock.advance(10);
    await pair.receiver.close('reloaded');
    release();
    const again = sessionPair(clock);
    open.push(() => again.close());
    const into = memoryFile({ kept: first.content, keptVersion: 'v1' });
    join({ sender: pair.sender, receiver: again.receiver });
    const { sizeBytes } = source;
    again.receiver.receive({ transferId, sizeBytes, chunkBytes, into, choice: choiceOf(clock) });
    expect(await clock.advanceUntil(sending.ended)).toMatchObject({ kind: 'done' });
    expect(holds(into, source.bytes)).toBe(true);
    expect(into.restarts).toBe(0);
  });
});

describe('a source that changes while it is sent', () => {
  function changing(before: Uint8Array, after: Uint8Array) {
    const state = { changed: false };
    const second = memorySource(after, { version: 'v2' });
    const first = memorySource(before, { version: 'v1', current: () => (state.changed ? second : first) });
    return { state, first, second };
  }

  test('is told and begun anew: what arrives is the new content', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const { state, first, second } = changing(randomBytes(3_000_000), randomBytes(3_000_000));
    const into = memoryFile();
    const { ended } = begin(pair, clock, first, into);
    state.changed = true;
    await clock.advanceUntil(ended);
    expect(holds(into, second.bytes)).toBe(true);
    expect(into.restarts).toBe(1);
  });

  test('into one of another size fails with `source_changed`', async () => {
    const clock = fakeClock();
    const pair = pairOf(clock);
    join(pair);
    const { state, first } = changing(randomBytes(3_000_000), randomBytes(10));
    const into = memoryFile();
    const { ended } = begin(pair, clock, first, into);
    state.changed = true;
    for (const outcome of await clock.advanceUntil(ended)) {
      expect(outcome).toMatchObject({ kind: 'failed', fault: { code: 'source_changed' } });
    }
    expect(into.published).toBeUndefined();
  });
});
