// A retry window is not over sooner because somebody has set the clock ahead, in this process or in the one before.

import { expect, test } from 'vitest';
import { createRetryWindow } from '../../src/engine/retry-window.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Change } from '../../src/store/store.ts';

const dayMs = 24 * 3_600_000;

function rig() {
  const time = { wall: 1_000_000_000_000, monotonic: 0 };
  const clock: Clock = {
    now: () => time.wall,
    monotonic: () => time.monotonic,
    sleep: () => Promise.resolve(),
  };
  const written: Change[] = [];
  const open = () => createRetryWindow({ clock, write: async (changes) => void written.push(...changes) });
  const pass = (ms: number) => {
    time.wall += ms;
    time.monotonic += ms;
  };
  return { time, open, pass, written };
}

test('time that passes counts, a clock that is set ahead does not', () => {
  const { time, open, pass } = rig();
  const window = open();
  const queuedAt = time.wall;
  pass(dayMs);
  expect(window.startOf(queuedAt)).toBe(queuedAt);
  time.wall += 730 * dayMs;
  pass(60_000);
  expect(time.wall - window.startOf(queuedAt)).toBe(dayMs + 60_000);
  const later = time.wall + 1_000;
  pass(dayMs);
  expect(window.startOf(later)).toBe(later);
});

test('small steps, and a clock that is set back, change nothing', () => {
  const { time, open, written } = rig();
  const window = open();
  const queuedAt = time.wall;
  time.wall += 30_000;
  window.look();
  time.wall -= dayMs;
  expect(window.startOf(queuedAt)).toBe(queuedAt);
  expect(written).toEqual([]);
});

test('what was noticed outlives the process', () => {
  const { time, open, written } = rig();
  const queuedAt = time.wall;
  const first = open();
  time.wall += 730 * dayMs;
  first.look();
  const document = written.flatMap((change) => (change.kind === 'put_document' ? [change.value] : [])).at(-1);
  const second = open();
  second.remember(JSON.parse(JSON.stringify(document)));
  expect(time.wall - second.startOf(queuedAt)).toBe(0);
  second.remember('nonsense');
  expect(time.wall - second.startOf(queuedAt)).toBe(0);
});
