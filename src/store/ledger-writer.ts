// Applies changes to the ledger: each checked against what stands there, all of a group in one transaction.

import type { EventDraft } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer, TransferState } from '../model/transfer.ts';
import type { EventPosition } from './cursors.ts';
import { packBody, singleBody } from './event-rows.ts';
import type { PackedChange, WireChange } from './ledger-messages.ts';
import { packRows, unpackRows } from './pack-columns.ts';
import { pathKey } from './path-keys.ts';
import { nameToSql, places, type SqlValue, type Statements } from './statements.ts';
import type { Change, ChangeResult } from './store.ts';
import {
  bindTransfer,
  columnAt,
  type FlatTransfer,
  flattenTransfer,
  receiptFrom,
  transferColumns,
  transferFrom,
} from './transfer-row.ts';

export interface LedgerWriter {
  /** Runs in one transaction, durable when it returns; throws as SQLite does and has then written nothing. */
  applyGroup(calls: readonly (readonly WireChange[])[]): ChangeResult[][];
  /** Deletes one bounded part; true where there is more. */
  deleteHistory(before: number, keepEventsAfter: number): boolean;
  /** Where a reader that has seen all events stands. */
  newest(): EventPosition;
}

const applied: ChangeResult = { applied: true };
const refused = (reason: 'missing' | 'state' | 'fence' | 'exists'): ChangeResult => ({ applied: false, reason });

const insertSql = `INSERT INTO transfer (${transferColumns.join(', ')}, pack_seq) VALUES (${places(transferColumns.length + 1)}) ON CONFLICT (id) DO NOTHING`;
/** A transfer stays with its job and mode. */
const fixed = new Set<string>(['id', 'job_id', 'mode']);
const changing = transferColumns.filter((name) => !fixed.has(name));
const changingAt = changing.map((name) => columnAt[name]);
const updateSql = `UPDATE transfer SET ${changing.map((name) => `${name} = ?`).join(', ')} WHERE seq = ?`;
const readSql = `SELECT ${transferColumns.join(', ')}, seq, pack_seq FROM transfer WHERE id = ?`;
const seqAt = transferColumns.length;
const packSeqAt = transferColumns.length + 1;

/** Rows and event rows that one part of deleting history takes, so that nobody waits long behind it. */
const historyRows = 1000;
const historyEventRows = 200;

