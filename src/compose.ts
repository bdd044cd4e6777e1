// Puts the parts together: ledger, file workers, mover and engine on one data folder.

import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { DeviceAdapter } from './devices/device.ts';
import type { DeviceRegistry, RegistryParts } from './devices/registry.ts';
import { fileModules, takeEarlyThread, workerModule } from './early-thread.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import type { Mounts } from './endpoints/mounts.ts';
import type { SshHosts } from './endpoints/ssh/ssh-hosts.ts';
import type { Engine } from './engine/engine.ts';
import type { EngineLimits, EngineLog, Offloading } from './engine/engine-parts.ts';
import type { ProcessRunner } from './engine/processing.ts';
import type { Clock, NewId } from './model/clock.ts';
import { idSource, systemClock, systemRandom } from './model/clock.ts';
import { parseEndpoint } from './model/endpoint-url.ts';
import type { S3Config } from './model/s3-config.ts';
import type { SshConfig } from './model/ssh-config.ts';
import type { Store } from './store/store.ts';

export interface PartsOptions {
  /** For a process that stays, and mostly waits: little memory comes before a tenth of the speed. Default is `false`. */
  readonly stays?: boolean;
  /** Ledger and journals; made where it is missing. */
  readonly dataFolder: string;
  readonly limits: EngineLimits;
  readonly log: EngineLog;
  /** Cameras and cards, for a process that stays; nobody looks for them where it is left out. */
  readonly devices?: DeviceOptions;
  /** Where files have something to go through once they have arrived; left out: nothing can be processed. */
  readonly offloading?: Partial<Offloading>;
  /** Hosts over SSH; left out: as ssh itself does it without a configuration. */
  readonly ssh?: SshConfig;
  /** Object stores; left out: as the usual variables and files of AWS say it. */
  readonly s3?: S3Config;
  /** Worker modules beside those of the endpoints, the mover and the engine. */
  readonly modules?: readonly URL[];
  /** For a process that may be over in a moment: the ledger has no thread of its own until there is much to ask of it. */
  readonly isBrief?: boolean;
  /** A local path whose worker starts while the rest is still being loaded. */
  readonly soon?: string;
}

/** What the registry of devices is made of, beside clock and log. */
export interface DeviceOptions extends Omit<RegistryParts, 'adapters' | 'clock' | 'log'> {
  readonly adapters: (parts: { readonly mounts: Mounts }) => Promise<readonly DeviceAdapter[]>;
}

export interface Parts {
  readonly store: Store;
  readonly mounts: Mounts;
  /** Not started yet. */
  readonly engine: Engine;
  readonly clock: Clock;
  readonly newId: NewId;
  /** From now on hosts and stores are reached in this way; what is under way comes to its end as it began. */
  reach(by: { readonly ssh: SshConfig; readonly s3: S3Config }): Promise<void>;
  /** Opens a place by its address. Rejects with `unsupported`, `unreachable`, `permission` or `invalid`. */
  open(address: string): Promise<Endpoint>;
  /** Stops the engine and closes all; resolves with false where a call hangs in the operating system. May be called twice. */
  close(): Promise<boolean>;
}

