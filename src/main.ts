// Wherry as a library: `openWherry` runs the engine in process; the command line and the daemon are put together from the same parts.

import { openParts, type Parts, type PartsOptions } from './compose.ts';
import type { Settings } from './config.ts';
import type { DeviceAdapter } from './devices/device.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import type { JobProgress, PlannedItem } from './engine/engine.ts';
import type { EngineLimits, EngineLog } from './engine/engine-parts.ts';
import type { ManifestChanges } from './manifests-by-hand.ts';
import type { CleanupResult } from './model/cleanup.ts';
import type { CleanupRequest } from './model/cleanup-schema.ts';
import type { StoredEvent, TransferProgress } from './model/event.ts';
import type { Job } from './model/job.ts';
import type { Entry } from './model/manifest.ts';
import type { Pipeline } from './model/pipeline.ts';
import type { S3Config } from './model/s3-config.ts';
import type { ShareRequest } from './model/share-spec.ts';
import type { CopyRequest, JobRequest, OffloadRequest, WatchRequest } from './model/specs.ts';
import type { SshConfig } from './model/ssh-config.ts';
import type { SyncRequest } from './model/sync-spec.ts';
import type { StoreReader } from './store/store.ts';

export type { Daemon } from './daemon.ts';
export type {
  Battery,
  DeviceAdapter,
  DeviceCall,
  DeviceConnection,
  DeviceInfo,
  RemoteFile,
} from './devices/device.ts';
export type { Endpoint } from './endpoints/endpoint.ts';
export type { JobProgress, PlannedItem } from './engine/engine.ts';
export type { EngineLimits, EngineLog } from './engine/engine-parts.ts';
export type { ManifestChanges } from './manifests-by-hand.ts';
export type { CleanedFile, CleanupResult, KeptReason } from './model/cleanup.ts';
export type { CleanupRequest } from './model/cleanup-schema.ts';
export type { StoredEvent, TransferProgress } from './model/event.ts';
export { Fault, type FaultCode, type FaultReport } from './model/fault.ts';
export type { ContentHash } from './model/hash.ts';
export type { CleanupSummary, IngestEvent, IngestType, SyncSummary } from './model/ingest.ts';
export type { Job, JobState } from './model/job.ts';
export type { Entry } from './model/manifest.ts';
export type { Pipeline } from './model/pipeline.ts';
export type { LocalFile, OutputPlan, ProcessCall, ProcessResult, Produced, Tool } from './model/processing.ts';
export type { Receipt } from './model/receipt.ts';
export type { Recording } from './model/recording.ts';
export type { CopyRequest, JobRequest, OffloadRequest, WatchRequest } from './model/specs.ts';
export type { SyncRequest } from './model/sync-spec.ts';
export type { Transfer, TransferState } from './model/transfer.ts';
export type { IngestCall, IngestSink, SinkKind } from './sinks/sink.ts';
export type { Page, StoreReader, TransferQuery } from './store/store.ts';

export interface WherryOptions {
  /** Ledger and journals; one process at a time may have it open. Made where it is missing. */
  readonly dataFolder: string;
  /** Slots, retry, bandwidth; what is left out has the engine's defaults. */
  readonly limits?: EngineLimits;
  /** Default writes no log. */
  readonly log?: EngineLog;
  /** Devices that files can be offloaded from: those that come with Wherry, or by adapters of one's own. Default is none. */
  readonly adapters?: 'built-in' | readonly DeviceAdapter[];
  /** What offloaded files go through: the first that fits. Default is none. */
  readonly pipelines?: readonly Pipeline[];
  /** Where a batch that names no folder puts its files. Default is `media` in the data folder. */
  readonly mediaFolder?: string;
  /** Hosts over SSH: keys, host keys, jump hosts. Default is what ssh itself does without a configuration. */
  readonly ssh?: SshConfig;
  /** Object stores: where they are, where the credentials lie. Default is what the usual variables and files of AWS say. */
  readonly s3?: S3Config;
}

/** A job that was handed in. */
export interface Submission {
  readonly id: string;
  status(): Promise<Job>;
  /** The job at rest: completed, partial, failed, cancelled or paused. */
  readonly done: Promise<Job>;
  /** Live figures until the job rests; who reads slowly misses some, never the last. */
  readonly progress: AsyncIterable<JobProgress>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  retry(): Promise<void>;
  cancel(): Promise<void>;
}