export function ledgerWriter(sql: Statements): LedgerWriter {
  let nextEventSeq = Number(sql.row('SELECT max(seq) FROM event')?.[0] ?? 0) + 1;
  /** How the counts differ from their table within the running transaction; the key is job, mode and state. */
  const counted = new Map<string, number>();

  function count(row: readonly SqlValue[], state: SqlValue, difference: number): void {
    const mode = row[columnAt.mode];
    for (const jobId of [row[columnAt.job_id], '']) {
      const key = `${jobId}\0${mode}\0${state}`;
      counted.set(key, (counted.get(key) ?? 0) + difference);
    }
  }

  function writeCounts(): void {
    for (const [key, difference] of counted) {
      if (difference === 0) continue;
      const [jobId = '', mode = '', state = ''] = key.split('\0');
      sql.run(
        'INSERT INTO transfer_count (job_id, mode, state, count) VALUES (?, ?, ?, ?) ON CONFLICT (job_id, mode, state) DO UPDATE SET count = count + excluded.count',
        jobId,
        mode,
        state,
        difference,
      );
    }
    counted.clear();
  }

  function writeEvents(
    events: readonly EventDraft[],
    about: { transfer?: Transfer; job?: Job },
    jobId: string | null,
  ): void {
    if (events.length === 0) return;
    insertEventRow(events, about.transfer?.id ?? null, jobId, events.length, singleBody(events, about));
  }

  function insertEventRow(
    events: readonly EventDraft[],
    transferId: string | null,
    jobId: string | null,
    facts: number,
    body: string,
  ): void {
    const at = events.reduce((latest, event) => Math.max(latest, event.at), 0);
    sql.run(
      'INSERT INTO event (seq, at, transfer_id, job_id, facts, body) VALUES (?, ?, ?, ?, ?, ?)',
      nextEventSeq,
      at,
      transferId,
      jobId,
      facts,
      body,
    );
    nextEventSeq += 1;
  }

  function inTransaction<Result>(work: () => Result): Result {
    const firstEventSeq = nextEventSeq;
    sql.run('BEGIN IMMEDIATE');
    try {
      const result = work();
      writeCounts();
      sql.run('COMMIT');
      return result;
    } catch (error) {
      counted.clear();
      nextEventSeq = firstEventSeq;
      // A full disk makes SQLite roll back by itself.
      if (sql.database.inTransaction) sql.run('ROLLBACK');
      throw error;
    }
  }

  function writeKeys(seq: SqlValue, flat: FlatTransfer): void {
    for (const path of keyedPaths(flat))
      sql.run('INSERT INTO path_key (key, seq) VALUES (?, ?) ON CONFLICT DO NOTHING', pathKey(path), seq);
  }

  function insertRow(flat: FlatTransfer, packSeq: number | null): boolean {
    const { changes, lastInsertRowid } = sql.insert(insertSql, ...bindTransfer(flat), packSeq);
    if (changes === 0) return false;
    writeKeys(lastInsertRowid, flat);
    count(flat, flat[columnAt.state] ?? null, 1);
    return true;
  }

  function updateRow(old: readonly SqlValue[], flat: FlatTransfer): void {
    const bound = bindTransfer(flat);
    const seq = old[seqAt] ?? null;
    sql.run(updateSql, ...changingAt.map((at) => bound[at] ?? null), seq);
    writeKeys(seq, flat);
    const before = old[columnAt.state] ?? null;
    const after = flat[columnAt.state] ?? null;
    if (before !== after) {
      count(old, before, -1);
      count(old, after, 1);
    }
  }

  /** The receipt stays proof of the copy it was written for, whatever its transfer does later. */
  function keptReceipt(old: readonly SqlValue[]): Receipt | null {
    return receiptFrom(old) ?? null;
  }

  function updateTransfer(change: Extract<Change, { kind: 'update_transfer' }>): ChangeResult {
    const old = sql.row(readSql, change.transfer.id);
    if (old === undefined) return refused('missing');
    if (Number(old[columnAt.fence]) !== change.expect.fence) return refused('fence');
    if (old[columnAt.state] !== change.expect.state) return refused('state');
    updateRow(old, flattenTransfer(change.transfer, change.receipt ?? keptReceipt(old)));
    writeEvents(change.events, { transfer: change.transfer }, change.transfer.jobId);
    return applied;
  }

  function finishPack(change: PackedChange): ChangeResult {
    const skipped: string[] = [];
    for (const packed of change.packs) {
      const rows = unpackRows(JSON.parse(packed));
      const written = rows.filter((flat) => finishOne(flat, change.expectStates));
      if (written.length < rows.length) {
        const kept = new Set(written);
        for (const flat of rows) if (!kept.has(flat)) skipped.push(String(flat[columnAt.id]));
      }
      const completed = written.filter((flat) => flat[columnAt.receipt_verify] !== null).length;
      const facts =
        completed * change.completedEvents.length + (written.length - completed) * change.failedEvents.length;
      if (facts === 0) continue;
      insertEventRow(
        [...change.completedEvents, ...change.failedEvents],
        null,
        String(written[0]?.[columnAt.job_id]),
        facts,
        packBody(
          change.completedEvents,
          change.failedEvents,
          written.length === rows.length ? packed : packRows(written),
        ),
      );
    }
    return skipped.length === 0 ? applied : { applied: false, reason: 'state', skipped };
  }

  function finishOne(flat: FlatTransfer, expectStates: readonly TransferState[]): boolean {
    if (insertRow(flat, nextEventSeq)) return true;
    const old = sql.row(readSql, flat[columnAt.id] ?? null);
    if (old === undefined || !expectStates.includes(String(old[columnAt.state]) as TransferState)) return false;
    const receipt = flat[columnAt.receipt_verify] === null ? keptReceipt(old) : null;
    updateRow(old, receipt === null ? flat : flattenTransfer(transferFrom(flat), receipt));
    const earlier = old[packSeqAt];
    if (typeof earlier === 'number') {
      sql.run(
        'INSERT INTO earlier_pack (transfer_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING',
        String(flat[columnAt.id]),
        earlier,
      );
    }
    sql.run('UPDATE transfer SET pack_seq = ? WHERE seq = ?', nextEventSeq, old[seqAt] ?? null);
    return true;
  }

  function insertJob({ job, events }: Extract<Change, { kind: 'insert_job' }>): ChangeResult {
    const written = sql.run(
      'INSERT INTO job (id, kind, state, finished_at, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
      job.id,
      job.kind,
      job.state,
      job.finishedAt,
      JSON.stringify(job),
    );
    if (written === 0) return refused('exists');
    writeEvents(events, { job }, job.id);
    return applied;
  }

  function updateJob({ job, events, expect }: Extract<Change, { kind: 'update_job' }>): ChangeResult {
    const old = sql.row('SELECT state FROM job WHERE id = ?', job.id);
    if (old === undefined) return refused('missing');
    if (expect !== undefined && old[0] !== expect.state) return refused('state');
    sql.run(
      'UPDATE job SET kind = ?, state = ?, finished_at = ?, body = ? WHERE id = ?',
      job.kind,
      job.state,
      job.finishedAt,
      JSON.stringify(job),
      job.id,
    );
    writeEvents(events, { job }, job.id);
    return applied;
  }

  function applyOne(change: WireChange): ChangeResult {
    switch (change.kind) {
      case 'insert_transfer':
        if (!insertRow(flattenTransfer(change.transfer, null), null)) return refused('exists');
        writeEvents(change.events, { transfer: change.transfer }, change.transfer.jobId);
        return applied;
      case 'update_transfer':
        return updateTransfer(change);
      case 'finish_pack':
        return finishPack(change);
      case 'insert_job':
        return insertJob(change);
      case 'update_job':
        return updateJob(change);
      case 'append_event':
        writeEvents([change.event], {}, change.jobId ?? null);
        return applied;
      case 'put_document':
        sql.run(
          'INSERT INTO document (collection, key, value) VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
          nameToSql(change.collection),
          nameToSql(change.key),
          JSON.stringify(change.value ?? null),
        );
        return applied;
      case 'delete_document':
        return sql.run(
          'DELETE FROM document WHERE collection = ? AND key = ?',
          nameToSql(change.collection),
          nameToSql(change.key),
        ) === 0
          ? refused('missing')
          : applied;
      case 'delete_history':
        // Its parts have run before this call was sent.
        return applied;
    }
  }

  function deleteTransfers(before: number): number {
    const rows = sql.rows(
      `SELECT ${transferColumns.join(', ')}, seq FROM transfer WHERE finished_at < ? AND state IN ('completed', 'failed', 'cancelled') ORDER BY finished_at LIMIT ${historyRows}`,
      before,
    );
    for (const row of rows) {
      const seq = row[seqAt] ?? null;
      for (const path of keyedPaths(row)) sql.run('DELETE FROM path_key WHERE key = ? AND seq = ?', pathKey(path), seq);
      sql.run('DELETE FROM earlier_pack WHERE transfer_id = ?', row[columnAt.id] ?? null);
      sql.run('DELETE FROM transfer WHERE seq = ?', seq);
      count(row, row[columnAt.state] ?? null, -1);
    }
    return rows.length;
  }

  function deleteEvents(keepAfter: number): number {
    // The newest row always stays, so that its number is never given out again.
    return sql.run(
      `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < ? AND seq < (SELECT max(seq) FROM event) ORDER BY at LIMIT ${historyEventRows})`,
      keepAfter,
    );
  }

  function deleteJobs(before: number): number {
    return sql.run(
      `DELETE FROM job WHERE id IN (
         SELECT id FROM job WHERE finished_at < ? AND state IN ('completed', 'partial', 'failed', 'cancelled')
           AND NOT EXISTS (SELECT 1 FROM transfer WHERE transfer.job_id = job.id) LIMIT ${historyRows})`,
      before,
    );
  }

  return {
    applyGroup: (calls) => inTransaction(() => calls.map((changes) => changes.map(applyOne))),
    deleteHistory: (before, keepEventsAfter) =>
      inTransaction(() => {
        const transfers = deleteTransfers(before);
        const events = deleteEvents(keepEventsAfter);
        if (transfers === historyRows || events === historyEventRows) return true;
        const jobs = deleteJobs(before);
        writeCounts();
        sql.run('DELETE FROM transfer_count WHERE count = 0');
        return jobs === historyRows;
      }),
    newest: () => ({ seq: nextEventSeq, index: 0 }),
  };
}

/** Each path by which a transfer or its receipt can be found, once. */
function keyedPaths(row: readonly SqlValue[]): Set<string> {
  const paths = new Set<string>();
  const transfer = transferFrom(row);
  paths.add(transfer.source.path).add(transfer.destination.path);
  if (transfer.publishedPath !== null) paths.add(transfer.publishedPath);
  if (row[columnAt.receipt_body] !== null) {
    const receipt = receiptFrom(row);
    if (receipt !== undefined) paths.add(receipt.source.path).add(receipt.destination.path);
  }
  return paths;
}
