// Runs packs of small files: inside a pack nothing is written for a single file, one commit follows each finished group.

import { asFault, Fault } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Change } from '../store/store.ts';
import type { AttemptParts } from './attempt.ts';
import { type Holding, newHolding } from './holdings.ts';
import { type HostParts, newTransfer, stoppedTransfer } from './job-host.ts';
import type { JobRun } from './job-run.ts';
import type { Advance } from './ledger.ts';
import type { NewTransfer } from './mode.ts';
import type { PackFile, PackFileResult, PackOutcome } from './mover/move.ts';
import { packCollection } from './pack-recovery.ts';
import { processingOf } from './process-attempts.ts';
import type { PackWork } from './work.ts';

/** Rows written by one commit where a pack breaks off. */
const stoppedAtOnce = 500;

export interface PackParts extends Omit<AttemptParts, 'rows' | 'scans'> {
  readonly host: HostParts;
}

export interface PackRunner {
  /** Resolves once the slot is free again. Never rejects. */
  run(work: PackWork): Promise<void>;
  /** Ends a pack whose worker does not come back. */
  leaveBehind(holding: Holding, fault: Fault): Promise<void>;
}

interface Running {
  readonly work: PackWork;
  readonly run: JobRun;
  readonly holding: Holding;
  /** Files that no result has come for yet. */
  readonly left: Map<string, PackFile>;
  readonly abandoned: PromiseWithResolvers<Fault>;
  /** The ledger's record of the pack is gone already. */
  forgotten: boolean;
}

