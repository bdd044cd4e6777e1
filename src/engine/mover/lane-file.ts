// How the mover's worker operations reach files: roots opened for one operation, each call charged to its side and its errors placed.

import { fstatSync, fsyncSync, futimesSync, readSync, writeSync } from 'node:fs';
import { ConfinedRoot, type Located } from '../../endpoints/confined.ts';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type Control, type Side, sides } from '../../endpoints/mounts.ts';
import type { OpenFacts } from '../../endpoints/system-calls.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';

/** A file below the root of a local endpoint. `root` is absolute. */
export interface At {
  readonly root: string;
  readonly path: string;
}

/** One inode, on one device, as decimal strings. */
export interface Inode {
  readonly device: string;
  readonly inode: string;
}

/** An fsync may have gigabytes to bring to a slow disk. */
export const syncPatienceMs = 300_000;

/** Opens the root, does the work, closes it. Throws what `work` throws. */
export function within<Result>(
  control: Control,
  side: Side,
  root: string,
  work: (confined: ConfinedRoot) => Result,
  options: { create?: boolean } = {},
): Result {
  const confined = ConfinedRoot.open(root, { ...options, beforeCall: () => control.enter(side) });
  try {
    return work(confined);
  } finally {
    confined.close();
    control.enter(sides.none);
  }
}

/** A regular file that stands open in a worker. */
export class LaneFile {
  readonly fd: number;
  /** As it was when it was opened. */
  readonly stats: OpenFacts;
  readonly #confined: ConfinedRoot;
  readonly #path: string;
  readonly #side: Side;
  readonly #control: Control;
  #open = true;

  private constructor(
    confined: ConfinedRoot,
    path: string,
    opened: { fd: number; stats: OpenFacts },
    side: Side,
    control: Control,
  ) {
    this.fd = opened.fd;
    this.stats = opened.stats;
    this.#confined = confined;
    this.#path = path;
    this.#side = side;
    this.#control = control;
  }

  /** `flags` are those of open(2). Throws what ConfinedRoot.openFile throws. */
  static open(
    confined: ConfinedRoot,
    path: string,
    flags: number,
    side: Side,
    control: Control,
    options: { mode?: number; create?: boolean; at?: Located } = {},
  ): LaneFile {
    return new LaneFile(confined, path, confined.openFile(path, flags, options), side, control);
  }

  /** Opens once more, by its name and for reading, what has been made under this path. `stats` are those of what was made. */
  static again(
    confined: ConfinedRoot,
    path: string,
    { stats, at }: { stats: OpenFacts; at: Located },
    side: Side,
    control: Control,
  ): LaneFile {
    return new LaneFile(confined, path, { fd: confined.openAgain(path, at), stats }, side, control);
  }

  /** Fills `length` bytes of `buffer`, also where single reads are short; returns fewer only at the file's end. */
  read(buffer: Uint8Array, length: number, position: number): number {
    const { calls } = this.#confined;
    let done = 0;
    try {
      while (done < length) {
        this.#control.enter(this.#side);
        const count =
          calls === undefined
            ? readSync(this.fd, buffer, done, length - done, position + done)
            : calls.pread(this.fd, buffer, done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw this.#fault(error, 'read', position + done);
    }
    return done;
  }

  /** Writes all `length` bytes. */
  write(buffer: Uint8Array, length: number, position: number): void {
    const { calls } = this.#confined;
    let done = 0;
    try {
      while (done < length) {
        this.#control.enter(this.#side);
        done +=
          calls === undefined
            ? writeSync(this.fd, buffer, done, length - done, position + done)
            : calls.pwrite(this.fd, buffer, done, length - done, position + done);
      }
    } catch (error) {
      throw this.#fault(error, 'write', position + done);
    }
  }

  /** Any other call on the descriptor; `operation` is what it is called in a fault. */
  call<Result>(operation: string, run: (fd: number) => Result): Result {
    this.#control.enter(this.#side);
    try {
      return run(this.fd);
    } catch (error) {
      throw this.#fault(error, operation);
    }
  }

  statsNow(): OpenFacts {
    const { calls } = this.#confined;
    this.#control.enter(this.#side);
    try {
      return calls === undefined ? fstatSync(this.fd) : calls.fstat(this.fd);
    } catch (error) {
      throw this.#fault(error, 'look at');
    }
  }

  /** Both times. */
  setTime(mtimeMs: number): void {
    const { calls } = this.#confined;
    this.#control.enter(this.#side);
    try {
      if (calls === undefined) {
        futimesSync(this.fd, mtimeMs / 1000, mtimeMs / 1000);
        return;
      }
      const seconds = Math.floor(mtimeMs / 1000);
      const nanoseconds = Math.floor((mtimeMs - seconds * 1000) * 1e6);
      calls.futimens(this.fd, seconds, nanoseconds);
    } catch (error) {
      throw this.#fault(error, 'set the time of');
    }
  }

  /** Throws `sync_failed`, or `space`, `network`, `device` where that is why: written data may be lost then, whatever a reading says. */
  sync(): void {
    this.#control.enter(this.#side, syncPatienceMs);
    try {
      fsyncSync(this.fd);
    } catch (error) {
      if (!this.#isSyncless(error))
        throw lostWrites(error, { root: this.#confined.root, path: this.#path }, 'make durable');
    }
    this.#control.enter(this.#side);
  }

  /** Who has no fsync gives the same answer again. Where it succeeds now, the first one was told of a loss. */
  #isSyncless(error: unknown): boolean {
    if (!syncless.has(errnoOf(error) ?? '')) return false;
    try {
      fsyncSync(this.fd);
      return false;
    } catch (again) {
      return syncless.has(errnoOf(again) ?? '');
    }
  }

  /** May be called again. Throws like `sync`: some shares say only here that data was lost. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#control.enter(this.#side);
    try {
      this.#confined.closeFile(this.fd);
    } catch (error) {
      throw lostWrites(error, { root: this.#confined.root, path: this.#path }, 'close');
    }
  }

  /** After a fault: closes without a further one. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.#confined.closeFile(this.fd);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }

  #fault(error: unknown, operation: string, offsetBytes?: number): Fault {
    const at = { path: this.#path, place: this.#confined.root };
    return errnoFault(error, { operation, ...at, ...(offsetBytes === undefined ? {} : { offsetBytes }) });
  }
}

/** File systems that have no fsync answer with these; there is nothing more to be had from them. */
const syncless = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Codes of a failed fsync or close that say more than that data was lost. */
const tellingCodes = new Set(['space', 'network', 'device', 'timeout']);

export function lostWrites(error: unknown, at: At, operation: string): Fault {
  const fault = errnoFault(error, { operation, path: at.path, place: at.root });
  const place = { path: displayPath(at.path), endpoint: displayPath(at.root), operation };
  return new Fault(tellingCodes.has(fault.code) ? fault.code : 'sync_failed', fault.message, { cause: error, place });
}

export function replaced({ root, path }: At): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(root) };
  return new Fault('lease_lost', `${place.path} in ${place.endpoint} is no longer the file that this attempt made.`, {
    place,
  });
}

/** What is not there is removed already. */
export function removeFile(confined: ConfinedRoot, path: string, control: Control): void {
  try {
    const { folder, name } = confined.locate(path);
    control.enter(sides.destination);
    folder.unlink(name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || asFault(error).code === 'not_found') return;
    throw errnoFault(error, { operation: 'remove', path, place: confined.root });
  }
}
