// An earlier run of the same copy, sync or share goes on, with what is asked for now.

import type { Parts } from './compose.ts';
import { createLedger } from './engine/ledger.ts';
import { Fault } from './model/fault.ts';
import { type Job, jobTakes } from './model/job.ts';
import type { ShareRequest } from './model/share-spec.ts';
import type { CopyRequest } from './model/specs.ts';
import type { SyncRequest } from './model/sync-spec.ts';

/**
 * Before the engine starts: the ledger's newest job where it did not complete, its wishes replaced by those of `request` (its places stay,
 * so that partials and journals keep their use). Null where there is none. Rejects with `invalid` for wishes that make no sense.
 */
export async function takeUp(parts: Parts, request: CopyRequest | SyncRequest | ShareRequest): Promise<Job | null> {
  const { store, clock } = parts;
  const { rows } = await store.jobs({ kind: request.kind, newestFirst: true, limit: 1 });
  const job = rows[0];
  if (job === undefined || job.state === 'completed') return null;
  const spec = await (request.kind === 'copy' ? copyAgain(job, request) : checkedAgain(request));
  if (spec === undefined) return null;
  const wished = { ...job, spec, updatedAt: clock.now() };
  await store.apply([{ kind: 'update_job', job: wished, events: [] }]);
  return await endBrokenOff(wished, parts);
}

async function copyAgain(job: Job, request: CopyRequest): Promise<unknown> {
  const { copySpecSchema } = await import('./model/specs.ts');
  const old = copySpecSchema.safeParse(job.spec);
  if (!old.success) return undefined;
  const { sources, destination } = old.data;
  return { ...copySpecSchema.parse(request), sources, destination };
}

/** Its ledger serves these two places, or this room, alone; of what lies there each run may take another part. */
async function checkedAgain(request: SyncRequest | ShareRequest): Promise<unknown> {
  if (request.kind === 'share') {
    const { checkShareSpec } = await import('./engine/share/check-spec.ts');
    return checkShareSpec(request);
  }
  const { checkSyncSpec } = await import('./engine/sync/check-spec.ts');
  return checkSyncSpec(request);
}

/** A run that was broken off after some of its files had failed ends here, so that they are tried again with the rest. */
async function endBrokenOff(job: Job, { store, clock }: Parts): Promise<Job> {
  if (!jobTakes(job.state, 'fail')) return job;
  const { failed, cancelled } = await store.countTransfers(job.id);
  if (failed + cancelled === 0) return job;
  const error = new Fault('interrupted', 'The earlier run was broken off.').report();
  return await createLedger(store, clock).advanceJob(job, 'fail', { error });
}
