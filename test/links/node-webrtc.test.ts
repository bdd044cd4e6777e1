// Links by WebRTC between two ends in Node, over real sockets, do what every link does; and what their signals make of bad ones.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultWindowBytes } from '../../src/links/framed-link.ts';
import { type Link, lostReason } from '../../src/links/link.ts';
import { loadNodeWebrtc } from '../../src/links/node-webrtc.ts';
import type { RtcConstructor } from '../../src/links/rtc.ts';
import { openWebrtcLink, type WebrtcOptions } from '../../src/links/webrtc.ts';
import { maxSignalBytes, readSignal, type Signals, writeSignal } from '../../src/links/webrtc-signals.ts';
import { systemClock } from '../../src/model/clock.ts';
import { linkSuite, sameBytes } from '../support/link-conformance.ts';
import { content } from '../support/trees.ts';

let RTCPeerConnection: RtcConstructor;
let cleanUp: () => void;
beforeAll(async () => {
  const loaded = await loadNodeWebrtc();
  if ('unavailable' in loaded) throw new Error(loaded.unavailable);
  ({ RTCPeerConnection, cleanUp } = loaded);
});
afterAll(() => cleanUp());

/** Two ends of a way for signals, in order; what nobody listens to is lost. */
function signalPair(): readonly [Signals, Signals] {
  const hearers = [new Set<(message: Uint8Array) => void>(), new Set<(message: Uint8Array) => void>()] as const;
  const end = (mine: 0 | 1): Signals => ({
    async send(message) {
      const copy = new Uint8Array(message);
      setImmediate(() => {
        for (const hear of hearers[mine === 0 ? 1 : 0]) hear(copy);
      });
    },
    listen(receive) {
      hearers[mine].add(receive);
      return () => hearers[mine].delete(receive);
    },
  });
  return [end(0), end(1)];
}

let made = 0;
const optionsFor = (peerId: string, role: 'offer' | 'answer', signals: Signals): WebrtcOptions => ({
  peerId,
  role,
  signals,
  RTCPeerConnection,
  clock: systemClock,
  newId: () => `attempt-${++made}`,
});

async function pair(connections: number): Promise<readonly [Link, Link]> {
  const [here, there] = signalPair();
  return Promise.all([
    openWebrtcLink({ ...optionsFor('second', 'offer', here), connections }),
    openWebrtcLink(optionsFor('first', 'answer', there)),
  ]);
}

linkSuite(
  'a link by WebRTC in Node',
  async () => {
    const [first, second] = await pair(2);
    return { first, second, mostUnderWayBytes: defaultWindowBytes, dispose: async () => undefined };
  },
  { real: true },
);

test('an offer that nobody heard is made again, and says by which way its bytes go', async () => {
  const [here, there] = signalPair();
  const offering = openWebrtcLink(optionsFor('second', 'offer', here));
  // It began before there was anybody to listen.
  await new Promise<void>((resolve) => {
    const stop = there.listen(() => {
      stop();
      resolve();
    });
  });
  const [first, second] = await Promise.all([offering, openWebrtcLink(optionsFor('first', 'answer', there))]);
  expect([first.path, second.path]).toEqual(['direct', 'direct']);
  await first.close('seen');
  expect(await second.closed).toBe('seen');
});

test('who has begun anew loses the former link, and gets another one', async () => {
  const [here, there] = signalPair();
  const open = () => [
    openWebrtcLink(optionsFor('second', 'offer', here)),
    openWebrtcLink(optionsFor('first', 'answer', there)),
  ];
  const [first] = await Promise.all(open());
  // The page that answers was loaded again; the one that offered finds out by that.
  const anew = openWebrtcLink(optionsFor('first', 'answer', there));
  expect(await first?.closed).toBe(lostReason);
  const [third, fourth] = await Promise.all([openWebrtcLink(optionsFor('second', 'offer', here)), anew]);
  await third.send(content(1, 100_000));
  expect(sameBytes((await fourth.frames().next()).value, content(1, 100_000))).toBe(true);
  await fourth.close('seen');
  await third.closed;
});

test('nobody there, or a change of mind, ends the opening with a reason', async () => {
  const [here] = signalPair();
  await expect(openWebrtcLink({ ...optionsFor('nobody', 'offer', here), patienceMs: 100 })).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('no answer'),
  });
  const given = new AbortController();
  const opening = openWebrtcLink({ ...optionsFor('nobody', 'answer', here), signal: given.signal });
  given.abort(new Error('no longer wanted'));
  await expect(opening).rejects.toThrow('no longer wanted');
});

test('signals that make no sense are passed over', async () => {
  const offer = { kind: 'offer', attempt: 'a', connection: 0, round: 0, sdp: 'v=0' } as const;
  expect(readSignal(writeSignal(offer))).toEqual(offer);
  const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  for (const bad of [
    new Uint8Array(),
    new Uint8Array([0xff, 0xfe]),
    text({ ...offer, connection: 99 }),
    text({ ...offer, sdp: 'x'.repeat(30_000) }),
    text({ ...offer, kind: 'surprise' }),
    new Uint8Array(maxSignalBytes + 1).fill(32),
  ]) {
    expect(readSignal(bad)).toBeUndefined();
  }
  const [here, there] = signalPair();
  const opening = Promise.all([
    openWebrtcLink(optionsFor('second', 'offer', here)),
    openWebrtcLink(optionsFor('first', 'answer', there)),
  ]);
  await here.send(text({ kind: 'surprise' }));
  await here.send(writeSignal({ ...offer, attempt: 'of nobody', connection: 3, sdp: 'no description at all' }));
  await there.send(writeSignal({ kind: 'answer', attempt: 'of nobody', connection: 0, round: 0, sdp: 'nor this' }));
  const [first] = await opening;
  await first.close('seen');
});
