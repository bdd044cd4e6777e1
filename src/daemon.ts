// The daemon: the engine with its watches, the API and the console, logs and a calling card for this machine's commands.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { type Api, createApi } from './api/create-api.ts';
import { eventView } from './api/present.ts';
import { openParts } from './compose.ts';
import type { Settings } from './config.ts';
import { deviceOptions } from './config-devices.ts';
import { sinkWishes } from './config-sinks.ts';
import { contractMeans } from './config-sync-contract.ts';
import { applyWatches, type ConfigWatches } from './config-watches.ts';
import { removeDaemonCard, writeDaemonCard } from './daemon-file.ts';
import { examineMachine } from './doctor-machine.ts';
import { workerModule } from './early-thread.ts';
import { createDeliveries } from './engine/deliveries.ts';
import type { EngineLimits, Offloading } from './engine/engine-parts.ts';
import { createIngest } from './engine/ingest.ts';
import { createRelay } from './engine/relay/relay.ts';
import { createRooms } from './engine/rooms/create-rooms.ts';
import { openLogFiles } from './log-files.ts';
import { systemClock, systemRandom } from './model/clock.ts';
import { Fault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import type { WatchRequest } from './model/specs.ts';
import type { ReloadView } from './model/views.ts';
import { createReload } from './reload.ts';
import { openSink } from './sinks/index.ts';
import { giveMemoryBackWhenIdle } from './store/idle-memory.ts';
import { openTlsFiles } from './tls-files.ts';

export interface Daemon {
  readonly url: string;
  /** One-time link to the console; it holds a secret. */
  readonly consoleUrl: string;
  /** SHA-256 of a self-made TLS certificate, as browsers show it, for people to compare; else null. */
  readonly fingerprint: string | null;
  /** Folders of the demo watch, where there is one. */
  readonly demo: { readonly source: string; readonly destination: string } | null;
  /** Resolves with false where a call hangs in the operating system: the process must then be ended by a signal. */
  close(): Promise<boolean>;
  /** Reads the configuration again and applies it. Rejects with `config_invalid` and has then changed nothing; so with `unsupported`. */
  reload(by: string): Promise<ReloadView>;
}

export interface DaemonOptions {
  /** Below it `in` is watched and copied to `out`, where the configuration names no watch; null for no demo. */
  readonly demoFolder: string | null;
  /** What of the log goes to standard error, beside the files. */
  readonly logToErrors: 'all' | 'warnings' | 'none';
  /** Reads the settings anew, for a reload. */
  readonly readSettings?: () => Promise<Settings>;
}

/** Rejects with `data_in_use`, `port_in_use`, `config_invalid`, `permission` and `ledger`; nothing runs then. */
export async function openDaemon(settings: Settings, options: DaemonOptions): Promise<Daemon> {
  const { dataFolder, logs } = settings;
  makeFolder(dataFolder);
  const tls = openTlsFiles(settings, systemClock);
  makeFolder(mediaFolderOf(settings));
  const demo = settings.watches.length > 0 || options.demoFolder === null ? null : makeDemo(options.demoFolder);

  const files = openLogFiles(logs, (why) =>
    console.error(`wherry: the logs in ${displayPath(logs.folder)} cannot be written (${why})`),
  );
  // The log's own level decides, so that it can be changed while it is open.
  const streams: pino.StreamEntry[] = [{ level: 'debug', stream: files }];
  if (options.logToErrors !== 'none') {
    const level = options.logToErrors === 'warnings' ? 'warn' : 'debug';
    streams.push({ level, stream: pino.destination({ fd: 2, sync: true }) });
  }
  const log = pino({ level: logs.level, base: null }, pino.multistream(streams));

  const contract = contractMeans(settings, mediaFolderOf);
  const parts = await openParts({
    stays: true,
    dataFolder,
    limits: engineLimits(settings),
    log,
    modules: [
      workerModule('api/browse-operations'),
      workerModule('sinks/json-lines-operations'),
      workerModule('engine/relay/spool-operations'),
    ],
    devices: deviceOptions(settings),
    ssh: contract.ssh,
    s3: settings.s3,
    offloading: offloadingOf(settings),
  });
  const { store, mounts, engine, clock, newId } = parts;
  let s3 = settings.s3;
  const reach = () => parts.reach({ ssh: contract.ssh, s3 });
  contract.opens(parts.open, () => void reach());
  const version = ownVersion();
  let watches: ConfigWatches | undefined;
  let api: Api | undefined;
  let stopWatchingTls: (() => void) | undefined;
  // What is offloaded without a word about where goes to the media folder, and is to be looked at.
  const rootsOf = (now: Settings) => [
    ...now.roots,
    mediaFolderOf(now),
    ...(demo === null ? [] : [demo.source, demo.destination]),
  ];
  const deliveries = createDeliveries({ store, openSink, present: eventView, clock, random: systemRandom, newId, log });
  const syncIdOf = async (jobId: string) => api?.syncIdOf(jobId) ?? jobId;
  const ingest = createIngest({ store, clock, random: systemRandom, log, syncIdOf });
  const rooms = createRooms({ store, clock, newId, log, settings: settings.rooms });
  const relay = createRelay({
    ...{
      gate: rooms.gate,
      mounts,
      clock,
      newId,
      log,
      config: () => rooms.settings.relay,
      types: () => rooms.settings.types,
    },
    ...{ folder: join(dataFolder, 'relay'), keyFile: join(dataFolder, 'relay.key') },
  });
  const reload = createReload(settings, {
    read: options.readSettings,
    apply: async (now, changed) => {
      log.level = now.logs.level;
      engine.adjust(engineLimits(now), offloadingOf(now));
      contract.adjust(now);
      s3 = now.s3;
      if (changed.has('ssh') || changed.has('s3')) await reach();
      if (changed.has('bandwidth')) await api?.setBandwidth(now.bandwidth);
      api?.apply({ ...now, roots: rootsOf(now), adminToken: now.adminToken ?? undefined });
      if (changed.has('webhooks')) await deliveries.configure(now.webhooks);
      if (changed.has('sinks')) await ingest.configure(await sinkWishes(now, mounts));
      if (changed.has('rooms')) rooms.adjust(now.rooms);
      if (changed.has('syncs')) await engine.syncs.configure(now.syncs);
      if (!changed.has('watches')) return;
      await watches?.close();
      watches = await applyWatches(parts, now.watches, log);
    },
    tell: async (name, data) => {
      await store.apply([{ kind: 'append_event', event: { name, at: clock.now(), data } }]);
    },
    log,
  });
  try {
    const opened = await createApi({
      engine,
      reader: engine.reader,
      documents: {
        put: async (collection, key, value) => {
          await store.apply([{ kind: 'put_document', collection, key, value }]);
        },
        remove: async (collection, key) => {
          await store.apply([{ kind: 'delete_document', collection, key }]);
        },
      },
      appendEvent: async (event) => {
        await store.apply([{ kind: 'append_event', event }]);
      },
      onEvents: (listener) => store.onEvents(() => listener()),
      deliveries,
      ingest,
      rooms,
      relay,
      contract: contract.means,
      lookup: (path, operation, input) => mounts.pool(path).run(operation, input, { quick: true }),
      config: {
        listen: settings.listen,
        tls,
        insecureHttp: settings.insecureHttp,
        allowedHosts: settings.allowedHosts,
        allowedOrigins: settings.allowedOrigins,
        roots: rootsOf(settings),
        adminToken: settings.adminToken ?? undefined,
        syncWithoutToken: settings.syncWithoutToken,
      },
      clock,
      newId,
      log,
      consoleFolder: consoleFolder(),
      version,
      examineMachine,
      waitingWatches: () => watches?.unbegun ?? [],
      reload,
    });
    api = opened;
    // Whoever finds the port taken must not have begun to move files.
    const { url, consoleUrl, localToken } = await opened.listen();
    const startedAt = new Date(clock.now()).toISOString();
    const leaveCard = (certificate: string | undefined) =>
      writeDaemonCard(dataFolder, {
        ...{ url, pid: process.pid, token: localToken, version, startedAt, logFolder: logs.folder },
        ...(certificate === undefined ? {} : { certificate, selfMade: tls?.isSelfMade === true }),
      });
    let hasCard = false;
    stopWatchingTls = tls?.watch((pair) => {
      opened.renewTls(pair);
      if (hasCard) leaveCard(pair.certificate);
    }, log);
    try {
      await engine.start();
      await deliveries.configure(settings.webhooks);
      await deliveries.start();
      await rooms.start();
      await relay.start();
      await ingest.configure(await sinkWishes(settings, mounts));
      await engine.syncs.configure(settings.syncs);
      await opened.ready();
      watches = await applyWatches(parts, demo === null ? settings.watches : [demoWatch(demo)], log);
      leaveCard(tls?.certificate);
      hasCard = true;
    } catch (error) {
      await opened.close();
      throw error;
    }
    giveMemoryBackWhenIdle();
    log.info({ url, dataFolder: displayPath(dataFolder), version, config: settings.file }, 'Wherry runs');
    let closing: Promise<boolean> | undefined;
    const close = async () => {
      stopWatchingTls?.();
      removeDaemonCard(dataFolder);
      await relay.close();
      // Before the ledger is closed: they note what became of their last messages.
      await Promise.all([deliveries.stop(), ingest.stop(), rooms.stop()]);
      // Both at once: a page that still hangs on must not hold up the bytes' stop.
      const [, ended] = await Promise.all([opened.close(), parts.close(), watches?.close()]);
      log.info({}, 'Wherry has stopped');
      await files.flush();
      return ended;
    };
    return {
      url,
      consoleUrl,
      fingerprint: tls?.isSelfMade ? tls.fingerprint : null,
      demo,
      reload,
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    stopWatchingTls?.();
    await watches?.close();
    await relay.close();
    await Promise.all([deliveries.stop(), ingest.stop(), rooms.stop()]);
    await parts.close();
    await files.flush();
    throw error;
  }
}

function engineLimits(settings: Settings): EngineLimits {
  const { transfers, perEndpoint, endpoints, processing } = settings.limits;
  const { retry } = settings;
  return {
    slots: { global: transfers, perEndpoint, endpoints },
    processing,
    retry: {
      firstDelayMs: retry.firstSeconds * 1000,
      mostDelayMs: retry.mostSeconds * 1000,
      windowMs: retry.windowDays * 24 * 3_600_000,
      mostAttempts: retry.attempts,
      checkMs: retry.checkSeconds * 1000,
    },
    stallSeconds: settings.stallMs / 1000,
    eventDays: settings.eventDays,
    historyDays: settings.historyDays,
    bandwidth: settings.bandwidth,
  };
}

function offloadingOf(settings: Settings): Offloading {
  return { pipelines: settings.pipelines, mediaFolder: mediaFolderOf(settings), config: settings.offload };
}

function mediaFolderOf({ mediaBase, dataFolder }: Pick<Settings, 'mediaBase' | 'dataFolder'>): string {
  return mediaBase ?? join(dataFolder, 'media');
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const kind = code === 'EROFS' ? 'read_only' : code === 'ENOTDIR' || code === 'EEXIST' ? 'exists' : 'permission';
    throw new Fault(kind, `The folder ${displayPath(folder)} cannot be made (${code}).`, { cause: error });
  }
}

function makeDemo(folder: string): { source: string; destination: string } {
  const demo = { source: join(folder, 'in'), destination: join(folder, 'out') };
  makeFolder(demo.source);
  makeFolder(demo.destination);
  return demo;
}

/** Quick to see, at the price of looking often. */
function demoWatch({ source, destination }: { source: string; destination: string }): WatchRequest {
  return {
    kind: 'watch',
    source,
    destinations: [destination],
    scanSeconds: 1,
    stableSeconds: 1,
    growthPollSeconds: 1,
    emptySeconds: 2,
  };
}

/** Null where the console has not been built. */
function consoleFolder(): string | null {
  const folders = ['./web/', '../dist/web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? null;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
