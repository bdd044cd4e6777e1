// What happens next: fills the slots from the ledger, and looks again every few seconds, so that a lost trigger delays and never loses.

import { stopControl } from '../endpoints/control.ts';
import { stopReasons } from '../endpoints/mounts.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Attempts } from './attempt.ts';
import type { EngineParts } from './engine-parts.ts';
import { gather } from './gather.ts';
import type { Holding, Holdings } from './holdings.ts';
import type { Jobs } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import type { Live } from './live.ts';
import type { LocalDispatcher } from './local-dispatcher.ts';
import type { PackRunner } from './pack-runner.ts';
import type { Places } from './places.ts';
import { endWaits } from './waits.ts';
import type { EngineWork } from './work.ts';

export interface SchedulerParts extends Pick<EngineParts, 'store' | 'clock' | 'mounts' | 'mover' | 'node' | 'log'> {
  readonly ledger: Ledger;
  readonly dispatcher: LocalDispatcher<EngineWork>;
  readonly holdings: Holdings;
  readonly jobs: Jobs;
  readonly live: Live;
  readonly places: Places;
  readonly attempts: Attempts;
  readonly packs: PackRunner;
  /** Called twice a second. */
  readonly beat: () => void;
  readonly tickMs: number;
  readonly stallMs: number;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly hungMs: number;
}

export interface Scheduler {
  /** Begins to hand out work. */
  start(): void;
  /** Something may be claimable now. */
  wake(): void;
  /** A place may have become well: what waits for it is looked at now. */
  lookAtWaits(): void;
  offer(work: EngineWork): void;
  /** Hands out nothing more; resolves once what was under way has ended. */
  stop(): Promise<void>;
  /** One look at everything that time changes. */
  tick(): Promise<void>;
}

