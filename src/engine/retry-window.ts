// When a retry window began, by the clock of the wall: where somebody sets that ahead, no window is over sooner for it.

import type { Clock } from '../model/clock.ts';
import type { Change } from '../store/store.ts';

export interface RetryWindow {
  /** Takes up what an earlier process has noted. */
  remember(document: unknown): void;
  /** Looks whether the clock has been set ahead since the last look. */
  look(): void;
  /** What `queuedAt` would be had the clock never been set ahead since. */
  startOf(queuedAt: number): number;
}

interface Jump {
  /** By the clock as it was set, when it was noticed. */
  readonly at: number;
  readonly byMs: number;
}

export const retryWindowKey = { collection: 'engine', key: 'clock-set-ahead' } as const;

/** Smaller steps are the daily work of whatever keeps the clock right. */
const leastMs = 60_000;
const keptMs = 8 * 24 * 3_600_000;

export function createRetryWindow(parts: {
  readonly clock: Clock;
  readonly write: (changes: readonly Change[]) => Promise<unknown>;
}): RetryWindow {
  const { clock, write } = parts;
  let jumps: readonly Jump[] = [];
  let wallAt = clock.now();
  let monotonicAt = clock.monotonic();

  const look = () => {
    const wall = clock.now();
    const monotonic = clock.monotonic();
    const byMs = wall - wallAt - (monotonic - monotonicAt);
    wallAt = wall;
    monotonicAt = monotonic;
    if (byMs < leastMs) return;
    jumps = [...jumps.filter(({ at }) => at > wall - keptMs - byMs), { at: wall, byMs }];
    // Where it cannot be written now, windows are shorter after the next start: nothing is lost by that.
    void write([{ kind: 'put_document', ...retryWindowKey, value: jumps }]).catch(() => undefined);
  };

  return {
    remember: (document) => {
      if (Array.isArray(document)) jumps = document.filter(isJump);
    },
    look,
    startOf: (queuedAt) => {
      look();
      return jumps.reduce((start, { at, byMs }) => (queuedAt < at ? start + byMs : start), queuedAt);
    },
  };
}

function isJump(value: unknown): value is Jump {
  const { at, byMs } = (value ?? {}) as Partial<Jump>;
  return typeof at === 'number' && typeof byMs === 'number';
}
