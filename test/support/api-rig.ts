// A real API on port 0 over a real engine, ledger and folders, for tests of it.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { type Api, type ApiConfig, createApi, type Listening } from '../../src/api/create-api.ts';
import { eventView } from '../../src/api/present.ts';
import { type DeviceOptions, openParts, type Parts } from '../../src/compose.ts';
import { workerModule } from '../../src/early-thread.ts';
import { createDeliveries, type Deliveries, deliveryRetryRules } from '../../src/engine/deliveries.ts';
import { createIngest, type Ingest } from '../../src/engine/ingest.ts';
import { createRelay } from '../../src/engine/relay/relay.ts';
import { defaultRetryRules, type RetryRules } from '../../src/engine/retry.ts';
import { createRooms } from '../../src/engine/rooms/create-rooms.ts';
import type { Rooms } from '../../src/engine/rooms/rooms.ts';
import { type Clock, systemRandom } from '../../src/model/clock.ts';
import type { Pipeline } from '../../src/model/pipeline.ts';
import { roomsConfigSchema } from '../../src/model/room-config.ts';
import type { CopyRequest } from '../../src/model/specs.ts';
import { openSink } from '../../src/sinks/index.ts';
import type { Store } from '../../src/store/store.ts';

export const adminToken = 'an-admin-token-for-tests-0123456789';

export interface ApiRig {
  readonly folder: string;
  /** The only root. */
  readonly root: string;
  readonly store: Store;
  readonly engine: Parts['engine'];
  /** As the API has them. */
  readonly deliveries: Deliveries;
  readonly ingest: Ingest;
  readonly rooms: Rooms;
  readonly listening: Listening;
  readonly url: string;
  /** How many events the API has read from the ledger. */
  readonly eventsRead: number;
  /** What the API wrote as errors. */
  readonly errors: object[];
  /** A copy of one new file inside the root. */
  newCopy(sizeBytes?: number): CopyRequest;
  /** fetch below the API's address with the admin token, unless the headers say otherwise. */
  ask(path: string, init?: RequestInit & { headers?: Record<string, string> }): Promise<Response>;
  /** Closes the API and opens another one on the same engine; `starting` leaves it as it is before the engine has started. */
  restart(config?: Partial<ApiConfig>, state?: 'ready' | 'starting'): Promise<void>;
  close(): Promise<void>;
}

/** Of rooms alone: their part of the configuration, and their clock. */
export interface RoomsWish {
  readonly config?: z.input<typeof roomsConfigSchema>;
  readonly clock?: Clock;
}

export async function openApiRig(
  config: Partial<ApiConfig> = {},
  consoleFolder: string | null = null,
  /** Of messages to webhooks. */
  retry: Partial<RetryRules> = {},
  devices?: DeviceOptions,
  pipelines: readonly Pipeline[] = [],
  { config: roomsConfig = {}, clock: roomsClock }: RoomsWish = {},
): Promise<ApiRig> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'wherry-api-')));
  const root = join(folder, 'root');
  mkdirSync(root);
  const nowhere = () => undefined;
  const parts = await openParts({
    dataFolder: join(folder, 'data'),
    limits: { tickSeconds: 1 },
    log: { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere },
    modules: [
      workerModule('api/browse-operations'),
      workerModule('sinks/json-lines-operations'),
      workerModule('engine/relay/spool-operations'),
    ],
    ...(devices === undefined ? {} : { devices }),
    offloading: { pipelines, mediaFolder: join(root, 'media') },
  });
  const { store, mounts, engine, clock, newId } = parts;
  const errors: object[] = [];
  const deliveries = createDeliveries({
    ...{ store, openSink, present: eventView, clock, random: systemRandom, newId },
    log: { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere },
    rules: { ...deliveryRetryRules, firstDelayMs: 50, mostDelayMs: 50, mostAttempts: 4, ...retry },
  });
  const ingest = createIngest({
    ...{ store, clock, random: systemRandom },
    log: { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere },
    rules: { ...defaultRetryRules, firstDelayMs: 20, mostDelayMs: 50 },
  });
  const rooms = createRooms({
    ...{ store, clock: roomsClock ?? clock, newId },
    log: { debug: nowhere, info: nowhere, warn: nowhere, error: (details) => errors.push(details) },
    settings: roomsConfigSchema.parse(roomsConfig),
  });

  const relay = createRelay({
    ...{
      gate: rooms.gate,
      mounts,
      clock,
      newId,
      config: () => rooms.settings.relay,
      types: () => rooms.settings.types,
    },
    ...{ folder: join(folder, 'data', 'relay'), keyFile: join(folder, 'data', 'relay.key') },
    log: { debug: nowhere, info: nowhere, warn: nowhere, error: (details) => errors.push(details) },
  });
  let eventsRead = 0;
  const reader: Store = {
    ...store,
    async events(query) {
      const page = await store.events(query);
      eventsRead += page.events.length;
      return page;
    },
  };
  let api: Api;
  let listening: Listening;
  const open = async (changes: Partial<ApiConfig>, state: 'ready' | 'starting') => {
    api = await createApi({
      engine,
      reader,
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
      contract: {
        presets: () => ({}),
        reachAs: nowhere,
        foldersThere: async (_address, folders) => folders,
        mediaFolder: () => join(root, 'media'),
      },
      lookup: (path, operation, input) => mounts.pool(path).run(operation, input, { quick: true }),
      config: {
        listen: { host: '127.0.0.1', port: 0 },
        tls: null,
        insecureHttp: false,
        allowedHosts: [],
        allowedOrigins: [],
        roots: [root],
        adminToken,
        syncWithoutToken: false,
        ...config,
        ...changes,
      },
      clock,
      newId,
      log: { info: nowhere, warn: nowhere, error: (details) => errors.push(details) },
      consoleFolder,
      version: '0.0.0-test',
    });
    listening = await api.listen();
    if (state === 'ready') await api.ready();
  };
  const leave = async () => {
    await relay.close();
    await Promise.all([deliveries.stop(), ingest.stop(), rooms.stop()]);
    await parts.close();
    rmSync(folder, { recursive: true, force: true });
  };
  await engine.start();
  await deliveries.start();
  await rooms.start();
  await relay.start();
  try {
    await open({}, 'ready');
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    folder,
    root,
    store,
    engine,
    deliveries,
    ingest,
    rooms,
    errors,
    get eventsRead() {
      return eventsRead;
    },
    get listening() {
      return listening;
    },
    get url() {
      return listening.url;
    },
    newCopy(sizeBytes = 1000) {
      const name = newId();
      const source = join(root, `from-${name}`);
      mkdirSync(source);
      writeFileSync(join(source, `${name}.bin`), '');
      truncateSync(join(source, `${name}.bin`), sizeBytes);
      return { kind: 'copy', sources: [source], destination: join(root, `to-${name}`) };
    },
    ask(path, init = {}) {
      return fetch(listening.url + path, {
        ...init,
        headers: { authorization: `Bearer ${adminToken}`, ...init.headers },
      });
    },
    async restart(changes = {}, state = 'ready') {
      await api.close();
      await open(changes, state);
    },
    async close() {
      await api.close();
      await leave();
    },
  };
}
