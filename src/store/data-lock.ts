// One process per data folder: a lock that the operating system frees when its process dies, however it dies.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { codeOf } from './sqlite-fault.ts';

export interface DataLock {
  release(): void;
}

/**
 * Makes the folder where it is missing. Rejects with `data_in_use`, naming the process that holds it.
 * The lock is SQLite's own exclusive lock on an empty file: POSIX drops all of a process's locks on a file as soon as
 * any descriptor of it is closed, so nothing else may ever open `lock`; the pid stands in a file of its own.
 */
export function lockDataFolder(folder: string): DataLock {
  makeFolder(resolve(folder));
  const holderFile = join(folder, 'lock.pid');
  const lock = new Database(join(folder, 'lock'), { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
    throw new Fault('data_in_use', `The data folder ${displayPath(folder)} is in use by ${holder(holderFile)}.`, {
      place: { path: displayPath(folder) },
    });
  }
  writeFileSync(holderFile, `${process.pid}\n`);
  return { release: () => lock.close() };
}

/** Durable also as an entry of the folder above, or a power cut could take a whole ledger with it. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    const parent = openSync(dirname(made), 'r');
    try {
      fsyncSync(parent);
    } finally {
      closeSync(parent);
    }
  }
}

function holder(file: string): string {
  try {
    const pid = readFileSync(file, 'utf8').trim();
    if (/^\d+$/.test(pid)) return `another Wherry (process ${pid})`;
  } catch {
    // The holder has not written its number yet.
  }
  return 'another Wherry';
}
