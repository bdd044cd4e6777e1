// The transfer: one file's way from one source to one destination, and the table of the states it may take.

import type { FaultReport } from './fault.ts';
import { Fault } from './fault.ts';
import type { ContentHash, Verify } from './hash.ts';

export type Mode = 'copy' | 'watch' | 'sync' | 'offload' | 'share';

export type TransferState =
  | 'discovered'
  | 'queued'
  | 'waiting'
  | 'transferring'
  | 'transferred'
  | 'processing'
  | 'paused'
  | 'failed'
  | 'cancelled'
  | 'completed';

/** Which of the two durable phases a transfer is in; recovery and retry keep it. */
export type Phase = 'transfer' | 'process';

export type WaitReason =
  | 'backoff'
  | 'space'
  | 'permission'
  | 'device'
  | 'network'
  | 'peer'
  | 'consent'
  | 'schedule'
  | 'tool'
  | 'bundle';

/** What may happen to a transfer. `recover` is what start-up and a lost heartbeat do. */
export type TransferInput =
  | 'queue'
  | 'start'
  | 'arrive'
  | 'process'
  | 'complete'
  | 'recover'
  | 'wait'
  | 'pause'
  | 'fail'
  | 'cancel'
  | 'retry';

/** A path below the root of an endpoint; see names.ts for how bytes that are not UTF-8 are held. */
export interface Place {
  /** URL of the endpoint's root, as endpoint-url.ts writes it. */
  readonly endpoint: string;
  readonly path: string;
}

/** What tells one version of a source file from another: where any of it differs, the copy starts again. */
export interface SourceIdentity {
  /** Device and inode as decimal strings (they exceed 2^53 on some file systems), or absent. */
  readonly device?: string;
  readonly inode?: string;
  /** Version or etag of an object store. */
  readonly version?: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** Written durably before a verified partial takes its final name, so that recovery can recognise its own file. */
export interface Publishing {
  readonly partialPath: string;
  readonly finalPath: string;
  readonly device: string;
  readonly inode: string;
  readonly sizeBytes: number;
  readonly hash: ContentHash;
  /** How it was proved, and the source as it was copied: for the receipt of a file that recovery adopts. */
  readonly verify?: Verify;
  readonly source?: SourceIdentity;
}

export interface Lease {
  readonly node: string;
  readonly fence: number;
}

export interface Transfer {
  readonly id: string;
  readonly jobId: string;
  readonly mode: Mode;
  readonly source: Place;
  /** The planned final name. Where a conflict renamed the file, `publishedPath` says under which name it stands. */
  readonly destination: Place;
  readonly publishedPath: string | null;
  /** Null while it is not known. */
  readonly sizeBytes: number | null;
  readonly mtimeMs: number | null;
  /** POSIX permission bits of the source, null where it has none. */
  readonly fileMode: number | null;
  readonly identity: SourceIdentity | null;
  readonly state: TransferState;
  readonly phase: Phase;
  readonly waiting: { readonly reason: WaitReason; readonly until: number | null } | null;
  readonly bytesDone: number;
  readonly bytesProcessed: number;
  readonly hash: ContentHash | null;
  readonly attempts: number;
  /** Start of the retry window; a retry by hand opens a new one. */
  readonly firstQueuedAt: number | null;
  /** Higher goes first. Default is 0. */
  readonly priority: number;
  readonly owner: string | null;
  /** An opaque key of whoever asked (a flight, a shoot), by which it is found again; kept on its recording, too. */
  readonly associateWith: string | null;
  readonly error: FaultReport | null;
  readonly heartbeatAt: number | null;
  readonly lease: Lease | null;
  /** Grows by one with every claim; a writer with a smaller fence is refused. */
  readonly fence: number;
  readonly publishing: Publishing | null;
  /** All times are milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

type Target = TransferState | ((phase: Phase) => TransferState);

const startByPhase: Target = (phase) => (phase === 'process' ? 'processing' : 'transferring');

const stops = { wait: 'waiting', pause: 'paused', fail: 'failed', cancel: 'cancelled' } as const;

/** Refused with `internal`: an input that the state does not take. Pure. */
export function step(state: TransferState, input: TransferInput, phase: Phase): TransferState {
  const target = transferTable[state][input];
  if (target === undefined) {
    throw new Fault('internal', `A transfer that is ${state} does not take "${input}".`);
  }
  return typeof target === 'function' ? target(phase) : target;
}

/** True where `input` is in the table for `state`. */
export function takes(state: TransferState, input: TransferInput): boolean {
  return transferTable[state][input] !== undefined;
}

/** The states in which a worker holds the transfer. */
export const activeStates: readonly TransferState[] = ['transferring', 'processing'];

/** The states from which nothing moves on by itself. */
export const restingStates: readonly TransferState[] = ['completed', 'failed', 'cancelled', 'paused'];

export const transferStates: readonly TransferState[] = [
  'discovered',
  'queued',
  'waiting',
  'transferring',
  'transferred',
  'processing',
  'paused',
  'failed',
  'cancelled',
  'completed',
];

export const waitReasons: readonly WaitReason[] = [
  'backoff',
  'space',
  'permission',
  'device',
  'network',
  'peer',
  'consent',
  'schedule',
  'tool',
  'bundle',
];

/** The state table. ARCHITECTURE.md's diagram is generated from it; what is not here is refused. */
export const transferTable: Readonly<Record<TransferState, Readonly<Partial<Record<TransferInput, Target>>>>> = {
  discovered: { queue: 'queued', ...stops },
  queued: { start: startByPhase, ...stops },
  waiting: { queue: 'queued', pause: 'paused', fail: 'failed', cancel: 'cancelled' },
  transferring: { arrive: 'transferred', recover: 'queued', ...stops },
  transferred: { process: 'processing', complete: 'completed', ...stops },
  processing: { complete: 'completed', recover: 'transferred', ...stops },
  paused: { queue: 'queued', cancel: 'cancelled' },
  failed: { retry: 'queued', cancel: 'cancelled' },
  cancelled: { retry: 'queued' },
  completed: {},
};