/** Rows that are read ahead of free slots; a burst of small files is packed from as many. */
const rowsAhead = 2048;
const watchMs = 500;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { store, clock, ledger, dispatcher, holdings, jobs, live, attempts, packs, log } = parts;
  const reserveOf = (row: Transfer) => {
    try {
      return jobs.get(row.jobId)?.mode.options(row).reserveBytes ?? 0;
    } catch {
      // A mode may say by a fault that the place is away; the attempt then says so itself.
      return 0;
    }
  };
  const waitParts = { ...parts, reserveOf };
  const stopping = new AbortController();
  const under = new Set<Promise<void>>();
  /** Rows that stand in offered or claimed work, by the work's key. */
  const inWork = new Map<string, string>();
  let started = false;
  let pumping = false;
  let again = false;
  let ledgerHasMore = true;

  const wake = () => {
    ledgerHasMore = true;
    void pump();
  };

  const pump = async () => {
    if (!started || stopping.signal.aborted) return;
    if (pumping) {
      again = true;
      return;
    }
    pumping = true;
    try {
      do {
        again = false;
        claimAll();
        if (ledgerHasMore && dispatcher.offered < 4) await refill();
        claimAll();
      } while (again && !stopping.signal.aborted);
    } catch (error) {
      log.error({ fault: asFault(error).report() }, 'The queue could not be read; it is read again with the next tick');
    } finally {
      pumping = false;
    }
  };

  const refill = async () => {
    ledgerHasMore = false;
    const rows = await store.queued({ limit: rowsAhead, perJob: rowsAhead / 2 });
    const free = rows.filter((row) => !inWork.has(row.id) && holdings.of(row.id) === undefined && accepts(row));
    const works = gather(free, {
      slotOf: (address) => parts.places.slotOf(address),
      togetherKey: (row) => jobs.get(row.jobId)?.mode.togetherKey?.(row),
      canPack: (row) => jobs.get(row.jobId)?.mode.growth?.(row) === undefined,
    });
    for (const plan of works) {
      for (const row of plan.transfers) inWork.set(row.id, plan.key);
      dispatcher.offer([plan.kind === 'transfers' ? plan : await packOf(plan)].filter((work) => work !== undefined));
    }
    // A full page may hide more behind it, to be read when some of this is done.
    if (rows.length >= rowsAhead / 2) ledgerHasMore = true;
    if (works.length > 0) again = true;
  };

  const packOf = async (
    plan: ReturnType<typeof gather>[number] & { kind: 'pack' },
  ): Promise<EngineWork | undefined> => {
    try {
      const source = await parts.places.open(plan.sourceEndpoint);
      const destination = await parts.places.open(plan.destinationEndpoint);
      const { transfers, sourceEndpoint: _source, destinationEndpoint: _destination, ...rest } = plan;
      return {
        ...rest,
        source,
        destination,
        rows: new Map(transfers.map((row) => [row.id, row])),
        known: Promise.resolve(),
      };
    } catch {
      // Each of them meets the fault by itself, and waits for what it says.
      for (const row of plan.transfers) {
        inWork.set(row.id, row.id);
        const { key: _key, kind: _kind, ...rest } = plan;
        dispatcher.offer([{ ...work(rest), kind: 'transfers', key: row.id, transfers: [row] }]);
      }
      return undefined;
    }
  };

  const accepts = (row: Transfer) => jobs.get(row.jobId)?.accepting === true;

  const claimAll = () => {
    if (stopping.signal.aborted) return;
    for (let item = dispatcher.claim(); item !== undefined; item = dispatcher.claim()) run(item);
  };

  const run = (item: EngineWork) => {
    const done = (item.kind === 'pack' ? packs.run(withoutMoved(item)) : attempts.run(item)).finally(() => {
      under.delete(done);
      dispatcher.complete(item.key);
      for (const [id, key] of rowsOf(item)) if (inWork.get(id) === key) inWork.delete(id);
      void pump();
    });
    under.add(done);
  };

  /** A row that was paused or cancelled while its pack stood in line stays behind. */
  const withoutMoved = (item: EngineWork & { kind: 'pack' }) => {
    if (item.rows === undefined) return item;
    for (const id of item.rows.keys()) if (inWork.get(id) !== item.key) item.rows.delete(id);
    const files = item.files.filter((file) => item.rows?.has(file.transferId));
    return { ...item, files };
  };

  /** Waits end when their time comes, not only with the next tick. */
  let due = { at: Number.POSITIVE_INFINITY, timer: new AbortController() };
  const lookWhenDue = (at: number) => {
    if (!started || at >= due.at) return;
    due.timer.abort();
    const timer = new AbortController();
    due = { at, timer };
    clock.sleep(at - clock.now(), AbortSignal.any([timer.signal, stopping.signal])).then(
      () => {
        due.at = Number.POSITIVE_INFINITY;
        endWaits(waitParts, 'due').catch((error) => {
          log.warn({ fault: asFault(error).report() }, 'What waits could not be looked at; the next tick does');
        });
      },
      () => undefined,
    );
  };

  ledger.onTransfer((before, after) => {
    if (after.state === 'waiting' && after.waiting?.until != null) lookWhenDue(after.waiting.until);
    if (after.state === 'queued') {
      if (before?.state !== 'queued') wake();
      return;
    }
    const key = inWork.get(after.id);
    if (key === undefined || holdings.of(after.id) !== undefined || after.state === 'transferring') return;
    inWork.delete(after.id);
    if (key === after.id) dispatcher.withdraw(key);
  });

  /** Twice a second: bytes for the rates, and whether anybody still lives. */
  const watch = async () => {
    const at = clock.monotonic();
    for (const holding of holdings.all) {
      const bytes = holding.control.bytesDone;
      const { beats } = holding.control;
      const { seen } = holding;
      if (bytes !== seen.bytes || beats !== seen.beats || holding.parked) {
        live.moved(holding.jobId, holding.slots, bytes - seen.bytes);
        holding.seen = { bytes, beats, at };
        if (at - holding.heartbeatAt >= parts.heartbeatMs) {
          holding.heartbeatAt = at;
          await attempts.heartbeat(holding);
        }
      } else await lookForStall(holding, at);
    }
    live.refresh();
    parts.beat();
  };

  const lookForStall = async (holding: Holding, at: number) => {
    const told = holding.intent !== undefined || holding.stalledAt !== undefined;
    const stillMs = at - holding.seen.at;
    if (!told && stillMs >= parts.stallMs) {
      holding.stalledAt = at;
      stopControl(holding.control.memory, stopReasons.stall);
      log.warn(
        { jobId: holding.jobId, transferIds: holding.transferIds },
        'No byte has moved for too long; the attempt is ended',
      );
    } else if (holding.stalledAt !== undefined && at - holding.stalledAt >= parts.hungMs) {
      const seconds = Math.round(stillMs / 1000);
      await leaveBehind(
        holding,
        new Fault('stalled', `A call has hung in the operating system for ${seconds} s and was left behind.`),
      );
    }
  };

  const leaveBehind = async (holding: Holding, fault: Fault) => {
    await attempts.leaveBehind(holding, fault);
    await packs.leaveBehind(holding, fault);
  };

  /** Rows that say they are being moved although nobody here moves them, or whose holder has gone silent. */
  const takeBack = async () => {
    const now = clock.now();
    const { rows } = await store.transfers({ states: ['transferring', 'processing'], limit: 1000 });
    const lost = rows.filter((row) => {
      if (holdings.of(row.id) !== undefined || inWork.has(row.id)) return false;
      const silentMs = now - (row.heartbeatAt ?? row.updatedAt);
      return row.lease?.node === parts.node ? silentMs >= 2 * parts.tickMs : silentMs >= parts.leaseMs;
    });
    await ledger.advanceAll(lost.map((transfer) => ({ transfer, inputs: 'recover' as const })));
  };

  let wallAt = clock.now();
  let monotonicAt = clock.monotonic();
  const tick = async () => {
    const wall = clock.now();
    const monotonic = clock.monotonic();
    const setBack = wall - wallAt < monotonic - monotonicAt - 5_000;
    wallAt = wall;
    monotonicAt = monotonic;
    await takeBack();
    // A clock that was set back would make what is due wait for as long again.
    await endWaits(waitParts, setBack ? 'all-timed' : 'due');
    for (const one of jobs.all) {
      await one.flush();
      jobs.check(one);
    }
    wake();
  };

  const every = async (ms: number, what: () => Promise<void>) => {
    for (;;) {
      try {
        await clock.sleep(ms, stopping.signal);
      } catch {
        return;
      }
      try {
        await what();
      } catch (error) {
        log.error({ fault: asFault(error).report() }, 'A look at the ledger failed; the next one follows');
      }
    }
  };

  let lookingAtWaits: Promise<unknown> | undefined;
  return {
    start: () => {
      started = true;
      void every(parts.tickMs, tick);
      void every(watchMs, watch);
      void pump();
    },
    wake,
    lookAtWaits: () => {
      lookingAtWaits ??= endWaits(waitParts, 'space')
        .catch((error) =>
          log.warn({ fault: asFault(error).report() }, 'Whether there is room again could not be found out'),
        )
        .finally(() => {
          lookingAtWaits = undefined;
        });
    },
    offer: (item) => {
      dispatcher.offer([item]);
      claimAllSoon();
    },
    stop: async () => {
      stopping.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      await Promise.all(under);
      await lookingAtWaits;
    },
    tick,
  };

  function claimAllSoon(): void {
    if (started) queueMicrotask(claimAll);
  }
}

function work(from: { jobId: string; priority: number; queuedAt: number; endpoints: readonly string[] }) {
  const { jobId, priority, queuedAt, endpoints } = from;
  return { jobId, priority, queuedAt, endpoints };
}

function rowsOf(item: EngineWork): [id: string, key: string][] {
  if (item.kind === 'transfers') return item.transfers.map((row) => [row.id, item.key]);
  if (item.kind === 'pack') return [...(item.rows?.keys() ?? [])].map((id) => [id, item.key]);
  return [];
}
