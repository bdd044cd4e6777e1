// The engine's contract: a handful of verbs; what they cause is read from the store and heard as events.

import type { DeviceRegistry } from '../devices/registry.ts';
import type { MountHealth } from '../endpoints/mounts.ts';
import type { CleanupResult } from '../model/cleanup.ts';
import type { CleanupRequest } from '../model/cleanup-schema.ts';
import type { TransferProgress } from '../model/event.ts';
import type { FaultReport } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import type { Recording } from '../model/recording.ts';
import type { JobRequest, OffloadRequest } from '../model/specs.ts';
import type { Transfer } from '../model/transfer.ts';
import type { StoreReader } from '../store/store.ts';
import type { EngineLimits, Offloading } from './engine-parts.ts';
import type { ByteRange } from './mover/verified-blocks.ts';
import type { RecordedContent } from './offload/recorded-content.ts';
import type { StorageReport } from './storage-monitor.ts';
import type { Syncs } from './sync/definitions.ts';

/** One transfer, or a whole job with its transfers. */
export type Target = { readonly transferId: string } | { readonly jobId: string };

/** What a dry run or a plan says of one path. */
export interface PlannedItem {
  readonly action:
    | 'copy'
    | 'make-folder'
    | 'skip'
    | 'conflict'
    | 'refuse'
    | 'delete-source'
    | 'delete'
    | 'rename'
    | 'problem';
  /** Relative to the source, as model/names.ts holds it. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Why, where it is not plain. */
  readonly reason?: string;
  /** Of a rename: the new path. Of a sync: both are below the destination's root. */
  readonly to?: string;
}

/** Live figures of a job that is under way; the ledger's counts follow at commits. */
export interface JobProgress {
  readonly jobId: string;
  readonly filesFound: number;
  readonly filesDone: number;
  readonly filesSkipped: number;
  readonly filesFailed: number;
  readonly bytesFound: number;
  readonly bytesDone: number;
  readonly bytesPerSecond: number;
  /** True while the source is still being listed: totals may still rise. */
  readonly planning: boolean;
  readonly etaSeconds: { readonly from: number | null; readonly to: number | null; readonly cause: string } | null;
}

export interface EngineSnapshot {
  readonly activeTransfers: number;
  readonly bytesPerSecond: number;
  readonly bandwidthLimit: { readonly bytesPerSecond: number | null; readonly timetable: string | null };
  readonly mounts: readonly MountHealth[];
  /** Why the ledger cannot be written, and since when; null where it can. */
  readonly ledger: { readonly fault: FaultReport; readonly since: number } | null;
  /** Bytes a second by endpoint and by job, over the last seconds. */
  readonly rates: {
    readonly endpoints: Readonly<Record<string, number>>;
    readonly jobs: Readonly<Record<string, number>>;
  };
}

/** Why a path is where it is, or is not there yet: every rule, wait and error that touched it, newest first. */
export interface Explanation {
  readonly path: string;
  readonly summary: string;
  readonly transfers: readonly Transfer[];
  readonly facts: readonly {
    readonly at: number;
    readonly text: string;
    readonly transferId?: string;
    readonly error?: FaultReport;
  }[];
}

/** What stands verified of a file that is not yet whole at its destination. */
export interface TransferBlocks {
  /** The write head where the source grows; null while nobody knows it. */
  readonly sizeBytes: number | null;
  /** Rising, and none touches the next. Empty where nothing was begun, and for small files that travel in packs. */
  readonly ranges: readonly ByteRange[];
}

