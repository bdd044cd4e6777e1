// Pause, resume, cancel and retry: of one transfer, or of a job with all its transfers.

import { asFault, Fault } from '../model/fault.ts';
import { type Job, jobTakes } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import { type Transfer, type TransferInput, type TransferState, takes } from '../model/transfer.ts';
import type { Store } from '../store/store.ts';
import type { Target } from './engine.ts';
import type { EngineParts } from './engine-parts.ts';
import { type Holding, type Holdings, type Intent, tellStop } from './holdings.ts';
import type { JobRun } from './job-run.ts';
import { isAtRest, type Jobs } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import type { Mode } from './mode.ts';
import type { Places } from './places.ts';

export interface VerbParts extends Pick<EngineParts, 'mover' | 'clock' | 'log'> {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly jobs: Jobs;
  readonly holdings: Holdings;
  readonly places: Places;
  readonly modes: readonly Mode[];
  readonly hungMs: number;
  /** Removes what processing left of a transfer besides its results. */
  readonly sweepProcessed: (transferId: string) => Promise<void>;
  /** Gives up on a call that does not come back. */
  readonly leaveBehind: (holding: Holding, fault: Fault) => Promise<void>;
}

export interface Verbs {
  pause(target: Target): Promise<void>;
  resume(target: Target): Promise<void>;
  cancel(target: Target): Promise<void>;
  retry(target: Target): Promise<void>;
  /** Writes other wishes into a job's row; a job that runs is paused for it and goes on. */
  rewrite(jobId: string, wishes: Pick<Job, 'spec' | 'name' | 'priority'>): Promise<Job>;
  /** Ends all jobs as failed without a word in the ledger, which cannot be written: the next start finds them where they were. */
  breakOff(fault: Fault): Promise<void>;
}

