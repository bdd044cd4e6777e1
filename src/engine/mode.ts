// The contract of a mode (copy, watch, …): what it tells the engine of a job, and what the engine does for it.

import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import type { Clock, NewId } from '../model/clock.ts';
import type { EventDraft, WriteHead } from '../model/event.ts';
import type { Fault } from '../model/fault.ts';
import type { Job, JobKind } from '../model/job.ts';
import type { StepRecord } from '../model/pipeline.ts';
import type { Receipt } from '../model/receipt.ts';
import type { JobRequest } from '../model/specs.ts';
import type {
  Place,
  Publishing,
  SourceIdentity,
  Transfer,
  TransferInput,
  TransferState,
  WaitReason,
} from '../model/transfer.ts';
import type { Change, StoreReader } from '../store/store.ts';
import type { PlannedItem } from './engine.ts';
import type { EngineLog } from './engine-parts.ts';
import type { Advance, Facts, TransferPatch } from './ledger.ts';
import type { Growth, MoveOptions, PackFile } from './mover/move.ts';
import type { Processing } from './processing.ts';
import type { RetryRules } from './retry.ts';
import type { StoragePlace } from './storage-monitor.ts';

/** What has been checked before a job is written. */
export interface Prepared {
  /** The request with all defaults, and places as absolute addresses. */
  readonly spec: unknown;
  /** What people call the job. */
  readonly name: string;
  readonly priority: number;
  /** Two jobs that share a key do not run at the same time (`busy`). */
  readonly keys: readonly string[];
  /** Addresses of folders that it wants for itself: another job's must neither be one of them, nor lie within or above one (`busy`). */
  readonly places?: readonly string[];
}

export interface ModeParts {
  readonly reader: StoreReader;
  readonly clock: Clock;
  readonly mounts: Mounts;
  readonly newId: NewId;
  readonly log: EngineLog;
  /** Opened once and kept; belongs to the engine. */
  open(address: string): Promise<Endpoint>;
}

export interface Mode {
  readonly kind: JobKind;
  /** Rejects with `invalid`, `not_found`, `exists` and what the places say. */
  prepare(request: JobRequest, parts: ModeParts, signal?: AbortSignal): Promise<Prepared>;
  /** What would be done; writes nothing. */
  plan(request: JobRequest, parts: ModeParts, signal?: AbortSignal): AsyncIterable<PlannedItem>;
  /** Called each time the job begins to run: at first, after a restart, after a pause, for a retry. */
  open(job: Job, host: ModeHost): ModeRun;
  /** True for a row that cannot be moved at all: it is not retried, but dropped when its job is, which then finds out anew. */
  isRefusal?(transfer: Transfer): boolean;
  /** True where a job's request can be replaced while it runs. Default is `false`. */
  readonly editable?: boolean;
  /** True where its files may have something to go through after their arrival, also those of packs. Default is `false`. */
  readonly processes?: boolean;
  /** What all jobs of the mode share is ended with the engine; resolves with false where something hangs in the operating system. */
  close?(): Promise<boolean>;
}

