// The ledger's contract: changes that apply together or are refused one by one, and readers.

import type { EventDraft, StoredEvent } from '../model/event.ts';
import type { FileKind } from '../model/file-kind.ts';
import type { Job, JobState } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Recording } from '../model/recording.ts';
import type { Transfer, TransferState } from '../model/transfer.ts';
import type { Delivery, DeliveryState } from '../model/webhook.ts';

/**
 * One change of the ledger. `expect` must hold when it is applied, else this change is refused and nothing of it is written;
 * the other changes of the same call are not touched by that.
 */
export type Change =
  | { readonly kind: 'insert_transfer'; readonly transfer: Transfer; readonly events: readonly EventDraft[] }
  | {
      readonly kind: 'update_transfer';
      readonly expect: { readonly state: TransferState; readonly fence: number };
      /** The whole new row; its id says which. */
      readonly transfer: Transfer;
      readonly events: readonly EventDraft[];
      readonly receipt?: Receipt;
      /** Written with it, and only where it is. */
      readonly also?: readonly (PutRecording | PutDocument | DeleteDocument)[];
    }
  /** Many final rows at once (a pack): rows that are not there are inserted, others must be in `expectStates`. One event row. */
  | {
      readonly kind: 'finish_pack';
      readonly transfers: readonly Transfer[];
      /** Same order as `transfers`; null where that file failed. */
      readonly receipts: readonly (Receipt | null)[];
      /** Facts in order for each transfer, the same for all that completed; failed ones bring their own. */
      readonly completedEvents: readonly EventDraft[];
      readonly failedEvents: readonly EventDraft[];
      readonly expectStates: readonly TransferState[];
    }
  | { readonly kind: 'insert_job'; readonly job: Job; readonly events: readonly EventDraft[] }
  | {
      readonly kind: 'update_job';
      readonly expect?: { readonly state: JobState };
      readonly job: Job;
      readonly events: readonly EventDraft[];
    }
  /** Rows that have ended, with their receipts; others, and facts, stay. */
  | { readonly kind: 'delete_transfers'; readonly ids: readonly string[] }
  /** Ended transfers and jobs of before then, but those of a watch that goes on: it keeps its own. */
  | { readonly kind: 'delete_history'; readonly before: number; readonly keepEventsAfter: number }
  | { readonly kind: 'append_event'; readonly event: EventDraft; readonly jobId?: string }
  | PutDocument
  | PutRecording
  | PutManifest
  | DeleteManifest
  /** Inserts it or replaces the one with its id. Refused as `state` where it is not in the expected one (`absent`: an insert). */
  | { readonly kind: 'put_delivery'; readonly delivery: Delivery; readonly expect?: DeliveryState | 'absent' }
  /** All of a webhook. */
  | { readonly kind: 'delete_deliveries'; readonly webhookId: string }
  | DeleteDocument;

export interface PutDocument {
  readonly kind: 'put_document';
  readonly collection: string;
  readonly key: string;
  readonly value: unknown;
}

export interface DeleteDocument {
  readonly kind: 'delete_document';
  readonly collection: string;
  readonly key: string;
}

/** Which tree is known to be where: addresses of two roots, and the folders below them. */
export interface ManifestKey {
  readonly source: string;
  readonly from: string;
  readonly destination: string;
  readonly to: string;
}

export interface KnownManifest extends ManifestKey {
  readonly updatedAt: number;
}

/** What one folder of the tree holds, packed (model/packed-entries.ts). */
export interface ManifestFolder {
  /** Below the tree's own folder. */
  readonly path: string;
  readonly entries: string;
}

/** Replaces these folders of a manifest, which is made where it is missing; null takes a folder out. */
export interface PutManifest {
  readonly kind: 'put_manifest';
  readonly key: ManifestKey;
  readonly folders: readonly (Pick<ManifestFolder, 'path'> & { readonly entries: string | null })[];
  readonly at: number;
}

/** Refused as `missing` where there is none. */
export interface DeleteManifest {
  readonly kind: 'delete_manifest';
  readonly key: ManifestKey;
}

/** Inserts it or replaces the one with its id. */
export interface PutRecording {
  readonly kind: 'put_recording';
  readonly recording: Recording;
}

/**
 * Why a change was refused: `missing` no such row, `exists` an insert of an id that is there, `fence` another holder (looked at first),
 * `state` not in the expected state. A `finish_pack` is refused by file, not as a whole: files whose row is not in `expectStates` are left
 * as they are, without facts, and listed in `skipped`; all others are written. `delete_document` of what is not there is `missing`.
 */
export type ChangeResult =
  | { readonly applied: true }
  | {
      readonly applied: false;
      readonly reason: 'missing' | 'state' | 'fence' | 'exists';
      /** Ids of a pack's transfers that were not written. */
      readonly skipped?: readonly string[];
    };

/** Ordered by id (which is order of creation), newest last unless `newestFirst`. Cursors are opaque. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
  /** Where the query asked `withTotal`. */
  readonly total?: number;
}

export interface TransferQuery {
  readonly jobId?: string;
  readonly states?: readonly TransferState[];
  readonly mode?: Transfer['mode'];
  readonly associateWith?: string;
  /**
   * Part of a source, destination or published path as it is shown (model/names.ts), case-insensitive. A page of a search may be short, even
   * empty, while its `nextCursor` still asks to go on.
   */
  readonly search?: string;
  readonly cursor?: string;
  /** 1 to 1000. Default is 100. */
  readonly limit?: number;
  readonly newestFirst?: boolean;
  /** Rows to skip, in place of `cursor`: for a scroll bar that jumps. */
  readonly offset?: number;
  /** Default is `created` (the id). With any other, pages are asked for by `offset` and `nextCursor` is null; ties go by id. */
  readonly orderBy?: 'created' | 'updated' | 'size' | 'name';
  /** Count all rows that match, whatever the page; of a search at most 10,000. Default is `false`. */
  readonly withTotal?: boolean;
}

