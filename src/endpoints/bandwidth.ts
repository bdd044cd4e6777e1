// A limit of bytes per second in shared memory: every thread that holds the memory takes its turn by it.

import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Virtual scheduling (the GCRA of ITU-T I.371): the memory holds until when the bytes so far are paid for. Whoever comes after
 * that moment goes on at once and moves it forward by what its bytes cost; whoever comes before it waits. No timer refills it.
 */

const rateAt = 0;
const paidUntilAt = 1;
const generationAt = 4;
/** Unused time that may be caught up: evens out sleeps that last too long. */
const burstNs = 100_000_000n;
const longestSleepMs = 100;

/** New memory, without a limit. */
export function newBandwidth(): SharedArrayBuffer {
  return new SharedArrayBuffer(24);
}

/** Bytes per second; null lifts the limit. Who waits feels it at once. */
export function setBandwidth(memory: SharedArrayBuffer, bytesPerSecond: number | null): void {
  const cells = new BigInt64Array(memory, 0, 2);
  const generation = new Int32Array(memory);
  Atomics.store(cells, rateAt, bytesPerSecond === null ? 0n : BigInt(Math.max(1, Math.round(bytesPerSecond))));
  Atomics.store(cells, paidUntilAt, process.hrtime.bigint());
  Atomics.add(generation, generationAt, 1);
  Atomics.notify(generation, generationAt);
}

/** Takes the turn for `count` bytes and returns 0, or takes nothing and returns the milliseconds until it is worth asking again (at most 100). */
export function takeBandwidth(memory: SharedArrayBuffer, count: number): number {
  const cells = new BigInt64Array(memory, 0, 2);
  for (;;) {
    const rate = Atomics.load(cells, rateAt);
    if (rate === 0n) return 0;
    const now = process.hrtime.bigint();
    const paidUntil = Atomics.load(cells, paidUntilAt);
    if (paidUntil > now) return Math.min(longestSleepMs, Math.max(1, Number((paidUntil - now) / 1_000_000n)));
    const from = paidUntil < now - burstNs ? now - burstNs : paidUntil;
    const next = from + (BigInt(count) * 1_000_000_000n) / rate;
    if (Atomics.compareExchange(cells, paidUntilAt, paidUntil, next) === paidUntil) return 0;
  }
}

/** Sleeps in this thread until `count` bytes are allowed or `stopped` says so, which it asks at least every 100 ms. For worker threads. */
export function waitBandwidth(memory: SharedArrayBuffer, count: number, stopped: () => boolean): void {
  const generation = new Int32Array(memory);
  while (!stopped()) {
    const seen = Atomics.load(generation, generationAt);
    const waitMs = takeBandwidth(memory, count);
    if (waitMs === 0) return;
    Atomics.wait(generation, generationAt, seen, waitMs);
  }
}

/** Resolves when `count` bytes are allowed, without blocking the thread; rejects with the signal's reason. */
export async function awaitBandwidth(memory: SharedArrayBuffer, count: number, signal?: AbortSignal): Promise<void> {
  for (let waitMs = takeBandwidth(memory, count); waitMs > 0; waitMs = takeBandwidth(memory, count)) {
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
  }
}