export function createPackRunner(parts: PackParts): PackRunner {
  const { clock, holdings, jobs, ledger, log, mover } = parts;
  const running = new WeakMap<Holding, Running>();

  const finished = async (pack: Running, results: readonly PackFileResult[]) => {
    const { work, run, holding, left } = pack;
    if (holding.lost) throw new Fault('lease_lost', 'The pack was taken back before it was committed.');
    const { job } = run;
    const arrived: { before: Transfer; after: ReturnType<typeof patchOf>; receipt: Receipt }[] = [];
    for (const result of results) {
      left.delete(result.file.transferId);
      if (result.kind !== 'published') continue;
      const before = rowOf(pack, result.file, job);
      if (before !== undefined)
        arrived.push({
          before,
          after: { ...patchOf(result), attempts: before.attempts + 1 },
          receipt: receiptOf(result, work, run.id, clock.now()),
        });
    }
    const failed = results.filter((result) => result.kind === 'failed');
    const isLast = left.size === 0 && failed.length === 0;
    const mayGoOn = run.mode.processing !== undefined || run.mode.completing !== undefined;
    const rows = await ledger.finishPack({
      isNew: work.rows === undefined,
      arrived,
      job: mayGoOn ? run.withCounts() : counted(run, arrived),
      until: mayGoOn ? 'transferred' : 'completed',
      // The last commit of a pack takes it out of the ledger's sight, too.
      more: isLast ? forgetting(work) : [],
    });
    if (isLast) pack.forgotten = true;
    if (mayGoOn) await completeRest(run, rows, arrived);
    holding.committedBytes += arrived.reduce((sum, { receipt }) => sum + receipt.sizeBytes, 0);
    await stop(pack, failed);
    await afterwards(pack, arrived);
  };

  /** What is to be processed stays `transferred`; the others are completed, each with what its mode makes of it. */
  const completeRest = async (
    { mode }: JobRun,
    rows: readonly Transfer[],
    arrived: readonly { readonly receipt: Receipt }[],
  ) => {
    await ledger.advanceAll(
      rows.flatMap((transfer, at) => {
        const receipt = arrived[at]?.receipt;
        if (receipt === undefined || processingOf(mode, transfer) !== null) return [];
        return [{ transfer, inputs: 'complete' as const, also: mode.completing?.(transfer, receipt, []) ?? [] }];
      }),
    );
  };

  const afterwards = async (
    { run }: Running,
    arrived: readonly { before: Transfer; after: object; receipt: Receipt }[],
  ) => {
    if (arrived.length === 0) return;
    const { mode } = run;
    const proven = () =>
      arrived.map(({ before, after, receipt }) => ({
        transfer: { ...before, ...after, state: 'completed' as const },
        receipt,
      }));
    try {
      if (mode.arrivedTogether !== undefined) await mode.arrivedTogether(proven());
      else if (mode.arrived !== undefined)
        for (const { transfer, receipt } of proven()) await mode.arrived(transfer, receipt);
    } catch (error) {
      log.warn({ jobId: run.id, fault: asFault(error).report() }, 'What follows a proven copy failed');
    }
  };

  const rowOf = ({ work }: Running, file: PackFile, job: Job): Transfer | undefined =>
    work.rows === undefined
      ? newTransfer(newFile(work, file), job, parts.host, 'queued', file.transferId)
      : work.rows.get(file.transferId);

  /** Files of a pack that did not arrive become ordinary transfers, each with its own wait; many share a commit. */
  const stop = async (pack: Running, files: readonly { readonly file: PackFile; readonly fault: Fault }[]) => {
    for (let at = 0; at < files.length; at += stoppedAtOnce) await stopSome(pack, files.slice(at, at + stoppedAtOnce));
  };

  const stopSome = async (pack: Running, files: readonly { readonly file: PackFile; readonly fault: Fault }[]) => {
    const { work, run } = pack;
    const judged: { readonly file: PackFile; readonly fault: Fault }[] = [];
    for (const { file, fault: seen } of files) {
      if (seen.code === 'interrupted') continue;
      const row = run.mode.judge === undefined ? undefined : rowOf(pack, file, run.job);
      judged.push({ file, fault: row === undefined ? seen : ((await run.mode.judge?.(row, seen)) ?? seen) });
    }
    const ended: { readonly row: Transfer; readonly fault: Fault }[] = [];
    if (work.rows === undefined) {
      for (const { file, fault } of judged) {
        const row = stoppedTransfer(newFile(work, file), fault, run.job, parts.host, file.transferId);
        if (row.state === 'failed') run.firstFault ??= fault;
        ended.push({ row, fault });
      }
      if (ended.length > 0) await ledger.insert(ended.map(({ row }) => row));
    } else {
      const advances = judged.flatMap(({ file, fault }) => {
        const before = work.rows?.get(file.transferId);
        return before === undefined ? [] : [{ fault, advance: stopped(before, fault, run) }];
      });
      const rows = await ledger.advanceAll(advances.map(({ advance }) => advance));
      for (const [at, row] of rows.entries()) {
        const fault = advances[at]?.fault;
        if (row !== undefined && fault !== undefined) ended.push({ row, fault });
      }
    }
    told(run.id, ended);
    for (const { row, fault } of ended) run.mode.stopped?.(row, fault);
  };

  const stopped = (before: Transfer, fault: Fault, run: JobRun): Advance => {
    const decision = parts.host.decide(fault, {
      attempts: before.attempts + 1,
      firstQueuedAt: before.firstQueuedAt ?? before.createdAt,
      jobId: run.id,
    });
    if (decision.kind === 'fail') run.firstFault ??= fault;
    const attempts = before.attempts + (decision.kind === 'fail' || decision.reason === 'backoff' ? 1 : 0);
    return {
      transfer: before,
      inputs: decision.kind,
      patch: {
        error: fault.report(),
        attempts,
        ...(decision.kind === 'wait' ? { waiting: { reason: decision.reason, until: decision.until } } : {}),
      },
    };
  };

  /** One line for all that the same thing has stopped. */
  const told = (jobId: string, ended: readonly { readonly row: Transfer; readonly fault: Fault }[]) => {
    const groups = Map.groupBy(ended, ({ fault }) => fault);
    for (const [fault, group] of groups) {
      const which = group.length === 1 ? { transferId: group[0]?.row.id } : { files: group.length };
      log.warn({ jobId, ...which, fault: fault.report() }, fault.message);
    }
  };

  const move = async (pack: Running) => {
    const { work, run, holding } = pack;
    const [first] = work.files;
    if (first === undefined) return;
    await work.known;
    const sample = rowOf(pack, first, run.job);
    if (sample === undefined) return;
    // An attempt of its own may have left half a file that nobody goes on with now.
    for (const row of work.rows?.values() ?? []) if (row.fence > 0) await mover.discard(row, work.destination);
    const fence = 1 + Math.max(0, ...[...(work.rows?.values() ?? [])].map((row) => row.fence));
    const outcome: PackOutcome | Fault = await Promise.race([
      mover.movePack({
        packId: work.key,
        fence,
        source: work.source,
        destination: work.destination,
        files: work.files,
        options: run.mode.options(sample),
        control: holding.control.memory,
        finished: (results) => finished(pack, results),
        checkFence: async () => {
          if (holding.lost) throw new Fault('lease_lost', 'The pack was taken back before it was published.');
        },
      }),
      pack.abandoned.promise,
    ]);
    if (outcome instanceof Fault) throw outcome;
    if (outcome.stopped === 'stall' && holding.intent === undefined) {
      throw new Fault('stalled', `${first.sourcePath} and the files with it have not moved by a byte for too long.`);
    }
    // What was not begun has its row still, or is found again when the job goes on.
  };

  const forget = async (work: PackWork) => {
    if (work.rows !== undefined) return;
    try {
      await ledger.write(forgetting(work));
    } catch (error) {
      log.error({ jobId: work.jobId, fault: asFault(error).report() }, 'The ledger could not be written');
    }
  };

  return {
    run: async (work) => {
      const run = jobs.get(work.jobId);
      if (run === undefined || (work.run !== undefined && work.run !== run)) return forget(work);
      const transferIds = work.rows === undefined ? [] : [...work.rows.keys()];
      const holding = newHolding({
        jobId: work.jobId,
        transferIds,
        slots: work.endpoints,
        limit: run.limit,
        at: clock.monotonic(),
        settle: async () => undefined,
      });
      const left = new Map(work.files.map((file) => [file.transferId, file]));
      const pack: Running = { work, run, holding, left, abandoned: Promise.withResolvers(), forgotten: false };
      running.set(holding, pack);
      holdings.add(holding);
      try {
        if (run.accepting) await move(pack);
      } catch (error) {
        await giveBack(pack, asFault(error));
      }
      // What a hung worker leaves behind is swept at the next start.
      if (!holding.lost && !pack.forgotten) await forget(work);
      holdings.remove(holding);
      if (work.rows === undefined) jobs.packDone(run);
    },

    leaveBehind: async (holding, fault) => {
      if (holding.lost) return;
      holding.lost = true;
      running.get(holding)?.abandoned.resolve(fault);
    },
  };

  async function giveBack(pack: Running, fault: Fault): Promise<void> {
    if (pack.holding.intent !== undefined || fault.code === 'interrupted') return;
    try {
      const files = [...pack.left.values()].map((file) => ({ file, fault }));
      await stop(pack, files);
    } catch (error) {
      log.error({ jobId: pack.run.id, fault: asFault(error).report() }, 'The ledger could not be written');
      pack.run.fault ??= asFault(error);
    }
  }
}

