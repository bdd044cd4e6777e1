// Runs claimed transfers through the mover, and turns what becomes of them into states.

import { stopControl } from '../endpoints/control.ts';
import { stopReasons } from '../endpoints/mounts.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { EngineParts } from './engine-parts.ts';
import { freshControl, type Holding, type Holdings, newHolding } from './holdings.ts';
import type { JobRun } from './job-run.ts';
import type { Jobs } from './jobs.ts';
import type { Ledger, TransferPatch } from './ledger.ts';
import type { Live } from './live.ts';
import type { MoveOutcome, MoveRequest } from './mover/move.ts';
import type { Places } from './places.ts';
import type { Attempted, Decision } from './retry.ts';
import type { GoOnWork, TransferWork } from './work.ts';

export interface AttemptParts extends Pick<EngineParts, 'clock' | 'mover' | 'node' | 'log'> {
  readonly ledger: Ledger;
  readonly holdings: Holdings;
  readonly jobs: Jobs;
  readonly places: Places;
  readonly live: Live;
  readonly decide: (fault: Fault, attempted: Attempted) => Decision;
}

/** A transfer that is held: its row as last written, and a line of writes so that none overtakes another. */
interface Held {
  readonly holding: Holding;
  readonly run: JobRun;
  row: Transfer;
  writes: Promise<unknown>;
}

export interface Attempts {
  /** Resolves once the slot is free again. Never rejects. */
  run(work: TransferWork | GoOnWork): Promise<void>;
  /** Writes that the holder lives. */
  heartbeat(holding: Holding): Promise<void>;
  /** Ends an attempt whose worker does not come back: the row goes on under a new fence. */
  leaveBehind(holding: Holding, fault: Fault): Promise<void>;
}

