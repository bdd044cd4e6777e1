// Puts the engine together: the ledger's door, the scheduler, the jobs and the verbs behind one contract.

import { asFault, Fault } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import { noCounts } from '../model/job.ts';
import type { JobRequest } from '../model/specs.ts';
import type { Change } from '../store/store.ts';
import { createAttempts } from './attempt.ts';
import { createBandwidthClock } from './bandwidth-clock.ts';
import { copyMode } from './copy/copy-mode.ts';
import type { Engine } from './engine.ts';
import type { EngineParts } from './engine-parts.ts';
import { explainPath } from './explain.ts';
import { createHoldings, tellStop } from './holdings.ts';
import { createJobProgress } from './job-progress.ts';
import { createJobs, type JobsParts } from './jobs.ts';
import { createLedger } from './ledger.ts';
import { createLive } from './live.ts';
import { createLocalDispatcher, defaultSlotLimits } from './local-dispatcher.ts';
import type { Mode, ModeParts } from './mode.ts';
import { packRecord, recoverPacks } from './pack-recovery.ts';
import { createPackRunner } from './pack-runner.ts';
import { createPlaces } from './places.ts';
import { decide, defaultRetryRules } from './retry.ts';
import { createScheduler } from './scheduler.ts';
import { createStorageMonitor, type StoragePlace } from './storage-monitor.ts';
import { createVerbs } from './verbs.ts';
import { endWaits } from './waits.ts';
import { createWatchMode } from './watch/watch-mode.ts';
import type { EngineWork } from './work.ts';

/** The worker module that the mount pools need for the engine. */
export const engineOperations = new URL(
  import.meta.url.endsWith('.ts') ? './compare-operations.ts' : './compare-operations.js',
  import.meta.url,
);

const idempotencyCollection = 'idempotency';

