// Puts the engine together: the ledger's door, the scheduler, the jobs and the verbs behind one contract.

import type { Endpoint } from '../endpoints/endpoint.ts';
import { asFault, Fault, faultFrom } from '../model/fault.ts';
import { createAttempts } from './attempt.ts';
import { createBandwidthClock } from './bandwidth-clock.ts';
import { cleanUp } from './cleanup/cleanup.ts';
import { copyMode } from './copy/copy-mode.ts';
import { createDeviceEvents } from './device-events.ts';
import type { Engine } from './engine.ts';
import type { EngineParts, Offloading } from './engine-parts.ts';
import { explainPath } from './explain.ts';
import { createHeldRows } from './held-rows.ts';
import { createHoldings, type Holding, tellStop } from './holdings.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createJobProgress } from './job-progress.ts';
import { createJobs, type JobsParts } from './jobs.ts';
import { createLedger } from './ledger.ts';
import { createLive } from './live.ts';
import { createLocalDispatcher, type SlotLimits } from './local-dispatcher.ts';
import type { Mode, ModeParts } from './mode.ts';
import { createMountEvents } from './mount-events.ts';
import { deviceIdOf, noDevices } from './offload/devices.ts';
import { createOffloadMode } from './offload/offload-mode.ts';
import { createOffloads } from './offload/offloads.ts';
import { recordedContent } from './offload/recorded-content.ts';
import { packRecord } from './pack-recovery.ts';
import { createPackRunner } from './pack-runner.ts';
import { createPlaces, slotLimits } from './places.ts';
import { createProcessAttempts } from './process-attempts.ts';
import { decide, defaultRetryRules } from './retry.ts';
import { createRetryWindow, retryWindowKey } from './retry-window.ts';
import { createScanGate } from './scan-gate.ts';
import { createScheduler } from './scheduler.ts';
import { createMemberships } from './share/memberships.ts';
import { createShareMode } from './share/share-mode.ts';
import { recoverLedger, resumeJobs } from './start-up.ts';
import { createStorageMonitor, type StoragePlace, storageCollection } from './storage-monitor.ts';
import { createSubmissions } from './submissions.ts';
import { createSyncs } from './sync/definitions.ts';
import { syncMode } from './sync/sync-mode.ts';
import { transferBlocks } from './transfer-blocks.ts';
import { createVerbs } from './verbs.ts';
import { createWatchMode } from './watch/watch-mode.ts';
import { lookAfter } from './watchdog.ts';
import type { EngineWork, ProcessWork } from './work.ts';

/** The worker module that the mount pools need for the engine. */
export const engineOperations = new URL(
  import.meta.url.endsWith('.ts') ? './compare-operations.ts' : './compare-operations.js',
  import.meta.url,
);

