// What members tell each other through a server that reads, changes, repeats and mixes up whatever it likes.

import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Link } from '../../src/links/link.ts';
import { loopback } from '../../src/links/loopback.ts';
import { roomKeyOf } from '../../src/peer/room-keys.ts';
import { PairSeal } from '../../src/peer/seal.ts';
import { sealLink } from '../../src/peer/sealed-link.ts';

interface Side {
  readonly seal: PairSeal;
  readonly greetings: Uint8Array[];
}

async function side(me: string, them: string, secret: Uint8Array): Promise<Side> {
  const greetings: Uint8Array[] = [];
  const seal = new PairSeal({
    roomKey: await roomKeyOf(secret, 'studio'),
    me,
    them,
    random: (count) => randomBytes(count),
    greet: (greeting) => greetings.push(greeting),
  });
  return { seal, greetings };
}

/** Carries greetings to and fro until neither has anything more to say. */
async function acquaint(one: Side, two: Side): Promise<void> {
  while (one.greetings.length + two.greetings.length > 0) {
    for (const greeting of one.greetings.splice(0)) await two.seal.open('signal', greeting);
    for (const greeting of two.greetings.splice(0)) await one.seal.open('signal', greeting);
  }
}

async function pair(secret: Uint8Array = randomBytes(32)) {
  const anna = await side('anna', 'ben', secret);
  const ben = await side('ben', 'anna', secret);
  await anna.seal.begin();
  await acquaint(anna, ben);
  await Promise.all([anna.seal.ready(), ben.seal.ready()]);
  return { anna, ben, secret };
}

const hello = new TextEncoder().encode('hello');

describe('a sealed signal', () => {
  test('is read by the other side, and by nobody else', async () => {
    const { anna, ben } = await pair();
    const sealed = await anna.seal.seal('signal', hello);
    expect(Buffer.from(sealed).includes('hello')).toBe(false);
    expect(await ben.seal.open('signal', sealed)).toEqual(hello);
    await expect(anna.seal.open('signal', sealed)).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('is not taken twice, nor after a later one, nor for another purpose, nor with a changed byte', async () => {
    const { anna, ben } = await pair();
    const first = await anna.seal.seal('signal', hello);
    const second = await anna.seal.seal('signal', hello);
    const third = await anna.seal.seal('signal', hello);
    await ben.seal.open('signal', second);
    await expect(ben.seal.open('signal', second)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(ben.seal.open('signal', first)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(ben.seal.open('frame', third)).rejects.toMatchObject({ code: 'corrupt' });
    const spoilt = third.slice();
    spoilt[20] = (spoilt[20] ?? 0) ^ 1;
    await expect(ben.seal.open('signal', spoilt)).rejects.toMatchObject({ code: 'corrupt' });
    expect(await ben.seal.open('signal', third)).toEqual(hello);
  });

  test('of two at the same time is taken once, also where it is the same one', async () => {
    const { anna, ben } = await pair();
    const sealed = await anna.seal.seal('signal', hello);
    const both = await Promise.allSettled([ben.seal.open('signal', sealed), ben.seal.open('signal', sealed)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('of an earlier start of either side is worth nothing', async () => {
    const { anna, ben, secret } = await pair();
    const old = await anna.seal.seal('signal', hello);
    const reloaded = await side('ben', 'anna', secret);
    await reloaded.seal.begin();
    await acquaint(reloaded, anna);
    await expect(reloaded.seal.open('signal', old)).rejects.toMatchObject({ code: 'corrupt' });
    expect(await reloaded.seal.open('signal', await anna.seal.seal('signal', hello))).toEqual(hello);
    expect(ben.greetings).toEqual([]);
  });

  test('is not taken again after a greeting was played again', async () => {
    const secret = randomBytes(32);
    const anna = await side('anna', 'ben', secret);
    const ben = await side('ben', 'anna', secret);
    await anna.seal.begin();
    const [greeting = new Uint8Array()] = anna.greetings;
    await acquaint(anna, ben);
    const sealed = await anna.seal.seal('signal', hello);
    await ben.seal.open('signal', sealed);
    const reloaded = await side('anna', 'ben', secret);
    await reloaded.seal.begin();
    await acquaint(reloaded, ben);
    await ben.seal.open('signal', greeting);
    await expect(ben.seal.open('signal', sealed)).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('of somebody without the secret is refused from the greeting on', async () => {
    const anna = await side('anna', 'ben', randomBytes(32));
    const ben = await side('ben', 'anna', randomBytes(32));
    await anna.seal.begin();
    await expect(ben.seal.open('signal', anna.greetings[0] ?? new Uint8Array())).rejects.toMatchObject({
      code: 'corrupt',
    });
    await expect(ben.seal.seal('signal', hello)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a sealed link', () => {
  test('brings frames in order, unread by whoever carries them', async () => {
    const { anna, ben } = await pair();
    const carried: Uint8Array[] = [];
    const { first, second } = loopback('anna', 'ben');
    const spied: Link = {
      ...{ peerId: first.peerId, kind: first.kind, path: first.path, closed: first.closed },
      send: (frame) => {
        carried.push(frame.slice());
        return first.send(frame);
      },
      frames: () => first.frames(),
      close: (reason) => first.close(reason),
      traffic: () => first.traffic(),
    };
    const one = sealLink(spied, anna.seal);
    const two = sealLink(second, ben.seal);
    const frames = Array.from({ length: 50 }, (_, index) => randomBytes(index * 31));
    const sending = Promise.all(frames.map((frame) => one.send(frame)));
    const got: Uint8Array[] = [];
    for await (const frame of two.frames()) {
      got.push(frame);
      if (got.length === frames.length) break;
    }
    await sending;
    expect(got.map((frame) => Buffer.from(frame))).toEqual(frames);
    expect(carried.some((frame) => Buffer.from(frame).includes(frames[40] ?? ''))).toBe(false);
    await one.close('over');
  });

  test('is closed where a frame was changed', async () => {
    const { anna, ben } = await pair();
    const { first, second } = loopback('anna', 'ben');
    const two = sealLink(second, ben.seal);
    const sealed = await anna.seal.seal('frame', hello);
    sealed[15] = (sealed[15] ?? 0) ^ 1;
    await first.send(sealed);
    await expect(two.frames().next()).rejects.toMatchObject({ code: 'corrupt' });
    expect(await two.closed).toBe('misbehaved');
  });
});
