// What the dispatcher hands out: transfers, packs of small files, and transfers that go on behind their growing source.

import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Work } from './dispatcher.ts';
import type { JobRun } from './job-run.ts';
import type { PackFile } from './mover/move.ts';

/** One transfer, or several that share one reading of their source. */
export interface TransferWork extends Work {
  readonly kind: 'transfers';
  /** As they were queued; who claims them looks whether they still are. */
  readonly transfers: readonly Transfer[];
}

/** A transfer that is held already and has more to copy. */
export interface GoOnWork extends Work {
  readonly kind: 'go-on';
  readonly transferId: string;
}

export interface PackWork extends Work {
  readonly kind: 'pack';
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly files: readonly PackFile[];
  /** By id, for files that have rows; undefined where the rows are made with the pack's commit. */
  readonly rows: Map<string, Transfer> | undefined;
  /** The run that found the files, where they have no rows: another run of the job finds them again. */
  readonly run: JobRun | undefined;
  /** Resolves when the ledger knows of the pack, so that a crash can clear up after it. */
  readonly known: Promise<void>;
}

export type EngineWork = TransferWork | GoOnWork | PackWork;

/** One file that has arrived and has something to go through; it takes a slot of its own kind. */
export interface ProcessWork extends Work {
  readonly kind: 'process';
  readonly transfer: Transfer;
}

/** Files below this travel in packs. */
export const smallBytes = 8 * 1024 * 1024;
/** A pack holds at most this many files… */
export const packFiles = 2_000;
/** …and about this many bytes. */
export const packBytes = 64 * 1024 * 1024;
