// Ids are unique and sorted by their making, whatever the clock does; sleeping can be ended.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clock, idSource, type Random, systemClock, systemRandom } from '../../src/model/clock.ts';

function clockThatShows(timesMs: readonly number[]): Clock {
  let at = 0;
  return { ...systemClock, now: () => timesMs[Math.min(at++, timesMs.length - 1)] ?? 0 };
}

describe('ids', () => {
  test('rise strictly, also when the clock stands still or is set back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 48 - 1000 }), { minLength: 1, maxLength: 40 }), (timesMs) => {
        const newId = idSource(clockThatShows(timesMs), systemRandom);
        let last = '';
        for (const _ of timesMs) {
          const id = newId();
          expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
          expect(id > last).toBe(true);
          last = id;
        }
      }),
    );
  });

  test('rise when the random part is used up within one millisecond', () => {
    const spent: Random = { next: () => 0, bytes: (count) => new Uint8Array(count).fill(255) };
    const newId = idSource(clockThatShows([5]), spent);
    const ids = [newId(), newId(), newId()];
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
  });

  test('begin with the time, so that a later one sorts behind an earlier one of another source', () => {
    const at = (timeMs: number) => idSource(clockThatShows([timeMs]), systemRandom)();
    expect(at(1_700_000_000_000) < at(1_700_000_000_001)).toBe(true);
    expect(at(0).slice(0, 10)).toBe('0000000000');
    expect(at(1_469_918_176_385).slice(0, 10)).toBe('01ARYZ6S41');
  });
});

describe('sleep', () => {
  test('resolves, and rejects with the reason when it is aborted', async () => {
    await systemClock.sleep(1);
    const controller = new AbortController();
    const sleeping = systemClock.sleep(3_000_000_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(systemClock.sleep(1, controller.signal)).rejects.toThrow('enough');
  });

  test('does not wake early from more milliseconds than one timer holds', async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(2 ** 32, controller.signal).then(
      () => 'woke',
      () => 'aborted',
    );
    await systemClock.sleep(20);
    controller.abort();
    expect(await sleeping).toBe('aborted');
  });
});
