// What happens next: fills the slots from the ledger, and looks again every few seconds, so that a lost trigger delays and never loses.

import { asFault, Fault } from '../model/fault.ts';
import { activeStates, type Transfer } from '../model/transfer.ts';
import type { Attempts } from './attempt.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Holdings } from './holdings.ts';
import type { Jobs } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import type { LocalDispatcher } from './local-dispatcher.ts';
import type { PackRunner } from './pack-runner.ts';
import type { Places } from './places.ts';
import type { ProcessAttempts } from './process-attempts.ts';
import { createQueueReader, transferIdsOf } from './queue-reader.ts';
import { endWaits } from './waits.ts';
import type { EngineWork, PackWork, ProcessWork } from './work.ts';

export interface SchedulerParts
  extends Pick<EngineParts, 'store' | 'clock' | 'mounts' | 'mover' | 'newId' | 'node' | 'log'> {
  readonly ledger: Ledger;
  readonly dispatcher: LocalDispatcher<EngineWork>;
  /** Slots of what is processed, apart from those of what moves. */
  readonly processing: LocalDispatcher<ProcessWork>;
  readonly processes: ProcessAttempts;
  readonly holdings: Holdings;
  readonly jobs: Jobs;
  readonly places: Places;
  readonly attempts: Attempts;
  readonly packs: PackRunner;
  readonly isDeviceAway: (endpoint: string) => boolean;
  /** Called twice a second. */
  readonly beat: () => Promise<void>;
  readonly tickMs: number;
  readonly leaseMs: number;
}

export interface Scheduler {
  /** Begins to hand out work. */
  start(): void;
  /** Something may be claimable now. */
  wake(): void;
  /** A job has begun to run: what of it has arrived may be processed now. */
  jobBegan(): void;
  /** A place may have become well: what waits for it is looked at now. `place` names one that is known to be, by its address. */
  lookAtWaits(place?: string): void;
  offer(work: EngineWork): void;
  /** Hands out nothing more; resolves once what was under way has ended. */
  stop(): Promise<void>;
}