export interface Wherry {
  /** Resolves once the job is durable. Rejects with `invalid`, `not_found`, `exists` or `busy`. */
  submit(request: JobRequest): Promise<Submission>;
  /** Files of a device, downloaded and processed. Rejects as `submit`, and with `not_found` for a device that nobody knows. */
  queueBatch(batch: Omit<OffloadRequest, 'kind'>): Promise<Submission>;
  /** Brings a tree, or folders of it, up to date at its destinations; `progress` hears live figures. Rejects as `submit`. */
  sync(request: Omit<SyncRequest, 'kind'>, progress?: (progress: JobProgress) => void): Promise<Submission>;
  readonly manifest: {
    /**
     * What has changed in `entries` since the last sync of these places: files by their paths below the source, with size, time and, for
     * `renamed`, hash (`algorithm:value`). The first destination's manifest is asked.
     */
    changes(
      entries: Iterable<Entry>,
      places: Pick<SyncRequest, 'source' | 'destinations' | 'folders'>,
    ): Promise<ManifestChanges>;
  };
  /** What `submit` would do; moves and writes nothing. */
  plan(request: JobRequest, signal?: AbortSignal): AsyncIterable<PlannedItem>;
  /**
   * Deletes old files of `endpoint` that receipts of this ledger prove to stand elsewhere. Resolves also where a listing failed, and nothing was
   * deleted (`errors`). Rejects with `invalid`, `name_unsafe`, what opening the place says, or the signal's reason.
   */
  cleanup(request: CleanupRequest, signal?: AbortSignal): Promise<CleanupResult>;
  /** A job of this ledger, also one of an earlier run. Rejects with `not_found`. */
  job(id: string): Promise<Submission>;
  /** Jobs, transfers, receipts and events to read. */
  readonly reader: StoreReader;
  /** Facts in order, from after `since` (left out: from now on), until the signal is aborted. None is missed. */
  events(options?: { readonly since?: string; readonly signal?: AbortSignal }): AsyncIterable<StoredEvent>;
  onTransferProgress(listener: (progress: TransferProgress) => void): () => void;
  onJobProgress(listener: (progress: JobProgress) => void): () => void;
  /** Opens a place by path or address, with the same workers. Rejects with `unsupported`, `unreachable`, `permission` or `invalid`. */
  open(address: string): Promise<Endpoint>;
  /**
   * Stops within a second and keeps everything resumable. Resolves with false where a call hangs in the operating system: the process
   * must then be ended by a signal.
   */
  close(): Promise<boolean>;
}

const nowhere = () => undefined;
const silent: EngineLog = { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere };

/** Places that a worker can be started for beforehand. */
function sourcesOf(request: CopyRequest | SyncRequest | ShareRequest): readonly string[] {
  switch (request.kind) {
    case 'copy':
      return request.sources;
    case 'sync':
      return [request.source];
    case 'share':
      return request.send ?? [];
  }
}

/** A secret for a new room, as its invite has it, and what the server is told of it. */
export async function newRoomKeys(roomId: string): Promise<{ readonly secret: string; readonly joinHash: string }> {
  const { joinHashOf, toBase64Url } = await import('./peer/room-keys.ts');
  const secret = crypto.getRandomValues(new Uint8Array(32));
  return { secret: toBase64Url(secret), joinHash: await joinHashOf(secret, roomId) };
}

/** Recovers what an earlier run left, and works. Rejects with `data_in_use` and `ledger`. */
export async function openWherry(options: WherryOptions): Promise<Wherry> {
  const parts = await openLibraryParts(options, { offloading: { pipelines: options.pipelines ?? [] } });
  try {
    await parts.engine.start();
  } catch (error) {
    await parts.close();
    throw error;
  }
  return wherryOf(parts);
}

/**
 * A data folder that serves one copy, sync or share alone: an earlier run of it that did not complete goes on, with what is asked for now; else
 * it is handed in anew. `before` is the job as the earlier run left it. Rejects as `openWherry` and `submit`.
 */
