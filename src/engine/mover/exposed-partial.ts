// A partial that can be read under its final name while its source still grows, with a `.NAME.growing` marker beside it.

import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { baseName, joinPath, nameMaxBytes, parentPath, parsePartialName, pathLengthBytes } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { type JournalHead, JournalWriter } from './block-journal.ts';
import { type At, type Inode, removeFile, within } from './lane-file.ts';
import { giveName } from './publish-partial.ts';

const suffix = '.growing';

/** The marker says that the file of that name is not whole yet. */
export function markerPath(path: string): string {
  let name = baseName(path);
  while (pathLengthBytes(name) > nameMaxBytes - 1 - suffix.length) name = [...name].slice(0, -1).join('');
  return joinPath(parentPath(path), `.${name}${suffix}`);
}

export interface ExposeInput {
  readonly partial: At;
  readonly inode: Inode;
  readonly finalPath: string;
  /** True where what has the final name is replaced, if it is a file. */
  readonly replace: boolean;
  readonly identity: SourceIdentity;
  readonly fence: number;
  readonly journal: string;
}

/** False where the name is taken; then nothing was done. */
export function exposePartial(input: ExposeInput, { control }: OperationContext): boolean {
  const { partial, inode, finalPath, identity, fence } = input;
  return within(control, sides.destination, partial.root, (confined) => {
    const marker = markerPath(finalPath);
    const isNew = createMarker(confined, marker, control);
    const journal = JournalWriter.open(input.journal, control);
    try {
      journal.head({ identity, growing: true, partial: { root: partial.root, path: finalPath, ...inode, fence } });
      if (giveName(confined, { partial, finalPath, replace: input.replace }, control)) return true;
      journal.head({ identity, growing: true, partial: { root: partial.root, path: partial.path, ...inode, fence } });
    } finally {
      journal.close();
    }
    if (isNew) removeFile(confined, marker, control);
    return false;
  });
}

function createMarker(confined: ConfinedRoot, marker: string, control: Control): boolean {
  try {
    const file = confined.file(marker);
    control.enter(sides.destination);
    closeSync(openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o666));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw errnoFault(error, { operation: 'make', path: marker, place: confined.root });
  }
}

/** The file is whole and verified: the marker goes, durably. */
export function unveilPartial({ root, path }: At, { control }: OperationContext): void {
  within(control, sides.destination, root, (confined) => {
    removeFile(confined, markerPath(path), control);
    control.enter(sides.destination, 60_000);
    confined.syncFolder(parentPath(path));
  });
}

/**
 * Removes a partial that a journal speaks of. One that stands under its final name is removed only while its marker says that it is
 * not whole and while it is still the file that the journal means: anything else under that name is somebody's file.
 */
export function removePartial(confined: ConfinedRoot, path: string, { partial }: JournalHead, control: Control): void {
  if (parsePartialName(baseName(path)) !== undefined) {
    removeFile(confined, path, control);
    return;
  }
  const marker = markerPath(path);
  const there = inodeAt(confined, path, control);
  if (there === partial.inode && inodeAt(confined, marker, control) !== undefined) removeFile(confined, path, control);
  if (there === undefined || there === partial.inode) removeFile(confined, marker, control);
}

function inodeAt(confined: ConfinedRoot, path: string, control: Control): string | undefined {
  try {
    const file = confined.file(path);
    control.enter(sides.destination);
    return lstatSync(file, { bigint: true, throwIfNoEntry: false })?.ino.toString();
  } catch (error) {
    throw errnoFault(error, { operation: 'look at', path, place: confined.root });
  }
}
