// Looks through what a step has made: hashes it, makes it durable, and says what it is.

import { constants, fsyncSync, lstatSync, readdirSync, readSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { createHasher } from '../../endpoints/content-hash.ts';
import { errnoFault } from '../../endpoints/errno.ts';
import type { Control } from '../../endpoints/mounts.ts';
import { sides } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import { displayPath, joinPath, pathFromBytes } from '../../model/names.ts';
import { syncPatienceMs } from '../mover/lane-file.ts';

export const resultHash: HashAlgorithm = 'xxh128-8m';
const chunkBytes = 1024 * 1024;

export interface MadeThing {
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly hash: { readonly algorithm: string; readonly value: string };
  /** Device and inode: what was made here is known again under its final name. */
  readonly identity: string;
}

/**
 * Undefined where nothing is there. A folder's hash is that of the sorted lines `<hash>  <path>\n` of its files. With `sync` all of it is
 * durable then. Throws `step_failed` for what is neither file nor folder, and `interrupted` where it was told to stop.
 */
export function lookAtMade(
  confined: ConfinedRoot,
  path: string,
  control: Control,
  options: { readonly sync: boolean },
): MadeThing | undefined {
  const stats = statAt(confined, path);
  if (stats === undefined) return undefined;
  const identity = `${stats.dev}:${stats.ino}`;
  if (stats.isFile()) {
    const value = hashFile(confined, path, control, options.sync);
    return { isFolder: false, sizeBytes: Number(stats.size), hash: { algorithm: resultHash, value }, identity };
  }
  if (!stats.isDirectory()) throw neither(path);
  const lines: string[] = [];
  let sizeBytes = 0;
  for (const below of filesBelow(confined, path, options.sync)) {
    const whole = joinPath(path, below);
    lines.push(`${hashFile(confined, whole, control, options.sync)}  ${below}\n`);
    sizeBytes += Number(statAt(confined, whole)?.size ?? 0);
  }
  const hasher = createHasher(resultHash);
  hasher.update(Buffer.from(lines.sort().join('')));
  return { isFolder: true, sizeBytes, hash: { algorithm: resultHash, value: hasher.digest() }, identity };
}

export function statAt(confined: ConfinedRoot, path: string) {
  try {
    return lstatSync(confined.file(path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    const fault = errnoFault(error, { operation: 'look at', path, place: confined.root });
    if (fault.code === 'not_found') return undefined;
    throw fault;
  }
}

/** Relative to the folder. Folders are made durable once all in them has been given out. */
function* filesBelow(confined: ConfinedRoot, folder: string, sync: boolean): Iterable<string> {
  const names = readdirSync(confined.openFolder(folder).self, 'buffer').map((name) => pathFromBytes(name));
  for (const name of names.sort()) {
    const stats = statAt(confined, joinPath(folder, name));
    if (stats?.isFile()) yield name;
    else if (stats?.isDirectory()) {
      for (const below of filesBelow(confined, joinPath(folder, name), sync)) yield joinPath(name, below);
    } else if (stats !== undefined) throw neither(joinPath(folder, name));
  }
  if (sync) confined.syncFolder(folder);
}

function hashFile(confined: ConfinedRoot, path: string, control: Control, sync: boolean): string {
  const { fd } = confined.openFile(path, constants.O_RDONLY);
  const hasher = createHasher(resultHash);
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    for (;;) {
      if (control.stop !== 0) throw new Fault('interrupted', 'The processing was stopped.');
      control.enter(sides.source);
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) break;
      hasher.update(buffer.subarray(0, count));
    }
    if (sync) {
      control.enter(sides.source, syncPatienceMs);
      fsyncSync(fd);
    }
  } catch (error) {
    throw errnoFault(error, { operation: 'read what was made', path, place: confined.root });
  } finally {
    confined.closeFile(fd);
  }
  return hasher.digest();
}

function neither(path: string): Fault {
  return new Fault('step_failed', `A step made ${displayPath(path)}, which is neither a file nor a folder.`);
}
