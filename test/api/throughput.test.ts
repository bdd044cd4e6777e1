// Throughput over time: means by step, gaps where nothing was measured, and no more points than the span has.

import { expect, test } from 'vitest';
import { openThroughput, throughputSpans } from '../../src/api/throughput.ts';
import type { Clock } from '../../src/model/clock.ts';
import { throughputViewSchema } from '../../src/model/views.ts';

const base = Date.UTC(2026, 0, 1);

function rig() {
  let now = base;
  let rate = 0;
  const clock: Clock = { now: () => now, monotonic: () => now - base, sleep: () => Promise.resolve() };
  const throughput = openThroughput({ bytesPerSecond: () => rate, clock });
  return {
    throughput,
    sampleAt(seconds: number, bytesPerSecond: number) {
      now = base + seconds * 1000;
      rate = bytesPerSecond;
      throughput.sample();
    },
  };
}

test('a point is the mean of what was measured in its step, and a gap is a gap', () => {
  const { throughput, sampleAt } = rig();
  sampleAt(0, 100);
  sampleAt(2, 300);
  sampleAt(8, 500);
  const minutes = throughputViewSchema.parse(throughput.read('minutes'));
  expect(minutes.bytesPerSecond).toHaveLength(throughputSpans.minutes.points);
  expect(minutes.bytesPerSecond.slice(-5)).toEqual([100, 300, null, null, 500]);
  expect(minutes.until).toBe(new Date(base + 8000).toISOString());
  expect(throughput.read('hour').bytesPerSecond.slice(-2)).toEqual([null, 300]);
  throughput.close();
});

test('old points go, and a clock that is set back leaves nothing of the future', () => {
  const { throughput, sampleAt } = rig();
  for (let seconds = 0; seconds < 3600; seconds += 2) sampleAt(seconds, seconds);
  const before = throughput.read('minutes').bytesPerSecond;
  expect(before).toHaveLength(throughputSpans.minutes.points);
  expect(before[0]).toBe(3600 - throughputSpans.minutes.points * 2);
  sampleAt(100, 7);
  expect(throughput.read('minutes').bytesPerSecond.filter((value) => value !== null)).toEqual([7]);
  throughput.close();
});
