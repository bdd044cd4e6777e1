// Makes many files of one file system durable at once, where that is as good as an fsync for each of them.

import { release } from 'node:os';
import { type Control, sides } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { syncPatienceMs } from './lane-file.ts';

/** `none`: memory, nothing to be made durable. `group`: one syncfs(2) for all. `each`: an fsync for each file and folder. */
export type SyncWay = 'none' | 'group' | 'each';

/** Plain local file systems, whose syncfs waits for data and journal and, since Linux 5.8, reports what could not be written. */
const groupTypes = new Set(['ext4', 'xfs', 'btrfs', 'f2fs']);

export function syncWayOf(type: string): SyncWay {
  if (type === 'tmpfs' || type === 'ramfs') return 'none';
  return groupTypes.has(type) && process.platform === 'linux' && reportsErrors(release()) ? 'group' : 'each';
}

function reportsErrors(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  return major > 5 || (major === 5 && minor >= 8);
}

/** What the main thread answers a worker that has asked for a sync, in an Int32 cell. */
export const syncAnswers = { open: 0, done: 1, failed: 2, none: 3 } as const;

const lookAgainMs = 100;

/**
 * syncfs(2) of the file system that holds `folder`: `ask` has the main thread see to it (sync-program.ts), `answer` is where it says what came of it.
 * The kernel tells an error that came before to one caller of syncfs only, so whoever hears of one tells the other workers by
 * `failures`: a group is durable where this returns true and no failure was counted since the group was begun.
 * Throws `sync_failed`. False where it cannot be done here.
 */
export function syncFileSystem(
  folder: string,
  { ask, answer, failures }: { ask: () => void; answer: Int32Array; failures: Int32Array },
  control: Control,
): boolean {
  control.enter(sides.destination, syncPatienceMs);
  Atomics.store(answer, 0, syncAnswers.open);
  ask();
  while (Atomics.load(answer, 0) === syncAnswers.open) Atomics.wait(answer, 0, syncAnswers.open, lookAgainMs);
  control.enter(sides.none);
  if (Atomics.load(answer, 0) === syncAnswers.none) return false;
  if (Atomics.load(answer, 0) === syncAnswers.done) return true;
  Atomics.add(failures, 0, 1);
  throw new Fault('sync_failed', `What was written to ${displayPath(folder)} could not be made durable.`, {
    place: { endpoint: displayPath(folder), operation: 'make durable' },
  });
}
