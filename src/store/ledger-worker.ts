// The script of the ledger's threads: opens one connection, applies changes and answers questions, one after the other.

import { randomBytes } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { asFault, Fault } from '../model/fault.ts';
import { type DataLock, lockDataFolder } from './data-lock.ts';
import { giveMemoryBackWhenIdle } from './idle-memory.ts';
import type {
  ApplyReply,
  CallOutcome,
  NumberedRequest,
  Request,
  ThreadMessage,
  ThreadStart,
  UnfoldReply,
  WireChange,
} from './ledger-messages.ts';
import { type LedgerReader, ledgerReader } from './ledger-reader.ts';
import { type LedgerWriter, ledgerWriter } from './ledger-writer.ts';
import { migrate } from './migrate.ts';
import { ledgerFault } from './sqlite-fault.ts';
import { type Statements, statementsOf } from './statements.ts';

interface Ledger {
  readonly id: string;
  readonly sql: Statements;
  readonly reader: LedgerReader;
  readonly writer: LedgerWriter | undefined;
  readonly lock: DataLock | undefined;
}

const { role, folder, nowMs } = workerData as ThreadStart;
const file = join(folder, 'ledger.sqlite');
/** What is left of the write-ahead log after it has once been longer. */
const walKeptBytes = 64 * 1024 * 1024;
/** Some 6 ms a pack. */
const packsAtOnce = 8;
const idleMs = 1000;
const betweenTidyingMs = 20;
let idle: NodeJS.Timeout | undefined;
const say = (message: ThreadMessage): void => parentPort?.postMessage(message);

function open(): Ledger {
  const lock = role === 'writer' ? lockDataFolder(folder) : undefined;
  try {
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
      sql.run(
        `INSERT INTO meta (key, value) VALUES ('ledger_id', ?) ON CONFLICT DO NOTHING`,
        randomBytes(6).toString('hex'),
      );
    }
    const id = String(sql.row(`SELECT value FROM meta WHERE key = 'ledger_id'`)?.[0]);
    return { id, sql, lock, reader: ledgerReader(sql, id), writer: role === 'writer' ? ledgerWriter(sql) : undefined };
  } catch (error) {
    lock?.release();
    throw error;
  }
}

function applyCalls(writer: LedgerWriter, calls: readonly (readonly WireChange[])[]): ApplyReply {
  const before = writer.newest().seq;
  const outcomes = outcomesOf(writer, calls);
  const newest = writer.newest();
  return { outcomes, newest: newest.seq === before ? null : newest, foldedPacks: writer.foldedPacks };
}

function outcomesOf(writer: LedgerWriter, calls: readonly (readonly WireChange[])[]): CallOutcome[] {
  try {
    return writer.applyGroup(calls).map((results) => ({ results }));
  } catch (error) {
    const [only] = calls;
    if (calls.length === 1 && only !== undefined) return [{ fault: ledgerFault(error, file).report() }];
    // One call must not take the others of its group down with it.
    return calls.flatMap((call) => outcomesOf(writer, [call]));
  }
}

function answer(ledger: Ledger, request: Request): unknown {
  if (request.kind === 'read') {
    const read = ledger.reader[request.name] as (...input: readonly unknown[]) => unknown;
    return read(...request.input);
  }
  if (request.kind === 'close') {
    if (ledger.writer !== undefined) ledger.sql.database.pragma('wal_checkpoint(TRUNCATE)');
    ledger.sql.database.close();
    ledger.lock?.release();
    // The thread is about to be ended without a chance to keep what it compiled.
    flushCompileCache();
    return undefined;
  }
  if (ledger.writer === undefined) throw new Fault('internal', 'The reading thread of the ledger was asked to write.');
  switch (request.kind) {
    case 'apply':
      return applyCalls(ledger.writer, request.calls);
    case 'delete_history':
      return ledger.writer.deleteHistory(request.before, request.keepEventsAfter);
    case 'unfold':
      return unfold(ledger.writer, request.upTo);
  }
}

function unfold(writer: LedgerWriter, upTo: number): UnfoldReply {
  const oldest = writer.unfold(packsAtOnce);
  return { more: oldest !== undefined && oldest <= upTo, foldedPacks: writer.foldedPacks };
}

/** What can wait is done when nobody has asked for anything for a while, a few milliseconds at a time. */
function tidyWhenIdle(ledger: Ledger, afterMs: number): void {
  clearTimeout(idle);
  const { writer } = ledger;
  if (writer === undefined || !ledger.sql.database.open) return;
  idle = setTimeout(() => {
    try {
      if (writer.tidy()) tidyWhenIdle(ledger, betweenTidyingMs);
    } catch {
      // Whoever needs what is missing asks for it and is told what is wrong.
    }
  }, afterMs);
}

try {
  const ledger = open();
  parentPort?.on('message', (request: NumberedRequest) => {
    try {
      say({ kind: 'done', id: request.id, value: answer(ledger, request) });
    } catch (error) {
      say({ kind: 'failed', id: request.id, fault: ledgerFault(error, file).report() });
    }
    tidyWhenIdle(ledger, idleMs);
  });
  giveMemoryBackWhenIdle();
  say({ kind: 'ready', ledgerId: ledger.id, foldedPacks: ledger.writer?.foldedPacks ?? 0 });
  tidyWhenIdle(ledger, idleMs);
} catch (error) {
  say({ kind: 'refused', fault: asFault(ledgerFault(error, file)).report() });
}