const beatMs = 500;
/** Transfers may end in quick succession; what waits for room is looked at once for all of them. */
const looksApartMs = 1_000;
/** With fewer pieces of work in line than this more are read. */
const fewOffered = 4;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { store, clock, ledger, dispatcher, processing, processes, holdings, jobs, attempts, packs, log } = parts;
  const queue = createQueueReader(parts);
  const waitParts = { ...parts, reserveOf: (row: Transfer) => reserveOf(row, jobs) };
  const stopping = new AbortController();
  const under = new Set<Promise<void>>();
  let started = false;
  let pumping = false;
  let again = false;
  let ledgerHasMore = true;
  /** True where rows may have arrived that have still something to go through. */
  let someHaveArrived = true;
  let someWaitForRoom = true;

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
        if (ledgerHasMore && dispatcher.offered < fewOffered) await refill();
        if (someHaveArrived && processing.offered < fewOffered) await refillArrived();
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
    const { works, more } = await queue.read();
    offerAll(works);
    // What stands behind a full page is read when some of this is done.
    if (more) ledgerHasMore = true;
  };

  const refillArrived = async () => {
    someHaveArrived = false;
    const { works, more } = await queue.readArrived();
    offerAll(works);
    if (more) someHaveArrived = true;
  };

  const offerAll = (works: readonly (EngineWork | ProcessWork)[]) => {
    dispatcher.offer(works.filter((work) => work.kind !== 'process'));
    processing.offer(works.filter((work) => work.kind === 'process'));
  };

  const claimAll = () => {
    if (stopping.signal.aborted) return;
    for (let item = processing.claim(); item !== undefined; item = processing.claim()) run(item);
    for (let item = dispatcher.claim(); item !== undefined; item = dispatcher.claim()) run(item);
  };

  const carryOut = (item: EngineWork | ProcessWork): Promise<void> => {
    if (item.kind === 'process') return processes.run(item);
    if (item.kind === 'pack') return packs.run(withoutMoved(item));
    return attempts.run(item, () => {
      dispatcher.complete(item.key);
      claimAll();
    });
  };

  const run = (item: EngineWork | ProcessWork) => {
    const ids = transferIdsOf(item);
    const done = carryOut(item).finally(() => {
      under.delete(done);
      (item.kind === 'process' ? processing : dispatcher).complete(item.key);
      for (const id of ids) queue.forget(id, item.key);
      // A row that arrived while it was still this work's could not be read before.
      if (arrivedIn.delete(item.key)) someHaveArrived = true;
      if (someWaitForRoom) lookAtWaits();
      void pump();
    });
    under.add(done);
  };

  /** Work whose rows have arrived with something still to go through. */
  const arrivedIn = new Set<string>();

  /** A row that was paused or cancelled while its pack stood in line stays behind. */
  const withoutMoved = (item: PackWork): PackWork => {
    const { rows } = item;
    if (rows === undefined) return item;
    for (const id of rows.keys()) if (queue.workOf(id) !== item.key) rows.delete(id);
    return { ...item, files: item.files.filter((file) => rows.has(file.transferId)) };
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
    if (after.state === 'queued') {
      if (before?.state !== 'queued') wake();
      return;
    }
    if (after.state === 'waiting' && after.waiting !== null) {
      if (after.waiting.reason === 'space') someWaitForRoom = true;
      if (after.waiting.until !== null) lookWhenDue(after.waiting.until);
    }
    const key = queue.workOf(after.id);
    if (after.state === 'transferred') {
      if (key === undefined) {
        someHaveArrived = true;
        void pump();
      } else arrivedIn.add(key);
      return;
    }
    if (key === undefined || holdings.of(after.id) !== undefined || activeStates.includes(after.state)) return;
    queue.forget(after.id, key);
    if (key === after.id) dispatcher.withdraw(key);
    else processing.withdraw(key);
  });

  /** Rows that say they are being moved although nobody here moves them, or whose holder has gone silent. */
  const takeBack = async () => {
    const now = clock.now();
    const { rows } = await store.transfers({ states: ['transferring', 'processing'], limit: 1000 });
    const lost = rows.filter((row) => {
      if (holdings.of(row.id) !== undefined || queue.workOf(row.id) !== undefined) return false;
      const silentMs = now - (row.heartbeatAt ?? row.updatedAt);
      return silentMs >= (row.lease?.node === parts.node ? 2 * parts.tickMs : parts.leaseMs);
    });
    await ledger.advanceAll(lost.map((transfer) => ({ transfer, inputs: 'recover' as const })));
  };

  let wallAt = clock.now();
  let monotonicAt = clock.monotonic();
  const tick = async () => {
    const wall = clock.now();
    const monotonic = clock.monotonic();
    const setBack = wall - wallAt < monotonic - monotonicAt - parts.tickMs;
    wallAt = wall;
    monotonicAt = monotonic;
    await ledger.probe();
    await takeBack();
    // A clock that was set back would make what is due wait for as long again.
    await endWaits(waitParts, setBack ? 'all-timed' : 'due');
    for (const one of jobs.all) {
      await one.flush();
      jobs.check(one);
    }
    someHaveArrived = true;
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

  let lookingAtWaits: Promise<void> | undefined;
  const recovered = new Set<string>();
  const lookAtWaits = (place?: string) => {
    if (place !== undefined) recovered.add(place);
    lookingAtWaits ??= clock
      .sleep(looksApartMs, stopping.signal)
      .then(() => {
        const places = new Set(recovered);
        recovered.clear();
        return endWaits(waitParts, 'space', places);
      })
      .then(({ left }) => {
        someWaitForRoom = left > 0;
      })
      .catch((error) => {
        if (stopping.signal.aborted) return;
        log.warn({ fault: asFault(error).report() }, 'Whether there is room again could not be found out');
      })
      .finally(() => {
        lookingAtWaits = undefined;
        // One that came back while the others were looked at.
        if (recovered.size > 0 && !stopping.signal.aborted) lookAtWaits();
      });
  };

  return {
    start: () => {
      started = true;
      void every(parts.tickMs, tick);
      void every(beatMs, parts.beat);
      void pump();
    },
    wake,
    jobBegan: () => {
      someHaveArrived = true;
      wake();
    },
    lookAtWaits,
    offer: (item) => {
      dispatcher.offer([item]);
      if (started) queueMicrotask(claimAll);
    },
    stop: async () => {
      stopping.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      await Promise.all(under);
      await lookingAtWaits;
    },
  };
}

/** Free space that must remain at the destination; a mode that cannot say so now says it to the attempt. */
function reserveOf(row: Transfer, jobs: Jobs): number {
  try {
    return jobs.get(row.jobId)?.mode.options(row).reserveBytes ?? 0;
  } catch {
    return 0;
  }
}
