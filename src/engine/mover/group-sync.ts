// Makes many files of one file system durable at once, where that is as good as an fsync for each of them.

import { closeSync, constants, openSync } from 'node:fs';
import { release } from 'node:os';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoOf } from '../../endpoints/errno.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import { systemCalls } from '../../endpoints/system-calls.ts';
import { lostWrites, syncPatienceMs } from './lane-file.ts';

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

/** Files of a group from which on loading the native call for it takes less than an fsync for each of them. */
const worthLoading = 8;

/** Of the file system that holds a folder, for one worker. */
export interface GroupSync {
  /**
   * Waits until everything that was written there is durable. Throws `sync_failed` where anything that was written since `openGroupSync`,
   * by whomever, could not be made so; then every file that was not known to be durable before is in doubt. False where the system has no
   * such call after all.
   */
  sync(): boolean;
  close(): void;
}

/**
 * To be opened before the first write that it is to answer for: Linux tells each descriptor, once, of the errors since that was opened,
 * so that no worker hears of what another was told in its place. Undefined where it cannot be had for so few files.
 */
export function openGroupSync(
  confined: ConfinedRoot,
  { files, control }: { files: number; control: Control },
): GroupSync | undefined {
  const calls = files < worthLoading ? undefined : systemCalls();
  if (calls === undefined) return undefined;
  const folder = confined.openFolder('');
  let fd: number;
  control.enter(sides.destination);
  try {
    // By Node, which closes it when the worker is ended. A folder that may be searched but not listed cannot be opened so.
    fd = openSync(folder.self, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
  return {
    sync() {
      control.enter(sides.destination, syncPatienceMs);
      try {
        calls.syncfs(fd);
        return true;
      } catch (error) {
        if (callless.has(errnoOf(error) ?? '')) return false;
        throw lostWrites(error, { root: confined.root, path: '' }, 'make durable');
      } finally {
        control.enter(sides.destination);
      }
    },
    close: () => closeSync(fd),
  };
}

/** What a container answers that forbids the call. */
const callless = new Set(['ENOSYS', 'EPERM']);
