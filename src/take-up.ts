// An earlier run of the same copy goes on, with what is asked for now.

import type { Parts } from './compose.ts';
import type { Job } from './model/job.ts';
import { type CopyRequest, copySpecSchema } from './model/specs.ts';

/**
 * Before the engine starts: the ledger's newest job where it did not complete, its wishes replaced by those of `request` (its places stay,
 * so that partials and journals keep their use). Null where there is none. Rejects with `invalid` for wishes that make no sense.
 */
export async function takeUp({ store, clock }: Parts, request: CopyRequest): Promise<Job | null> {
  const { rows } = await store.jobs({ kind: 'copy', newestFirst: true, limit: 1 });
  const job = rows[0];
  if (job === undefined || job.state === 'completed') return null;
  const old = copySpecSchema.safeParse(job.spec);
  if (!old.success) return null;
  const { sources, destination } = old.data;
  const spec = { ...copySpecSchema.parse(request), sources, destination };
  await store.apply([{ kind: 'update_job', job: { ...job, spec, updatedAt: clock.now() }, events: [] }]);
  return job;
}
