// One arriving file inside the disk worker: written where it belongs, journalled, and hashed in order as it comes.

import { createSHA256, createXXHash3, type IHasher } from 'hash-wasm';
import { Fault } from '../../../../src/model/fault.ts';
import { dataName, journalName, openStagingFolder } from './staging-folder.ts';
import { decodeRecords, encodeRecords, type JournalRecord } from './staging-journal.ts';

/** Of the File System standard; the compiler knows it only for workers. */
interface SyncHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(sizeBytes: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

export interface DiskFile {
  readonly keptBytes: number;
  /** Rejects with `state_conflict` where `from` is not where the last bytes ended. `hash` is to follow. */
  write(from: number, bytes: Uint8Array): void;
  /** Of what was written last: apart, so that whoever waits for the disk does not wait for it. */
  hash(bytes: Uint8Array): void;
  /** Forgets all that came. */
  restart(): void;
  /** The SHA-256. Rejects with `state_conflict` where bytes are missing. */
  finish(): string;
  close(): void;
}

/** After so many bytes data and journal are made durable, in this order. */
const flushBytes = 64 * 1024 * 1024;
const readBytes = 1024 * 1024;
/** A page that was reloaded may hold its files for a moment longer. */
const tries = 30;
const againMs = 100;

/** Only hashes what passes. */
export async function openPassing(sizeBytes: number | undefined): Promise<DiskFile> {
  const sha = await createSHA256();
  let at = 0;
  return {
    keptBytes: 0,
    write(from, bytes) {
      if (from !== at) throw outOfTurn(from, at);
      at += bytes.length;
    },
    hash: (bytes) => void sha.update(bytes),
    restart() {
      sha.init();
      at = 0;
    },
    finish() {
      if (sizeBytes !== undefined && at !== sizeBytes) throw missing(at, sizeBytes);
      return sha.digest();
    },
    close: () => undefined,
  };
}

/** Opens what an earlier attempt left, or begins. What the journal says and the file does not hold is cut off. */
export async function openStaged(key: string, sizeBytes: number): Promise<DiskFile> {
  const folder = await openStagingFolder();
  const data = await openHandle(folder, dataName(key));
  let journal: SyncHandle;
  try {
    journal = await openHandle(folder, journalName(key));
  } catch (error) {
    data.close();
    throw error;
  }
  const file = stagedFile({ data, journal, sizeBytes, sha: await createSHA256(), check: await createXXHash3() });
  file.takeUp();
  return file;
}

interface StagedParts {
  readonly data: SyncHandle;
  readonly journal: SyncHandle;
  readonly sizeBytes: number;
  readonly sha: IHasher;
  readonly check: IHasher;
}

function stagedFile({ data, journal, sizeBytes, sha, check }: StagedParts): DiskFile & { takeUp(): void } {
  let writtenTo = 0;
  let journalAt = 0;
  let unflushed = 0;
  const buffer = new Uint8Array(readBytes);

  const note = (records: readonly JournalRecord[]) => {
    const bytes = encodeRecords(records);
    journal.write(bytes, { at: journalAt });
    journalAt += bytes.length;
  };

  const flush = () => {
    data.flush();
    journal.flush();
    unflushed = 0;
  };

  /** False where the file ends before. */
  const readBack = (from: number, to: number, take: (bytes: Uint8Array) => void): boolean => {
    for (let at = from; at < to; ) {
      const got = data.read(buffer.subarray(0, Math.min(readBytes, to - at)), { at });
      if (got === 0) return false;
      take(buffer.subarray(0, got));
      at += got;
    }
    return true;
  };

  return {
    get keptBytes() {
      return writtenTo;
    },
    takeUp() {
      const stored = new Uint8Array(journal.getSize());
      journal.read(stored, { at: 0 });
      const good: JournalRecord[] = [];
      for (const record of decodeRecords(stored)) {
        const to = record.from + record.length;
        const pieces = check.init();
        if (record.from !== writtenTo || to > sizeBytes) break;
        if (!readBack(record.from, to, (piece) => pieces.update(piece)) || pieces.digest() !== record.hash) break;
        readBack(record.from, to, (piece) => sha.update(piece));
        good.push(record);
        writtenTo = to;
      }
      data.truncate(writtenTo);
      journal.truncate(0);
      note(good);
    },
    write(from, bytes) {
      if (from !== writtenTo) throw outOfTurn(from, writtenTo);
      const to = from + bytes.length;
      if (to > sizeBytes) throw new Fault('invalid', `Bytes up to ${to} came for a file of ${sizeBytes}.`);
      if (bytes.length === 0) return;
      if (data.write(bytes, { at: from }) !== bytes.length) {
        throw new Fault('space', 'The browser has no room for more of this file.');
      }
      note([{ from, length: bytes.length, hash: check.init().update(bytes).digest() }]);
      writtenTo = to;
      unflushed += bytes.length;
      if (unflushed >= flushBytes) flush();
    },
    hash: (bytes) => void sha.update(bytes),
    restart() {
      journal.truncate(0);
      data.truncate(0);
      sha.init();
      writtenTo = 0;
      journalAt = 0;
    },
    finish() {
      if (writtenTo !== sizeBytes) throw missing(writtenTo, sizeBytes);
      flush();
      // The hash goes on where it is, so that a second call gives the same.
      const state = sha.save();
      const digest = sha.digest();
      sha.load(state);
      return digest;
    },
    close() {
      data.close();
      journal.close();
    },
  };
}

async function openHandle(folder: FileSystemDirectoryHandle, name: string): Promise<SyncHandle> {
  const file = (await folder.getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle(): Promise<SyncHandle>;
  };
  for (let left = tries; ; left--) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      const held = error instanceof DOMException && error.name === 'NoModificationAllowedError';
      if (!held) throw error;
      if (left === 0) throw new Fault('busy', 'Another tab of this browser is receiving this file.', { cause: error });
      await new Promise((done) => setTimeout(done, againMs));
    }
  }
}

function missing(there: number, wanted: number): Fault {
  return new Fault('state_conflict', `${there} of ${wanted} bytes are there; the rest has not come.`);
}

function outOfTurn(from: number, at: number): Fault {
  return new Fault('state_conflict', `Byte ${from} came where byte ${at} was waited for.`);
}
