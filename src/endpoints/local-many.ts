// Reading many small local files by one call, inside a worker: their bytes go out together, in pieces that hold many files or parts of one.

import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { Fault, type FaultReport } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import { displayPath } from '../model/names.ts';
import { ConfinedRoot } from './confined.ts';
import { checkStop } from './control.ts';
import { errnoFault } from './errno.ts';
import { entryFrom } from './local-entry.ts';
import { type OperationContext, sides } from './mounts.ts';

export interface ReadManyInput {
  readonly root: string;
  readonly paths: readonly string[];
  /** Int32: pieces that the reader will take; the worker waits while it is 0. */
  readonly credit: SharedArrayBuffer;
}

/** What comes next of a file: its beginning, more of it, its end, or all of these. */
export interface ManyRow {
  readonly at: number;
  /** At its beginning. */
  readonly entry?: Entry;
  readonly length: number;
  /** At its end: null where all of it came and it did not change meanwhile. */
  readonly end?: FaultReport | null;
}

export interface ManyPiece {
  readonly rows: readonly ManyRow[];
  /** The rows' bytes, one after the other; belongs to the receiver. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export const manyPieceBytes = 512 * 1024;
const lookAgainMs = 100;

export function readManyContents(input: ReadManyInput, { control, emit }: OperationContext): null {
  const { root, paths } = input;
  const credit = new Int32Array(input.credit);
  const confined = ConfinedRoot.open(root, { beforeCall: () => control.enter(sides.source) });
  let rows: ManyRow[] = [];
  let piece = Buffer.allocUnsafeSlow(manyPieceBytes);
  let used = 0;

  const send = () => {
    while (Atomics.load(credit, 0) === 0) {
      checkStop(control);
      control.enter(sides.none);
      Atomics.wait(credit, 0, 0, lookAgainMs);
    }
    Atomics.sub(credit, 0, 1);
    const bytes = new Uint8Array(piece.buffer, 0, used);
    emit({ rows, bytes } satisfies ManyPiece, [piece.buffer]);
    rows = [];
    piece = Buffer.allocUnsafeSlow(manyPieceBytes);
    used = 0;
  };

  const readOne = (at: number, path: string) => {
    let fd = -1;
    /** Of this file, in the piece that is being filled, and not told by a row yet. */
    let length = 0;
    let begun: { entry?: Entry } = {};
    try {
      fd = confined.openFile(path, constants.O_RDONLY).fd;
      control.enter(sides.source);
      const before = fstatSync(fd);
      const { size } = before;
      const isExact = Number.isSafeInteger(before.ino) && Number.isSafeInteger(before.dev);
      begun = { entry: entryFrom(path, before, isExact ? '' : confined.file(path)) };
      for (let done = 0; done < size; ) {
        checkStop(control);
        if (used === manyPieceBytes) {
          rows.push({ at, ...begun, length });
          begun = {};
          length = 0;
          send();
        }
        control.enter(sides.source);
        const count = readSync(fd, piece, used, Math.min(size - done, manyPieceBytes - used), done);
        if (count === 0) break;
        used += count;
        length += count;
        done += count;
        control.addBytes(count);
      }
      control.enter(sides.source);
      const after = fstatSync(fd);
      const isSame = after.size === size && after.mtimeMs === before.mtimeMs;
      rows.push({ at, ...begun, length, end: isSame ? null : changed(path, root) });
    } catch (error) {
      const fault = errnoFault(error, { operation: 'read', path, place: root });
      if (fault.code === 'interrupted' || fault.code === 'unreachable') throw fault;
      rows.push({ at, ...begun, length, end: fault.report() });
    } finally {
      control.enter(sides.none);
      if (fd >= 0) closeSync(fd);
    }
  };

  try {
    for (const [at, path] of paths.entries()) {
      checkStop(control);
      readOne(at, path);
      if (used === manyPieceBytes || rows.length >= mostRows) send();
    }
    if (rows.length > 0) send();
    return null;
  } finally {
    confined.close();
  }
}

const mostRows = 500;

function changed(path: string, root: string): FaultReport {
  const place = { path: displayPath(path), endpoint: displayPath(root) };
  return new Fault('source_changed', `${place.path} in ${place.endpoint} changed while it was read.`, {
    place,
  }).report();
}
