// The contracts of sinks: places outside to which events go, as single messages (`Sink`) or as what happened to files (`IngestSink`).

import { Fault, type FaultPlace } from '../model/fault.ts';
import type { IngestEvent, SyncSummary } from '../model/ingest.ts';

/** Its id is the same at every attempt; the receiver knows by it what it has had already. */
export interface SinkMessage {
  readonly id: string;
  /** JSON. */
  readonly payload: string;
}

export interface SinkCall {
  readonly signal: AbortSignal;
  /** Milliseconds since 1970 of this attempt; it is signed. */
  readonly now: number;
}

/** What the receiver said, where it said anything. */
export interface SinkAnswer {
  readonly status: number;
}

export interface Sink {
  /**
   * Resolves once the receiver has taken it. Rejects with `not_taken` (it said no; a `SinkFault` with its status), `timeout`, `network`,
   * or `not_authorised` for a place that may not be told anything. Never tries again by itself.
   */
  send(message: SinkMessage, call: SinkCall): Promise<SinkAnswer>;
}

/** A refusal that is about what was told, and not about how the receiver is just now. */
export class Refused extends Fault {
  readonly isFinal = true;

  constructor(message: string, options: { cause?: unknown; place?: FaultPlace } = {}) {
    super('not_taken', message, options);
  }
}

export interface IngestCall {
  /** Aborted when the attempt is to end: Wherry stops, or it took too long. */
  readonly signal: AbortSignal;
}

/**
 * Who wants to know which files came home: a database, a catalogue, a log. It is told at least once, in order, and by ids that stay the same:
 * what it has had already it takes again without doubling it. `false`, a smaller count and a rejection all mean: deliver again, later.
 * A rejection with an error whose `isFinal` is true says that this very thing will never be taken, however often it is told: after some of
 * these it is set aside, and what follows is told.
 */
export interface IngestSink {
  /** One event of a file (`file_synced`, `file_processed`, `file_deleted`); true once it is durable there. */
  onFileSynced(event: IngestEvent, call: IngestCall): Promise<boolean>;
  /** At most 500 in order; how many of the first are durable there. */
  onBatchSynced(events: readonly IngestEvent[], call: IngestCall): Promise<number>;
  /** A run has come to its end, in success or not; true once that is durable there. */
  onSyncComplete(syncId: string, summary: SyncSummary, call: IngestCall): Promise<boolean>;
  /** Whether it knows a file of that path that is there. */
  verifyFileExists?(path: string): Promise<boolean>;
  close?(): Promise<void>;
}

/** What a plugin exports as `wherrySinks()`: a list of these. */
export interface SinkKind {
  /** By it the configuration names the sink. */
  readonly kind: string;
  /** Connects to nothing yet. Rejects where the options make no sense, and says why. */
  open(options: Readonly<Record<string, unknown>>): IngestSink;
}