export function createVerbs(parts: VerbParts): Verbs {
  const { store, ledger, jobs, holdings } = parts;
  const line = new Map<string, Promise<unknown>>();

  /** Wishes for one job come one after the other. */
  const inLine = async <Result>(jobId: string, act: () => Promise<Result>): Promise<Result> => {
    const before = line.get(jobId) ?? Promise.resolve();
    const acted = before.then(act);
    const settled = acted.catch(() => undefined);
    line.set(jobId, settled);
    try {
      return await acted;
    } finally {
      if (line.get(jobId) === settled) line.delete(jobId);
    }
  };

  const findTransfer = async (id: string): Promise<Transfer> => {
    const transfer = await store.transfer(id);
    if (transfer === undefined) throw new Fault('not_found', `There is no transfer ${displayPath(id)}.`);
    return transfer;
  };
  const findJob = async (id: string): Promise<Job> => {
    const job = jobs.get(id)?.job ?? (await store.job(id));
    if (job === undefined) throw new Fault('not_found', `There is no job ${displayPath(id)}.`);
    return job;
  };

  const refuse = (what: string, state: string, wish: string): Fault =>
    new Fault('state_conflict', `${what} is ${state} and cannot be ${wish}.`);

  /** Stops an attempt and waits until nothing of it moves. */
  const stop = async (holding: Holding, intent: Intent) => {
    tellStop(holding, intent);
    if (holding.parked) await holding.settle();
    const giveUp = new AbortController();
    const hung = parts.clock.sleep(parts.hungMs, giveUp.signal).then(
      () => true,
      () => false,
    );
    const late = await Promise.race([holding.ended.then(() => false), hung]);
    giveUp.abort();
    if (late)
      await parts.leaveBehind(
        holding,
        new Fault('stalled', 'A call hung in the operating system and was left behind.'),
      );
    await holding.ended;
  };

  const wishes = { pause: 'paused', cancel: 'cancelled', queue: 'resumed', retry: 'retried' } as const;

  /** Brings one transfer to where `input` leads, stopping its bytes first where it has to. */
  const change = async (id: string, input: 'pause' | 'cancel' | 'queue' | 'retry') => {
    for (let tries = 0; tries < 10; tries++) {
      const transfer = await findTransfer(id);
      const name = displayPath(transfer.source.path);
      const applies = takes(transfer.state, input) && (input !== 'queue' || transfer.state === 'paused');
      if (!applies) throw refuse(name, transfer.state, wishes[input]);
      if (input === 'retry' && isRefusal(transfer)) {
        throw new Fault('state_conflict', `${name} was refused and cannot be retried alone; retry its job.`);
      }
      const holding = holdings.of(id);
      if (holding !== undefined && (input === 'pause' || input === 'cancel')) {
        await stop(holding, input);
        const after = await findTransfer(id);
        if (after.state === (input === 'pause' ? 'paused' : 'cancelled')) return;
        continue;
      }
      if (input === 'cancel') await discard(transfer);
      // What has arrived is kept.
      const patch = transfer.phase === 'process' ? { bytesProcessed: 0 } : { bytesDone: 0 };
      const after = await ledger.advance({ transfer, inputs: input, ...(input === 'cancel' ? { patch } : {}) });
      if (after !== undefined) return;
    }
    throw new Fault('busy', 'The transfer keeps changing; try again.');
  };

  const discard = async (transfer: Transfer) => {
    if (transfer.fence === 0) return;
    try {
      if (parts.modes.find(({ kind }) => kind === transfer.mode)?.processes) await parts.sweepProcessed(transfer.id);
      if (transfer.phase === 'process') return;
      await parts.mover.discard(transfer, await parts.places.open(transfer.destination.endpoint));
    } catch (error) {
      parts.log.warn(
        { transferId: transfer.id, fault: asFault(error).report() },
        'The unfinished copy could not be removed',
      );
    }
  };

  /** All rows of a job in these states, changed together; undefined leaves a row as it is. */
  const changeAll = async (
    jobId: string,
    states: readonly TransferState[],
    inputOf: (row: Transfer) => TransferInput | undefined,
  ) => {
    let cursor: string | undefined;
    do {
      const page = await store.transfers({ jobId, states, limit: 500, ...(cursor === undefined ? {} : { cursor }) });
      const wishes = page.rows.flatMap((transfer) => {
        const inputs = inputOf(transfer);
        return inputs === undefined ? [] : [{ transfer, inputs }];
      });
      for (const { transfer, inputs } of wishes) if (inputs === 'cancel') await discard(transfer);
      await ledger.advanceAll(wishes);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  };

  const isRefusal = (row: Transfer) => parts.modes.find((mode) => mode.kind === row.mode)?.isRefusal?.(row) === true;

  const halt = async (run: JobRun, intent: Intent) => {
    const halted = jobs.halt(run);
    await Promise.all(holdings.ofJob(run.id).map((holding) => stop(holding, intent)));
    await halted;
    // What was claimed just before the halt may have begun meanwhile.
    await Promise.all(holdings.ofJob(run.id).map((holding) => stop(holding, intent)));
  };

  const endJob = async (jobId: string, input: 'pause' | 'cancel') => {
    const job = await findJob(jobId);
    if (!jobTakes(job.state, input)) throw refuse(job.name, job.state, wishes[input]);
    const run = jobs.get(jobId);
    if (run !== undefined) await halt(run, input);
    const open: readonly TransferState[] = ['queued', 'waiting', 'transferred'];
    await changeAll(jobId, input === 'pause' ? open : [...open, 'discovered', 'paused'], () => input);
    if (run === undefined) {
      parts.jobs.rested(await ledger.advanceJob(job, input));
      return;
    }
    try {
      jobs.rested(await run.advance(input));
    } finally {
      jobs.drop(run);
    }
  };

  const breakOff = async (fault: Fault) => {
    for (const run of jobs.all) {
      await halt(run, 'shutdown');
      jobs.breakOff(run, fault);
    }
  };

  const goOn = async (jobId: string, input: 'resume' | 'retry') => {
    const job = await findJob(jobId);
    if (!jobTakes(job.state, input)) throw refuse(job.name, job.state, wishes[input === 'resume' ? 'queue' : 'retry']);
    if (input === 'resume') await changeAll(jobId, ['paused'], () => 'queue');
    else {
      await changeAll(jobId, ['failed', 'cancelled'], (row) => {
        if (!isRefusal(row)) return 'retry';
        return row.state === 'failed' ? 'cancel' : undefined;
      });
    }
    await jobs.run(job, { input });
  };

  /** A transfer that is to move again needs its job to run; a job that is at rest is taken up again for it alone. */
  const wakeJob = async (transfer: Transfer) => {
    if (jobs.get(transfer.jobId) !== undefined) return;
    const job = await findJob(transfer.jobId);
    if (!isAtRest(job)) return;
    const input = job.state === 'paused' ? 'resume' : 'retry';
    // A job that is completed stays so: it is only seen through once more.
    await jobs.run(job, { find: false, ...(jobTakes(job.state, input) ? { input } : {}) });
  };

  const onTransfer = async (id: string, input: 'pause' | 'cancel' | 'queue' | 'retry') => {
    const transfer = await findTransfer(id);
    await inLine(transfer.jobId, async () => {
      await change(id, input);
      if (input === 'queue' || input === 'retry') await wakeJob(transfer);
    });
  };

  const rewrite = async (jobId: string, wishes: Pick<Job, 'spec' | 'name' | 'priority'>): Promise<Job> => {
    const runs = jobs.get(jobId) !== undefined;
    if (runs) await endJob(jobId, 'pause');
    await ledger.noteJob(await findJob(jobId), wishes, { name: 'observation.watch.updated', data: {} });
    if (runs) await goOn(jobId, 'resume');
    return findJob(jobId);
  };

  return {
    breakOff,
    rewrite: (jobId, wishes) => inLine(jobId, () => rewrite(jobId, wishes)),
    pause: (target) =>
      'jobId' in target
        ? inLine(target.jobId, () => endJob(target.jobId, 'pause'))
        : onTransfer(target.transferId, 'pause'),
    cancel: (target) =>
      'jobId' in target
        ? inLine(target.jobId, () => endJob(target.jobId, 'cancel'))
        : onTransfer(target.transferId, 'cancel'),
    resume: (target) =>
      'jobId' in target
        ? inLine(target.jobId, () => goOn(target.jobId, 'resume'))
        : onTransfer(target.transferId, 'queue'),
    retry: (target) =>
      'jobId' in target
        ? inLine(target.jobId, () => goOn(target.jobId, 'retry'))
        : onTransfer(target.transferId, 'retry'),
  };
}
