// One connection to the ledger: applies changes and answers questions, one after the other, in whichever thread it was opened in.

import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Fault } from '../model/fault.ts';
import { type DataLock, lockDataFolder } from './data-lock.ts';
import type { ApplyReply, CallOutcome, Request, ThreadStart, UnfoldReply, WireChange } from './ledger-messages.ts';
import { type LedgerReader, ledgerReader } from './ledger-reader.ts';
import { type LedgerWriter, ledgerWriter } from './ledger-writer.ts';
import { migrate } from './migrate.ts';
import { ledgerFault } from './sqlite-fault.ts';
import { type Statements, statementsOf } from './statements.ts';

export interface LedgerDesk {
  readonly ledgerId: string;
  /** Folded packs that it found when it was opened. */
  readonly foldedPacks: number;
  /** Throws a Fault. Nothing may be asked after `close`. */
  answer(request: Request): unknown;
  /** Closes the connection for one in another thread that goes on with the same files; the lock on the folder stays. */
  yieldToOther(): void;
  /** Gives the folder free; for a desk that has yielded. `close` does so by itself. */
  unlock(): void;
}

interface Connection {
  readonly id: string;
  readonly sql: Statements;
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter | undefined;
}

/** What is left of the write-ahead log after it has once been longer. */
const walKeptBytes = 64 * 1024 * 1024;
/** Some 6 ms a pack. */
const packsAtOnce = 8;
const idleMs = 1000;
const betweenTidyingMs = 20;

/** Throws `data_in_use` (writer) or `ledger`. */
export function openLedgerDesk({ role, folder, nowMs, isLocked }: ThreadStart): LedgerDesk {
  const file = join(folder, 'ledger.sqlite');
  try {
    const lock = role === 'writer' && !isLocked ? lockDataFolder(folder) : undefined;
    try {
      return deskOf(connect(file, role, nowMs), lock, file);
    } catch (error) {
      lock?.release();
      throw error;
    }
  } catch (error) {
    throw ledgerFault(error, file);
  }
}

function connect(file: string, role: ThreadStart['role'], nowMs: number): Connection {
  const database = new Database(file, { readonly: role === 'reader', timeout: 5000 });
  const sql = statementsOf(database);
  if (role === 'writer') {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    // On macOS a plain fsync does not reach the disk.
    database.pragma('fullfsync = ON');
    database.pragma('temp_store = MEMORY');
    database.pragma(`journal_size_limit = ${walKeptBytes}`);
    migrate(sql, file, nowMs);
    sql.run(`INSERT INTO meta (key, value) VALUES ('ledger_id', lower(hex(randomblob(6)))) ON CONFLICT DO NOTHING`);
  }
  const id = String(sql.row(`SELECT value FROM meta WHERE key = 'ledger_id'`)?.[0]);
  return { id, sql, reader: ledgerReader(sql, id), writer: role === 'writer' ? ledgerWriter(sql) : undefined };
}

function deskOf({ id, sql, reader, writer }: Connection, lock: DataLock | undefined, file: string): LedgerDesk {
  let idle: NodeJS.Timeout | undefined;

  function answer(request: Request): unknown {
    if (request.kind === 'read') {
      const read = reader[request.name] as (...input: readonly unknown[]) => unknown;
      return read(...request.input);
    }
    if (request.kind === 'close') {
      if (writer !== undefined) sql.database.pragma('wal_checkpoint(TRUNCATE)');
      sql.database.close();
      lock?.release();
      return undefined;
    }
    if (writer === undefined) throw new Fault('internal', 'The reading thread of the ledger was asked to write.');
    switch (request.kind) {
      case 'apply':
        return applyCalls(writer, request.calls);
      case 'delete_history':
        return writer.deleteHistory(request.before, request.keepEventsAfter);
      case 'unfold':
        return unfold(writer, request.upTo);
    }
  }

  function applyCalls(to: LedgerWriter, calls: readonly (readonly WireChange[])[]): ApplyReply {
    const before = to.newest().seq;
    const outcomes = outcomesOf(to, calls);
    const newest = to.newest();
    return { outcomes, newest: newest.seq === before ? null : newest, foldedPacks: to.foldedPacks };
  }

  function outcomesOf(to: LedgerWriter, calls: readonly (readonly WireChange[])[]): CallOutcome[] {
    try {
      return to.applyGroup(calls).map((results) => ({ results }));
    } catch (error) {
      const [only] = calls;
      if (calls.length === 1 && only !== undefined) return [{ fault: ledgerFault(error, file).report() }];
      // One call must not take the others of its group down with it.
      return calls.flatMap((call) => outcomesOf(to, [call]));
    }
  }

  /** What can wait is done when nobody has asked for anything for a while, a few milliseconds at a time. */
  function tidyWhenIdle(afterMs: number): void {
    clearTimeout(idle);
    if (writer === undefined || !sql.database.open) return;
    idle = setTimeout(() => {
      try {
        if (writer.tidy()) tidyWhenIdle(betweenTidyingMs);
      } catch {
        // Whoever needs what is missing asks for it and is told what is wrong.
      }
    }, afterMs).unref();
  }

  tidyWhenIdle(idleMs);
  return {
    ledgerId: id,
    foldedPacks: writer?.foldedPacks ?? 0,
    answer(request) {
      try {
        return answer(request);
      } catch (error) {
        throw ledgerFault(error, file);
      } finally {
        tidyWhenIdle(idleMs);
      }
    },
    yieldToOther() {
      clearTimeout(idle);
      sql.database.close();
    },
    unlock: () => lock?.release(),
  };
}

function unfold(writer: LedgerWriter, upTo: number): UnfoldReply {
  const oldest = writer.unfold(packsAtOnce);
  return { more: oldest !== undefined && oldest <= upTo, foldedPacks: writer.foldedPacks };
}
