// A process that moves what it is told to, so that a test can kill it: node mover-child.ts FILE, which holds a ChildTask.

import { appendFileSync, readFileSync } from 'node:fs';
import { newControl } from '../../../src/endpoints/control.ts';
import { localOperations, openLocal } from '../../../src/endpoints/local.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import { createMover, laneOperations } from '../../../src/engine/mover/create-mover.ts';
import type { MoveOptions, PackFile } from '../../../src/engine/mover/move.ts';
import type { Transfer } from '../../../src/model/transfer.ts';
import { tarPlace } from '../../support/tar-place.ts';

export interface ChildTask {
  readonly from: string;
  readonly to: string;
  readonly journals: string;
  readonly options: MoveOptions;
  readonly bytesPerSecond: number | null;
  /** The end that is reached by streams of many files alone. */
  readonly far?: 'source' | 'destination';
  readonly transfer?: Transfer;
  readonly pack?: { readonly packId: string; readonly fence: number; readonly files: readonly PackFile[] };
  /** Ends the process right after *publishing* has been written to `records`. */
  readonly dieInPublishing: boolean;
  /** A line of JSON for each record of *publishing* and each committed group. */
  readonly records: string;
}

const task = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ChildTask;
const mounts = openMounts({ modules: [localOperations, laneOperations], ownPath: task.journals });
mounts.limitBandwidth(task.bytesPerSecond);
const mover = createMover({ mounts, journalFolder: task.journals });
const openEnd = async (end: 'source' | 'destination', path: string) => {
  const place = await openLocal(path, { mounts });
  return task.far === end ? tarPlace(place) : place;
};
const source = await openEnd('source', task.from);
const destination = await openEnd('destination', task.to);
const { options } = task;
const write = (record: object) => appendFileSync(task.records, `${JSON.stringify(record)}\n`);

if (task.transfer !== undefined) {
  await mover.move({
    transfer: task.transfer,
    source,
    destination,
    options,
    control: newControl(),
    hooks: {
      async publishing(publishing) {
        write({ publishing });
        if (task.dieInPublishing) process.kill(process.pid, 'SIGKILL');
      },
      progress() {
        // Nobody looks.
      },
      restarted: (fault) => write({ restarted: fault.code }),
    },
  });
}
if (task.pack !== undefined) {
  await mover.movePack({
    ...task.pack,
    source,
    destination,
    options,
    control: newControl(),
    async finished(results) {
      if (task.dieInPublishing) process.kill(process.pid, 'SIGKILL');
      const arrived = results.filter((result) => result.kind === 'published');
      write({ committed: arrived.map((result) => result.file.destinationPath) });
    },
    checkFence: () => Promise.resolve(),
  });
}
await mounts.close();
