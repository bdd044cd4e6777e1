// File calls of the JSON lines sink, run in the worker threads of the file's mount: its last lines, and lines added so that they stay.

import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Fault, type FaultCode } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

export interface TailInput {
  readonly path: string;
  /** How many whole lines are wanted at most. */
  readonly lines: number;
}

export interface Tail {
  /** Of the last lines, in order; lines that are none of ours have none. */
  readonly ids: readonly string[];
  /** Up to the end of the last whole line. */
  readonly sizeBytes: number;
}

export interface AppendInput {
  readonly path: string;
  /** Where the last whole line ends; what is beyond it was never finished. */
  readonly sizeBytes: number;
  /** Whole lines, each with its newline. */
  readonly text: string;
}

/** What an operation is given of its call; 2 marks a system call on the destination's side, 0 its end. */
interface CallContext {
  readonly control: { enter(side: 0 | 2): void };
}

const pieceBytes = 256 * 1024;
/** Further back nothing is looked for. */
const mostTailBytes = 256 * 1024 * 1024;

export const operations = {
  /** Of a file that is not there: nothing. Rejects as the place says. */
  'sinks.tail': ({ path, lines }: TailInput, { control }: CallContext): Tail =>
    calling(path, 'read', control, () => {
      let fd: number;
      try {
        fd = openSync(path, constants.O_RDONLY);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return { ids: [], sizeBytes: 0 };
        throw error;
      }
      try {
        return tailOf(fd, lines);
      } finally {
        closeSync(fd);
      }
    }),

  /**
   * Durable when it comes back. Where it rejects, the file is cut to what it was as far as the place lets it. Rejects with `state_conflict`
   * where somebody else has written to the file, and as the place says.
   */
  'sinks.append': ({ path, sizeBytes, text }: AppendInput, { control }: CallContext): { sizeBytes: number } =>
    calling(path, 'write to', control, () => {
      makeFolders(dirname(path));
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o640);
      try {
        const { size } = fstatSync(fd);
        if (size < sizeBytes) {
          throw new Fault('state_conflict', `${displayPath(path)} is shorter than it was; somebody else has cut it.`);
        }
        if (size > sizeBytes) ftruncateSync(fd, sizeBytes);
        try {
          writeAll(fd, Buffer.from(text), sizeBytes);
          fdatasyncSync(fd);
        } catch (error) {
          ftruncateSync(fd, sizeBytes);
          throw error;
        }
        if (size === 0) syncFolder(dirname(path));
        return { sizeBytes: sizeBytes + Buffer.byteLength(text) };
      } finally {
        closeSync(fd);
      }
    }),
};

/** Not `recursive`: Node then asks again for ever where a place says ENOENT to a folder whose parent is there. */
function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  makeFolders(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function tailOf(fd: number, lines: number): Tail {
  const { size } = fstatSync(fd);
  let start = size;
  let tail = Buffer.alloc(0);
  while (start > 0 && size - start < mostTailBytes && countLines(tail) <= lines) {
    const length = Math.min(pieceBytes, start);
    start -= length;
    const piece = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const count = readSync(fd, piece, done, length - done, start + done);
      if (count === 0) break;
      done += count;
    }
    tail = Buffer.concat([piece, tail]);
  }
  const end = tail.lastIndexOf(0x0a) + 1;
  const found = tail.subarray(0, end).toString().split('\n').slice(0, -1);
  // The first may be the end of one that began before.
  const whole = start > 0 ? found.slice(1) : found;
  return { ids: whole.slice(-lines).flatMap(idOf), sizeBytes: start + end };
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

function idOf(line: string): string[] {
  try {
    const { id } = JSON.parse(line) as { id?: unknown };
    return typeof id === 'string' ? [id] : [];
  } catch {
    return [];
  }
}

function writeAll(fd: number, bytes: Buffer, from: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, from + done);
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const codes: Readonly<Record<string, FaultCode>> = {
  ENOSPC: 'space',
  EDQUOT: 'space',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'read_only',
  ENOENT: 'not_found',
  ENOTDIR: 'exists',
  EISDIR: 'exists',
};

function calling<Value>(path: string, what: string, control: CallContext['control'], call: () => Value): Value {
  control.enter(2);
  try {
    return call();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const errno = errnoOf(error);
    const place = { path: displayPath(path) };
    throw new Fault(codes[errno] ?? 'io', `Could not ${what} ${displayPath(path)} (${errno}).`, {
      cause: error,
      place,
    });
  } finally {
    control.enter(0);
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
