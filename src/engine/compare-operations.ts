// What planning a copy does inside the mounts' workers: looks at places, compares two trees folder by folder, makes and finishes folders.

import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfinedRoot, type FilePath } from '../endpoints/confined.ts';
import { createHasher } from '../endpoints/content-hash.ts';
import { checkStop } from '../endpoints/control.ts';
import { errnoFault, errnoOf } from '../endpoints/errno.ts';
import { type Control, type OperationContext, sides } from '../endpoints/mounts.ts';
import { Fault, type FaultReport } from '../model/fault.ts';
import { displayPath, isText, pathBytes, pathFromBytes } from '../model/names.ts';
import { type Compared, type CompareInput, compareTasks } from './compare-tree.ts';
import { probe } from './storage-probe.ts';

/** Operations that a worker knows by these names. */
export const operations = {
  'engine.inspect': inspect,
  'engine.compare': compare,
  'engine.makeFolders': makeFolders,
  'engine.finishFolders': finishFolders,
  'engine.removeSources': removeSources,
  'engine.probe': probe,
};

/** A path as somebody named it. */
export interface Inspected {
  readonly kind: 'file' | 'folder' | 'other' | 'missing';
  /** Symlinks resolved; of what is missing the part that exists, with the rest behind it. */
  readonly realPath: string;
  /** Device and inode of the path and all folders above it, nearest first; begins with the nearest that exists. */
  readonly lineage: readonly string[];
  /** The file that stands where a folder would have to be, for a path that can therefore not be. */
  readonly blockedBy: string | null;
}

function inspect(
  { path, isDestination }: { path: string; isDestination: boolean },
  { control }: OperationContext,
): Inspected {
  const side = isDestination ? sides.destination : sides.source;
  const beforeCall = () => control.enter(side);
  const missing: string[] = [];
  try {
    for (let at = path; ; at = dirname(at)) {
      beforeCall();
      const stats = statOrNothing(toFile(at));
      if (stats === undefined) {
        if (at === dirname(at)) return { kind: 'missing', realPath: path, lineage: [], blockedBy: null };
        missing.unshift(basename(at));
        continue;
      }
      beforeCall();
      const real = pathFromBytes(realpathSync.native(toFile(at), 'buffer'));
      const lineage = lineageOf(stats.isDirectory() ? real : dirname(real), beforeCall);
      const kind = missing.length > 0 ? 'missing' : kindOf(stats);
      return {
        kind,
        realPath: join(real, ...missing),
        lineage: stats.isDirectory() || kind !== 'file' ? lineage : [idOf(stats), ...lineage],
        blockedBy: missing.length > 0 && !stats.isDirectory() ? at : null,
      };
    }
  } catch (error) {
    throw errnoFault(error, { operation: 'look at', path: '', place: path });
  }
}

function statOrNothing(file: FilePath): Stats | undefined {
  try {
    return statSync(file);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
}

function lineageOf(folder: string, beforeCall: () => void): string[] {
  const ids: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    beforeCall();
    ids.push(idOf(statSync(toFile(at))));
    if (at === dirname(at)) return ids;
  }
}

function idOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`;
}

function kindOf(stats: Stats): Inspected['kind'] {
  if (stats.isFile()) return 'file';
  return stats.isDirectory() ? 'folder' : 'other';
}

function toFile(path: string): FilePath {
  return isText(path) ? path : Buffer.from(pathBytes(path));
}

/** Works through tasks until some thousands of entries have been looked at; what is left comes back as `rest`. */
function compare(input: CompareInput, { control }: OperationContext): Compared {
  const beforeSource = () => {
    checkStop(control);
    control.enter(sides.source);
  };
  const beforeDestination = () => control.enter(sides.destination);
  const roots = new Map<string, ConfinedRoot>();
  let destination: ConfinedRoot | undefined;
  const sourceRoot = (root: string) => {
    const known = roots.get(root);
    if (known !== undefined) return known;
    const opened = ConfinedRoot.open(root, { beforeCall: beforeSource });
    roots.set(root, opened);
    return opened;
  };
  try {
    return compareTasks(input, {
      sourceRoot,
      destinationRoot: () => {
        destination ??= ConfinedRoot.open(input.destinationRoot, { beforeCall: beforeDestination });
        return destination;
      },
      beforeSource,
      beforeDestination,
      hash: (root, path, side) => hashFile(root, path, side === 'source' ? beforeSource : beforeDestination, control),
    });
  } finally {
    for (const root of roots.values()) root.close();
    destination?.close();
  }
}

const hashBufferBytes = 1024 * 1024;

function hashFile(root: ConfinedRoot, path: string, beforeCall: () => void, control: Control): string {
  const { fd } = root.openFile(path, constants.O_RDONLY);
  try {
    const hasher = createHasher('xxh128-8m');
    const buffer = Buffer.allocUnsafe(hashBufferBytes);
    for (;;) {
      checkStop(control);
      beforeCall();
      const count = readSync(fd, buffer);
      control.enter(sides.none);
      if (count === 0) return hasher.digest();
      hasher.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}

/** Makes folders, parents first; those that are there already are let be. A report for each that could not be made. */
function makeFolders(
  { root, paths }: { root: string; paths: readonly string[] },
  { control }: OperationContext,
): readonly { readonly path: string; readonly fault: FaultReport }[] {
  const confined = ConfinedRoot.open(root, { create: true, beforeCall: () => control.enter(sides.destination) });
  const failed: { path: string; fault: FaultReport }[] = [];
  try {
    for (const path of paths) {
      try {
        confined.openFolder(path, { create: true });
      } catch (error) {
        failed.push({ path, fault: errnoFault(error, { operation: 'make the folder', path, place: root }).report() });
      }
    }
    confined.syncMade();
  } finally {
    confined.close();
  }
  return failed;
}

export interface FolderTouch {
  readonly path: string;
  readonly mtimeMs: number | null;
  readonly mode: number | null;
}

/** Sets times and modes, in the order given: deepest first, so that none disturbs another. */
function finishFolders(
  { root, folders }: { root: string; folders: readonly FolderTouch[] },
  { control }: OperationContext,
): readonly FaultReport[] {
  const beforeCall = () => control.enter(sides.destination);
  const confined = ConfinedRoot.open(root, { beforeCall });
  const failed: FaultReport[] = [];
  try {
    for (const { path, mtimeMs, mode } of folders) {
      try {
        const { self } = confined.openFolder(path);
        beforeCall();
        if (mode !== null) chmodSync(self, mode & 0o7777);
        if (mtimeMs !== null) utimesSync(self, mtimeMs / 1000, mtimeMs / 1000);
      } catch (error) {
        failed.push(errnoFault(error, { operation: 'set time and mode of', path, place: root }).report());
      }
    }
  } finally {
    confined.close();
  }
  return failed;
}

export interface ProvenSource {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly device?: string;
  readonly inode?: string;
}

/** Removes files that are still what was proven. Those that are not, or would not go, come back with why. */
function removeSources(
  { root, files }: { root: string; files: readonly ProvenSource[] },
  { control }: OperationContext,
): readonly { readonly path: string; readonly fault: FaultReport }[] {
  const beforeCall = () => control.enter(sides.source);
  const confined = ConfinedRoot.open(root, { beforeCall });
  const kept: { path: string; fault: FaultReport }[] = [];
  try {
    for (const proven of files) {
      const { path } = proven;
      try {
        const file = confined.file(path);
        beforeCall();
        const stats = lstatSync(file, { throwIfNoEntry: false });
        if (stats !== undefined && stillIs(stats, proven)) unlinkSync(file);
        else kept.push({ path, fault: noLongerThat(path, root, stats !== undefined).report() });
      } catch (error) {
        kept.push({ path, fault: errnoFault(error, { operation: 'remove', path, place: root }).report() });
      }
    }
  } finally {
    confined.close();
  }
  return kept;
}

/** Why a source is not deleted: it is gone already, or is another file by now. */
export function noLongerThat(path: string, root: string, isThere: boolean): Fault {
  const file = `${displayPath(path)} in ${displayPath(root)}`;
  return isThere
    ? new Fault('source_changed', `${file} has changed since it was copied and is kept.`)
    : new Fault('not_found', `${file} is gone already.`);
}

function stillIs(stats: Stats, proven: ProvenSource): boolean {
  if (!stats.isFile() || stats.size !== proven.sizeBytes || Math.abs(stats.mtimeMs - proven.mtimeMs) > 0.001)
    return false;
  return proven.inode === undefined || !Number.isSafeInteger(stats.ino) || String(stats.ino) === proven.inode;
}
