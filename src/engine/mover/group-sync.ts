// Makes many files of one file system durable at once, where that is as good as an fsync for each of them.

import { spawnSync } from 'node:child_process';
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

/**
 * syncfs(2) of the file system that holds `folder`, by `sync -f` of coreutils, since Node has no such call.
 * The kernel tells an error that came before to one caller of syncfs only, so whoever hears of one tells the other workers by
 * `failures`: a group is durable where this returns true and no failure was counted since the group was begun.
 * Throws `sync_failed`. False where there is no such program.
 */
export function syncFileSystem(folder: string, failures: Int32Array, control: Control): boolean {
  control.enter(sides.destination, syncPatienceMs);
  const { error, status, stderr } = spawnSync('sync', ['-f', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  control.enter(sides.none);
  if (error !== undefined) return false;
  if (status === 0) return true;
  Atomics.add(failures, 0, 1);
  const why = displayPath(stderr.toString().trim());
  throw new Fault('sync_failed', `Could not make durable what was written to ${displayPath(folder)}: ${why}.`, {
    place: { endpoint: displayPath(folder), operation: 'make durable' },
  });
}
