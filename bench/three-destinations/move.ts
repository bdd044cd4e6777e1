// `move.ts SOURCE DESTINATION…`: the mover alone, one reading for all destinations; says its seconds as JSON.

import { mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { newControl } from '../../src/endpoints/control.ts';
import { localOperations, openLocal } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { createMover, laneOperations } from '../../src/engine/mover/create-mover.ts';
import type { MoveRequest } from '../../src/engine/mover/move.ts';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import type { Transfer } from '../../src/model/transfer.ts';

const [source = '', ...destinations] = process.argv.slice(2);
const journalFolder = join(dirname(destinations[0] ?? ''), 'journals');
mkdirSync(journalFolder, { recursive: true });
const mounts = openMounts({ modules: [localOperations, laneOperations] });
const mover = createMover({ mounts, journalFolder });
const newId = idSource(systemClock, systemRandom);
const { size } = statSync(source);

async function request(destination: string): Promise<MoveRequest> {
  const transfer: Transfer = {
    id: newId(),
    jobId: newId(),
    mode: 'copy',
    source: { endpoint: dirname(source), path: basename(source) },
    destination: { endpoint: dirname(destination), path: basename(destination) },
    publishedPath: null,
    sizeBytes: size,
    mtimeMs: null,
    fileMode: null,
    identity: null,
    state: 'transferring',
    phase: 'transfer',
    waiting: null,
    bytesDone: 0,
    bytesProcessed: 0,
    hash: null,
    attempts: 1,
    firstQueuedAt: null,
    priority: 0,
    owner: null,
    associateWith: null,
    error: null,
    heartbeatAt: null,
    lease: null,
    fence: 1,
    publishing: null,
    createdAt: 0,
    updatedAt: 0,
    startedAt: null,
    finishedAt: null,
  };
  return {
    transfer,
    source: await openLocal(dirname(source), { mounts }),
    destination: await openLocal(dirname(destination), { mounts }),
    options: {
      conflict: 'overwrite',
      verify: 'read-back',
      algorithm: null,
      preserve: { mtime: true, mode: true, owner: false, xattrs: false, sparse: false },
      reserveBytes: 0,
    },
    control: newControl(),
    hooks: { publishing: async () => undefined, progress: () => undefined, restarted: () => undefined },
  };
}

const requests = await Promise.all(destinations.map(request));
const cpuBefore = process.cpuUsage();
const begun = performance.now();
const outcomes = await Promise.all(mover.moveTogether(requests));
const wallSeconds = (performance.now() - begun) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
if (outcomes.some(({ kind }) => kind !== 'published')) throw new Error(JSON.stringify(outcomes));
await mounts.close();
process.stdout.write(`${JSON.stringify({ wallSeconds, cpuSeconds: (user + system) / 1e6 })}\n`);
