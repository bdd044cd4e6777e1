// File calls of the relay's spool, run in the worker threads of its mount: blocks that are encrypted on their way to the disk, and what is noted beside them.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type OperationContext, sides } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';

export interface BlockAt {
  /** The upload's own. */
  readonly folder: string;
  readonly index: number;
  readonly key: Uint8Array;
}

/** What a process left behind of one upload. */
export interface LeftUpload {
  readonly folder: string;
  /** Undefined where nothing was noted, or what was cannot be read. */
  readonly note: string | undefined;
  /** By index: how many bytes the block's record holds. */
  readonly blocks: readonly (readonly [index: number, sizeBytes: number])[];
}

const noteName = 'upload.json';
const nonceBytes = 12;
const tagBytes = 16;

export const operations = {
  'relay.store': store,
  'relay.load': load,
  'relay.remove': remove,
  'relay.note': note,
  'relay.discard': discard,
  'relay.left': left,
  'relay.key': ownKey,
};

/** Rejects with `space` where less than `reserveBytes` would be left, and as the place says; then nothing of the block is there. */
function store(
  { folder, index, key, bytes, reserveBytes }: BlockAt & { readonly bytes: Uint8Array; readonly reserveBytes: number },
  context: OperationContext,
): void {
  const path = join(folder, String(index));
  calling(path, 'write', context, () => {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < reserveBytes + bytes.length) {
      throw new Fault('space', `The relay has no room left in ${displayPath(folder)}.`, {
        place: { path: displayPath(folder) },
      });
    }
    // A block is written again when it has grown: never two contents under one nonce.
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additional(index));
    const fresh = `${path}.new`;
    try {
      const fd = openSync(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
      try {
        writeAll(fd, nonce);
        writeAll(fd, cipher.update(bytes));
        writeAll(fd, cipher.final());
        writeAll(fd, cipher.getAuthTag());
      } finally {
        closeSync(fd);
      }
      renameSync(fresh, path);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
  });
}

/** Rejects with `corrupt` where the disk does not give back what was written, with `not_found`, and as the place says. */
function load(
  { folder, index, key, sizeBytes }: BlockAt & { readonly sizeBytes: number },
  context: OperationContext,
): Uint8Array {
  const path = join(folder, String(index));
  return calling(path, 'read', context, () => {
    const fd = openSync(path, constants.O_RDONLY);
    try {
      const record = Buffer.allocUnsafe(fstatSync(fd).size);
      for (let done = 0; done < record.length; ) {
        const count = readSync(fd, record, done, record.length - done, done);
        if (count === 0) break;
        done += count;
      }
      const end = record.length - tagBytes;
      if (end - nonceBytes < sizeBytes) throw torn(path);
      const decipher = createDecipheriv('aes-256-gcm', key, record.subarray(0, nonceBytes)).setAAD(additional(index));
      decipher.setAuthTag(record.subarray(end));
      const plain = decipher.update(record.subarray(nonceBytes, end));
      try {
        decipher.final();
      } catch (error) {
        throw torn(path, error);
      }
      return plain.subarray(0, sizeBytes);
    } finally {
      closeSync(fd);
    }
  });
}

function remove(
  { folder, indices }: { readonly folder: string; readonly indices: readonly number[] },
  context: OperationContext,
): void {
  for (const index of indices) {
    const path = join(folder, String(index));
    calling(path, 'remove', context, () => unlessGone(() => unlinkSync(path)));
  }
}

/** Makes the upload's folder where it is not there yet. */
function note({ folder, text }: { readonly folder: string; readonly text: string }, context: OperationContext): void {
  const path = join(folder, noteName);
  calling(path, 'write', context, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  });
}

function discard({ folder }: { readonly folder: string }, context: OperationContext): void {
  calling(folder, 'remove', context, () => rmSync(folder, { recursive: true, force: true }));
}

/** What is in the relay's folder. What does not belong there (an unfinished write) is removed. */
function left({ folder }: { readonly folder: string }, context: OperationContext): LeftUpload[] {
  return calling(folder, 'list', context, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => leftIn(join(folder, entry.name)));
  });
}

function leftIn(folder: string): LeftUpload {
  const blocks: [number, number][] = [];
  let text: string | undefined;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name === noteName) text = readFileSync(path, 'utf8');
    else if (/^\d{1,9}$/.test(name)) {
      const fd = openSync(path, constants.O_RDONLY);
      blocks.push([Number(name), fstatSync(fd).size - nonceBytes - tagBytes]);
      closeSync(fd);
    } else rmSync(path, { recursive: true, force: true });
  }
  return { folder, note: text, blocks };
}

/** The key that the keys of uploads are wrapped with: made once, readable by the daemon's user alone. */
function ownKey({ path }: { readonly path: string }, context: OperationContext): Uint8Array {
  return calling(path, 'read', context, () => {
    const known = unlessGone(() => readFileSync(path));
    if (known !== undefined && known.length === 32) return new Uint8Array(known);
    const key = randomBytes(32);
    const fd = openSync(`${path}.new`, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    try {
      writeAll(fd, key);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${path}.new`, path);
    return new Uint8Array(key);
  });
}

/** A block cannot stand in for another one. */
function additional(index: number): Buffer {
  return Buffer.from(`wherry relay block ${index}`);
}

function torn(path: string, cause?: unknown): Fault {
  return new Fault('corrupt', `${displayPath(path)} is not what the relay wrote there.`, { cause });
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done);
}

function unlessGone<Value>(call: () => Value): Value | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function calling<Value>(path: string, operation: string, { control }: OperationContext, call: () => Value): Value {
  control.enter(sides.source);
  try {
    return call();
  } catch (error) {
    throw errnoFault(error, { operation, path: '', place: path });
  } finally {
    control.enter(sides.none);
  }
}
