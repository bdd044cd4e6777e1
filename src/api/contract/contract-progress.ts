// A run as the sync contract tells it: its status, its figures and its result. Pure.

import type { JobProgress } from '../../engine/engine.ts';
import type { Job } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import type { ContractProgress, ContractResult, ContractStatus } from '../../model/sync-contract.ts';
import type { SyncStatus } from '../../model/sync-spec.ts';
import type { TransferState } from '../../model/transfer.ts';

/** What is kept of a run that was started by the contract. */
export interface ContractRun {
  /** A random UUID. */
  readonly id: string;
  readonly syncId: string;
  /** Our own job's. */
  readonly jobId: string;
  readonly sourceType: string;
  readonly sourceHost: string;
  readonly startedAt: number;
}

/** What is known of it at one moment. */
export interface RunState {
  readonly job: Job;
  /** Live figures, where it runs. */
  readonly live: JobProgress | undefined;
  readonly status: SyncStatus | undefined;
  readonly transfers: Readonly<Partial<Record<TransferState, number>>>;
  /** The file that moves, as it is shown. */
  readonly file: string;
  /** Of transfers that failed, in words. */
  readonly failures: readonly string[];
}

const ended: Readonly<Partial<Record<Job['state'], ContractStatus>>> = {
  completed: 'complete',
  partial: 'failed',
  failed: 'failed',
  cancelled: 'cancelled',
};

const stages: Readonly<Record<ContractStatus, string>> = {
  initializing: 'Starting',
  scanning: 'Looking for files',
  transferring: 'Transferring files',
  processing: 'Processing files',
  cleaning: 'Cleaning up at the source',
  complete: 'Complete',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export function hasEnded({ state }: Job): boolean {
  return ended[state] !== undefined;
}

export function statusOf({ job, live, status, transfers }: RunState): ContractStatus {
  const end = ended[job.state];
  if (end !== undefined) return end;
  const moving = (transfers.transferring ?? 0) + (transfers.queued ?? 0) + (transfers.waiting ?? 0);
  const processed = (transfers.transferred ?? 0) + (transfers.processing ?? 0);
  const { found, skipped, failed, completed } = counted(job, live);
  const open = found - skipped - failed - completed;
  if (job.startedAt === null) return 'initializing';
  if (moving > 0) return 'transferring';
  if (!job.planned) return completed > 0 || processed > 0 || open > 0 ? 'transferring' : 'scanning';
  if (processed > 0) return 'processing';
  if (open > 0) return 'transferring';
  const isCleaning = (job.spec as { cleanup?: unknown }).cleanup !== null && status?.cleanup === null;
  return isCleaning ? 'cleaning' : 'transferring';
}

/** Null until it has ended. */
export function resultOf(state: RunState): ContractResult | null {
  const { job } = state;
  if (!hasEnded(job)) return null;
  return {
    success: job.state === 'completed',
    files_transferred: job.counts.completed,
    bytes_transferred: job.counts.bytesCompleted,
    duration: Math.max(0, (job.finishedAt ?? job.updatedAt) - job.createdAt) / 1000,
    errors: errorsOf(state),
  };
}

export function progressOf(run: ContractRun, state: RunState, now: number): ContractProgress {
  const { job, live, status, file } = state;
  const current = statusOf(state);
  const { found, skipped, completed, bytesFound, bytesSkipped, bytesCompleted } = counted(job, live);
  const totalFiles = Math.max(completed, found - skipped);
  const totalBytes = Math.max(bytesCompleted, bytesFound - bytesSkipped);
  const folders = status?.folders ?? [];
  const busy =
    folders.find((folder) => folder.state === 'transferring') ?? folders.find((one) => one.state === 'listing');
  const isOver = hasEnded(job);
  return {
    sync_id: run.syncId,
    job_id: run.id,
    status: current,
    progress_percent: percentOf(current, completed / (totalFiles || 1), bytesCompleted / (totalBytes || 1)),
    current_stage: stages[current],
    current_folder: isOver ? '' : displayPath(busy?.to ?? ''),
    current_file: isOver ? '' : file,
    total_folders: folders.length,
    completed_folders: folders.filter((folder) => folder.state === 'done').length,
    transferred_files: completed,
    total_files: totalFiles,
    transferred_bytes: bytesCompleted,
    total_bytes: totalBytes,
    transfer_rate_mbps: isOver ? 0 : Math.round((live?.bytesPerSecond ?? 0) / 1e4) / 100,
    estimated_time_remaining: isOver ? 0 : (live?.etaSeconds?.to ?? live?.etaSeconds?.from ?? null),
    start_time: contractTime(run.startedAt),
    last_update: contractTime(isOver ? job.updatedAt : now),
    end_time: job.finishedAt === null || !isOver ? null : contractTime(job.finishedAt),
    errors: errorsOf(state),
    warnings: warningsOf(state),
  };
}

/** UTC without a zone's suffix. */
export function contractTime(at: number): string {
  return new Date(at).toISOString().slice(0, -1);
}

/** `sync_YYYYMMDD_HHMMSS_` (UTC) and the beginning of the id. */
export function syncIdFrom(id: string, at: number): string {
  const [date = '', clock = ''] = new Date(at).toISOString().split('T');
  return `sync_${date.replaceAll('-', '')}_${clock.slice(0, 8).replaceAll(':', '')}_${id.slice(0, 8)}`;
}

/** The row's counts follow at commits; live figures are nearer while it runs. */
function counted({ counts }: Job, live: JobProgress | undefined) {
  if (live === undefined) return counts;
  return {
    found: Math.max(counts.found, live.filesFound),
    skipped: Math.max(counts.skipped, live.filesSkipped),
    failed: Math.max(counts.failed, live.filesFailed),
    completed: Math.max(counts.completed, live.filesDone),
    bytesFound: Math.max(counts.bytesFound, live.bytesFound),
    bytesSkipped: counts.bytesSkipped,
    bytesCompleted: Math.max(counts.bytesCompleted, live.bytesDone),
  };
}

/** By bytes, by files where there are none; never whole before it is. */
function percentOf(status: ContractStatus, files: number, bytes: number): number {
  if (status === 'complete') return 100;
  const part = Math.max(0, Math.min(1, bytes > 0 ? bytes : files));
  return Math.min(99.9, Math.round(part * 1000) / 10);
}

function errorsOf({ job, status, failures }: RunState): string[] {
  const folders = (status?.folders ?? []).flatMap(({ from, fault }) =>
    fault === null ? [] : [`${displayPath(from)}: ${fault.message}`],
  );
  const own = job.error === null ? [] : [job.error.message];
  return [...new Set([...own, ...folders, ...failures])];
}

function warningsOf({ job, status }: RunState): string[] {
  const problems = (status?.problems ?? []).map(({ path, text }) => (path === '' ? text : `${path}: ${text}`));
  if (job.state === 'waiting') return [`Waiting (${job.waiting?.reason ?? 'unknown'})`, ...problems];
  return job.state === 'paused' ? ['Paused', ...problems] : problems;
}
