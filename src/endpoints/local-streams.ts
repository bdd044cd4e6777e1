// Reading and writing a local file as a stream, inside a worker: one operation holds the descriptor from the first byte to the last.

import { closeSync, constants, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { ConfinedRoot } from './confined.ts';
import { checkStop } from './control.ts';
import { errnoFault, errnoOf } from './errno.ts';
import { type OperationContext, sides } from './mounts.ts';
import { ringPieces } from './write-ring.ts';

export interface ReadInput {
  readonly root: string;
  readonly path: string;
  readonly from: number;
  /** Int32: chunks that the reader will take; the worker waits while it is 0. */
  readonly credit: SharedArrayBuffer;
}

/** `opened` comes first; then chunks, which belong to the receiver. */
export type ReadMessage = { readonly opened: true } | { readonly chunk: Uint8Array<ArrayBuffer> };

export interface WriteInput {
  readonly root: string;
  readonly path: string;
  readonly from: number;
  /** Where the bytes come from (write-ring.ts). */
  readonly ring: SharedArrayBuffer;
}

export const chunkBytes = 512 * 1024;
const lookAgainMs = 100;
/** An fsync may have gigabytes to bring to a slow disk. */
export const syncPatienceMs = 300_000;

export function readContent({ root, path, from, credit }: ReadInput, { control, emit }: OperationContext): number {
  const cells = new Int32Array(credit);
  const confined = ConfinedRoot.open(root, { beforeCall: () => control.enter(sides.source) });
  let fd = -1;
  let at = from;
  try {
    const opened = confined.openFile(path, constants.O_RDONLY);
    fd = opened.fd;
    control.enter(sides.none);
    emit({ opened: true } satisfies ReadMessage);
    for (;;) {
      while (Atomics.load(cells, 0) === 0) {
        checkStop(control);
        control.enter(sides.none);
        Atomics.wait(cells, 0, 0, lookAgainMs);
      }
      checkStop(control);
      const length = Math.max(4096, Math.min(chunkBytes, opened.stats.size - at));
      const chunk = Buffer.allocUnsafeSlow(length);
      control.enter(sides.source);
      const count = readSync(fd, chunk, 0, length, at);
      control.enter(sides.none);
      if (count === 0) return at - from;
      at += count;
      control.addBytes(count);
      Atomics.sub(cells, 0, 1);
      emit({ chunk: new Uint8Array(chunk.buffer, 0, count) } satisfies ReadMessage, [chunk.buffer]);
    }
  } catch (error) {
    throw errnoFault(error, { operation: 'read', path, place: root, offsetBytes: at });
  } finally {
    if (fd >= 0) closeSync(fd);
    confined.close();
  }
}

/** Returns the file's size. */
export function writeContent({ root, path, from, ring }: WriteInput, { control }: OperationContext): number {
  const confined = ConfinedRoot.open(root, {
    create: true,
    beforeCall: (patienceMs) => control.enter(sides.source, patienceMs),
  });
  let fd = -1;
  let at = from;
  try {
    const flags = from === 0 ? constants.O_WRONLY | constants.O_CREAT : constants.O_WRONLY;
    const opened = confined.openFile(path, flags, { create: true });
    fd = opened.fd;
    if (opened.stats.size < from) {
      const has = `${displayPath(path)} in ${displayPath(root)} has ${opened.stats.size} bytes`;
      throw new Fault('invalid', `${has} and cannot be gone on with at ${from}.`);
    }
    control.enter(sides.source);
    ftruncateSync(fd, from);
    const wait = () => {
      checkStop(control);
      control.enter(sides.none);
    };
    for (const piece of ringPieces(ring, wait)) {
      for (let done = 0; done < piece.length; ) {
        checkStop(control);
        control.enter(sides.source);
        const count = writeSync(fd, piece, done, piece.length - done, at);
        done += count;
        at += count;
        control.addBytes(count);
      }
    }
    sync(fd, path, root, () => control.enter(sides.source, syncPatienceMs));
    closeSync(fd);
    fd = -1;
    confined.syncMade();
    confined.syncFolder(confined.locate(path).folder.path);
    return at;
  } catch (error) {
    throw errnoFault(error, { operation: 'write', path, place: root, offsetBytes: at });
  } finally {
    if (fd >= 0) closeSync(fd);
    confined.close();
  }
}

function sync(fd: number, path: string, root: string, beforeCall: () => void): void {
  beforeCall();
  try {
    fsyncSync(fd);
  } catch (error) {
    if (errnoOf(error) !== 'EIO') throw error;
    const { message, place } = errnoFault(error, { operation: 'make durable', path, place: root });
    throw new Fault('sync_failed', message, { cause: error, ...(place === undefined ? {} : { place }) });
  }
}
