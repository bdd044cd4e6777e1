// Gives what has one name another, where nothing has that name: by a rename that spares what is there, or a link, whatever the file system can.

import { linkSync, lstatSync, renameSync } from 'node:fs';
import type { Located } from './confined.ts';
import { errnoOf } from './errno.ts';
import { systemCalls } from './system-calls.ts';

/**
 * True where it has only the new name now; false where that is taken, and nothing was done. Folders get names, too. Throws the operating
 * system's error. `beforeCall` is called before each system call. Only on a file system that has neither links nor a rename that
 * spares what is there (some FUSE) is there a moment in which what came up in between is replaced.
 */
export function nameWhereFree(from: Located, to: Located, beforeCall: () => void): boolean {
  const known = from.folder === to.folder ? to.folder.renameToFree : undefined;
  if (known !== undefined) {
    const renamed = tried(() => {
      beforeCall();
      known(from.name, to.name);
    }, unable);
    if (renamed !== undefined) return renamed;
  }
  const linked = tried(() => {
    beforeCall();
    if (from.folder === to.folder) to.folder.link(from.name, to.name);
    else linkSync(from.folder.at(from.name), to.folder.at(to.name));
  }, linkless);
  if (linked === undefined) return renameWhereFree(from, to, beforeCall);
  if (!linked) return false;
  beforeCall();
  try {
    from.folder.unlink(from.name);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  return true;
}

function renameWhereFree(from: Located, to: Located, beforeCall: () => void): boolean {
  // Loaded only here: most file systems have links.
  const calls = from.folder.fd < 0 || to.folder.fd < 0 ? undefined : systemCalls();
  if (calls !== undefined) {
    const renamed = tried(() => {
      beforeCall();
      calls.renameat2(from.folder.fd, from.name, to.folder.fd, to.name, { keep: true });
    }, unable);
    if (renamed !== undefined) return renamed;
  }
  const target = to.folder.at(to.name);
  beforeCall();
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) return false;
  beforeCall();
  renameSync(from.folder.at(from.name), target);
  return true;
}

/** True where it was done, false where the name is taken, undefined where it cannot be done in this way. */
function tried(act: () => void, cannot: ReadonlySet<string>): boolean | undefined {
  try {
    act();
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'EEXIST' || errno === 'ENOTEMPTY') return false;
    if (cannot.has(errno)) return undefined;
    throw error;
  }
}

const linkless = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES', 'EINVAL', 'EXDEV']);

/** Errors of a rename after which something else may still do. */
const unable = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'EINVAL', 'EXDEV']);
