// How an entry of a local folder is read, inside a worker.

import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import type { Entry, EntryKind } from '../model/manifest.ts';
import { pathFromBytes } from '../model/names.ts';
import type { FilePath } from './confined.ts';
import { errnoOf } from './errno.ts';

/** The entry at `file`, a path of ConfinedFolder.at; undefined where nothing is there. Throws what lstat throws. */
export function readEntry(file: FilePath, path: string, beforeCall: () => void): Entry | undefined {
  for (;;) {
    beforeCall();
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const entry = entryFrom(path, stats, file);
    if (entry.kind !== 'symlink') return entry;
    beforeCall();
    try {
      return { ...entry, linkTarget: pathFromBytes(readlinkSync(file, 'buffer')) };
    } catch (error) {
      // It was removed, or replaced by something else, since it was looked at.
      const errno = errnoOf(error);
      if (errno !== 'ENOENT' && errno !== 'EINVAL') throw error;
    }
  }
}

/** `file` is asked again where the inode's number is too large for a double. */
export function entryFrom(path: string, stats: Stats, file: FilePath): Entry {
  const { device, inode } = identity(stats, file);
  const kind = kindOf(stats);
  return {
    path,
    kind,
    sizeBytes: kind === 'file' || kind === 'symlink' ? stats.size : 0,
    mtimeMs: stats.mtimeMs,
    mode: stats.mode & 0o7777,
    device,
    inode,
  };
}

function identity(stats: Stats, file: FilePath): { device: string; inode: string } {
  if (Number.isSafeInteger(stats.ino) && Number.isSafeInteger(stats.dev)) {
    return { device: String(stats.dev), inode: String(stats.ino) };
  }
  const exact = lstatSync(file, { bigint: true });
  return { device: String(exact.dev), inode: String(exact.ino) };
}

function kindOf(stats: Stats): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
