// How often something may happen within a minute, for each of many keys: an address that guesses, a member that floods.

import type { Clock } from '../model/clock.ts';

const windowMs = 60_000;
const mostKeys = 10_000;

export interface WindowLimit {
  /** Counts one. */
  count(key: string): void;
  /** True where it has happened as often as it may within this minute. */
  exceeded(key: string): boolean;
  /** Whole seconds until it may happen again. */
  retryAfterSeconds(key: string): number;
}

/** `most` is asked each time: it may change. */
export function windowLimit(clock: Clock, most: () => number): WindowLimit {
  const windows = new Map<string, { count: number; endsAt: number }>();
  const current = (key: string) => {
    const window = windows.get(key);
    if (window !== undefined && window.endsAt > clock.monotonic()) return window;
    windows.delete(key);
    return undefined;
  };
  return {
    count(key) {
      const window = current(key);
      if (window !== undefined) {
        window.count += 1;
        return;
      }
      if (windows.size >= mostKeys) {
        const [oldest] = windows.keys();
        if (oldest !== undefined) windows.delete(oldest);
      }
      windows.set(key, { count: 1, endsAt: clock.monotonic() + windowMs });
    },
    exceeded: (key) => (current(key)?.count ?? 0) >= most(),
    retryAfterSeconds: (key) => Math.max(1, Math.ceil(((current(key)?.endsAt ?? 0) - clock.monotonic()) / 1000)),
  };
}
