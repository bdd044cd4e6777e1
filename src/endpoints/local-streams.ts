// Reading and writing a local file as a stream, inside a worker: one operation holds the descriptor from the first byte to the last.

import { closeSync, constants, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { BlockCutter } from './block-cutter.ts';
import { ConfinedRoot } from './confined.ts';
import { createLeafHasher } from './content-hash.ts';
import { checkStop } from './control.ts';
import type { ProvedBlock } from './endpoint.ts';
import { errnoFault, errnoOf } from './errno.ts';
import { type OperationContext, sides } from './mounts.ts';
import { pieceBytes, ringPieces } from './write-ring.ts';

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
  /** Each block is hashed as it comes and as it reads back, and told as a ProvedBlock. */
  readonly readBack: boolean;
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
export function writeContent(input: WriteInput, { control, emit }: OperationContext): number {
  const { root, path, from, ring, readBack } = input;
  const confined = ConfinedRoot.open(root, {
    create: true,
    beforeCall: (patienceMs) => control.enter(sides.source, patienceMs),
  });
  let fd = -1;
  let readingFd = -1;
  let at = from;
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) {
      checkStop(control);
      control.enter(sides.source);
      const count = writeSync(fd, bytes, done, bytes.length - done, at);
      done += count;
      at += count;
      control.addBytes(count);
    }
  };
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
    if (!readBack) for (const piece of ringPieces(ring, wait)) write(piece);
    else {
      readingFd = confined.openAgain(path);
      const proof = provingWrite(from, write, (buffer, count, position) => {
        control.enter(sides.source);
        return readSync(readingFd, buffer, 0, count, position);
      });
      for (const piece of ringPieces(ring, wait)) for (const block of proof(piece)) emit(block);
      for (const block of proof(null)) emit(block);
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
    for (const each of [fd, readingFd]) if (each >= 0) closeSync(each);
    confined.close();
  }
}

type ReadAt = (buffer: Buffer, count: number, position: number) => number;

/** Writes each piece and reads it back while it is still at hand; gives the blocks that are whole with it, and with null the last one. */
function provingWrite(
  from: number,
  write: (bytes: Uint8Array) => void,
  readAt: ReadAt,
): (piece: Uint8Array | null) => readonly ProvedBlock[] {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  const written = createLeafHasher();
  let told: ProvedBlock[] = [];
  const cutter = new BlockCutter(
    from,
    (block, digest) => {
      told.push({ block, digest, isSame: digest.equals(written.digest()) });
      written.reset();
    },
    (part) => {
      const at = cutter.at;
      write(part);
      for (let done = 0; done < part.length; ) {
        const count = readAt(buffer, part.length - done, at + done);
        if (count === 0) break;
        written.update(buffer.subarray(0, count));
        done += count;
      }
    },
  );
  return (piece) => {
    told = [];
    if (piece === null) cutter.end();
    else cutter.update(piece);
    return told;
  };
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
