// A clock that only moves when a test moves it.

import { setTimeout as pass } from 'node:timers/promises';
import type { Clock } from '../../src/model/clock.ts';

export interface FakeClock extends Clock {
  /** Lets time pass; sleepers wake in the order of their times, and what they begin gets its turns in between. */
  advance(ms: number): Promise<void>;
  /** Lets time pass, a second at a time, until the promise is settled; threads are given real time to work. */
  advanceUntil<Result>(promise: Promise<Result>): Promise<Result>;
  /** The operator sets the clock: `now` jumps, durations do not. */
  setBack(ms: number): void;
  readonly sleepers: number;
}

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

export function fakeClock(startMs = Date.UTC(2026, 0, 5, 12)): FakeClock {
  let monotonic = 0;
  let offset = startMs;
  const sleepers = new Set<Sleeper>();

  let slept = 0;

  /** Loops that were woken have real work to do before they sleep again: threads to ask, commits to wait for. */
  const settle = async () => {
    const before = slept;
    for (let waits = 0; waits < 20 && slept === before; waits++) await pass(1);
  };

  const advance = async (ms: number) => {
    const end = monotonic + ms;
    for (;;) {
      const next = [...sleepers].filter((one) => one.until <= end).sort((one, other) => one.until - other.until)[0];
      if (next === undefined) break;
      sleepers.delete(next);
      monotonic = Math.max(monotonic, next.until);
      next.wake();
      await settle();
    }
    monotonic = end;
    await settle();
  };

  return {
    now: () => monotonic + offset,
    monotonic: () => monotonic,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const stop = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          until: monotonic + ms,
          wake: () => {
            signal?.removeEventListener('abort', stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        slept += 1;
        signal?.addEventListener('abort', stop, { once: true });
      }),
    advance,
    advanceUntil: async (promise) => {
      let settled = false;
      const done = promise.finally(() => {
        settled = true;
      });
      done.catch(() => undefined);
      while (!settled) await advance(1_000);
      return done;
    },
    setBack: (ms) => {
      offset -= ms;
    },
    get sleepers() {
      return sleepers.size;
    },
  };
}
