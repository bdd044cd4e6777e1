// What happens before the engine works: what a crash left is taken up, and jobs that were under way run again.

import { asFault } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import type { Store } from '../store/store.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Jobs } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import { recoverPacks } from './pack-recovery.ts';
import type { Places } from './places.ts';
import type { Submissions } from './submissions.ts';
import { endWaits } from './waits.ts';

export interface StartParts extends Pick<EngineParts, 'clock' | 'newId' | 'mounts' | 'mover' | 'log'> {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly places: Places;
  readonly processes: (mode: Job['kind']) => boolean;
}

/** Active transfers go back to the phase that they had reached, back-off timers are cleared, what packs had published is committed. */
export async function recoverLedger(parts: StartParts): Promise<void> {
  const { store, ledger } = parts;
  await recoverPacks(parts);
  for (;;) {
    const { rows } = await store.transfers({ states: ['transferring', 'processing'], limit: 1000 });
    const recovered = await ledger.advanceAll(rows.map((transfer) => ({ transfer, inputs: 'recover' as const })));
    if (recovered.every((row) => row === undefined)) break;
  }
  await endWaits({ ...parts, reserveOf: () => 0 }, 'back-off');
}

export async function resumeJobs(
  parts: Pick<StartParts, 'store' | 'log'> & { readonly jobs: Jobs; readonly submissions: Submissions },
): Promise<void> {
  const open: Job[] = [];
  let cursor: string | undefined;
  do {
    const page = await parts.store.jobs({
      states: ['pending', 'running', 'waiting'],
      limit: 500,
      ...(cursor === undefined ? {} : { cursor }),
    });
    open.push(...page.rows);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  const takeUp = async (job: Job, options: Parameters<Jobs['run']>[1]) => {
    try {
      await parts.jobs.run(job, options);
      void parts.submissions.remember(job);
    } catch (error) {
      parts.log.error({ jobId: job.id, fault: asFault(error).report() }, 'A job could not be taken up again');
    }
  };
  for (const job of open) await takeUp(job, {});
  // A job that is completed stays so while one of its transfers, cancelled before, is tried again.
  for (const id of await parts.store.jobsWithOpenTransfers()) {
    const job = await parts.store.job(id);
    if (job?.state === 'completed') await takeUp(job, { find: false });
  }
}
