// What the ledger costs for each transfer from the queue to its receipt: a real engine and ledger, and a mover that has nothing to do.

import { join } from 'node:path';
import { requireEndpoint } from '../../src/endpoints/index.ts';
import { localOperations } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { createEngine, engineOperations } from '../../src/engine/create-engine.ts';
import { createMover, laneOperations } from '../../src/engine/mover/create-mover.ts';
import type { Mover } from '../../src/engine/mover/move.ts';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Goal, Sheet } from '../race.ts';
import { diskStage, memoryStage, type Stage } from '../stage.ts';
import { makeHoles } from './race.ts';

const goalMs = 0.3;
const hash = { algorithm: 'xxh128-8m', value: '0'.repeat(32) } as const;

/** Says of everything that it has arrived. */
function doneAtOnce(mover: Mover): Mover {
  const facts = { hash, verify: 'read-back', alreadyThere: false } as const;
  return {
    ...mover,
    move: async ({ transfer }) => ({
      ...facts,
      kind: 'published',
      publishedPath: transfer.destination.path,
      sizeBytes: transfer.sizeBytes ?? 0,
      identity: { sizeBytes: transfer.sizeBytes ?? 0, mtimeMs: 0 },
      movedBytes: transfer.sizeBytes ?? 0,
      resumedBytes: 0,
    }),
    movePack: async ({ files, finished }) => {
      await finished(
        files.map((file) => ({
          ...facts,
          file,
          kind: 'published' as const,
          publishedPath: file.destinationPath,
          sizeBytes: file.entry.sizeBytes ?? 0,
          identity: { sizeBytes: file.entry.sizeBytes ?? 0, mtimeMs: 0 },
        })),
      );
      return { left: [], stopped: null };
    },
  };
}

export async function dispatch(files: number): Promise<Sheet> {
  const stage = memoryStage(1 << 20);
  const disk = diskStage(2 ** 30);
  try {
    const goals = [
      await each(stage, disk, { what: 'in packs', files, bytes: 1000 }),
      await each(stage, disk, { what: 'one by one', files: Math.round(files / 4), bytes: 8 * 1024 * 1024 }),
    ];
    return { title: 'The ledger, for each transfer', table: '', goals };
  } finally {
    disk.close();
    stage.close();
  }
}

async function each(
  stage: Stage,
  disk: Stage,
  { what, files, bytes }: { what: string; files: number; bytes: number },
): Promise<Goal> {
  const source = join(stage.folder, what);
  const data = join(disk.folder, what);
  makeHoles(source, files, bytes);
  const store = await openSqliteStore({ folder: data, clock: systemClock });
  const mounts = openMounts({ modules: [localOperations, laneOperations, engineOperations], ownPath: data });
  const silent = () => undefined;
  const engine = createEngine({
    store,
    openEndpoint: (address) => requireEndpoint(parseEndpoint(address), { mounts }),
    mounts,
    mover: doneAtOnce(createMover({ mounts, journalFolder: data })),
    clock: systemClock,
    random: systemRandom,
    newId: idSource(systemClock, systemRandom),
    node: 'bench',
    limits: {},
    log: { debug: silent, info: silent, warn: silent, error: silent },
  });
  await engine.start();
  const begun = performance.now();
  const cpuBefore = process.cpuUsage();
  const { id } = await engine.submit({ kind: 'copy', sources: [source], destination: join(stage.folder, 'out') });
  const job = await engine.settled(id);
  const ms = (performance.now() - begun) / files;
  const { user, system } = process.cpuUsage(cpuBefore);
  await engine.stop();
  await store.close();
  await mounts.close();
  if (job.state !== 'completed' || job.counts.completed !== files) throw new Error(`the job is ${JSON.stringify(job)}`);
  return {
    what: `Ledger and queue for each of ${files.toLocaleString('en')} transfers ${what}, finding and receipts included`,
    goal: `≤ ${goalMs} ms`,
    seen: `${ms.toFixed(2)} ms (CPU ${((user + system) / 1000 / files).toFixed(2)} ms)`,
    met: ms <= goalMs,
  };
}
