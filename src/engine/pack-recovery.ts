// What the ledger knows of packs under way, so that a crash leaves neither a file without its receipt nor an orphaned partial.

import { asFault } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import { parentPath } from '../model/names.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Change, Store } from '../store/store.ts';
import type { EngineParts } from './engine-parts.ts';
import { newTransfer } from './job-host.ts';
import type { Ledger } from './ledger.ts';
import type { PackFileResult } from './mover/move.ts';
import { newFile, type Published, patchOf, receiptOf } from './pack-runner.ts';
import type { Places } from './places.ts';
import type { PackWork } from './work.ts';

export const packCollection = 'packs';

/** A pack whose files have no rows yet. */
interface PackRecord {
  readonly jobId: string;
  readonly source: string;
  readonly destination: string;
  readonly transferIds: readonly string[];
  readonly folders: readonly string[];
}

export function packRecord(work: Omit<PackWork, 'known'>): Change {
  const value: PackRecord = {
    jobId: work.jobId,
    source: work.source.name,
    destination: work.destination.name,
    transferIds: work.files.map((file) => file.transferId),
    folders: [...new Set(work.files.map((file) => parentPath(file.destinationPath)))],
  };
  return { kind: 'put_document', collection: packCollection, key: work.key, value };
}

export interface RecoveryParts extends Pick<EngineParts, 'mover' | 'clock' | 'newId' | 'log'> {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly places: Places;
  /** True where files of this mode may have something to go through after their arrival. */
  readonly processes: (mode: Transfer['mode']) => boolean;
}

/**
 * Commits what packs had published when the process died, and sweeps what they had not. A place that does not answer is left for
 * the next start: what stands there is found unchanged, and nothing is lost by it.
 */
export async function recoverPacks(parts: RecoveryParts): Promise<void> {
  const { store, ledger, places, mover, log } = parts;
  const records = new Map(
    (await store.documents(packCollection)).map(({ key, value }) => [key, value as PackRecord] as const),
  );
  // No pack can have been under way: nothing has to be looked at, which a start would have to wait for.
  if (records.size === 0 && (await store.countTransfers()).queued === 0) return;
  try {
    for await (const { packId, results } of mover.recoverPacks((address) => places.open(address))) {
      await commit(results, records.get(packId), parts);
      await mover.forgetPack(packId);
    }
  } catch (error) {
    log.warn(
      { fault: asFault(error).report() },
      'A pack that was broken off could not be looked at; what it published is found again',
    );
  }
  for (const [key, record] of records) {
    try {
      const destination = await places.open(record.destination);
      const ours = new Set(record.transferIds);
      await mover.sweep(
        record.folders.map((folder) => ({ destination, folder })),
        async (transferId) => !ours.has(transferId) || (await store.transfer(transferId)) !== undefined,
      );
      await ledger.write([{ kind: 'delete_document', collection: packCollection, key }]);
    } catch (error) {
      log.warn(
        { jobId: record.jobId, fault: asFault(error).report() },
        'Unfinished copies of a broken pack could not be removed yet',
      );
    }
  }
}

async function commit(
  results: readonly PackFileResult[],
  record: PackRecord | undefined,
  parts: RecoveryParts,
): Promise<void> {
  const { store, ledger, clock } = parts;
  const job = record === undefined ? undefined : await store.job(record.jobId);
  const fresh: Arrived[] = [];
  const known: Arrived[] = [];
  for (const result of results) {
    if (result.kind !== 'published') continue;
    const row = await store.transfer(result.file.transferId);
    if (row === undefined && record !== undefined && job !== undefined) {
      const ends = { source: { name: record.source }, destination: { name: record.destination } };
      const before = newTransfer(newFile(ends, result.file), job, parts, 'queued', result.file.transferId);
      fresh.push({ before, after: patchOf(result), receipt: receiptOf(result, ends, job.id, clock.now()) });
    } else if (row?.state === 'queued') known.push(arrivedRow(row, result, clock.now()));
  }
  // What is to be done with them then is found out when their job runs.
  const untilOf = (rows: readonly Arrived[]) =>
    rows.some(({ before }) => parts.processes(before.mode)) ? ('transferred' as const) : ('completed' as const);
  if (fresh.length > 0) {
    await ledger.finishPack({ isNew: true, arrived: fresh, until: untilOf(fresh), ...withBytes(job, fresh) });
  }
  if (known.length > 0) await ledger.finishPack({ isNew: false, arrived: known, until: untilOf(known) });
}

interface Arrived {
  readonly before: Transfer;
  readonly after: ReturnType<typeof patchOf>;
  readonly receipt: Receipt;
}

function arrivedRow(before: Transfer, result: Published, at: number): Arrived {
  const ends = { source: { name: before.source.endpoint }, destination: { name: before.destination.endpoint } };
  return { before, after: patchOf(result), receipt: receiptOf(result, ends, before.jobId, at) };
}

function withBytes(job: Job | undefined, arrived: readonly Arrived[]): { job?: Job } {
  if (job === undefined) return {};
  const bytes = arrived.reduce((sum, { receipt }) => sum + receipt.sizeBytes, 0);
  return { job: { ...job, counts: { ...job.counts, bytesCompleted: job.counts.bytesCompleted + bytes } } };
}
