// What a local endpoint does inside a mount pool's workers: synchronous calls, confined to the endpoint's root.

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  lutimesSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../model/fault.ts';
import type { HashAlgorithm } from '../model/hash.ts';
import type { Entry } from '../model/manifest.ts';
import { displayPath, isText, pathBytes, pathFromBytes, safeRelativePath } from '../model/names.ts';
import { ConfinedRoot, type FilePath } from './confined.ts';
import { createHasher } from './content-hash.ts';
import { checkStop } from './control.ts';
import type { Space } from './endpoint.ts';
import { errnoFault, errnoOf } from './errno.ts';
import { nameWhereFree } from './free-name.ts';
import { copyWithin } from './local-copy.ts';
import { entryFrom, readEntry } from './local-entry.ts';
import { type ListingStep, type ListingTask, listStep } from './local-listing.ts';
import { readManyContents } from './local-many.ts';
import { readContent, writeContent } from './local-streams.ts';
import { type OperationContext, sides } from './mounts.ts';

export interface At {
  readonly root: string;
  readonly path: string;
}

const hashBufferBytes = 1024 * 1024;

/** Operations that a worker knows by these names. */
export const operations = {
  'local.resolve': resolve,
  'local.stat': stat,
  'local.list': list,
  'local.read': readContent,
  'local.readMany': readManyContents,
  'local.write': writeContent,
  'local.remove': remove,
  'local.copy': copyWithin,
  'local.rename': rename,
  'local.link': link,
  'local.hash': hash,
  'local.makeFolder': makeFolder,
  'local.makeSymlink': makeSymlink,
  'local.setMetadata': setMetadata,
  'local.space': space,
};

/** The real path of a root, of which the end may not exist yet. */
function resolve({ root }: { root: string }): string {
  const missing: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    try {
      return join(pathFromBytes(realpathSync.native(Buffer.from(pathBytes(folder)), 'buffer')), ...missing);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || folder === dirname(folder)) {
        throw errnoFault(error, { operation: 'find', path: '', place: root });
      }
      missing.unshift(basename(folder));
    }
  }
}

function stat({ root, path }: At, { control }: OperationContext): Entry | undefined {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  try {
    if (safeRelativePath(path) === '') {
      beforeCall();
      const stats = statSync(root, { throwIfNoEntry: false });
      return stats === undefined ? undefined : entryFrom('', stats, root);
    }
    return within(root, beforeCall, (confined) => readEntry(confined.file(path), safeRelativePath(path), beforeCall));
  } catch (error) {
    const fault = errnoFault(error, { operation: 'look at', path, place: root });
    // A file where a folder would have to be: then nothing can be below it.
    if (fault.code === 'not_found' || fault.code === 'exists') return undefined;
    throw fault;
  }
}

function list(
  input: { root: string; start: string; tasks: readonly ListingTask[] },
  { control }: OperationContext,
): ListingStep {
  const beforeCall = () => {
    checkStop(control);
    control.enter(sides.source);
  };
  return within(input.root, beforeCall, (confined) => listStep(confined, input.start, input.tasks, beforeCall));
}

function remove({ root, path }: At, { control }: OperationContext): void {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  if (safeRelativePath(path) === '')
    throw new Fault('unsupported', `The root ${displayPath(root)} itself is not removed.`);
  try {
    within(root, beforeCall, (confined) => {
      const file = confined.file(path);
      beforeCall();
      const stats = lstatSync(file, { throwIfNoEntry: false });
      if (stats === undefined) return;
      beforeCall();
      if (stats.isDirectory()) rmdirSync(file);
      else unlinkSync(file);
    });
  } catch (error) {
    const fault = errnoFault(error, { operation: 'remove', path, place: root });
    if (fault.code !== 'not_found') throw fault;
  }
}

function link({ root, from, to }: { root: string; from: string; to: string }, { control }: OperationContext): void {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  within(root, beforeCall, (confined) => {
    try {
      const target = confined.locate(to, { create: true });
      const file = confined.file(from);
      beforeCall();
      linkSync(file, target.folder.at(target.name));
      confined.syncMade();
      confined.syncFolder(target.folder.path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== undefined && ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errno)) {
        const text = `${displayPath(from)} cannot have another name in ${displayPath(root)} (${errno}).`;
        throw new Fault('unsupported', text, { cause: error });
      }
      throw errnoFault(error, { operation: `link as ${displayPath(to)}`, path: from, place: root });
    }
  });
}