/** A job of this mode while it runs. */
export interface ModeRun {
  /**
   * Finds what is to be moved and hands it to the host. Resolves once all has been found; a watch runs until the signal is aborted.
   * A rejection that is transient makes the job wait and calls `find` again; any other fails the job once its transfers have come to rest.
   */
  find(signal: AbortSignal): Promise<void>;
  options(transfer: Transfer): MoveOptions;
  /** How far a growing source may be read now; undefined for one that stands still. After `caught_up` the transfer rests until `host.goOn`. */
  growth?(transfer: Transfer): Growth | undefined;
  /** Transfers that share this word are moved by one reading of their source when they are claimed together. */
  togetherKey?(transfer: Transfer): string | undefined;
  /** The copy is proven and its receipt durable. Faults are logged; the transfer stays completed. */
  arrived?(transfer: Transfer, receipt: Receipt): Promise<void>;
  /** Like `arrived`, for all files of a pack's commit. Where it is absent `arrived` is called for each. */
  arrivedTogether?(arrived: readonly { readonly transfer: Transfer; readonly receipt: Receipt }[]): Promise<void>;
  /**
   * What the file goes through once it has arrived; null: nothing, its transfer is then completed with its arrival. Absent: nothing ever.
   * Throws where that cannot be said now (its pipeline is not configured any more): the transfer fails, and can be retried.
   */
  processing?(transfer: Transfer): Processing | null;
  /** What is written in the commit that completes a transfer: its recording. */
  completing?(transfer: Transfer, receipt: Receipt, steps: readonly StepRecord[]): NonNullable<Advance['also']>;
  /**
   * The content is proven, and about to get its name. Rejects with why it may not: the transfer fails as with any other fault. Not asked for
   * files of packs.
   */
  publishing?(transfer: Transfer, publishing: Publishing): Promise<void>;
  /** What a fault of moving a file really is, where the mode knows better (its device has gone). Never rejects. */
  judge?(transfer: Transfer, fault: Fault): Promise<Fault>;
  /** A transfer's attempt ended with a fault that is final or waits. */
  stopped?(transfer: Transfer, fault: Fault): void;
  /** All has been found and has come to rest: the last things before the job's end (times of folders). */
  finish?(): Promise<void>;
  /** How many of the job's files may move at once; null is as many as the engine lets. */
  readonly mostAtOnce: number | null;
  /** How many of them at one device or host, in place of the limit for all; one that is set for the very place wins. */
  readonly atEndpoint?: number;
  /** As `Engine.setBandwidth` takes it; null is no limit of its own. */
  readonly bandwidth: string | null;
  /** Rules in place of the engine's own. */
  readonly retry?: Partial<RetryRules>;
  /** What it says of itself beside its row; plain data. */
  readonly status?: unknown;
  /** Places whose room and reachability are looked at while it runs. */
  places?(): readonly StoragePlace[];
  /** Why nobody can say how long it takes, where that is so ("source is still growing"). */
  openEnded?(transfer: Transfer): string | undefined;
  /** How far the writer of a growing source is; undefined for one that stands still. */
  head?(transfer: Transfer): WriteHead | undefined;
  /**
   * What it knows of an absolute path, or of the end of one, that the ledger cannot know: why a file is not taken, or not yet. Undefined
   * where it has nothing to add. `bytesDone` tells how far a transfer under way is. Never rejects.
   */
  explain?(path: string, bytesDone: (transferId: string) => number | undefined): Promise<string | undefined>;
}

export interface NewTransfer {
  readonly source: Place;
  readonly destination: Place;
  readonly sizeBytes: number | null;
  readonly mtimeMs: number | null;
  readonly fileMode: number | null;
  readonly identity?: SourceIdentity | null;
  readonly associateWith?: string | null;
}

export interface NewPack {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly files: readonly PackFile[];
}

export interface ModeHost extends ModeParts {
  /** As it stands now. */
  readonly job: Job;
  /** Counts what was found, and what of it need not be moved. */
  found(files: number, bytes: number): void;
  skipped(files: number, bytes: number): void;
  /** Writes rows and lets them be worked on (`queued`) or keeps them in sight (`discovered`). */
  add(
    files: readonly NewTransfer[],
    as: 'queued' | 'discovered',
    facts?: Facts,
    /** What is written in the same commit for each. */
    also?: (made: Transfer, file: NewTransfer) => readonly Change[],
  ): Promise<readonly Transfer[]>;
  /** Writes rows of what cannot be moved at all (a folder that may not be entered, a name that is taken), with why: they have failed, and have no size. */
  refuse(files: readonly { readonly file: NewTransfer; readonly fault: Fault }[]): Promise<void>;
  /** Copies that came about without a move of bytes (a rename at the destination), proven by who calls: rows that are completed, with receipts. */
  adopt(
    files: readonly {
      readonly file: NewTransfer;
      readonly proof: Pick<Receipt, 'sourceIdentity' | 'hash' | 'verify' | 'at'>;
    }[],
  ): Promise<readonly Receipt[]>;
  /** Small files without rows of their own; their rows come with the pack's commit. Resolves when there is room for the next pack. */
  addPack(pack: NewPack): Promise<void>;
  /** The new row; undefined where it has changed meanwhile (read it again). Not for rows that are being moved. */
  advance(
    transfer: Transfer,
    input: TransferInput,
    patch?: TransferPatch,
    facts?: Facts,
  ): Promise<Transfer | undefined>;
  /** Like `advance` for many rows, in one commit; a result for each. */
  advanceAll(advances: readonly Omit<Advance, 'receipt'>[]): Promise<readonly (Transfer | undefined)[]>;
  /** Takes rows that have ended out of the ledger, with their receipts; others stay. */
  forget(transferIds: readonly string[]): Promise<void>;
  /** The job's rows in these states. */
  rows(states: readonly TransferState[]): AsyncIterable<Transfer>;
  /** The job cannot go on for now (its source is away). Transfers under way go on. */
  wait(reason: WaitReason, fault: Fault, until: number | null): Promise<void>;
  endWait(): Promise<void>;
  /** A transfer that has caught up with its growing source has more to copy, or has ended. */
  goOn(transferId: string): void;
  /** What is of no transfer and no job; durable when it resolves. Rejects with `ledger`. */
  write(changes: readonly Change[]): Promise<void>;
  /** A fact of the job that is no change of its state. */
  tell(name: EventDraft['name'], facts: Facts): Promise<void>;
}
