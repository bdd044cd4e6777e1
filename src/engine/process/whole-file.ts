// Writes a small file of our own so that its name never stands for half of it.

import { closeSync, constants, fsyncSync, writeSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoFault } from '../../endpoints/errno.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import { baseName, joinPath, parentPath } from '../../model/names.ts';
import { syncPatienceMs } from '../mover/lane-file.ts';

/** Durable when it returns; the folders that lead to it are made. Throws as file calls do. */
export function writeWholeFile(confined: ConfinedRoot, path: string, text: string, control: Control): void {
  const name = baseName(path);
  const aside = `.${name}.new`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
  const { fd } = confined.openFile(joinPath(parentPath(path), aside), flags, { create: true });
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    control.enter(sides.source, syncPatienceMs);
    fsyncSync(fd);
  } catch (error) {
    throw errnoFault(error, { operation: 'write', path, place: confined.root });
  } finally {
    closeSync(fd);
  }
  try {
    confined.locate(path).folder.rename(aside, name);
  } catch (error) {
    throw errnoFault(error, { operation: 'write', path, place: confined.root });
  }
  confined.syncFolder(parentPath(path));
}