export interface Engine {
  readonly reader: StoreReader;
  /** Cameras and cards; undefined where nobody looks for them. */
  readonly devices: DeviceRegistry | undefined;
  /** Syncs that are kept under a name. */
  readonly syncs: Syncs;
  /** By what devices are offloaded at present. */
  readonly offloading: Offloading;
  /** Recovers what a crash left, then begins to work. Rejects with `ledger` or `data_in_use`. */
  start(): Promise<void>;
  /** Stops moving within 1 s, keeps everything resumable, and closes. Resolves with false where a call hangs in the operating system. */
  stop(): Promise<boolean>;
  /** Resolves once the job is durable. Rejects with `invalid`, `not_found` (the source), `exists`, `busy` (same pair already runs). */
  submit(request: JobRequest, options?: { readonly owner?: string; readonly idempotencyKey?: string }): Promise<Job>;
  /** Files of a device, to be downloaded and processed. As `submit`; also `not_found` for a device that nobody knows. */
  queueBatch(
    batch: Omit<OffloadRequest, 'kind'>,
    options?: { readonly owner?: string; readonly idempotencyKey?: string },
  ): Promise<Job>;
  /**
   * Something happened outside: a device came or went (`observation.device.connection_status.update` {device, connected}), or an event that
   * is configured as a trigger. Rejects with `unsupported` for other names, `invalid` for data that makes no sense.
   */
  observe(name: string, data: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Deletes at a source what is proven, by receipts of this ledger, to stand elsewhere. Resolves also where the listing failed, and nothing
   * was deleted (`errors`). Rejects with `invalid`, `name_unsafe`, what opening the place says, or the signal's reason.
   */
  cleanUp(request: CleanupRequest, signal?: AbortSignal): Promise<CleanupResult>;
  /** What `submit` would do; moves and writes nothing. */
  plan(request: JobRequest, signal?: AbortSignal): AsyncIterable<PlannedItem>;
  /** Each rejects with `not_found` or `state_conflict`; resolves once durable. Pausing or cancelling resolves when the bytes have stopped. */
  pause(target: Target): Promise<void>;
  resume(target: Target): Promise<void>;
  cancel(target: Target): Promise<void>;
  retry(target: Target): Promise<void>;
  /** Resolves with the job when it has come to rest (completed, partial, failed, cancelled, paused). */
  settled(jobId: string, signal?: AbortSignal): Promise<Job>;
  /** Bytes a second, `off`, or a timetable `08:00,2M 19:00,off`. */
  setBandwidth(limit: string | null): void;
  /**
   * Other slots, retry rules, patience and keeping, from the next decision on; what moves goes on. What is left out of `limits` has its
   * default, what is left out of `offloading` stays.
   */
  adjust(
    limits: Pick<EngineLimits, 'slots' | 'processing' | 'retry' | 'stallSeconds' | 'eventDays' | 'historyDays'>,
    offloading?: Partial<Offloading>,
  ): void;
  /** Live progress, at most once a second a transfer unless it rises by 5 points; always one at 100 %. Returns how to stop listening. */
  onTransferProgress(listener: (progress: TransferProgress) => void): () => void;
  onJobProgress(listener: (progress: JobProgress) => void): () => void;
  /** Last known progress, for a page that has just been opened. */
  progressOf(transferIds: readonly string[]): readonly TransferProgress[];
  snapshot(): EngineSnapshot;
  explain(path: string): Promise<Explanation>;
  /** From the block journal, whether it moves, waits, is paused or failed. Rejects with `not_found`, and with `state_conflict` for what is over. */
  blocksOf(transferId: string): Promise<TransferBlocks>;
  /** What a running job says of itself beside its row (a watch: `WatchStatus`); undefined where it does not run. */
  statusOf(jobId: string): unknown;
  /** Replaces what a job was asked for; it goes on with the new wishes if it ran. Rejects as `submit` does, and with `unsupported` for a kind that cannot change. */
  edit(jobId: string, request: JobRequest): Promise<Job>;
  /** A file of a recording. Rejects with `not_found`, `name_unsafe`, and what its place says. */
  recordedContent(recording: Recording, role: string, inside?: string): Promise<RecordedContent>;
  /** How the places of running watches were when last looked at (every 30 s). */
  storage(): readonly StorageReport[];
  /** Looks at them now. */
  lookAtStorage(): Promise<readonly StorageReport[]>;
}