export function createAttempts(parts: AttemptParts): Attempts {
  const { clock, ledger, holdings, jobs, live, log, mover, places } = parts;
  const held = new WeakMap<Holding, Held>();
  const byTransfer = new Map<string, Held>();

  const inTurn = <Result>(one: Held, write: () => Promise<Result>): Promise<Result> => {
    const result = one.writes.then(write);
    one.writes = result.catch(() => undefined);
    return result;
  };

  const claim = async (work: TransferWork): Promise<Held[]> => {
    const run = jobs.get(work.jobId);
    if (run === undefined || !run.accepting) return [];
    const claimed = await ledger.advanceAll(
      work.transfers.map((transfer) => {
        const fence = transfer.fence + 1;
        return { transfer, inputs: 'start' as const, patch: { fence, lease: { node: parts.node, fence } } };
      }),
    );
    return claimed.filter((row) => row !== undefined).map((row) => hold(row, run, work.endpoints));
  };

  const hold = (row: Transfer, run: JobRun, slots: readonly string[]): Held => {
    const holding = newHolding({
      jobId: row.jobId,
      transferIds: [row.id],
      slots,
      limit: run.limit,
      at: clock.monotonic(),
      settle: () => stopHere(one),
    });
    holding.countedBytes = row.bytesDone;
    const one: Held = { holding, run, row, writes: Promise.resolve() };
    held.set(holding, one);
    byTransfer.set(row.id, one);
    holdings.add(holding);
    live.begin(row);
    return one;
  };

  const letGo = (one: Held) => {
    live.end(one.row);
    if (byTransfer.get(one.row.id) === one) byTransfer.delete(one.row.id);
    holdings.remove(one.holding);
  };

  const requestFor = async (one: Held): Promise<MoveRequest> => {
    const { row, run, holding } = one;
    const source = await places.open(row.source.endpoint);
    const destination = await places.open(row.destination.endpoint);
    const growth = run.mode.growth?.(row);
    return {
      transfer: row,
      source,
      destination,
      options: run.mode.options(row),
      ...(growth === undefined ? {} : { growth }),
      control: holding.control.memory,
      hooks: {
        publishing: (publishing) =>
          inTurn(one, async () => {
            const after = holding.lost ? undefined : await ledger.note(one.row, { publishing });
            if (after === undefined)
              throw new Fault('lease_lost', 'The transfer was taken back before it was published.');
            one.row = after;
          }),
        progress: (bytesDone) => live.progress(row.id, bytesDone),
        restarted: (reason) => {
          holding.countedBytes = 0;
          log.info(
            { jobId: row.jobId, transferId: row.id, fault: reason.report() },
            'The copy starts again from the beginning',
          );
        },
      },
    };
  };

  /** What a crash may have left published; undefined where the move has to be done. */
  const adopt = async (one: Held, request: MoveRequest): Promise<MoveOutcome | undefined> =>
    one.row.publishing === null ? undefined : mover.recoverPublishing(one.row, request.destination);

  const move = async (batch: readonly Held[]) => {
    const ready: { one: Held; request: MoveRequest }[] = [];
    for (const one of batch) {
      try {
        const request = await requestFor(one);
        const adopted = await adopt(one, request);
        if (adopted !== undefined) await settle(one, adopted);
        else ready.push({ one, request });
      } catch (error) {
        await fail(one, asFault(error));
      }
    }
    const requests = ready.map(({ request }) => request);
    const [only] = requests;
    const outcomes = requests.length > 1 ? mover.moveTogether(requests) : only === undefined ? [] : [mover.move(only)];
    await Promise.all(
      ready.map(async ({ one }, at) => {
        let outcome: MoveOutcome | undefined;
        try {
          // What was left behind frees its slot, whether its worker ever comes back or not.
          outcome = await Promise.race([outcomes[at], one.holding.ended.then(() => undefined)]);
        } catch (error) {
          return fail(one, asFault(error));
        }
        if (outcome !== undefined) await settle(one, outcome);
      }),
    );
  };

  const settle = async (one: Held, outcome: MoveOutcome): Promise<void> => {
    if (one.holding.lost) return;
    try {
      if (outcome.kind === 'published') await complete(one, outcome);
      else if (outcome.kind === 'caught_up') park(one, outcome.bytesDone);
      else if (outcome.reason === 'stall' && one.holding.intent === undefined) {
        await fail(one, new Fault('stalled', `${one.row.source.path} has not moved by a byte for too long.`));
      } else await stopHere(one);
    } catch (error) {
      ledgerTrouble(one, error);
    }
  };

  const complete = async (one: Held, outcome: MoveOutcome & { kind: 'published' }) => {
    const { row, run } = one;
    const receipt: Receipt = {
      transferId: row.id,
      jobId: row.jobId,
      source: row.source,
      sourceIdentity: outcome.identity,
      destination: { endpoint: row.destination.endpoint, path: outcome.publishedPath },
      sizeBytes: outcome.sizeBytes,
      hash: outcome.hash,
      verify: outcome.verify,
      at: clock.now(),
    };
    const patch: TransferPatch = {
      publishedPath: outcome.publishedPath,
      sizeBytes: outcome.sizeBytes,
      bytesDone: outcome.sizeBytes,
      hash: outcome.hash,
      identity: outcome.identity,
      mtimeMs: outcome.identity.mtimeMs,
    };
    const facts = {
      movedBytes: outcome.movedBytes,
      resumedBytes: outcome.resumedBytes,
      alreadyThere: outcome.alreadyThere,
    };
    const after = await inTurn(one, () =>
      ledger.advance({ transfer: one.row, inputs: ['arrive', 'complete'], patch, facts, receipt }),
    );
    if (after !== undefined) one.row = after;
    letGo(one);
    if (after === undefined) return;
    await run.mode.arrived?.(after, receipt).catch((error) => {
      log.warn(
        { jobId: row.jobId, transferId: row.id, fault: asFault(error).report() },
        'What follows a proven copy failed',
      );
    });
  };

  /** It was told to stop: by whom says what becomes of it. */
  const stopHere = async (one: Held): Promise<void> => {
    const { holding } = one;
    if (holding.lost) return;
    const bytesDone = live.bytesDone(one.row.id) ?? one.row.bytesDone;
    if (holding.intent === 'cancel') {
      await discard(one);
      await write(one, 'cancel', { bytesDone: 0 });
    } else if (holding.intent === 'pause') await write(one, 'pause', { bytesDone });
    else await write(one, 'recover', { bytesDone });
    letGo(one);
  };

  const discard = async (one: Held) => {
    try {
      await mover.discard(one.row, await places.open(one.row.destination.endpoint));
    } catch (error) {
      log.warn({ transferId: one.row.id, fault: asFault(error).report() }, 'The unfinished copy could not be removed');
    }
  };

  const write = async (one: Held, input: 'cancel' | 'pause' | 'recover' | 'wait' | 'fail', patch: TransferPatch) => {
    const after = await inTurn(one, () => ledger.advance({ transfer: one.row, inputs: input, patch }));
    if (after !== undefined) one.row = after;
    return after;
  };

  const park = (one: Held, bytesDone: number) => {
    live.progress(one.row.id, bytesDone);
    one.holding.parked = true;
    if (one.holding.intent !== undefined) void stopHere(one);
  };

  const fail = async (one: Held, fault: Fault): Promise<void> => {
    const { holding, run, row } = one;
    if (holding.lost) return;
    try {
      if (holding.intent !== undefined || fault.code === 'interrupted' || fault.code === 'lease_lost') {
        return await stopHere(one);
      }
      await give(one, fault, {});
      log.warn({ jobId: row.jobId, transferId: row.id, fault: fault.report() }, fault.message);
      run.mode.stopped?.(one.row, fault);
    } catch (error) {
      ledgerTrouble(one, error);
    }
  };

  const give = async (one: Held, fault: Fault, extra: TransferPatch) => {
    const { row, run } = one;
    const attempted = { attempts: row.attempts, firstQueuedAt: row.firstQueuedAt ?? row.createdAt };
    const decision = parts.decide(fault, attempted);
    const patch = { error: fault.report(), bytesDone: live.bytesDone(row.id) ?? row.bytesDone, ...extra };
    if (decision.kind === 'fail') {
      run.firstFault ??= fault;
      await write(one, 'fail', patch);
    } else await write(one, 'wait', { ...patch, waiting: { reason: decision.reason, until: decision.until } });
    letGo(one);
  };

  /** The ledger refused: the row stays as it is, and the tick takes it back once the ledger can be written again. */
  const ledgerTrouble = (one: Held, error: unknown) => {
    log.error({ transferId: one.row.id, fault: asFault(error).report() }, 'The ledger could not be written');
    letGo(one);
  };

  const goOn = async (work: GoOnWork) => {
    const one = byTransfer.get(work.transferId);
    if (one === undefined || !one.holding.parked || one.holding.intent !== undefined) return;
    one.holding.parked = false;
    one.holding.control = freshControl(one.run.limit);
    one.holding.seen = { bytes: 0, beats: 0, at: clock.monotonic() };
    live.begin(one.row);
    await move([one]);
  };

  return {
    run: async (work) => {
      try {
        if (work.kind === 'go-on') await goOn(work);
        else await move(await claim(work));
      } catch (error) {
        log.error({ jobId: work.jobId, fault: asFault(error).report() }, 'An attempt broke off');
      }
    },

    heartbeat: async (holding) => {
      const one = held.get(holding);
      if (one === undefined || holding.lost) return;
      const patch = { heartbeatAt: clock.now(), bytesDone: live.bytesDone(one.row.id) ?? one.row.bytesDone };
      await inTurn(one, async () => {
        if (holding.lost || holdings.of(one.row.id) !== holding) return;
        const after = await ledger.note(one.row, patch);
        if (after !== undefined) one.row = after;
        else {
          // Somebody else has the lease by now: what we still hold of it is worth nothing.
          stopControl(holding.control.memory, stopReasons.fence);
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
        await write(one, intent, { fence });
        letGo(one);
      } else if (intent === 'shutdown') {
        await write(one, 'recover', { fence });
        letGo(one);
      } else await give(one, fault, { fence });
    },
  };
}
