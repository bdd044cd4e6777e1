// What fails while somebody looks is said at once, with its remedy: one note for all that fails alike.

import type { EventView, FaultView, JobView, TransferView } from '../../src/model/views.ts';
import { count } from '../words/amounts.ts';
import { jobTitle } from '../words/jobs.ts';
import { baseName } from '../words/transfers.ts';
import type { Batch } from './live-feed.ts';
import { note } from './notes.ts';

/** Failures of one job with one code that come within this time of each other are one note. */
const togetherMs = 12_000;

interface Told {
  files: number;
  lastMs: number;
}

/** Remembers what it has told, so that a thousand failures are one growing number and not a thousand notes. */
export function createFailureNotes(): (batch: Batch) => void {
  const told = new Map<string, Told>();
  return (batch) => {
    const nowMs = Date.now();
    for (const [topic, { lastMs }] of told) if (nowMs - lastMs > togetherMs) told.delete(topic);
    const last = new Map<string, { transfer: TransferView; error: FaultView; files: number }>();
    for (const event of batch.events) {
      const failed = failedTransfer(event);
      if (failed !== undefined) {
        const topic = `failed ${failed.transfer.jobId} ${failed.error.code}`;
        last.set(topic, { ...failed, files: (last.get(topic)?.files ?? 0) + 1 });
      }
    }
    for (const [topic, { transfer, error, files }] of last) {
      const sum = (told.get(topic)?.files ?? 0) + files;
      told.set(topic, { files: sum, lastMs: nowMs });
      const text =
        sum === 1
          ? `${baseName(transfer.source.path)} failed. ${error.message}`
          : `${count(sum)} files failed. ${error.message}`;
      const href = sum === 1 ? `/transfers/${transfer.id}` : `/transfers?job=${transfer.jobId}&state=failed`;
      note('problem', text, { remedy: error.remedy, href, topic });
    }
    for (const job of batch.events.flatMap((event) => failedJob(event) ?? [])) {
      // Of a job that failed because its files did, those were told of.
      if (![...told.keys()].some((topic) => topic.startsWith(`failed ${job.id} `))) noteJob(job);
    }
  };
}

function failedTransfer({ name, transfer }: EventView): { transfer: TransferView; error: FaultView } | undefined {
  if (!name.startsWith('observation.transfer.') || !name.endsWith('.failed')) return undefined;
  return transfer === undefined || transfer.error === null ? undefined : { transfer, error: transfer.error };
}

/** A job that has failed as a whole; one with failed files ends as partial, and those were told of already. */
function failedJob({ name, job }: EventView): JobView | undefined {
  return name === 'observation.job.failed' && job !== undefined && job.error !== null ? job : undefined;
}

function noteJob(job: JobView): void {
  note('problem', `${jobTitle(job)} failed. ${job.error?.message ?? ''}`, {
    ...(job.error === null ? {} : { remedy: job.error.remedy }),
    href: `/jobs/${job.id}`,
    topic: `failed ${job.id}`,
  });
}
