// The link that runs over lanes, over lanes in memory: several, some late, silent, broken, or with a stranger at the other end.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultWindowBytes, FramedLink } from '../../src/links/framed-link.ts';
import { costOfPiece } from '../../src/links/incoming-pieces.ts';
import { lostReason, maxFrameBytes, misbehavedReason } from '../../src/links/link.ts';
import { type LinkMessage, readMessage, writeMessage } from '../../src/links/link-messages.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { type LinkSubject, linkSuite, sameBytes } from '../support/link-conformance.ts';
import { type LanePair, memoryLanes } from '../support/memory-lanes.ts';
import { content } from '../support/trees.ts';

const rigs = new WeakMap<LinkSubject, ReturnType<typeof rig>>();

function rig(lanes = 1, late?: () => number) {
  const clock = fakeClock();
  const pairs: LanePair[] = Array.from({ length: lanes }, () => memoryLanes(late));
  const link = (peerId: string) => new FramedLink({ peerId, kind: 'loopback', path: () => 'direct', clock });
  const [first, second] = [link('second'), link('first')];
  for (const pair of pairs) {
    first.addLane(pair.first);
    second.addLane(pair.second);
  }
  return { clock, pairs, first, second };
}

const piece = (number: number, last: boolean, bytes: Uint8Array) =>
  writeMessage({ kind: 'piece', number, last, bytes });
const garbage: Record<string, Uint8Array> = {
  nothing: new Uint8Array(),
  'a kind that there is not': new Uint8Array([9, 1, 2, 3]),
  'text of another protocol': new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'),
  'a piece without its header': new Uint8Array([1, 1, 0]),
  'a piece with flags that there are not': piece(0, true, content(1, 9)).map((byte, at) => (at === 1 ? 3 : byte)),
  'an empty piece that is not the last': piece(0, false, new Uint8Array()),
  'a piece from before': piece(0xff_ff_ff_ff, true, content(1, 10)),
  'a piece from far ahead': piece(100_000, true, content(1, 10)),
  'a frame that is too long': piece(0, true, new Uint8Array(maxFrameBytes + 1)),
  'more read than was sent': writeMessage({ kind: 'read', costBytes: 1 }),
  'a count that is none': new Uint8Array([2, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
  'a goodbye that is no text': new Uint8Array([5, 0, 0, 0, 0, 0, 0xff, 0xfe]),
  'a goodbye without an end': new Uint8Array(10_000).fill(65).fill(5, 0, 1).fill(0, 1, 6),
};

for (const lanes of [1, 4]) {
  linkSuite(
    `a link over ${lanes === 1 ? 'one lane' : `${lanes} lanes`}`,
    async () => {
      let turn = 0;
      // Each message waits another time, so that lanes overtake one another.
      const made = rig(lanes, lanes === 1 ? undefined : () => (turn = (turn * 5 + 3) % 4));
      const subject = {
        first: made.first,
        second: made.second,
        mostUnderWayBytes: defaultWindowBytes,
        dispose: async () => undefined,
      };
      rigs.set(subject, made);
      return subject;
    },
    {
      faults: {
        async silence(subject) {
          const made = rigs.get(subject);
          for (const pair of made?.pairs ?? []) pair.silence();
          await made?.clock.advance(15_000);
        },
        inject: (subject, message) => rigs.get(subject)?.pairs[0]?.second.inject(message),
        garbage,
      },
    },
  );
}

test('a link that hears something now and then is not given up, however long nobody sends', async () => {
  const { clock, first, second } = rig();
  await clock.advance(120_000);
  await first.send(content(1, 10));
  expect((await second.frames().next()).value).toEqual(new Uint8Array(content(1, 10)));
  expect(first.traffic().roundTripMs).toBeDefined();
  await first.close('done');
});

test('one lane of several that falls silent ends the link: the rest could not be put in order without it', async () => {
  const { clock, pairs, first, second } = rig(3);
  pairs[1]?.silence();
  await clock.advance(15_000);
  expect(await Promise.all([first.closed, second.closed])).toEqual([lostReason, lostReason]);
});

test('a lane that breaks ends the link at once, and whoever waits is told', async () => {
  const { pairs, first, second } = rig(2);
  const waiting = second.frames().next();
  pairs[0]?.lose();
  expect(await Promise.all([first.closed, second.closed])).toEqual([lostReason, lostReason]);
  expect(await waiting).toEqual({ done: true, value: undefined });
});

test('goodbye waits for an answer 3 s at most', async () => {
  const { clock, pairs, first } = rig();
  pairs[0]?.silence();
  const closing = first.close('going');
  await clock.advance(3_000);
  await closing;
  expect(await first.closed).toBe('going');
});

test('a lane that comes later takes its share, and order holds', async () => {
  const { first, second } = rig(1);
  const later = memoryLanes();
  const reader = second.frames();
  const sent = Array.from({ length: 40 }, (_, at) => content(at, 100_000));
  const sending = (async () => {
    for (const [at, frame] of sent.entries()) {
      if (at === 10) {
        first.addLane(later.first);
        second.addLane(later.second);
      }
      await first.send(frame);
    }
  })();
  for (const frame of sent) expect(sameBytes((await reader.next()).value, frame)).toBe(true);
  await sending;
  expect(first.lanes).toBe(2);
});

test('who sends past the window is not listened to: memory has a bound that the sender does not set', async () => {
  const { pairs, first } = rig();
  const frame = content(1, 65_536);
  // Up to the window it may.
  let number = 0;
  for (; (number + 2) * costOfPiece(frame.length) <= defaultWindowBytes; number++)
    pairs[0]?.second.inject(piece(number, true, frame));
  const reader = first.frames();
  expect(sameBytes((await reader.next()).value, frame)).toBe(true);
  for (let more = 0; more < 3; more++) pairs[0]?.second.inject(piece(number++, true, frame));
  expect(await first.closed).toBe(misbehavedReason);
});

test('the other side of one that misbehaved is told so', async () => {
  const { pairs, first, second } = rig();
  pairs[0]?.second.inject(new Uint8Array([77]));
  expect(await first.closed).toBe(misbehavedReason);
  expect(await second.closed).toBe(misbehavedReason);
});

test('messages are read as they were written, and nothing throws whatever the bytes', () => {
  const uint32 = fc.integer({ min: 0, max: 0xff_ff_ff_ff });
  const messages: fc.Arbitrary<LinkMessage> = fc.oneof(
    fc
      .record({ number: uint32, last: fc.boolean(), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) })
      .map((piece) => ({ kind: 'piece' as const, ...piece })),
    fc.record({ costBytes: fc.maxSafeNat() }).map((read) => ({ kind: 'read' as const, ...read })),
    fc.record({ kind: fc.constantFrom('ask' as const, 'answer' as const), id: uint32 }),
    fc
      .record({ pieces: uint32, hasAll: fc.boolean(), reason: fc.string({ unit: 'grapheme', maxLength: 60 }) })
      .map((bye) => ({ kind: 'bye' as const, ...bye })),
  );
  fc.assert(
    fc.property(messages, (message) => {
      expect(readMessage(writeMessage(message))).toEqual(message);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 6 }), (bytes, kind) => {
      const message = new Uint8Array([kind, ...bytes]);
      const read = readMessage(message);
      if (read !== undefined) expect(writeMessage(read)).toEqual(message);
    }),
    { numRuns: 2_000 },
  );
});
