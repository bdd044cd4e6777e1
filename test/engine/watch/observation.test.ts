// When a watched file is empty, unstable, growing or stable.

import { describe, expect, test } from 'vitest';
import {
  growthRate,
  type Look,
  type Observation,
  type ObservationSettings,
  observe,
} from '../../../src/engine/watch/observation.ts';

const settings: ObservationSettings = {
  stableMs: 30_000,
  emptyMs: 300_000,
  growing: { minSizeBytes: 50_000_000, idleMs: 30_000 },
};

function look(second: number, sizeBytes: number, more: Partial<Look> = {}): Look {
  return { at: second * 1000, sizeBytes, mtimeMs: sizeBytes, identity: '1:1', ...more };
}

function watch(...looks: Look[]): Observation {
  let seen: Observation | undefined;
  for (const one of looks) seen = observe(seen, one, settings);
  if (seen === undefined) throw new Error('no looks');
  return seen;
}

describe('a file that stands still', () => {
  test('is unstable until size and mtime have not changed for stableSeconds', () => {
    expect(watch(look(0, 10), look(29.9, 10)).verdict).toBe('unstable');
    expect(watch(look(0, 10), look(30, 10)).verdict).toBe('stable');
  });

  test('starts anew when only the mtime moves', () => {
    expect(watch(look(0, 10), look(20, 10, { mtimeMs: 11 }), look(49, 10, { mtimeMs: 11 })).verdict).toBe('unstable');
    expect(watch(look(0, 10), look(20, 10, { mtimeMs: 11 }), look(50, 10, { mtimeMs: 11 })).verdict).toBe('stable');
  });

  test('is kept unstable by a writer that still has it open', () => {
    expect(watch(look(0, 10), look(100, 10, { writerOpen: true })).verdict).toBe('unstable');
    expect(watch(look(0, 10, { writerOpen: true }), look(100, 10, { writerOpen: false })).verdict).toBe('stable');
  });

  test('is stable at once where its end was seen', () => {
    expect(watch(look(0, 10, { finished: true })).verdict).toBe('stable');
    expect(watch(look(0, 0, { finished: true })).verdict).toBe('stable');
  });
});

describe('an empty file', () => {
  test('waits until it grows or has stood for emptySeconds', () => {
    expect(watch(look(0, 0), look(299, 0)).verdict).toBe('empty');
    expect(watch(look(0, 0), look(300, 0)).verdict).toBe('stable');
    expect(watch(look(0, 0), look(10, 5)).verdict).toBe('unstable');
  });

  test('waits on while a writer has it open', () => {
    expect(watch(look(0, 0), look(400, 0, { writerOpen: true })).verdict).toBe('empty');
  });
});

describe('a growing file', () => {
  test('is seen at the second look, from the smallest size on', () => {
    expect(watch(look(0, 50_000_000), look(5, 51_000_000)).verdict).toBe('growing');
    expect(watch(look(0, 49_000_000), look(5, 49_999_999)).verdict).toBe('unstable');
  });

  test('goes on over a pause shorter than idleSeconds and ends after it', () => {
    const grown = [look(0, 60_000_000), look(5, 70_000_000)] as const;
    expect(watch(...grown, look(34.9, 70_000_000)).verdict).toBe('growing');
    expect(watch(...grown, look(35, 70_000_000)).verdict).toBe('stable');
  });

  test('ends at the look that sees its writer gone', () => {
    const grown = [look(0, 60_000_000, { writerOpen: true }), look(5, 70_000_000, { writerOpen: true })] as const;
    expect(watch(...grown, look(60, 70_000_000, { writerOpen: true })).verdict).toBe('growing');
    expect(watch(...grown, look(10, 71_000_000, { writerOpen: false })).verdict).toBe('stable');
  });

  test('is not ended by a writer that was never seen', () => {
    expect(
      watch(
        look(0, 60_000_000),
        look(5, 70_000_000, { writerOpen: false }),
        look(10, 71_000_000, { writerOpen: false }),
      ).verdict,
    ).toBe('growing');
  });

  test('that shrinks or is replaced starts again and says so', () => {
    const grown = [look(0, 60_000_000), look(5, 70_000_000)] as const;
    expect(watch(...grown, look(10, 10_000_000))).toMatchObject({ verdict: 'unstable', replaced: true });
    expect(watch(...grown, look(10, 80_000_000, { identity: '1:2' }))).toMatchObject({
      verdict: 'unstable',
      replaced: true,
    });
    expect(watch(...grown, look(10, 10_000_000), look(15, 10_000_000)).replaced).toBe(false);
  });

  test('has a rate over a sliding window', () => {
    expect(growthRate(watch(look(0, 60_000_000)))).toBeNull();
    expect(growthRate(watch(look(0, 60_000_000), look(5, 110_000_000), look(10, 160_000_000)))).toBe(10_000_000);
  });
});

test('a clock that is set back makes nothing stable early and nothing wait for ever', () => {
  expect(watch(look(1000, 10), look(0, 10)).verdict).toBe('unstable');
  expect(watch(look(1000, 10), look(0, 10), look(30, 10)).verdict).toBe('stable');
});
