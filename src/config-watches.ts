// Brings the daemon's watches in line with its configuration: new ones begin, changed ones begin anew, removed ones end, and what cannot begin yet is tried again.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Parts } from './compose.ts';
import type { EngineLog } from './engine/engine-parts.ts';
import { asFault, type FaultReport } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import { type WatchRequest, type WatchSpec, watchSpecSchema } from './model/specs.ts';

const collection = 'config.watches';
const tryAgainMs = 30_000;

/** What the ledger remembers of a watch that came from the configuration. */
interface Remembered {
  readonly jobId: string;
  readonly spec: unknown;
}

/** A watch that cannot begin (its folder is not there), and is tried again. */
export interface UnbegunWatch {
  /** Stands for a job's id, which it does not have yet. */
  readonly id: string;
  readonly spec: WatchSpec;
  readonly fault: FaultReport;
  readonly since: number;
  readonly nextTryAt: number;
}

export interface ConfigWatches {
  readonly unbegun: readonly UnbegunWatch[];
  /** Tries those that could not begin; also done every 30 s. */
  tryAgain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What a watch has finished is known by its receipts, so that one that begins anew takes nothing twice. A watch that cannot begin is
 * logged and does not keep the others from beginning. Call it once the engine runs.
 */
export async function applyWatches(
  parts: Parts,
  watches: readonly WatchRequest[],
  log: EngineLog,
): Promise<ConfigWatches> {
  const { store, engine, clock } = parts;
  const wanted = new Map(watches.map((watch) => [keyOf(watch), watchSpecSchema.parse(watch)]));
  const known = new Map(
    (await store.documents(collection)).map(({ key, value }) => [key, value as Remembered] as const),
  );
  for (const [key, { jobId, spec }] of known) {
    const job = await store.job(jobId);
    const isLive = job !== undefined && !['completed', 'partial', 'failed', 'cancelled'].includes(job.state);
    // A paused watch stays paused: somebody wanted it so.
    if (isLive && isDeepStrictEqual(wanted.get(key), spec)) {
      wanted.delete(key);
      continue;
    }
    if (isLive) {
      await engine.cancel({ jobId }).catch((error: unknown) => {
        log.warn({ jobId, fault: asFault(error).report() }, 'A watch that the configuration no longer has goes on');
      });
    }
    await store.apply([{ kind: 'delete_document', collection, key }]);
  }

  const unbegun = new Map<string, UnbegunWatch>();
  const begin = async (key: string, spec: WatchSpec) => {
    try {
      const job = await engine.submit(spec);
      const value: Remembered = { jobId: job.id, spec: JSON.parse(JSON.stringify(spec)) as unknown };
      await store.apply([{ kind: 'put_document', collection, key, value }]);
      if (unbegun.delete(key)) log.info({ jobId: job.id }, 'A watch of the configuration has begun after all');
    } catch (error) {
      const fault = asFault(error).report();
      const before = unbegun.get(key);
      if (before?.fault.message !== fault.message) {
        log.error({ fault, source: displayPath(spec.source) }, `A watch cannot begin: ${fault.message}`);
      }
      const now = clock.now();
      const id = `config-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
      unbegun.set(key, { id, spec, fault, since: before?.since ?? now, nextTryAt: now + tryAgainMs });
    }
  };
  for (const [key, spec] of wanted) await begin(key, spec);

  let trying: Promise<void> | undefined;
  let closed = false;
  const tryAll = async () => {
    for (const [key, { spec }] of unbegun) if (!closed) await begin(key, spec);
  };
  const tryAgain = () => {
    trying ??= tryAll().finally(() => {
      trying = undefined;
    });
    return trying;
  };
  const timer = setInterval(() => void tryAgain(), tryAgainMs).unref();
  return {
    get unbegun() {
      return [...unbegun.values()];
    },
    tryAgain,
    close: async () => {
      closed = true;
      clearInterval(timer);
      await trying;
    },
  };
}

function keyOf(watch: WatchRequest): string {
  return JSON.stringify([watch.source, ...watch.destinations]);
}
