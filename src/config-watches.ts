// Brings the daemon's watches in line with its configuration: new ones begin, changed ones begin anew, removed ones end.

import { isDeepStrictEqual } from 'node:util';
import type { Parts } from './compose.ts';
import type { EngineLog } from './engine/engine-parts.ts';
import { asFault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import { type WatchRequest, watchSpecSchema } from './model/specs.ts';

const collection = 'config.watches';

/** What the ledger remembers of a watch that came from the configuration. */
interface Remembered {
  readonly jobId: string;
  readonly spec: unknown;
}

/**
 * What a watch has finished is known by its receipts, so that one that begins anew takes nothing twice. A watch that cannot begin is
 * logged and does not keep the others from beginning. Call it once the engine runs.
 */
export async function applyWatches(parts: Parts, watches: readonly WatchRequest[], log: EngineLog): Promise<void> {
  const { store, engine } = parts;
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
  for (const [key, spec] of wanted) {
    try {
      const job = await engine.submit(spec);
      const value: Remembered = { jobId: job.id, spec: JSON.parse(JSON.stringify(spec)) as unknown };
      await store.apply([{ kind: 'put_document', collection, key, value }]);
    } catch (error) {
      const fault = asFault(error);
      log.error({ fault: fault.report(), source: displayPath(spec.source) }, `A watch cannot begin: ${fault.message}`);
    }
  }
}

function keyOf(watch: WatchRequest): string {
  return JSON.stringify([watch.source, ...watch.destinations]);
}
