// What is being moved at this moment, by whom it can be stopped, and whether it still lives.

import { newControl, openControl, stopControl } from '../endpoints/control.ts';
import { type Control, stopReasons } from '../endpoints/mounts.ts';

/** Why something that moves was told to stop; what then happens to its transfers follows from it. */
export type Intent = 'pause' | 'cancel' | 'shutdown';

/** One attempt: a transfer, or a pack of small files. */
export interface Holding {
  readonly jobId: string;
  /** Rows of the ledger that this attempt holds; none for a pack whose files have no rows yet. */
  readonly transferIds: readonly string[];
  /** Slots by name, for rates by endpoint. */
  readonly slots: readonly string[];
  /** Of its bytes those that the ledger counts already (groups of a pack). */
  committedBytes: number;
  /** Of its bytes those that were there before or are in the rates already: what a resumed copy finds done has not moved now. */
  countedBytes: number;
  /** New for each call of the mover. */
  control: Control;
  intent: Intent | undefined;
  /** True while nobody moves its bytes: it waits at the write head of its source. */
  parked: boolean;
  /** Given up: whatever its worker still says is not listened to. */
  lost: boolean;
  /** Bytes and beats when they were last seen to rise, and when that was (monotonic). */
  seen: { bytes: number; beats: number; at: number };
  /** Told to end as stalled at (monotonic); undefined while it is well. */
  stalledAt: number | undefined;
  heartbeatAt: number;
  /** Resolves once nothing of it moves and the ledger says so. */
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** True for what may take long without a byte or a word: its holder lives as long as it has not come back. */
  steady: boolean;
  /** Reaches what does not look at the control. */
  readonly stop?: () => void;
  /** What ends it where no worker does: a parked one, or one that was left behind. */
  settle: () => Promise<void>;
}

export interface Holdings {
  readonly all: ReadonlySet<Holding>;
  of(transferId: string): Holding | undefined;
  ofJob(jobId: string): readonly Holding[];
  add(holding: Holding): void;
  remove(holding: Holding): void;
}

export function createHoldings(): Holdings {
  const all = new Set<Holding>();
  const byTransfer = new Map<string, Holding>();
  return {
    all,
    of: (transferId) => byTransfer.get(transferId),
    ofJob: (jobId) => [...all].filter((one) => one.jobId === jobId),
    add: (holding) => {
      all.add(holding);
      for (const id of holding.transferIds) byTransfer.set(id, holding);
    },
    remove: (holding) => {
      all.delete(holding);
      for (const id of holding.transferIds) if (byTransfer.get(id) === holding) byTransfer.delete(id);
      holding.end();
    },
  };
}

export function newHolding(
  given: Pick<Holding, 'jobId' | 'transferIds' | 'slots' | 'settle' | 'stop'> & {
    limit: SharedArrayBuffer | undefined;
    at: number;
  },
): Holding {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { limit, at, ...rest } = given;
  return {
    ...rest,
    control: freshControl(limit),
    committedBytes: 0,
    countedBytes: 0,
    intent: undefined,
    parked: false,
    steady: false,
    lost: false,
    seen: { bytes: 0, beats: 0, at },
    stalledAt: undefined,
    heartbeatAt: at,
    ended: promise,
    end: resolve,
  };
}

export function freshControl(limit: SharedArrayBuffer | undefined): Control {
  return openControl(newControl(limit === undefined ? {} : { limit }));
}

/** Says stop; a later, stronger wish (cancel after pause) wins for the transfer's state. */
export function tellStop(holding: Holding, intent: Intent): void {
  if (holding.intent !== 'cancel') holding.intent = intent;
  stopControl(holding.control.memory, stopReasons[intent]);
  holding.stop?.();
}
