// Rows that somebody here holds, whether their bytes move or they are processed: written one write after the other, under their fence.

import { stopControl } from '../endpoints/control.ts';
import { stopReasons } from '../endpoints/mounts.ts';
import { asFault, type Fault } from '../model/fault.ts';
import type { Transfer } from '../model/transfer.ts';
import type { EngineParts } from './engine-parts.ts';
import { type Holding, type Holdings, newHolding } from './holdings.ts';
import type { JobRun } from './job-run.ts';
import type { Ledger, TransferPatch } from './ledger.ts';
import type { Live } from './live.ts';
import type { Attempted, Decision } from './retry.ts';

export interface HeldParts extends Pick<EngineParts, 'clock' | 'log'> {
  readonly ledger: Ledger;
  readonly holdings: Holdings;
  readonly live: Live;
  readonly decide: (fault: Fault, attempted: Attempted) => Decision;
}

/** A transfer that is held: its row as last written, and a line of writes so that none overtakes another. */
export interface Held {
  readonly holding: Holding;
  readonly run: JobRun;
  row: Transfer;
  writes: Promise<unknown>;
}

export interface HeldRows {
  /** `settle` ends it where no worker does; `stop` reaches what a control does not. */
  hold(
    row: Transfer,
    run: JobRun,
    slots: readonly string[],
    ends: { readonly settle: (one: Held) => Promise<void>; readonly stop?: () => void },
  ): Held;
  byTransfer(transferId: string): Held | undefined;
  letGo(one: Held): void;
  /** After all writes of the row that were asked for before. */
  inTurn<Result>(one: Held, write: () => Promise<Result>): Promise<Result>;
  write(
    one: Held,
    input: 'cancel' | 'pause' | 'recover' | 'wait' | 'fail',
    patch: TransferPatch,
  ): Promise<Transfer | undefined>;
  /** How far it has come, for the row. */
  howFar(row: Transfer): TransferPatch;
  /** It waits or has failed, as the retry rules say, and is let go. */
  give(one: Held, fault: Fault, extra: TransferPatch): Promise<void>;
  /** The ledger refused: the row stays as it is, and the tick takes it back once the ledger can be written again. */
  ledgerTrouble(one: Held, error: unknown): void;
  /** Writes that the holder lives. */
  heartbeat(holding: Holding): Promise<void>;
  /** Ends an attempt whose worker does not come back: the row goes on under a new fence. */
  leaveBehind(holding: Holding, fault: Fault): Promise<void>;
}

export function createHeldRows(parts: HeldParts): HeldRows {
  const { clock, ledger, holdings, live, log } = parts;
  const held = new WeakMap<Holding, Held>();
  const byTransfer = new Map<string, Held>();

  const rows: HeldRows = {
    hold: (row, run, slots, { settle, stop }) => {
      const holding = newHolding({
        jobId: row.jobId,
        transferIds: [row.id],
        slots,
        limit: run.limit,
        at: clock.monotonic(),
        settle: () => settle(one),
        ...(stop === undefined ? {} : { stop }),
      });
      holding.countedBytes = row.bytesDone;
      const one: Held = { holding, run, row, writes: Promise.resolve() };
      held.set(holding, one);
      byTransfer.set(row.id, one);
      holdings.add(holding);
      live.begin(row);
      return one;
    },

    byTransfer: (transferId) => byTransfer.get(transferId),

    letGo: (one) => {
      live.end(one.row);
      if (byTransfer.get(one.row.id) === one) byTransfer.delete(one.row.id);
      holdings.remove(one.holding);
    },

    inTurn: (one, write) => {
      const result = one.writes.then(write);
      one.writes = result.catch(() => undefined);
      return result;
    },

    write: async (one, input, patch) => {
      const after = await rows.inTurn(one, () => ledger.advance({ transfer: one.row, inputs: input, patch }));
      if (after !== undefined) one.row = after;
      return after;
    },

    howFar: (row) => {
      const done = live.done(row.id);
      if (row.phase === 'process') return { bytesProcessed: done ?? row.bytesProcessed };
      return { bytesDone: done ?? row.bytesDone };
    },

    give: async (one, fault, extra) => {
      const { row, run } = one;
      const { attempts, firstQueuedAt, createdAt, jobId } = row;
      const attempted = { attempts, firstQueuedAt: firstQueuedAt ?? createdAt, jobId };
      const decision = parts.decide(fault, attempted);
      const patch = { error: fault.report(), ...rows.howFar(row), ...extra };
      if (decision.kind === 'fail') {
        run.firstFault ??= fault;
        await rows.write(one, 'fail', patch);
      } else await rows.write(one, 'wait', { ...patch, waiting: { reason: decision.reason, until: decision.until } });
      rows.letGo(one);
    },

    ledgerTrouble: (one, error) => {
      log.error({ transferId: one.row.id, fault: asFault(error).report() }, 'The ledger could not be written');
      rows.letGo(one);
    },

    heartbeat: async (holding) => {
      const one = held.get(holding);
      if (one === undefined || holding.lost) return;
      const patch = { heartbeatAt: clock.now(), ...rows.howFar(one.row) };
      await rows.inTurn(one, async () => {
        if (holding.lost || holdings.of(one.row.id) !== holding) return;
        const after = await ledger.note(one.row, patch);
        if (after !== undefined) one.row = after;
        else {
          // Somebody else has the lease by now: what we still hold of it is worth nothing.
          stopControl(holding.control.memory, stopReasons.fence);
          holding.stop?.();
        }
      });
    },

    leaveBehind: async (holding, fault) => {
      const one = held.get(holding);
      if (one === undefined || holding.lost) return;
      holding.lost = true;
      const fence = one.row.fence + 1;
      const { intent } = holding;
      if (intent === 'pause' || intent === 'cancel') {
        await rows.write(one, intent, { fence });
        rows.letGo(one);
      } else if (intent === 'shutdown') {
        await rows.write(one, 'recover', { fence });
        rows.letGo(one);
      } else await rows.give(one, fault, { fence });
    },
  };
  return rows;
}