export function createEngine(parts: EngineParts): Engine {
  const { store, clock, random, newId, mounts, mover, log, limits = {} } = parts;
  const rules = { ...defaultRetryRules, ...limits.retry };
  const hungMs = (limits.hungSeconds ?? 5) * 1000;
  const modes: readonly Mode[] = [copyMode, createWatchMode()];
  const ledger = createLedger(store, clock);
  const places = createPlaces(parts);
  const dispatcher = createLocalDispatcher<EngineWork>({ ...defaultSlotLimits, ...limits.slots });
  const holdings = createHoldings();
  const bandwidth = createBandwidthClock(clock, mounts);
  const live = createLive(clock, {
    causeOf: (transfer) => bandwidth.causeFor(transfer.jobId) ?? 'at the present speed',
    openEnded: (transfer) => jobs.get(transfer.jobId)?.mode.openEnded?.(transfer),
    head: (transfer) => jobs.get(transfer.jobId)?.mode.head?.(transfer),
  });
  const modeParts: ModeParts = { reader: store, clock, mounts, newId, log, open: (address) => places.open(address) };
  const wake = () => scheduler.wake();

  const jobsParts: JobsParts = {
    ...modeParts,
    ledger,
    modes,
    rules,
    random,
    wake,
    decide: (fault, attempted) => decide(fault, attempted, clock.now(), random.next(), rules),
    limitJob: (jobId, most) => {
      dispatcher.limitJob(jobId, most);
      if (most === null && jobs.get(jobId) === undefined) bandwidth.dropJob(jobId);
    },
    limitBytes: (run) => {
      if (run.limit !== undefined && run.mode.bandwidth !== null)
        bandwidth.setJob(run.id, run.mode.bandwidth, run.limit);
    },
    tellEnd: (run) => jobProgress.tell(run, true),
    goOn: (transferId) => {
      const holding = holdings.of(transferId);
      if (holding?.parked !== true) return;
      const job = jobs.get(holding.jobId)?.job;
      scheduler.offer({
        kind: 'go-on',
        key: `go-on-${transferId}`,
        transferId,
        jobId: holding.jobId,
        priority: job?.priority ?? 0,
        queuedAt: job?.createdAt ?? clock.now(),
        endpoints: holding.slots,
      });
    },
    offerPack: (run, { source, destination, files }) => {
      const { job } = run;
      const work = {
        kind: 'pack' as const,
        key: `pack-${files[0]?.transferId ?? newId()}`,
        jobId: job.id,
        priority: job.priority,
        queuedAt: clock.now(),
        endpoints: [...new Set([places.slotOf(source.name), places.slotOf(destination.name)])],
        source,
        destination,
        files,
        rows: undefined,
      };
      const known = ledger.write([packRecord(work)]).then(() => undefined);
      known.catch(() => undefined);
      scheduler.offer({ ...work, known });
    },
  };
  const jobs = createJobs(jobsParts);
  const jobProgress = createJobProgress({ clock, live, jobs, bandwidth });
  const attempts = createAttempts({ ...parts, ledger, holdings, jobs, places, live, rules });
  const packs = createPackRunner({ ...parts, ledger, holdings, jobs, places, live, rules, host: jobsParts });
  const scheduler = createScheduler({
    ...parts,
    ledger,
    dispatcher,
    holdings,
    jobs,
    live,
    places,
    attempts,
    packs,
    beat: () => {
      bandwidth.look();
      jobProgress.look();
    },
    tickMs: (limits.tickSeconds ?? 5) * 1000,
    stallMs: (limits.stallSeconds ?? 60) * 1000,
    heartbeatMs: (limits.heartbeatSeconds ?? 30) * 1000,
    leaseMs: (limits.leaseSeconds ?? 120) * 1000,
    hungMs,
  });
  const leaveBehind = async (holding: Parameters<typeof attempts.leaveBehind>[0], fault: Fault) => {
    await attempts.leaveBehind(holding, fault);
    await packs.leaveBehind(holding, fault);
  };
  const storage = createStorageMonitor({
    places: () => uniquePlaces([...jobs.all].flatMap((run) => run.mode.places?.() ?? [])),
    open: (address) => places.open(address),
    write: (changes) => ledger.write(changes),
    clock,
    newId,
    recovered: () => scheduler.lookAtWaits(),
  });
  const verbs = createVerbs({ ...parts, ledger, jobs, holdings, places, dispatcher, hungMs, leaveBehind });
  /** Keys of jobs that run or are about to. */
  const running = new Map<string, string>();
  let stopped: Promise<boolean> | undefined;
  let stopHealth: (() => void) | undefined;

  const modeOf = (kind: string): Mode => {
    const mode = modes.find((one) => one.kind === kind);
    if (mode === undefined) throw new Fault('unsupported', `This Wherry knows no jobs of the kind "${kind}".`);
    return mode;
  };

  const refuseBusy = (kind: Job['kind'], keys: readonly string[], own?: string) => {
    for (const key of keys) {
      const jobId = running.get(key);
      if (jobId === undefined || jobId === own || (jobId !== '' && jobs.get(jobId) === undefined)) continue;
      throw new Fault('busy', `The same ${kind} is already under way${jobId === '' ? '' : ` (job ${jobId})`}.`);
    }
  };

  const bornJob = (kind: Job['kind'], prepared: Awaited<ReturnType<Mode['prepare']>>, owner: string | null): Job => {
    const now = clock.now();
    return {
      id: newId(),
      kind,
      name: prepared.name,
      spec: prepared.spec,
      state: 'pending',
      waiting: null,
      planned: false,
      counts: noCounts,
      priority: prepared.priority,
      owner,
      error: null,
      createdAt: now,
      updatedAt: now,
      startedAt: null,
      finishedAt: null,
    };
  };

  const recover = async () => {
    await recoverPacks({ store, ledger, places, mover, clock, newId, log });
    for (;;) {
      const { rows } = await store.transfers({ states: ['transferring', 'processing'], limit: 1000 });
      if (rows.length === 0) break;
      const recovered = await ledger.advanceAll(rows.map((transfer) => ({ transfer, inputs: 'recover' as const })));
      if (recovered.every((row) => row === undefined)) break;
    }
    while ((await endWaits({ ...parts, ledger, places, reserveOf: () => 0 }, 'back-off')) > 0);
  };

  const resumeJobs = async () => {
    let cursor: string | undefined;
    const open: Job[] = [];
    do {
      const page = await store.jobs({
        states: ['pending', 'running', 'waiting'],
        limit: 500,
        ...(cursor === undefined ? {} : { cursor }),
      });
      open.push(...page.rows);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    for (const job of open) {
      try {
        await jobs.run(job);
        void rememberKeys(job);
      } catch (error) {
        log.error({ jobId: job.id, fault: asFault(error).report() }, 'A job could not be taken up again');
      }
    }
  };

  const rememberKeys = async (job: Job) => {
    try {
      const { keys } = await modeOf(job.kind).prepare(job.spec as JobRequest, modeParts);
      for (const key of keys) running.set(key, job.id);
    } catch (error) {
      log.debug({ jobId: job.id, fault: asFault(error).report() }, 'The places of a job cannot be looked at now');
    }
  };

  return {
    reader: store,

    start: async () => {
      bandwidth.set(limits.bandwidth ?? null);
      await recover();
      stopHealth = mounts.onHealth((health) => {
        if (health.state === 'well') scheduler.lookAtWaits();
      });
      scheduler.start();
      await resumeJobs();
      storage.start();
    },

    stop: () => {
      stopped ??= (async () => {
        stopHealth?.();
        storage.stop();
        for (const run of jobs.all) {
          run.accepting = false;
          run.ending.abort(new Fault('interrupted', 'Wherry is shutting down.'));
        }
        for (const holding of holdings.all) {
          tellStop(holding, 'shutdown');
          if (holding.parked) void holding.settle();
        }
        const ended = scheduler.stop();
        const giveUp = new AbortController();
        const hung = clock.sleep(hungMs, giveUp.signal).then(
          () => true,
          () => false,
        );
        if (await Promise.race([ended.then(() => false), hung])) {
          const fault = new Fault('interrupted', 'Wherry is shutting down.');
          await Promise.all([...holdings.all].map((holding) => leaveBehind(holding, fault)));
        } else giveUp.abort();
        for (const run of jobs.all) {
          await jobs.halt(run);
          await run.flush();
          jobs.drop(run);
        }
        const closed = await Promise.all(modes.map((mode) => mode.close?.() ?? true));
        await places.close();
        return (await mounts.close()) && closed.every(Boolean);
      })();
      return stopped;
    },

    submit: async (request, options = {}) => {
      const { idempotencyKey, owner = null } = options;
      if (idempotencyKey !== undefined) {
        const jobId = await store.document(idempotencyCollection, idempotencyKey);
        const known = typeof jobId === 'string' ? await store.job(jobId) : undefined;
        if (known !== undefined) return known;
      }
      const mode = modeOf(request.kind);
      const prepared = await mode.prepare(request, modeParts);
      refuseBusy(mode.kind, prepared.keys);
      for (const key of prepared.keys) running.set(key, '');
      try {
        const job = bornJob(mode.kind, prepared, owner);
        const more: Change[] =
          idempotencyKey === undefined
            ? []
            : [{ kind: 'put_document', collection: idempotencyCollection, key: idempotencyKey, value: job.id }];
        await ledger.insertJob(job, more);
        const run = await jobs.run(job);
        for (const key of prepared.keys) running.set(key, job.id);
        return run.job;
      } catch (error) {
        for (const key of prepared.keys) if (running.get(key) === '') running.delete(key);
        throw error;
      }
    },

    plan: (request, signal) => modeOf(request.kind).plan(request, modeParts, signal),
    ...verbs,
    settled: (jobId, signal) => jobs.settled(jobId, signal),
    setBandwidth: (limit) => bandwidth.set(limit),
    onTransferProgress: live.onTransfer,
    onJobProgress: live.onJob,
    progressOf: live.last,
    snapshot: () => {
      const rates = live.rates();
      return {
        activeTransfers: holdings.all.size,
        bytesPerSecond: Object.values(rates.jobs).reduce((sum, rate) => sum + rate, 0),
        bandwidthLimit: bandwidth.now,
        mounts: mounts.health(),
        rates,
      };
    },
    explain: (path) =>
      explainPath(path, store, async () => {
        const said = await Promise.all([...jobs.all].map((run) => run.mode.explain?.(path, live.bytesDone)));
        return said.filter((one) => one !== undefined);
      }),
    statusOf: (jobId) => jobs.get(jobId)?.mode.status,
    edit: async (jobId, request) => {
      const mode = modeOf(request.kind);
      const job = await store.job(jobId);
      if (job === undefined) throw new Fault('not_found', `There is no job ${jobId}.`);
      if (job.kind !== request.kind || mode.editable !== true) {
        throw new Fault(
          'unsupported',
          `A job of the kind "${job.kind}" cannot be changed into this; submit a new one.`,
        );
      }
      const { spec, name, priority, keys } = await mode.prepare(request, modeParts);
      refuseBusy(mode.kind, keys, jobId);
      const edited = await verbs.rewrite(jobId, { spec, name, priority });
      for (const [key, of] of running) if (of === jobId) running.delete(key);
      for (const key of keys) running.set(key, jobId);
      return edited;
    },
    storage: () => storage.reports,
    lookAtStorage: () => storage.look(),
  };
}

/** A place that several jobs share is looked at once. */
function uniquePlaces(places: readonly StoragePlace[]): StoragePlace[] {
  return [...new Map(places.map((place) => [`${place.role} ${place.endpoint}`, place])).values()];
}
