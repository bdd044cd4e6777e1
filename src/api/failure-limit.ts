// How often an address may fail to say who it is.

import type { Clock } from '../model/clock.ts';

const windowMs = 60_000;
const mostFailures = 20;
const mostAddresses = 10_000;

export interface FailureLimit {
  /** Counts one failure. */
  failed(address: string): void;
  /** True where the address has failed too often within the last minute. */
  exceeded(address: string): boolean;
  /** Whole seconds until it may try again. */
  retryAfterSeconds(address: string): number;
}

export function failureLimit(clock: Clock): FailureLimit {
  const windows = new Map<string, { count: number; endsAt: number }>();
  const current = (address: string) => {
    const window = windows.get(address);
    if (window !== undefined && window.endsAt > clock.monotonic()) return window;
    windows.delete(address);
    return undefined;
  };
  return {
    failed(address) {
      const window = current(address);
      if (window !== undefined) {
        window.count += 1;
        return;
      }
      if (windows.size >= mostAddresses) {
        const [oldest] = windows.keys();
        if (oldest !== undefined) windows.delete(oldest);
      }
      windows.set(address, { count: 1, endsAt: clock.monotonic() + windowMs });
    },
    exceeded: (address) => (current(address)?.count ?? 0) >= mostFailures,
    retryAfterSeconds: (address) =>
      Math.max(1, Math.ceil(((current(address)?.endsAt ?? 0) - clock.monotonic()) / 1000)),
  };
}
