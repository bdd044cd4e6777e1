// Whether a local destination can be written to: a file of our own, made and removed in one quick call. Runs in the mounts' workers.

import { accessSync, closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoFault, errnoOf } from '../endpoints/errno.ts';
import { type OperationContext, sides } from '../endpoints/mounts.ts';

export interface ProbeInput {
  /** Absolute. Where it is not there yet, the nearest folder above is only asked, not written to. */
  readonly root: string;
  readonly name: string;
}

/** Throws the Fault that a copy would meet there: `read_only`, `permission`, `space`, `io`. */
export function probe({ root, name }: ProbeInput, { control }: OperationContext): void {
  const path = join(root, name);
  control.enter(sides.source);
  try {
    writeAndRemove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw errnoFault(error, { operation: 'write', path: name, place: root });
    askNearest(root);
  } finally {
    control.enter(sides.none);
  }
}

function writeAndRemove(path: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(fd, 'wherry');
  } finally {
    try {
      closeSync(fd);
    } finally {
      unlinkSync(path);
    }
  }
}

function askNearest(root: string): void {
  for (let folder = dirname(root); ; folder = dirname(folder)) {
    try {
      accessSync(folder, constants.W_OK | constants.X_OK);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || folder === dirname(folder)) {
        throw errnoFault(error, { operation: 'make the folder', path: '', place: root });
      }
    }
  }
}