export async function openCopy(
  options: WherryOptions,
  request: CopyRequest | SyncRequest | ShareRequest,
): Promise<{
  readonly wherry: Wherry;
  readonly submission: Submission;
  readonly before: Job | null;
  /** Cursor from which the facts of this run begin. */
  readonly since: string;
}> {
  const sources = sourcesOf(request);
  const soon = sources.find((source) => source.startsWith('/'));
  const parts = await openLibraryParts(
    { ...options, limits: { ...(await patience()), ...options.limits } },
    wantsSteps(request)
      ? { offloading: { pipelines: [] } }
      : { isBrief: true, ...(soon === undefined ? {} : { soon }) },
  );
  try {
    const { takeUp } = await import('./take-up.ts');
    const before = await takeUp(parts, request);
    const since = await parts.store.eventCursor();
    await parts.engine.start();
    if (before?.state === 'paused') await parts.engine.resume({ jobId: before.id });
    else if (before !== null && ['partial', 'failed', 'cancelled'].includes(before.state)) {
      await parts.engine.retry({ jobId: before.id });
    }
    const wherry = wherryOf(parts);
    const submission = before === null ? await wherry.submit(request) : await wherry.job(before.id);
    return { wherry, submission, before, since };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/**
 * A data folder that serves one watch alone: an earlier run of it goes on, with what is asked for now; else the watch is handed in anew.
 * `before` is true where it goes on. Rejects as `openWherry` and `submit`.
 */
export async function openWatch(
  options: WherryOptions,
  request: WatchRequest,
): Promise<{
  readonly wherry: Wherry;
  readonly submission: Submission;
  readonly before: boolean;
  /** Cursor from which the facts of this run begin. */
  readonly since: string;
}> {
  const parts = await openLibraryParts(options);
  try {
    const { goOnWatching, restWatch } = await import('./take-up-watch.ts');
    const job = await restWatch(parts);
    const since = await parts.store.eventCursor();
    await parts.engine.start();
    if (job !== null) await goOnWatching(parts, job, request);
    const wherry = wherryOf(parts);
    const submission = job === null ? await wherry.submit(request) : await wherry.job(job.id);
    return { wherry, submission, before: job !== null, since };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/**
 * A data folder that serves the offloads of one mounted card to one folder: an earlier run that did not complete goes on, else all that is
 * asked for is handed in. Undefined where no card is mounted at `path`. Rejects as `openWherry` and `queueBatch`.
 */
export async function openOffload(
  options: WherryOptions,
  path: string,
  batch: Omit<OffloadRequest, 'kind' | 'device'>,
  { dryRun }: { readonly dryRun: boolean },
): Promise<
  | {
      readonly wherry: Wherry;
      readonly submission: Submission;
      readonly before: Job | null;
      /** Cursor from which the facts of this run begin. */
      readonly since: string;
    }
  | { readonly wherry: Wherry; readonly plan: AsyncIterable<PlannedItem> }
  | undefined
> {
  const parts = await openLibraryParts({ ...options, limits: { ...(await patience()), ...options.limits } });
  const { engine, store } = parts;
  try {
    await engine.devices?.look();
    const card = engine.devices?.devices.find(({ info, connected }) => connected && info.address === path);
    if (card === undefined) {
      await parts.close();
      return undefined;
    }
    const wherry = wherryOf(parts);
    const request = { ...batch, device: card.info.id };
    if (dryRun) return { wherry, plan: engine.plan({ kind: 'offload', ...request }) };
    const { rows } = await store.jobs({ kind: 'offload', newestFirst: true, limit: 1 });
    const before = rows[0] === undefined || rows[0].state === 'completed' ? null : rows[0];
    const since = await store.eventCursor();
    await engine.start();
    if (before?.state === 'paused') await engine.resume({ jobId: before.id });
    else if (before !== null && ['partial', 'failed', 'cancelled'].includes(before.state)) {
      await engine.retry({ jobId: before.id });
    }
    const submission = before === null ? await wherry.queueBatch(request) : await wherry.job(before.id);
    return { wherry, submission, before, since };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/** A ledger to read and places to look at; nothing is recovered, begun or moved. Rejects with `data_in_use` and `ledger`. */
export async function openForReading(
  options: WherryOptions,
): Promise<Pick<Wherry, 'reader' | 'open' | 'plan' | 'close'>> {
  return wherryOf(await openLibraryParts(options));
}

/** Places to look through and to hash, on this machine and far away, without a ledger. */
export async function openPlacesToVerify(
  reached: Pick<WherryOptions, 'ssh' | 's3'> & { readonly signal: AbortSignal },
): Promise<import('./verify-places.ts').PlacesToVerify> {
  const places = await import('./verify-places.ts');
  return places.openPlacesToVerify(reached);
}

/** The daemon: watches, API and console. Rejects with `data_in_use`, `port_in_use`, `config_invalid`, `permission` and `ledger`. */
export async function openDaemon(
  settings: Settings,
  options: import('./daemon.ts').DaemonOptions,
): Promise<import('./daemon.ts').Daemon> {
  const daemon = await import('./daemon.ts');
  return daemon.openDaemon(settings, options);
}

async function openLibraryParts(
  { dataFolder, limits = {}, log = silent, adapters, pipelines = [], mediaFolder, ssh, s3 }: WherryOptions,
  more: Pick<PartsOptions, 'isBrief' | 'soon' | 'offloading'> = {},
): Promise<Parts> {
  const own = {
    dataFolder,
    limits,
    log,
    ...(ssh === undefined ? {} : { ssh }),
    ...(s3 === undefined ? {} : { s3 }),
    ...more,
  };
  if (adapters === undefined) return openParts(own);
  const { join } = await import('node:path');
  return openParts({
    ...own,
    devices: {
      adapters: async (parts) => {
        if (adapters !== 'built-in') return adapters;
        return (await import('./devices/index.ts')).builtInAdapters(parts);
      },
    },
    offloading: { pipelines, mediaFolder: mediaFolder ?? join(dataFolder, 'media') },
  });
}

/** Files that are processed after their arrival need more than a copy does. */
function wantsSteps(request: CopyRequest | SyncRequest | ShareRequest): boolean {
  return request.kind === 'sync' && Object.values(request.media ?? {}).some((wish) => wish === true);
}

/** For a command that somebody sits in front of. */
async function patience(): Promise<EngineLimits> {
  const { oneShotRetryRules } = await import('./engine/retry.ts');
  return { retry: oneShotRetryRules };
}

function wherryOf(parts: Parts): Wherry {
  const { engine, store, open } = parts;
  return {
    submit: async (request) => submissionOf(parts, (await engine.submit(request)).id),
    queueBatch: async (batch) => submissionOf(parts, (await engine.queueBatch(batch)).id),
    sync: async (request, progress) => {
      const submission = submissionOf(parts, (await engine.submit({ kind: 'sync', ...request })).id);
      if (progress !== undefined) {
        const stop = engine.onJobProgress((figures) => {
          if (figures.jobId === submission.id) progress(figures);
        });
        submission.done.catch(() => undefined).finally(stop);
      }
      return submission;
    },
    manifest: {
      changes: async (entries, places) => {
        const { changesSince } = await import('./manifests-by-hand.ts');
        return changesSince(store, entries, places);
      },
    },
    plan: (request, signal) => engine.plan(request, signal),
    cleanup: (request, signal) => engine.cleanUp(request, signal),
    job: async (id) => {
      await statusOf(parts, id);
      return submissionOf(parts, id);
    },
    reader: engine.reader,
    events: ({ since, signal } = {}) => eventsOf(store, since, signal),
    onTransferProgress: (listener) => engine.onTransferProgress(listener),
    onJobProgress: (listener) => engine.onJobProgress(listener),
    open,
    close: () => parts.close(),
  };
}

async function statusOf({ engine }: Parts, id: string): Promise<Job> {
  const job = await engine.reader.job(id);
  if (job !== undefined) return job;
  const { Fault } = await import('./model/fault.ts');
  throw new Fault('not_found', `There is no job ${id}.`);
}

function submissionOf(parts: Parts, id: string): Submission {
  const { engine } = parts;
  return {
    id,
    status: () => statusOf(parts, id),
    get done() {
      return engine.settled(id);
    },
    progress: progressOf(parts, id),
    pause: () => engine.pause({ jobId: id }),
    resume: () => engine.resume({ jobId: id }),
    retry: () => engine.retry({ jobId: id }),
    cancel: () => engine.cancel({ jobId: id }),
  };
}

async function* progressOf({ engine }: Parts, id: string): AsyncIterable<JobProgress> {
  let last: JobProgress | undefined;
  let ended = false;
  let news = Promise.withResolvers<void>();
  const tell = () => {
    news.resolve();
    news = Promise.withResolvers();
  };
  const stopListening = engine.onJobProgress((progress) => {
    if (progress.jobId !== id) return;
    last = progress;
    tell();
  });
  const settled = engine.settled(id).finally(() => {
    ended = true;
    tell();
  });
  settled.catch(() => undefined);
  try {
    while (!ended || last !== undefined) {
      const next = last;
      last = undefined;
      if (next === undefined) await news.promise;
      else yield next;
    }
    await settled;
  } finally {
    stopListening();
  }
}

async function* eventsOf(store: Parts['store'], since: string | undefined, signal = new AbortController().signal) {
  let cursor = since ?? (await store.eventCursor());
  let news = Promise.withResolvers<void>();
  const tell = () => {
    news.resolve();
    news = Promise.withResolvers();
  };
  const stopListening = store.onEvents(tell);
  signal.addEventListener('abort', tell);
  try {
    while (!signal.aborted) {
      const later = news.promise;
      const page = await store.events({ since: cursor });
      cursor = page.cursor;
      for (const event of page.events) {
        if (signal.aborted) return;
        yield event;
      }
      if (page.events.length === 0) await later;
    }
  } finally {
    stopListening();
    signal.removeEventListener('abort', tell);
  }
}

/** What Wherry needs on this machine, thing by thing (doctor.ts). Never rejects. */
export async function* examine(
  flags: import('./config.ts').SettingFlags,
  version: string,
): AsyncIterable<import('./doctor.ts').Finding> {
  const doctor = await import('./doctor.ts');
  yield* doctor.examine(flags, version);
}

/** One file through a pipeline, here and now (process-by-hand.ts), with the pipelines of the configuration. */
export async function processFile(
  flags: import('./config.ts').SettingFlags,
  request: import('./process-by-hand.ts').HandRequest,
  hooks: import('./process-by-hand.ts').HandHooks,
  signal: AbortSignal,
): Promise<import('./process-by-hand.ts').HandResult> {
  const [{ loadSettings }, { processByHand }] = await Promise.all([
    import('./config.ts'),
    import('./process-by-hand.ts'),
  ]);
  return processByHand(request, await loadSettings(flags), hooks, signal);
}

/** Manifests of a sync in a ledger of its own, without a daemon (manifests-by-hand.ts). */
export async function openManifests(
  { dataFolder, ssh, s3 }: Pick<WherryOptions, 'dataFolder' | 'ssh' | 's3'>,
  request: SyncRequest,
): Promise<import('./manifests-by-hand.ts').Manifests> {
  const hand = await import('./manifests-by-hand.ts');
  const places = { ...(ssh === undefined ? {} : { ssh }), ...(s3 === undefined ? {} : { s3 }) };
  return hand.openManifests({ dataFolder, ...places, limits: {}, log: silent, isBrief: true }, request);
}

/** A cleanup by ledgers of one's own, without a daemon (cleanup-by-hand.ts). */
export async function cleanUpByHand(
  cleanup: import('./cleanup-by-hand.ts').HandCleanup,
  options: Pick<WherryOptions, 'log' | 'ssh' | 's3'>,
  signal: AbortSignal,
): Promise<CleanupResult | undefined> {
  const hand = await import('./cleanup-by-hand.ts');
  return hand.cleanUpByHand(cleanup, { log: silent, ...options, limits: {}, isBrief: true }, signal);
}

/** ASC MHL histories of folders on this machine (engine/mhl/asc-mhl.ts). */
export async function openHistories(): Promise<{
  has(path: string): Promise<boolean>;
  check(
    folder: string,
    found: (finding: import('./engine/mhl/asc-mhl.ts').MhlFinding) => void,
    signal: AbortSignal,
  ): Promise<import('./engine/mhl/asc-mhl.ts').MhlChecked>;
  close(): Promise<boolean>;
}> {
  const [{ openMounts }, { checkHistory, hasHistory, mhlOperations }] = await Promise.all([
    import('./endpoints/mount-pool.ts'),
    import('./engine/mhl/asc-mhl.ts'),
  ]);
  const mounts = openMounts({ modules: [mhlOperations] });
  return {
    has: (path) => hasHistory(mounts, path),
    check: (folder, found, signal) => checkHistory(mounts, folder, found, { signal }),
    close: () => mounts.close(),
  };
}
