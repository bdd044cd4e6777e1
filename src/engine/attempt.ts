// Runs claimed transfers through the mover, and turns what becomes of them into states.

import { asFault, Fault } from '../model/fault.ts';
import type { Receipt } from '../model/receipt.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Held, HeldParts, HeldRows } from './held-rows.ts';
import { freshControl } from './holdings.ts';
import type { Jobs } from './jobs.ts';
import type { TransferPatch } from './ledger.ts';
import type { MoveOutcome, MoveRequest } from './mover/move.ts';
import type { Places } from './places.ts';
import { processingOf } from './process-attempts.ts';
import type { ScanGate } from './scan-gate.ts';
import type { GoOnWork, TransferWork } from './work.ts';

export interface AttemptParts extends HeldParts, Pick<EngineParts, 'mover' | 'node'> {
  readonly rows: HeldRows;
  readonly jobs: Jobs;
  readonly places: Places;
  readonly scans: ScanGate;
}

export interface Attempts {
  /**
   * Resolves once all is written. Never rejects. `moved` is called before the last row is written as arrived, so that whoever
   * gets the slot shares that commit; it is not where a transfer ends in another way.
   */
  run(work: TransferWork | GoOnWork, moved: () => void): Promise<void>;
}

export function createAttempts(parts: AttemptParts): Attempts {
  const { clock, ledger, jobs, live, log, mover, places, rows, scans } = parts;
  const whenMoved = new WeakMap<Held, () => void>();

  const claim = async (work: TransferWork): Promise<Held[]> => {
    const run = jobs.get(work.jobId);
    if (run === undefined || !run.accepting) return [];
    const claimed = await ledger.advanceAll(
      work.transfers.map((transfer) => {
        const fence = transfer.fence + 1;
        return { transfer, inputs: 'start' as const, patch: { fence, lease: { node: parts.node, fence } } };
      }),
    );
    return claimed
      .filter((row) => row !== undefined)
      .map((row) => {
        const one = rows.hold(row, run, work.endpoints, { settle: stopHere, stop: () => scans.stop(one) });
        return one;
      });
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
        publishing: async (publishing) => {
          await scans.pass(one, publishing, destination);
          await run.mode.publishing?.(one.row, publishing);
          await rows.inTurn(one, async () => {
            const after = holding.lost ? undefined : await ledger.note(one.row, { publishing });
            if (after === undefined)
              throw new Fault('lease_lost', 'The transfer was taken back before it was published.');
            one.row = after;
          });
        },
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
      rows.ledgerTrouble(one, error);
    }
  };

  const complete = async (one: Held, outcome: MoveOutcome & { kind: 'published' }) => {
    const { run } = one;
    // The job does not end before its mode knows of the last one.
    run.arriving += 1;
    try {
      await arrive(one, outcome);
    } finally {
      run.arriving -= 1;
      jobs.check(run);
    }
  };

  const arrive = async (one: Held, outcome: MoveOutcome & { kind: 'published' }) => {
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
    const proven = { ...row, ...patch, phase: 'process' as const };
    const after = await rows.inTurn(one, () => {
      const written = ledger.advance(
        processingOf(run.mode, proven) === null
          ? {
              ...{ transfer: one.row, inputs: ['arrive', 'complete'], patch, facts, receipt },
              also: run.mode.completing?.(proven, receipt, []) ?? [],
            }
          : // What is to be processed begins a new count of attempts.
            { transfer: one.row, inputs: 'arrive', patch: { ...patch, attempts: 0 }, facts, receipt },
      );
      whenMoved.get(one)?.();
      return written;
    });
    if (after !== undefined) one.row = after;
    rows.letGo(one);
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
    const howFar = rows.howFar(one.row);
    if (holding.intent === 'cancel') {
      await discard(one);
      await rows.write(one, 'cancel', { bytesDone: 0 });
    } else if (holding.intent === 'pause') await rows.write(one, 'pause', howFar);
    else await rows.write(one, 'recover', howFar);
    rows.letGo(one);
  };

  const discard = async (one: Held) => {
    try {
      await scans.sweep(one.row.id);
      await mover.discard(one.row, await places.open(one.row.destination.endpoint));
    } catch (error) {
      log.warn({ transferId: one.row.id, fault: asFault(error).report() }, 'The unfinished copy could not be removed');
    }
  };

  const park = (one: Held, bytesDone: number) => {
    live.progress(one.row.id, bytesDone);
    one.holding.parked = true;
    if (one.holding.intent !== undefined) void stopHere(one);
  };

  const fail = async (one: Held, seen: Fault): Promise<void> => {
    const { holding, run, row } = one;
    if (holding.lost) return;
    const isStopped = () => holding.intent !== undefined || ['interrupted', 'lease_lost'].includes(seen.code);
    try {
      const fault = isStopped() || run.mode.judge === undefined ? seen : await run.mode.judge(row, seen);
      // It may have been stopped, or left behind, while that was found out.
      if (holding.lost) return;
      if (isStopped()) return await stopHere(one);
      // It is not kept under any name.
      if (fault.code === 'infected') await discard(one);
      await rows.give(one, fault, {});
      log.warn({ jobId: row.jobId, transferId: row.id, fault: fault.report() }, fault.message);
      run.mode.stopped?.(one.row, fault);
    } catch (error) {
      rows.ledgerTrouble(one, error);
    }
  };

  const goOn = async (work: GoOnWork, moved: () => void) => {
    const one = rows.byTransfer(work.transferId);
    if (one === undefined || !one.holding.parked || one.holding.intent !== undefined) return;
    whenMoved.set(one, moved);
    one.holding.parked = false;
    one.holding.control = freshControl(one.run.limit);
    one.holding.seen = { bytes: 0, beats: 0, at: clock.monotonic() };
    live.begin(one.row);
    await move([one]);
  };

  return {
    run: async (work, moved) => {
      try {
        if (work.kind === 'go-on') return await goOn(work, moved);
        const batch = await claim(work);
        let left = batch.length;
        const oneMoved = () => {
          left -= 1;
          if (left === 0) moved();
        };
        for (const one of batch) whenMoved.set(one, oneMoved);
        await move(batch);
      } catch (error) {
        log.error({ jobId: work.jobId, fault: asFault(error).report() }, 'An attempt broke off');
      }
    },
  };
}
