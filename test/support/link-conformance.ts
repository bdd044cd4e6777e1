// What every link must do, whatever it runs over, and how it must behave when the line or the other side does not.

import { setTimeout as pass } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  deadLinkMs,
  type Link,
  lostReason,
  maxFrameBytes,
  maxReasonLength,
  misbehavedReason,
} from '../../src/links/link.ts';
import { content } from './trees.ts';

export interface LinkSubject {
  readonly first: Link;
  readonly second: Link;
  /** What may be under way, in frames' bytes, while nobody reads. */
  readonly mostUnderWayBytes: number;
  dispose(): Promise<void>;
}

/** Faults of which some lines know nothing: within one process nothing falls silent, and no stranger writes. */
export interface FaultyLine {
  /** From now on nothing goes through and nobody is told; lets time pass where that is handed in. */
  silence(subject: LinkSubject): Promise<void>;
  /** Has the second side send that to the first, past its link. */
  inject(subject: LinkSubject, message: Uint8Array): Promise<void> | void;
  /** Messages that no link sends, by what is wrong with them. */
  readonly garbage: Readonly<Record<string, Uint8Array>>;
}

/** `open` gives a new pair of connected links for each test. */
export function linkSuite(
  name: string,
  open: () => Promise<LinkSubject>,
  line: { readonly real?: boolean; readonly faults?: FaultyLine } = {},
): void {
  describe(name, () => {
    let subject: LinkSubject;
    let first: Link;
    let second: Link;
    beforeEach(async () => {
      subject = await open();
      ({ first, second } = subject);
    });
    afterEach(async () => {
      await Promise.all([first.close('the test is over'), second.close('the test is over')]);
      await subject.dispose();
    });

    describe('frames', () => {
      test('arrive whole and in order, whatever their size, both ways at once', async () => {
        const edges = [0, 1, 2, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 1_048_576, maxFrameBytes];
        const sizes = fc.array(fc.oneof(fc.constantFrom(...edges), fc.nat({ max: 5_000 })), {
          minLength: 1,
          maxLength: 12,
        });
        const oneWay = async (
          from: Link,
          reader: AsyncIterator<Uint8Array>,
          lengths: readonly number[],
          seed: number,
        ) => {
          const sent = lengths.map((length, at) => content(seed + at, length));
          const sending = (async () => {
            for (const frame of sent) await from.send(frame);
          })();
          for (const [at, frame] of sent.entries()) {
            const { value } = await reader.next();
            expect(sameBytes(value, frame), `frame ${at} of ${lengths}`).toBe(true);
          }
          await sending;
        };
        const [firstReads, secondReads] = [first.frames(), second.frames()];
        await oneWay(first, secondReads, edges, 1);
        await fc.assert(
          fc.asyncProperty(sizes, sizes, fc.nat(1_000), async (there, back, seed) => {
            await Promise.all([oneWay(first, secondReads, there, seed), oneWay(second, firstReads, back, seed + 50)]);
          }),
          { numRuns: line.real ? 4 : 10 },
        );
      });

      test('keep the order of the calls, also where nobody awaits', async () => {
        const count = 200;
        const sending = Promise.all(
          Array.from({ length: count }, (_, at) => first.send(content(at, 1 + ((at * 7919) % 30_000)))),
        );
        const reader = second.frames();
        for (let at = 0; at < count; at++) {
          const { value } = await reader.next();
          expect(sameBytes(value, content(at, 1 + ((at * 7919) % 30_000)))).toBe(true);
        }
        await sending;
      });

      test('may be written over once they are sent', async () => {
        const frame = content(1, 300_000);
        await first.send(frame);
        frame.fill(0);
        const { value } = await second.frames().next();
        expect(sameBytes(value, content(1, 300_000))).toBe(true);
      });

      test('too long are refused, and the link goes on', async () => {
        await expect(first.send(new Uint8Array(maxFrameBytes + 1))).rejects.toMatchObject({ code: 'invalid' });
        await first.send(content(1, 10));
        expect((await second.frames().next()).value).toEqual(new Uint8Array(content(1, 10)));
      });

      test('are read by one reader at a time; the next goes on where one left', async () => {
        for (let at = 0; at < 4; at++) await first.send(content(at, 100));
        for await (const frame of second.frames()) {
          expect(frame).toEqual(new Uint8Array(content(0, 100)));
          expect(() => second.frames()).toThrow(expect.objectContaining({ code: 'state_conflict' }));
          break;
        }
        for await (const frame of second.frames()) {
          expect(frame).toEqual(new Uint8Array(content(1, 100)));
          break;
        }
        expect((await second.frames().next()).value).toEqual(new Uint8Array(content(2, 100)));
      });

      test('are counted', async () => {
        const reader = second.frames();
        for (const length of [10, 0, 400_000]) {
          await first.send(content(1, length));
          await reader.next();
        }
        expect(first.traffic().sentBytes).toBe(400_010);
        expect(second.traffic().receivedBytes).toBe(400_010);
      });
    });

    describe('back-pressure', () => {
      const frameBytes = 262_144;

      /** Sends until nothing moves any more, and how many frames that took. */
      const fill = async (most: number) => {
        let sent = 0;
        let stuck: Promise<void> | undefined;
        while (sent < most && stuck === undefined) {
          const sending = first.send(content(sent, frameBytes));
          const moved = await Promise.race([sending.then(() => true), stillness()]);
          if (moved) sent++;
          else stuck = sending;
        }
        return { sent, stuck };
      };
      const stillness = () => pass(line.real ? 600 : 300, false);

      test('a reader that stops stops the sender; one that goes on gets everything', async () => {
        const most = Math.ceil((subject.mostUnderWayBytes * 2) / frameBytes) + 4;
        const { sent, stuck } = await fill(most);
        expect(stuck, `all of ${most} frames were taken`).toBeDefined();
        expect(sent * frameBytes).toBeLessThanOrEqual(subject.mostUnderWayBytes);
        const reader = second.frames();
        for (let at = 0; at <= sent; at++) {
          expect(sameBytes((await reader.next()).value, content(at, frameBytes)), `frame ${at}`).toBe(true);
        }
        await stuck;
      });

      test('empty frames have an end, too', async () => {
        let sent = 0;
        const most = 4 + subject.mostUnderWayBytes / 256;
        for (let left = false; !left && sent < most; ) {
          const sending = first.send(new Uint8Array());
          const moved = await Promise.race([sending.then(() => true), stillness()]);
          if (moved) sent++;
          else {
            sending.catch(() => undefined);
            left = true;
          }
        }
        expect(sent).toBeLessThan(most);
      });

      test('the other way stays open', async () => {
        const { stuck } = await fill(1_000);
        stuck?.catch(() => undefined);
        await second.send(content(7, 1_000_000));
        expect(sameBytes((await first.frames().next()).value, content(7, 1_000_000))).toBe(true);
      });

      test('who waits may give up, and nothing of that frame arrives', async () => {
        const { sent, stuck } = await fill(1_000);
        const given = new AbortController();
        const mine = first.send(content(99, 5_000), given.signal);
        const after = first.send(content(100, 5_000));
        given.abort(new Error('no longer wanted'));
        await expect(mine).rejects.toThrow('no longer wanted');
        await expect(first.send(content(1, 1), given.signal)).rejects.toThrow('no longer wanted');
        const reader = second.frames();
        for (let at = 0; at <= sent; at++) await reader.next();
        expect(sameBytes((await reader.next()).value, content(100, 5_000))).toBe(true);
        await Promise.all([stuck, after]);
      });

      test('who waits is told when the link closes', async () => {
        const { stuck } = await fill(1_000);
        const refused = expect(stuck).rejects.toMatchObject({ code: 'network' });
        await second.close('enough');
        await refused;
        expect(await first.closed).toBe('enough');
      });
    });

    describe('closing', () => {
      test('tells both sides why, and what was sent before arrives', async () => {
        for (let at = 0; at < 3; at++) await first.send(content(at, 200_000));
        await first.close('all is said');
        expect(await first.closed).toBe('all is said');
        expect(await second.closed).toBe('all is said');
        let at = 0;
        for await (const frame of second.frames()) expect(sameBytes(frame, content(at++, 200_000))).toBe(true);
        expect(at).toBe(3);
        for (const link of [first, second]) {
          await expect(link.send(content(1, 1))).rejects.toMatchObject({
            code: 'network',
            message: expect.stringContaining('all is said'),
          });
        }
        await first.close('once more');
        expect(await first.closed).toBe('all is said');
      });

      test('ends a reader that waits', async () => {
        const waiting = second.frames().next();
        await first.close('nothing to say');
        expect(await waiting).toEqual({ done: true, value: undefined });
      });

      test('cuts a reason that is too long', async () => {
        await first.close('é'.repeat(5_000));
        expect(await second.closed).toBe('é'.repeat(maxReasonLength));
      });

      test('from both sides at once has an end', async () => {
        await Promise.all([first.close('mine'), second.close('yours')]);
        expect(['mine', 'yours']).toContain(await first.closed);
        expect(['mine', 'yours']).toContain(await second.closed);
      });
    });

    const { faults } = line;
    if (faults === undefined) return;
    describe('a line that goes wrong', () => {
      test(`and falls silent is found out within ${deadLinkMs / 1_000} s`, async () => {
        const reader = second.frames();
        await first.send(content(1, 1_000));
        await reader.next();
        await faults.silence(subject);
        expect(await first.closed).toBe(lostReason);
        expect(await second.closed).toBe(lostReason);
        await expect(first.send(content(1, 1))).rejects.toMatchObject({ code: 'network' });
        expect(await reader.next()).toEqual({ done: true, value: undefined });
      });

      test.each(Object.entries(faults.garbage))(
        'and brings %s is closed, and no frame comes of it',
        async (_, message) => {
          await faults.inject(subject, message);
          expect(await first.closed).toBe(misbehavedReason);
          expect(await first.frames().next()).toEqual({ done: true, value: undefined });
        },
      );
    });
  });
}

export function sameBytes(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && one.length === other.length && Buffer.compare(one, other) === 0;
}
