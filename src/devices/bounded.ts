// Calls into an adapter that cannot take for ever: past their time they are told to stop, and left behind whether they listen or not.

import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';

/** How long what an adapter does may take, in milliseconds. */
export interface Patience {
  /** One look at which devices are there. */
  readonly discoverMs: number;
  readonly connectMs: number;
  /** A question about one file, a removal, a look at who is there. */
  readonly callMs: number;
  /** Between two files of a listing. */
  readonly listMs: number;
  /** Between two chunks of a file. */
  readonly chunkMs: number;
}

export const defaultPatience: Patience = {
  discoverMs: 15_000,
  connectMs: 20_000,
  callMs: 30_000,
  listMs: 120_000,
  chunkMs: 30_000,
};

export interface Bound {
  readonly clock: Clock;
  readonly ms: number;
  /** As it follows "too long": `to list Card A`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Rejects with `timeout` once `ms` have passed, and with the signal's reason once it is aborted, whatever `run` does then; `run`'s own
 * signal is aborted in both cases.
 */
export function bounded<Result>(bound: Bound, run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const { clock, ms, what, signal } = bound;
  const stop = new AbortController();
  const over = new AbortController();
  return new Promise<Result>((resolve, reject) => {
    const end = (reason: unknown) => {
      stop.abort(reason);
      reject(reason);
    };
    const aborted = () => end(signal?.reason);
    if (signal?.aborted) return end(signal.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    clock.sleep(ms, over.signal).then(
      () => end(new Fault('timeout', `It took too long ${what}: more than ${Math.round(ms / 1000)} s.`)),
      () => undefined,
    );
    Promise.resolve()
      .then(() => run(stop.signal))
      .then(resolve, reject)
      .finally(() => {
        over.abort();
        signal?.removeEventListener('abort', aborted);
      });
  });
}

/** What a sequence gives, each item within the time. It is not waited for when it is left early. */
export async function* boundedItems<Item>(
  bound: Bound,
  open: (signal: AbortSignal) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const stop = new AbortController();
  const { signal } = bound;
  const iterator = open(signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]))[
    Symbol.asyncIterator
  ]();
  try {
    for (;;) {
      const step = await bounded(bound, () => iterator.next());
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    stop.abort(new Fault('interrupted', 'The listing is no longer needed.'));
    iterator.return?.().catch(() => undefined);
  }
}
