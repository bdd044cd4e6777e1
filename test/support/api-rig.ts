// A real API on port 0 over a real ledger and real file look-ups, for tests of it.

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, type ApiConfig, createApi, type Listening } from '../../src/api/create-api.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type RestingEngine, restingEngine } from './resting-engine.ts';

export const adminToken = 'an-admin-token-for-tests-0123456789';

export interface ApiRig {
  readonly folder: string;
  /** The only root. */
  readonly root: string;
  readonly store: Store;
  readonly engine: RestingEngine;
  readonly listening: Listening;
  readonly url: string;
  /** How many events the API has read from the ledger. */
  readonly eventsRead: number;
  /** What the API wrote as errors. */
  readonly errors: object[];
  readonly newId: () => string;
  /** fetch below the API's address with the admin token, unless the headers say otherwise. */
  ask(path: string, init?: RequestInit & { headers?: Record<string, string> }): Promise<Response>;
  /** Closes the API and opens another one on the same ledger. */
  restart(config?: Partial<ApiConfig>): Promise<void>;
  close(): Promise<void>;
}

export async function openApiRig(
  config: Partial<ApiConfig> = {},
  consoleFolder: string | null = null,
): Promise<ApiRig> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'wherry-api-')));
  const root = join(folder, 'root');
  mkdirSync(root);
  const store = await openSqliteStore({ folder: join(folder, 'data'), clock: systemClock });
  const mounts = openMounts({ modules: [new URL('../../src/api/browse-operations.ts', import.meta.url)] });
  const newId = idSource(systemClock, systemRandom);
  const engine = restingEngine(store, newId);
  const errors: object[] = [];
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
  const open = async (changes: Partial<ApiConfig>) => {
    api = await createApi({
      engine,
      reader,
      documents: {
        put: async (collection, key, value) =>
          void (await store.apply([{ kind: 'put_document', collection, key, value }])),
        remove: async (collection, key) => void (await store.apply([{ kind: 'delete_document', collection, key }])),
      },
      onEvents: (listener) => store.onEvents(listener),
      lookup: (path, operation, input) => mounts.pool(path).run(operation, input, { quick: true }),
      config: {
        listen: { host: '127.0.0.1', port: 0 },
        tls: null,
        insecureHttp: false,
        allowedHosts: [],
        allowedOrigins: [],
        roots: [root],
        adminToken,
        ...config,
        ...changes,
      },
      clock: systemClock,
      newId,
      log: { info: () => undefined, warn: () => undefined, error: (details) => void errors.push(details) },
      consoleFolder,
      version: '0.0.0-test',
    });
    listening = await api.listen();
  };
  const leave = async () => {
    await engine.stop();
    await mounts.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await open({});
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    folder,
    root,
    store,
    engine,
    errors,
    newId,
    get eventsRead() {
      return eventsRead;
    },
    get listening() {
      return listening;
    },
    get url() {
      return listening.url;
    },
    ask(path, init = {}) {
      return fetch(listening.url + path, {
        ...init,
        headers: { authorization: `Bearer ${adminToken}`, ...init.headers },
      });
    },
    async restart(changes = {}) {
      await api.close();
      await open(changes);
    },
    async close() {
      await api.close();
      await leave();
    },
  };
}