function rename(
  { root, from, to, overwrite }: { root: string; from: string; to: string; overwrite: boolean },
  { control }: OperationContext,
): void {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  within(root, beforeCall, (confined) => {
    try {
      const source = confined.locate(from);
      const target = confined.locate(to, { create: true });
      if (overwrite) {
        beforeCall();
        renameSync(source.folder.at(source.name), target.folder.at(target.name));
      } else if (!nameWhereFree(source, target, beforeCall)) {
        throw new Fault('exists', `${displayPath(to)} in ${displayPath(root)} is taken already.`);
      }
      confined.syncMade();
      confined.syncFolder(target.folder.path);
      if (source.folder.path !== target.folder.path) confined.syncFolder(source.folder.path);
    } catch (error) {
      throw errnoFault(error, { operation: `rename to ${displayPath(to)}`, path: from, place: root });
    }
  });
}

function hash(
  { root, path, algorithm }: At & { algorithm: HashAlgorithm },
  { control, emit }: OperationContext,
): string {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  return within(root, beforeCall, (confined) => {
    const { fd } = confined.openFile(path, constants.O_RDONLY);
    let at = 0;
    try {
      const hasher = createHasher(algorithm);
      const buffer = Buffer.allocUnsafeSlow(hashBufferBytes);
      for (;;) {
        checkStop(control);
        beforeCall();
        const count = readSync(fd, buffer, 0, buffer.length, at);
        control.enter(sides.none);
        if (count === 0) return hasher.digest();
        hasher.update(buffer.subarray(0, count));
        at += count;
        control.addBytes(count);
        emit(at);
      }
    } catch (error) {
      throw errnoFault(error, { operation: 'read', path, place: root, offsetBytes: at });
    } finally {
      closeSync(fd);
    }
  });
}

function makeFolder({ root, path }: At, { control }: OperationContext): void {
  within(
    root,
    (patienceMs) => control.enter(sides.source, patienceMs),
    (confined) => {
      confined.openFolder(path, { create: true });
      confined.syncMade();
    },
    { create: true },
  );
}

function makeSymlink({ root, path, target }: At & { target: string }, { control }: OperationContext): void {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  within(
    root,
    beforeCall,
    (confined) => {
      try {
        const { folder, name } = confined.locate(path, { create: true });
        beforeCall();
        symlinkSync(isText(target) ? target : Buffer.from(pathBytes(target)), folder.at(name));
        confined.syncMade();
        confined.syncFolder(folder.path);
      } catch (error) {
        throw errnoFault(error, { operation: 'make the symlink', path, place: root });
      }
    },
    { create: true },
  );
}

function setMetadata(
  { root, path, mtimeMs, mode }: At & { mtimeMs?: number; mode?: number },
  { control }: OperationContext,
): void {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  within(root, beforeCall, (confined) => {
    const file = safeRelativePath(path) === '' ? confined.openFolder('').self : confined.file(path);
    try {
      beforeCall();
      withoutFollowing(file, safeRelativePath(path) === '', (target, symlink) => {
        // The mode first: a change of mode does not touch the mtime, but some shares set it to now all the same.
        if (mode !== undefined && !symlink) chmodSync(target, mode & 0o7777);
        if (mtimeMs === undefined) return;
        const seconds = mtimeMs / 1000;
        if (symlink) lutimesSync(target, seconds, seconds);
        else utimesSync(target, seconds, seconds);
      });
    } catch (error) {
      throw errnoFault(error, { operation: 'set time and mode of', path, place: root });
    }
  });
}

/** Calls that follow symlinks are given a descriptor's path instead, so that none can be swapped in. */
function withoutFollowing(file: FilePath, folder: boolean, change: (target: FilePath, symlink: boolean) => void): void {
  if (process.platform !== 'linux' || folder) {
    change(file, !folder && lstatSync(file).isSymbolicLink());
    return;
  }
  const markOnly = 0o10000000;
  const fd = openSync(file, markOnly | constants.O_NOFOLLOW);
  try {
    const symlink = fstatSync(fd).isSymbolicLink();
    change(symlink ? file : `/proc/self/fd/${fd}`, symlink);
  } finally {
    closeSync(fd);
  }
}

function space({ root }: { root: string }, { control }: OperationContext): Space {
  for (let folder = root; ; folder = dirname(folder)) {
    control.enter(sides.source);
    try {
      const { bavail, blocks, bsize, files, ffree } = statfsSync(folder);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freeInodes: files === 0 ? null : ffree };
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || folder === dirname(folder)) {
        throw errnoFault(error, { operation: 'ask for the free space of', path: '', place: root });
      }
    }
  }
}

function within<Result>(
  root: string,
  beforeCall: (patienceMs?: number) => void,
  work: (confined: ConfinedRoot) => Result,
  options: { create?: boolean } = {},
): Result {
  const confined = ConfinedRoot.open(root, { ...options, beforeCall });
  try {
    return work(confined);
  } finally {
    confined.close();
  }
}
