// An earlier run of the same watch goes on, with what is asked for now.

import { isDeepStrictEqual } from 'node:util';
import type { Parts } from './compose.ts';
import type { Job } from './model/job.ts';
import { type WatchRequest, watchSpecSchema } from './model/specs.ts';

/**
 * Before the engine starts: the ledger's newest watch where it did not end, put to rest until `goOnWatching` has given it its wishes, so
 * that nothing moves by old ones. Null where there is none.
 */
export async function restWatch({ store, clock }: Parts): Promise<Job | null> {
  const { rows } = await store.jobs({ kind: 'watch', newestFirst: true, limit: 1 });
  const job = rows[0];
  if (job === undefined || ['completed', 'partial', 'cancelled'].includes(job.state)) return null;
  if (job.state === 'failed') return job;
  const resting: Job = { ...job, state: 'paused', waiting: null, updatedAt: clock.now() };
  await store.apply([{ kind: 'update_job', job: resting, events: [] }]);
  return resting;
}

/** Once the engine runs. Rejects as `Engine.edit` does; the watch then stays at rest. */
export async function goOnWatching({ engine }: Parts, job: Job, request: WatchRequest): Promise<void> {
  if (!asksForTheSame(job, request)) await engine.edit(job.id, request);
  await engine[job.state === 'failed' ? 'retry' : 'resume']({ jobId: job.id });
}

/** The job keeps more beside the request than was asked for. */
function asksForTheSame(job: Job, request: WatchRequest): boolean {
  const old = job.spec as Readonly<Record<string, unknown>>;
  const plain = JSON.parse(JSON.stringify(watchSpecSchema.parse(request))) as Record<string, unknown>;
  return Object.entries(plain).every(([key, value]) => isDeepStrictEqual(old[key], value));
}
