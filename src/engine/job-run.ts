// A job while it runs: its counts, what of it is still open, and how it ends.

import type { Fault } from '../model/fault.ts';
import type { Job, JobCounts, JobInput } from '../model/job.ts';
import type { Transfer, TransferState } from '../model/transfer.ts';
import type { Facts, JobFact, JobPatch, Ledger } from './ledger.ts';
import type { ModeRun } from './mode.ts';

/** States from which a transfer still goes somewhere. */
export const openStates: readonly TransferState[] = [
  'discovered',
  'queued',
  'waiting',
  'transferring',
  'transferred',
  'processing',
  'paused',
];

const isOpen = (transfer: Transfer) => openStates.includes(transfer.state);

/** What counts as arrived of a row that is still open. */
export function arrivedBytes(transfer: Transfer): number {
  return transfer.phase === 'process' && isOpen(transfer) ? (transfer.sizeBytes ?? 0) : 0;
}

export class JobRun {
  /** What the mode makes of this job. */
  readonly mode: ModeRun;
  /** Own limit of bandwidth, where the job has one. */
  readonly limit: SharedArrayBuffer | undefined;
  /** Aborted when the job is paused, cancelled or the engine stops. */
  readonly ending = new AbortController();
  /** False from then on: nothing of it is begun any more. */
  accepting = true;
  isFinding = false;
  /** Resolves when `find` has come back, whatever became of it. */
  findEnded: Promise<void> = Promise.resolve();
  packsOpen = 0;
  /** Transfers that have arrived, of which the mode is still being told. */
  arriving = 0;
  /** What ends the job as failed, whatever its transfers did. */
  fault: Fault | undefined;
  /** The first that failed one of its transfers. */
  firstFault: Fault | undefined;
  isFinishing = false;
  readonly #ledger: Ledger;
  #row: Job;
  #counts: JobCounts;
  #written: JobCounts;
  #rowsOpen: number;
  #bytesArrived: number;
  #doneBefore = { files: 0, bytes: 0 };

  constructor(parts: {
    readonly ledger: Ledger;
    readonly job: Job;
    readonly rowsOpen: number;
    /** Of open rows whose files have arrived. */
    readonly bytesArrived: number;
    readonly limit: SharedArrayBuffer | undefined;
    readonly open: (self: JobRun) => ModeRun;
  }) {
    this.#ledger = parts.ledger;
    this.#row = parts.job;
    this.#counts = parts.job.counts;
    this.#written = parts.job.counts;
    this.#rowsOpen = parts.rowsOpen;
    this.#bytesArrived = parts.bytesArrived;
    this.limit = parts.limit;
    this.mode = parts.open(this);
  }

  /** As the ledger has it, with the counts as they are by now. */
  get job(): Job {
    return { ...this.#row, counts: this.#counts };
  }

  get id(): string {
    return this.#row.id;
  }

  get rowsOpen(): number {
    return this.#rowsOpen;
  }

  /** Bytes of files that have arrived and have still something to go through. */
  get bytesArrived(): number {
    return this.#bytesArrived;
  }

  /** True once all has been found and nothing of it is open. */
  get isDone(): boolean {
    return !this.isFinding && this.packsOpen === 0 && this.arriving === 0 && this.#rowsOpen === 0;
  }

  count(by: Partial<JobCounts>): void {
    const next: Record<string, number> = { ...this.#counts };
    for (const [key, count] of Object.entries(by)) next[key] = Math.max(0, (next[key] ?? 0) + count);
    this.#counts = next as unknown as JobCounts;
  }

  /** Counts to go on from. What was completed before is found unchanged when the source is looked through again: it counts as completed still. */
  begin(counts: JobCounts): void {
    this.#counts = counts;
    this.#doneBefore = { files: counts.completed, bytes: counts.bytesCompleted };
  }

  skipped(files: number, bytes: number): void {
    const done = { files: Math.min(files, this.#doneBefore.files), bytes: Math.min(bytes, this.#doneBefore.bytes) };
    this.#doneBefore = { files: this.#doneBefore.files - done.files, bytes: this.#doneBefore.bytes - done.bytes };
    this.count({ skipped: files - done.files, bytesSkipped: bytes - done.bytes });
  }

  /** Takes in a committed change of one of its transfers. */
  saw(before: Transfer | undefined, after: Transfer): void {
    if (before !== undefined) this.#tally(before, -1);
    this.#tally(after, 1);
    this.#rowsOpen += Number(isOpen(after)) - Number(before !== undefined && isOpen(before));
    this.#bytesArrived += arrivedBytes(after) - (before === undefined ? 0 : arrivedBytes(before));
  }

  async advance(input: JobInput, patch: JobPatch = {}, facts: Facts = {}): Promise<Job> {
    this.#written = this.#counts;
    this.#row = await this.#ledger.advanceJob(this.job, input, patch, facts);
    return this.job;
  }

  async note(patch: JobPatch, fact?: JobFact): Promise<void> {
    this.#written = this.#counts;
    this.#row = { ...this.#row, ...patch };
    await this.#ledger.noteJob(this.job, {}, fact);
  }

  /** The job to write beside a pack's rows. */
  withCounts(): Job {
    this.#written = this.#counts;
    return this.job;
  }

  /** Writes the counts where they have changed since the last time. */
  async flush(): Promise<void> {
    if (this.#written !== this.#counts) await this.#ledger.noteJob(this.withCounts(), {});
  }

  /** How it ends once `isDone`. */
  get end(): JobInput {
    const { failed, completed, skipped } = this.#counts;
    if (this.fault !== undefined) return 'fail';
    if (failed === 0) return 'finish';
    return completed + skipped > 0 ? 'finishPartly' : 'fail';
  }

  #tally(transfer: Transfer, by: 1 | -1): void {
    if (transfer.state === 'completed') this.count({ completed: by, bytesCompleted: by * (transfer.sizeBytes ?? 0) });
    else if (transfer.state === 'failed') this.count({ failed: by });
    else if (transfer.state === 'cancelled') this.count({ cancelled: by });
  }
}