export interface RecordingQuery {
  readonly jobId?: string;
  readonly deviceId?: string;
  readonly associateWith?: string;
  readonly kind?: FileKind;
  /** Milliseconds since 1970; by the original's own time, else by when it came. The first is in, the last is not. */
  readonly recordedFrom?: number;
  readonly recordedUntil?: number;
  /** Part of a path, a device's name or the key, in any case. */
  readonly search?: string;
  readonly cursor?: string;
  /** 1 to 1000. Default is 100. */
  readonly limit?: number;
  readonly newestFirst?: boolean;
}

export interface EventQuery {
  /** Opaque cursor of the last event seen; left out = from the oldest kept. */
  readonly since?: string;
  readonly transferId?: string;
  readonly jobId?: string;
  /** Only facts of this name, or whose name begins so where it ends with `*`. Quick only where `isAboutNeither` (model/event.ts). */
  readonly name?: string;
  /** 1 to 1000. Default is 100. */
  readonly limit?: number;
  /** In place of `since`: newest first, from before this cursor ('' = from the newest); the answer's cursor then asks for older ones. */
  readonly before?: string;
}

/** Newest first. */
export interface DeliveryQuery {
  readonly webhookId: string;
  readonly state?: DeliveryState;
  readonly cursor?: string;
  /** 1 to 1000. Default is 100. */
  readonly limit?: number;
}

export interface StoreReader {
  transfer(id: string): Promise<Transfer | undefined>;
  transfers(query: TransferQuery): Promise<Page<Transfer>>;
  /** How many in each state, all jobs or one. */
  countTransfers(jobId?: string): Promise<Readonly<Record<TransferState, number>>>;
  /** Ids of the jobs with transfers that are neither at rest nor paused. */
  jobsWithOpenTransfers(): Promise<readonly string[]>;
  job(id: string): Promise<Job | undefined>;
  jobs(query: {
    states?: readonly JobState[];
    kind?: Job['kind'];
    /** Runs of the sync with this id. */
    definition?: string;
    cursor?: string;
    limit?: number;
    newestFirst?: boolean;
  }): Promise<Page<Job>>;
  /** In the order in which they were committed; never skips one that commits later. */
  events(query: EventQuery): Promise<{ readonly events: readonly StoredEvent[]; readonly cursor: string }>;
  /** The cursor after the newest event. */
  eventCursor(): Promise<string>;
  /** How many facts come after a cursor ('': all), counted up to a million. Rejects with `invalid` as `events` does. */
  countEvents(since: string): Promise<number>;
  receipts(query: {
    transferId?: string;
    source?: { endpoint: string; path: string };
    destination?: { endpoint: string; path: string };
    /** In place of the others: of any of these, in one question. */
    sources?: readonly { endpoint: string; path: string }[];
    destinations?: readonly { endpoint: string; path: string }[];
  }): Promise<readonly Receipt[]>;
  /** The newest receipt of each of these paths below a destination's root; null where there is none. */
  receiptsAt(endpoint: string, paths: readonly string[]): Promise<readonly (Receipt | null)[]>;
  /** In no order; undefined where there is no such manifest. */
  manifest(key: ManifestKey): Promise<readonly ManifestFolder[] | undefined>;
  manifests(): Promise<readonly KnownManifest[]>;
  /**
   * Transfers whose source or destination, endpoint and path together, is `path` or ends with its parts, newest first; for `explain`.
   * Rejects with `invalid`: an empty path.
   */
  findByPath(path: string, limit: number): Promise<readonly Transfer[]>;
  recording(id: string): Promise<Recording | undefined>;
  /** Ordered by id. */
  recordings(query: RecordingQuery): Promise<Page<Recording>>;
  delivery(id: string): Promise<Delivery | undefined>;
  deliveries(query: DeliveryQuery): Promise<Page<Delivery>>;
  /** Of all states, or quickly of one that few are in. */
  countDeliveries(webhookId: string, only?: DeliveryState): Promise<Readonly<Record<DeliveryState, number>>>;
  document(collection: string, key: string): Promise<unknown>;
  documents(collection: string): Promise<readonly { readonly key: string; readonly value: unknown }[]>;
}

export interface Store extends StoreReader {
  /**
   * Applies in order, in one transaction shared with other calls of the same turn, or that came while the one before was written;
   * resolves after the commit is durable with one result a change. Rejects with `ledger` where the disk refuses (nothing of the call is then written).
   */
  apply(changes: readonly Change[]): Promise<readonly ChangeResult[]>;
  /** Called after each commit that wrote events, with the new cursor. Returns how to stop listening. */
  onEvents(listener: (cursor: string) => void): () => void;
  /**
   * The claimable and the due, for the dispatcher: rows that are queued, or that have arrived and are to be processed, by priority, then by
   * the start of their retry window, at most `limit`, `perJob` from any one job.
   */
  queued(options: {
    state: 'queued' | 'transferred';
    limit: number;
    perJob: number;
    excludeJobs?: readonly string[];
  }): Promise<readonly Transfer[]>;
  /** Waiting rows whose `until` has come. */
  due(now: number, limit: number): Promise<readonly Transfer[]>;
  /** Pending deliveries of a webhook whose time has come, in the order of that time. */
  dueDeliveries(webhookId: string, now: number, limit: number): Promise<readonly Delivery[]>;
  close(): Promise<void>;
}