export function createEngine(parts: EngineParts): Engine {
  const { store, clock, random, newId, mounts, log, limits = {} } = parts;
  const rules = { ...defaultRetryRules, ...limits.retry };
  const keeping = { ...limits };
  const hungMs = (limits.hungSeconds ?? 5) * 1000;
  const devices = parts.devices ?? noDevices;
  const offloading = { ...defaultOffloading, ...parts.offloading };
  const memberships = createMemberships();
  const modes: readonly Mode[] = [
    copyMode,
    syncMode,
    createWatchMode(),
    createOffloadMode({
      devices,
      pipelines: () => offloading.pipelines,
      mediaFolder: () => offloading.mediaFolder,
      retry: (transferId) => verbs.retry({ transferId }),
    }),
    createShareMode({ memberships, join: parts.joinRoom ?? noRooms }),
  ];
  const ledger = createLedger(store, clock);
  const window = createRetryWindow({ clock, write: (changes) => ledger.write(changes) });
  const judge: JobsParts['decide'] = (fault, { attempts, firstQueuedAt, jobId = '' }) => {
    const attempted = { attempts, firstQueuedAt: window.startOf(firstQueuedAt) };
    const own = { ...rules, ...jobs.get(jobId)?.mode.retry };
    const decision = decide(fault, attempted, clock.now(), random.next(), own);
    // What a place has done to a copy is true of the place: whoever looks at it need not wait for its turn to see it.
    if (decision.kind === 'wait' && decision.reason !== 'backoff') void storage.look();
    return decision;
  };
  const places = createPlaces({
    ...parts,
    openEndpoint: async (address) => memberships.place(address) ?? (await openPlace(address, parts.openEndpoint)),
  });
  const dispatcher = createLocalDispatcher<EngineWork>(slotLimits(limits.slots, places));
  const processing = createLocalDispatcher<ProcessWork>(processingSlots(limits.processing));
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
    hungMs,
    wake,
    began: () => scheduler.jobBegan(),
    decide: judge,
    limitJob: (jobId, most, atEndpoint) => {
      dispatcher.limitJob(jobId, most, atEndpoint);
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
        endpoints: places.slotsOf(source.name, destination.name),
        source,
        destination,
        files,
        rows: undefined,
        run,
      };
      const known = ledger.write([packRecord(work)]).then(() => undefined);
      known.catch(() => undefined);
      scheduler.offer({ ...work, known });
    },
  };
  const jobs = createJobs(jobsParts);
  const jobProgress = createJobProgress({ clock, live, jobs, holdings, bandwidth });
  const rows = createHeldRows({ clock, log, ledger, holdings, live, decide: judge });
  const scans = createScanGate({ ledger, reader: store, runner: parts.processRunner });
  const attempts = createAttempts({ ...parts, ledger, holdings, jobs, places, live, rows, scans, decide: judge });
  const processes = createProcessAttempts({
    ...parts,
    ...{ reader: store, ledger, holdings, jobs, places, live, rows, decide: judge },
    runner: parts.processRunner,
    adapterOf: (kind) => devices.adapterOf(kind),
  });
  const packs = createPackRunner({ ...parts, ledger, holdings, jobs, places, live, decide: judge, host: jobsParts });
  const leaveBehind = async (holding: Holding, fault: Fault) => {
    await rows.leaveBehind(holding, fault);
    await packs.leaveBehind(holding, fault);
  };
  const watchdog = {
    ...{ clock, log, holdings, live, hungMs, leaveBehind },
    heartbeat: rows.heartbeat,
    stallMs: (limits.stallSeconds ?? 60) * 1000,
    heartbeatMs: (limits.heartbeatSeconds ?? 30) * 1000,
  };
  const scheduler = createScheduler({
    ...parts,
    ...{ ledger, dispatcher, processing, processes, holdings, jobs, places, attempts, packs },
    isDeviceAway: (endpoint) => offloads.isAway(endpoint),
    beat: async () => {
      await lookAfter(watchdog);
      offloads.look();
      syncs.look();
      // Nobody is there to wait until the ledger's disk has room again.
      if (rules.neverWait.includes('space') && ledger.firstTrouble !== null)
        await verbs.breakOff(faultFrom(ledger.firstTrouble.fault));
      bandwidth.look();
      window.look();
      jobProgress.look();
    },
    tickMs: (limits.tickSeconds ?? 5) * 1000,
    leaseMs: (limits.leaseSeconds ?? 120) * 1000,
  });
  const storage = createStorageMonitor({
    places: () => uniquePlaces([...jobs.all].flatMap((run) => run.mode.places?.() ?? [])),
    open: (address) => places.open(address),
    write: (changes) => ledger.write(changes),
    read: (key) => store.document(storageCollection, key),
    mounts,
    clock,
    newId,
    recovered: (place) => scheduler.lookAtWaits(place.endpoint),
  });
  const verbs = createVerbs({
    ...{ ...parts, ledger, jobs, holdings, places, modes, hungMs, leaveBehind },
    sweepProcessed: async (transferId) => parts.processRunner?.sweep(transferId),
  });
  const submissions = createSubmissions({ ...parts, ledger, jobs, verbs, modes, modeParts });
  const offloads = createOffloads({
    ...{ store, clock, log, ledger, devices },
    config: () => offloading.config,
    open: (address) => places.open(address),
    submit: (request) => submissions.submit(request),
    back: (address) => scheduler.lookAtWaits(address),
  });
  const syncs = createSyncs({
    ...parts,
    submit: submissions.submit,
    write: (changes) => ledger.write(changes),
  });
  const health = createMountEvents({
    mounts,
    clock,
    log,
    write: (changes) => ledger.write(changes),
    recovered: () => scheduler.lookAtWaits(),
    changed: () => void storage.look(),
  });
  const deviceEvents = createDeviceEvents({ ...parts, write: (changes) => ledger.write(changes) });
  const housekeeping = createHousekeeping({ clock, ledger, log, limits: keeping });
  let stopped: Promise<boolean> | undefined;

  const shutDown = async (): Promise<boolean> => {
    health.stop();
    deviceEvents.stop();
    offloads.stop();
    storage.stop();
    housekeeping.stop();
    const interrupted = new Fault('interrupted', 'Wherry is shutting down.');
    const giveUp = new AbortController();
    const hung = clock.sleep(hungMs, giveUp.signal).then(
      () => true,
      () => false,
    );
    // One that is about to begin stands among the jobs then.
    await Promise.race([syncs.stop(), hung]);
    for (const run of jobs.all) {
      run.accepting = false;
      run.ending.abort(interrupted);
    }
    const parked: Promise<void>[] = [];
    for (const holding of holdings.all) {
      tellStop(holding, 'shutdown');
      if (holding.parked) parked.push(holding.settle());
    }
    if (await Promise.race([Promise.all([scheduler.stop(), ...parked]).then(() => false), hung])) {
      await Promise.all([...holdings.all].map((holding) => leaveBehind(holding, interrupted)));
    }
    const halted = Promise.all([...jobs.all].map((run) => jobs.halt(run)));
    await Promise.race([halted, hung]);
    giveUp.abort();
    for (const run of jobs.all) {
      await run.flush();
      jobs.drop(run);
    }
    const closed = await Promise.all(modes.map((mode) => mode.close?.() ?? true));
    await places.close();
    await parts.devices?.close();
    return (await mounts.close()) && closed.every(Boolean);
  };

  return {
    reader: store,
    devices: parts.devices,
    syncs,
    offloading,

    start: async () => {
      bandwidth.set(limits.bandwidth ?? null);
      window.remember(await store.document(retryWindowKey.collection, retryWindowKey.key));
      const processes = (kind: Mode['kind']) => modes.find((mode) => mode.kind === kind)?.processes === true;
      await recoverLedger({ ...parts, ledger, places, processes });
      health.start();
      deviceEvents.start();
      scheduler.start();
      await resumeJobs({ store, log, jobs, submissions });
      housekeeping.start();
      storage.start();
      parts.devices?.start();
      offloads.start();
    },

    stop: () => {
      stopped ??= shutDown();
      return stopped;
    },

    submit: submissions.submit,
    queueBatch: (request, options) => submissions.submit({ ...request, kind: 'offload' }, options),
    observe: (name, data) => offloads.observe(name, data),
    cleanUp: (request, signal) => cleanUp(request, { ...modeParts, write: (changes) => ledger.write(changes) }, signal),
    plan: (request, signal) => submissions.modeOf(request.kind).plan(request, modeParts, signal),
    ...verbs,
    resume: submissions.resume,
    retry: submissions.retry,
    settled: (jobId, signal) => jobs.settled(jobId, signal),
    setBandwidth: (limit) => bandwidth.set(limit),
    adjust: (next, offload = {}) => {
      Object.assign(rules, defaultRetryRules, next.retry);
      Object.assign(keeping, { eventDays: next.eventDays, historyDays: next.historyDays });
      watchdog.stallMs = (next.stallSeconds ?? 60) * 1000;
      dispatcher.setLimits(slotLimits(next.slots, places));
      processing.setLimits(processingSlots(next.processing));
      Object.assign(offloading, offload);
      scheduler.wake();
    },
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
        ledger: ledger.trouble,
        rates,
      };
    },
    explain: (path) =>
      explainPath(path, store, async () => {
        const said = await Promise.all([...jobs.all].map((run) => run.mode.explain?.(path, live.bytesDone)));
        return said.filter((one) => one !== undefined);
      }),
    blocksOf: (id) =>
      transferBlocks(id, {
        reader: store,
        mover: parts.mover,
        headBytes: (transfer) => jobs.get(transfer.jobId)?.mode.head?.(transfer)?.sizeBytes,
      }),
    statusOf: (jobId) => jobs.get(jobId)?.mode.status,
    edit: submissions.edit,
    recordedContent: (recording, role, inside) =>
      recordedContent(recording, role, inside, (address) => parts.openEndpoint(address)),
    storage: () => storage.reports,
    lookAtStorage: () => storage.look(),
  };
}

const defaultOffloading: Offloading = {
  pipelines: [],
  mediaFolder: null,
  config: { rules: [], triggers: ['observation.flight.end'] },
};

async function noRooms(): Promise<never> {
  throw new Fault('unsupported', 'This Wherry was put together without rooms.');
}

/** A device that nobody has seen since the start may come at any moment: it is away. */
async function openPlace(address: string, open: EngineParts['openEndpoint']): Promise<Endpoint> {
  try {
    return await open(address);
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== 'not_found' || deviceIdOf(address) === undefined) throw fault;
    throw new Fault('device', fault.message, { cause: fault, place: { endpoint: address } });
  }
}

/** Files that are processed share nothing but the machine. */
function processingSlots(most = 2): SlotLimits {
  return { global: most, perEndpoint: most, endpoints: {} };
}

/** A place that several jobs share is looked at once. */
function uniquePlaces(places: readonly StoragePlace[]): StoragePlace[] {
  return [...new Map(places.map((place) => [`${place.role} ${place.endpoint}`, place])).values()];
}
