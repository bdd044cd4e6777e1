// Live figures: rates over a sliding window, when progress is worth telling, and an ETA as a range with its cause.

import type { Eta } from '../model/event.ts';

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** The rate is that of the last ten seconds, or of as much as there is. */
export const windowMs = 10_000;
const sampleMs = 100;

/** Bytes over time, all times monotonic milliseconds. */
export interface RateWindow {
  /** The total so far; it may also fall (an attempt that starts again), which begins the window anew. */
  set(bytes: number, at: number): void;
  perSecond(at: number): number;
  /** Slowest and fastest second of the window; null before there are two seconds to compare. */
  spread(at: number): { readonly slowest: number; readonly fastest: number } | null;
}

export function createRateWindow(): RateWindow {
  let samples: Sample[] = [];
  const trim = (at: number) => {
    let drop = 0;
    while (drop < samples.length - 2 && (samples[drop + 1] as Sample).at <= at - windowMs) drop++;
    if (drop > 0) samples = samples.slice(drop);
  };
  const perSecond = (at: number) => {
    trim(at);
    const first = samples[0];
    const last = samples.at(-1);
    if (first === undefined || last === undefined) return 0;
    const spanMs = Math.max(at, last.at) - Math.max(first.at, at - windowMs);
    // A rate that is taken from less than a blink says nothing.
    return spanMs < sampleMs ? 0 : ((last.bytes - first.bytes) / spanMs) * 1000;
  };
  return {
    set: (bytes, at) => {
      const last = samples.at(-1);
      if (last !== undefined && bytes < last.bytes) samples = [];
      const before = samples.at(-2);
      if (before !== undefined && last !== undefined && bytes >= last.bytes && last.at - before.at < sampleMs)
        samples.pop();
      samples.push({ at, bytes });
      trim(at);
    },
    perSecond,
    spread: (at) => {
      trim(at);
      const rates: number[] = [];
      let start = samples[0];
      if (start === undefined) return null;
      for (const sample of samples) {
        if (sample.at - start.at < 1000) continue;
        rates.push(((sample.bytes - start.bytes) / (sample.at - start.at)) * 1000);
        start = sample;
      }
      return rates.length < 2 ? null : { slowest: Math.min(...rates), fastest: Math.max(...rates) };
    },
  };
}

/** Decides when progress is told: 1 s after the last time or 5 points further, and always at the end. */
export interface Throttle {
  due(bytes: number, sizeBytes: number | null, at: number): boolean;
}

export function createThrottle(everyMs = 1000, points = 5): Throttle {
  let toldAt = Number.NEGATIVE_INFINITY;
  let toldShare = 0;
  let toldBytes = -1;
  return {
    due: (bytes, sizeBytes, at) => {
      const share = sizeBytes === null || sizeBytes === 0 ? 0 : (bytes / sizeBytes) * 100;
      const atEnd = sizeBytes !== null && bytes >= sizeBytes && bytes !== toldBytes;
      if (!atEnd && at - toldAt < everyMs && share - toldShare < points) return false;
      toldAt = at;
      toldShare = share;
      toldBytes = bytes;
      return true;
    },
  };
}

export interface EtaFacts {
  /** Null while the whole is not known. */
  readonly leftBytes: number | null;
  readonly perSecond: number;
  readonly spread: { readonly slowest: number; readonly fastest: number } | null;
  /** Said where nothing else explains the range. */
  readonly cause: string;
  /** True where more may still come: then there is no upper bound. */
  readonly openEnded: boolean;
}

/** Never a single jumping number: from what the window's fastest second promises to what its slowest does. */
export function estimate({ leftBytes, perSecond, spread, cause, openEnded }: EtaFacts): Eta | null {
  if (leftBytes === 0 && !openEnded) return { fromSeconds: 0, toSeconds: 0, cause };
  if (leftBytes === null || perSecond <= 0) return { fromSeconds: null, toSeconds: null, cause };
  const fastest = Math.max(perSecond, spread?.fastest ?? perSecond * 1.1);
  const slowest = Math.min(perSecond, Math.max(spread?.slowest ?? perSecond * 0.8, perSecond / 4));
  return {
    fromSeconds: rounded(leftBytes / fastest),
    toSeconds: openEnded ? null : rounded(leftBytes / slowest),
    cause,
  };
}

/** To two figures: more would only flicker. */
function rounded(seconds: number): number {
  if (seconds < 10) return Math.ceil(seconds);
  const unit = 10 ** (Math.floor(Math.log10(seconds)) - 1);
  return Math.ceil(seconds / unit) * unit;
}

/** Bytes a second by key (endpoint, job), over the last seconds. */
export interface RateTable {
  add(key: string, bytes: number, at: number): void;
  read(at: number): Readonly<Record<string, number>>;
}

const tableWindowMs = 5_000;

export function createRateTable(): RateTable {
  const seconds = new Map<string, Map<number, number>>();
  return {
    add: (key, bytes, at) => {
      if (bytes <= 0) return;
      const second = Math.floor(at / 1000);
      const buckets = seconds.get(key) ?? new Map<number, number>();
      seconds.set(key, buckets);
      buckets.set(second, (buckets.get(second) ?? 0) + bytes);
    },
    read: (at) => {
      const rates: Record<string, number> = {};
      const oldest = Math.floor((at - tableWindowMs) / 1000);
      for (const [key, buckets] of seconds) {
        let sum = 0;
        for (const [second, bytes] of buckets) {
          if (second <= oldest) buckets.delete(second);
          else sum += bytes;
        }
        if (buckets.size === 0) seconds.delete(key);
        else rates[key] = sum / (tableWindowMs / 1000);
      }
      return rates;
    },
  };
}
