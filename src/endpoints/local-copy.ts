// A second file with the content of another, both below one root: at once where the file system shares content between files.

import { closeSync, constants, copyFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { displayPath } from '../model/names.ts';
import { ConfinedRoot, type Located } from './confined.ts';
import { checkStop } from './control.ts';
import { errnoFault, errnoOf } from './errno.ts';
import { type Control, type OperationContext, sides } from './mounts.ts';

const pieceBytes = 1024 * 1024;

/** Replaces what has the name `to`. Nobody but its owner may read the copy. It is not yet durable. */
export function copyWithin(
  { root, from, to }: { readonly root: string; readonly from: string; readonly to: string },
  { control }: OperationContext,
): void {
  const beforeCall = (patienceMs?: number) => control.enter(sides.source, patienceMs);
  const confined = ConfinedRoot.open(root, { beforeCall });
  try {
    const source = confined.openFile(from, constants.O_RDONLY);
    try {
      const target = confined.locate(to, { create: true });
      beforeCall();
      rmSync(target.folder.at(target.name), { force: true });
      if (!cloned(source.fd, target, beforeCall)) copyPieces(source.fd, confined, to, control);
      confined.syncMade();
    } catch (error) {
      throw errnoFault(error, { operation: `copy to ${displayPath(to)}`, path: from, place: root });
    } finally {
      closeSync(source.fd);
    }
  } finally {
    confined.close();
  }
}

function cloned(source: number, target: Located, beforeCall: () => void): boolean {
  if (process.platform !== 'linux') return false;
  const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
  beforeCall();
  try {
    copyFileSync(`/proc/self/fd/${source}`, target.folder.at(target.name), flags);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOSPC') throw error;
    // What it made before it found out that it cannot.
    beforeCall();
    rmSync(target.folder.at(target.name), { force: true });
    return false;
  }
}

function copyPieces(source: number, confined: ConfinedRoot, to: string, control: Control): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const { fd } = confined.openFile(to, flags, { mode: 0o600 });
  try {
    const piece = Buffer.allocUnsafeSlow(pieceBytes);
    for (let at = 0; ; ) {
      checkStop(control);
      control.enter(sides.source);
      const count = readSync(source, piece, 0, piece.length, at);
      if (count === 0) return;
      control.enter(sides.source);
      for (let put = 0; put < count; ) put += writeSync(fd, piece, put, count - put, at + put);
      at += count;
    }
  } finally {
    closeSync(fd);
  }
}
