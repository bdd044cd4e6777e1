// A real engine in a temporary folder: SQLite ledger, worker threads, mover and local files.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceRegistry } from '../../src/devices/registry.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { requireEndpoint } from '../../src/endpoints/index.ts';
import { localOperations } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import type { Mounts } from '../../src/endpoints/mounts.ts';
import { createEngine, engineOperations } from '../../src/engine/create-engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { EngineLimits, EngineLog, Offloading } from '../../src/engine/engine-parts.ts';
import { mhlOperations } from '../../src/engine/mhl/asc-mhl.ts';
import { createMover, laneOperations } from '../../src/engine/mover/create-mover.ts';
import type { Mover } from '../../src/engine/mover/move.ts';
import type { ProcessRunner } from '../../src/engine/processing.ts';
import { type Clock, idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import type { Job } from '../../src/model/job.ts';
import type { S3Config } from '../../src/model/s3-config.ts';
import type { CopyRequest } from '../../src/model/specs.ts';
import type { Transfer } from '../../src/model/transfer.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

export interface RigOptions {
  readonly clock?: Clock;
  readonly limits?: EngineLimits;
  /** Stands between engine and mover, to make it fail or wait. */
  readonly wrapMover?: (mover: Mover) => Mover;
  /** Stands between engine and ledger, to make it refuse. */
  readonly wrapStore?: (store: Store) => Store;
  readonly folder?: string;
  /** Stands between engine and places, to make them misbehave. */
  readonly wrapEndpoint?: (address: string, endpoint: Endpoint) => Endpoint;
  readonly devices?: DeviceRegistry;
  readonly processRunner?: ProcessRunner;
  readonly offloading?: Partial<Offloading>;
  readonly s3?: S3Config;
}

export interface Rig {
  readonly folder: string;
  readonly engine: Engine;
  readonly store: Store;
  readonly mounts: Mounts;
  /** Lines of the log, as text. */
  readonly said: string[];
  /** A path inside the rig's folder. */
  at(...parts: string[]): string;
  copy(request: Omit<CopyRequest, 'kind'>): Promise<Job>;
  transfers(jobId: string): Promise<readonly Transfer[]>;
  facts(transferId: string): Promise<readonly string[]>;
  /** Stops the engine and closes the ledger; the files stay. */
  close(): Promise<void>;
  /** As `close`, and removes all files. */
  remove(): Promise<void>;
}

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'wherry-engine-'));
  const clock = options.clock ?? systemClock;
  const data = join(folder, 'data');
  const journalFolder = join(data, 'journals');
  mkdirSync(journalFolder, { recursive: true });
  const store = await openSqliteStore({ folder: data, clock });
  const mounts = openMounts({
    modules: [localOperations, laneOperations, engineOperations, mhlOperations],
    ownPath: data,
  });
  const mover = createMover({ mounts, journalFolder });
  const said: string[] = [];
  const say = (fields: object, text: string) => void said.push(`${text} ${JSON.stringify(fields)}`);
  const log: EngineLog = { debug: say, info: say, warn: say, error: say };
  const engine = createEngine({
    store: options.wrapStore?.(store) ?? store,
    openEndpoint: async (address) => {
      const { scheme, authority } = parseEndpoint(address);
      if (scheme === 'device' && options.devices !== undefined) return options.devices.open(authority);
      const endpoint = await requireEndpoint(parseEndpoint(address), {
        mounts,
        s3: () => options.s3,
      });
      return options.wrapEndpoint?.(address, endpoint) ?? endpoint;
    },
    mounts,
    mover: options.wrapMover?.(mover) ?? mover,
    clock,
    random: systemRandom,
    newId: idSource(systemClock, systemRandom),
    node: 'here',
    limits: options.limits ?? {},
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    ...(options.processRunner === undefined ? {} : { processRunner: options.processRunner }),
    offloading: { mediaFolder: join(folder, 'media'), ...options.offloading },
    log,
  });
  await engine.start();
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await engine.stop();
    await store.close();
  };
  return {
    folder,
    engine,
    store,
    mounts,
    said,
    at: (...parts) => join(folder, ...parts),
    copy: async (request) => {
      const job = await engine.submit({ kind: 'copy', ...request });
      return engine.settled(job.id);
    },
    transfers: async (jobId) => (await store.transfers({ jobId, limit: 1000 })).rows,
    facts: async (transferId) =>
      (await store.events({ transferId, limit: 100 })).events.map((event) =>
        event.name.replace('observation.transfer.', ''),
      ),
    close,
    remove: async () => {
      await close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