function forgetting(work: PackWork): Change[] {
  return work.rows === undefined ? [{ kind: 'delete_document', collection: packCollection, key: work.key }] : [];
}

/** The job as it stands once these files are counted. */
function counted(run: JobRun, arrived: readonly { readonly receipt: Receipt }[]): Job {
  const job = run.withCounts();
  const bytes = arrived.reduce((sum, { receipt }) => sum + receipt.sizeBytes, 0);
  const { counts } = job;
  return {
    ...job,
    counts: { ...counts, completed: counts.completed + arrived.length, bytesCompleted: counts.bytesCompleted + bytes },
  };
}

export function newFile(work: Ends, file: PackFile): NewTransfer {
  return {
    source: { endpoint: work.source.name, path: file.sourcePath },
    destination: { endpoint: work.destination.name, path: file.destinationPath },
    sizeBytes: file.entry.sizeBytes,
    mtimeMs: file.entry.mtimeMs,
    fileMode: file.entry.mode ?? null,
  };
}

/** Where a pack goes from and to. */
export interface Ends {
  readonly source: { readonly name: string };
  readonly destination: { readonly name: string };
}

export type Published = PackFileResult & { kind: 'published' };

export function patchOf(result: Published) {
  return {
    publishedPath: result.publishedPath,
    sizeBytes: result.sizeBytes,
    bytesDone: result.sizeBytes,
    hash: result.hash,
    identity: result.identity,
    mtimeMs: result.identity.mtimeMs,
    attempts: 1,
  };
}

export function receiptOf(result: Published, places: Ends, jobId: string, at: number): Receipt {
  return {
    transferId: result.file.transferId,
    jobId,
    source: { endpoint: places.source.name, path: result.file.sourcePath },
    sourceIdentity: result.identity,
    destination: { endpoint: places.destination.name, path: result.publishedPath },
    sizeBytes: result.sizeBytes,
    hash: result.hash,
    verify: result.verify,
    at,
  };
}