/** Rejects with `data_in_use` and `ledger`. */
export async function openParts(options: PartsOptions): Promise<Parts> {
  const { dataFolder, limits, log } = options;
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const [{ openSqliteStore }, { openMounts }] = await Promise.all([
    import('./store/sqlite-store.ts'),
    import('./endpoints/mount-pool.ts'),
  ]);
  // The ledger's thread and the first workers start while the rest is still being loaded.
  const opening = openSqliteStore({ folder: dataFolder, clock: systemClock, beginsHere: options.isBrief === true });
  opening.catch(() => undefined);
  const mounts = openMounts({
    modules: [
      ...fileModules,
      ...(options.devices === undefined ? [] : [workerModule('devices/volume-operations')]),
      ...(options.offloading === undefined
        ? []
        : [workerModule('engine/process/process-operations'), workerModule('engine/mhl/mhl-operations')]),
      ...(options.modules ?? []),
    ],
    ...(options.isBrief ? { earlyThread: takeEarlyThread('files') } : {}),
    ...(options.stays ? { keptWorkers: 2, leanWorkers: true } : {}),
    ownPath: dataFolder,
  });
  if (options.soon !== undefined) {
    // The answer is of no interest: a worker takes longer to start than to look up a path.
    const looking = mounts.pool(options.soon).run('local.resolve', { root: options.soon }, { quick: true });
    looking.catch(() => undefined);
  }
  const [{ requireEndpoint }, { createMover }, { createEngine }] = await Promise.all([
    import('./endpoints/index.ts'),
    import('./engine/mover/create-mover.ts'),
    import('./engine/create-engine.ts'),
  ]);
  const clock = systemClock;
  const newId = idSource(clock, systemRandom);
  const store = await opening.catch(async (error: unknown) => {
    await mounts.close();
    throw error;
  });
  const devices = await openRegistry(options, mounts, clock).catch(async (error: unknown) => {
    await Promise.all([mounts.close(), store.close()]);
    throw error;
  });
  const ssh = lazyHosts(options.ssh ?? { hosts: {} }, () => (options.isBrief ? takeEarlyThread('ssh') : undefined));
  let { s3 } = options;
  const places = {
    mounts,
    ssh: ssh.open,
    s3: () => s3,
    ...(devices === undefined ? {} : { openDevice: devices.open }),
  };
  const open = (address: string) => requireEndpoint(parseEndpoint(address), places);
  const journalFolder = join(dataFolder, 'journals');
  mkdirSync(journalFolder, { recursive: true, mode: 0o700 });
  const mover = createMover({ mounts, journalFolder });
  const processing = options.offloading === undefined ? undefined : await openProcessing(dataFolder, mounts, clock);
  const engine = createEngine({
    store,
    openEndpoint: open,
    mounts,
    mover,
    clock,
    random: systemRandom,
    newId,
    node: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    limits,
    log,
    joinRoom: async (request) => (await import('./join-room.ts')).joinRoom(request),
    ...(devices === undefined ? {} : { devices }),
    ...(processing === undefined ? {} : { processRunner: processing.runner }),
    ...(options.offloading === undefined ? {} : { offloading: options.offloading }),
  });
  let closing: Promise<boolean> | undefined;
  const close = async () => {
    const stopped = await engine.stop();
    await processing?.close();
    await ssh.close();
    const ended = await mounts.close();
    await store.close();
    return stopped && ended;
  };
  return {
    store,
    mounts,
    engine,
    clock,
    newId,
    open,
    async reach(by) {
      s3 = by.s3;
      await ssh.configure(by.ssh);
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Nothing of SSH is loaded before a place over SSH is opened. */
function lazyHosts(
  first: SshConfig,
  takeEarly: () => Worker | undefined,
): {
  open(): Promise<SshHosts>;
  configure(config: SshConfig): Promise<void>;
  close(): Promise<void>;
} {
  let config = first;
  let hosts: Promise<SshHosts> | undefined;
  return {
    async configure(next) {
      config = next;
      (await hosts)?.configure(next);
    },
    open() {
      hosts ??= import('./endpoints/ssh/ssh-hosts.ts').then(({ createSshHosts }) => createSshHosts(config, takeEarly));
      return hosts;
    },
    close: async () => (await hosts)?.close(),
  };
}

async function openRegistry(
  { devices, log }: PartsOptions,
  mounts: Mounts,
  clock: Clock,
): Promise<DeviceRegistry | undefined> {
  if (devices === undefined) return undefined;
  const { adapters, ...options } = devices;
  const { createDeviceRegistry } = await import('./devices/registry.ts');
  return createDeviceRegistry({ ...options, adapters: await adapters({ mounts }), clock, log });
}

/** Starts no thread before the first step. */
async function openProcessing(
  dataFolder: string,
  mounts: Mounts,
  clock: Clock,
): Promise<{ readonly runner: ProcessRunner; close(): Promise<void> }> {
  const [{ createStepThreads }, { createProcessRunner }, { openWorkNotes }] = await Promise.all([
    import('./steps/step-threads.ts'),
    import('./engine/process/process-runner.ts'),
    import('./engine/process/work-notes.ts'),
  ]);
  const threads = createStepThreads();
  const notes = openWorkNotes(join(dataFolder, 'work'), mounts);
  return { runner: createProcessRunner({ mounts, threads, clock, notes }), close: () => threads.close() };
}

/** Places alone, to look at and to hash: no ledger, no engine. */
export async function openPlaces(
  reached: Pick<PartsOptions, 'ssh' | 's3'> = {},
): Promise<{ open(address: string): Promise<Endpoint>; close(): Promise<boolean> }> {
  const [{ openMounts }, { requireEndpoint }, { localOperations }] = await Promise.all([
    import('./endpoints/mount-pool.ts'),
    import('./endpoints/index.ts'),
    import('./endpoints/local.ts'),
  ]);
  const mounts = openMounts({ modules: [localOperations] });
  const ssh = lazyHosts(reached.ssh ?? { hosts: {} }, () => undefined);
  const places = { mounts, ssh: ssh.open, s3: () => reached.s3 };
  return {
    open: (address) => requireEndpoint(parseEndpoint(address), places),
    async close() {
      await ssh.close();
      return await mounts.close();
    },
  };
}
