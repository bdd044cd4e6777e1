// Applies changes to the ledger: each checked against what stands there, all of a group in one transaction.

import type { Receipt } from '../model/receipt.ts';
import type { Transfer, TransferState } from '../model/transfer.ts';
import { writeBatch } from './batch-writer.ts';
import type { EventPosition } from './cursors.ts';
import { deleteDeliveries, putDelivery } from './delivery-rows.ts';
import { eventWriter } from './event-writer.ts';
import { deleteHistoryPart } from './history.ts';
import type { BatchedChange, WireChange } from './ledger-messages.ts';
import { deleteManifest, putManifest } from './manifest-rows.ts';
import { packWriter } from './pack-writer.ts';
import { putRecording } from './recording-rows.ts';
import { nameToSql, type Statements } from './statements.ts';
import type { Change, ChangeResult } from './store.ts';
import { columnAt, type FlatTransfer, flattenTransfer, transferFrom } from './transfer-row.ts';
import { type StandingTransfer, transferWriter } from './transfer-writer.ts';

export interface LedgerWriter {
  /** Runs in one transaction, durable when it returns; throws as SQLite does and has then written nothing. */
  applyGroup(calls: readonly (readonly WireChange[])[]): ChangeResult[][];
  /** Deletes one bounded part; true where there is more. */
  deleteHistory(before: number, keepEventsAfter: number): boolean;
  /** Packs whose transfers have no rows yet (pack-writer.ts). */
  readonly foldedPacks: number;
  /** Gives at most so many of them their rows; the event row of the oldest that is left. */
  unfold(most: number): number | undefined;
  /** Does a bounded part of what can wait (rows of folded packs, the index of names); true where there is more. */
  tidy(): boolean;
  /** Where a reader that has seen all events stands. */
  newest(): EventPosition;
}

interface Expectation {
  readonly state: TransferState;
  readonly fence: number;
}

const ended = new Set<string>(['completed', 'failed', 'cancelled'] satisfies TransferState[]);
const applied: ChangeResult = { applied: true };
const refused = (reason: 'missing' | 'state' | 'fence' | 'exists'): ChangeResult => ({ applied: false, reason });

/** Beyond this many folded packs each new one pays for an old one, so that nobody ever has to wait for very many. */
const mostFolded = 400;

export function ledgerWriter(sql: Statements): LedgerWriter {
  const transfers = transferWriter(sql);
  const events = eventWriter(sql);
  const packs = packWriter(sql, transfers, events);

  function inTransaction<Result>(work: () => Result): Result {
    const firstSeq = events.nextSeq;
    sql.run('BEGIN IMMEDIATE');
    try {
      const result = work();
      transfers.writeCounts();
      sql.run('COMMIT');
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (sql.database.inTransaction) sql.run('ROLLBACK');
      transfers.refresh();
      events.resetTo(firstSeq);
      packs.refresh();
      throw error;
    }
  }

  function standing(id: string): StandingTransfer | undefined {
    const row = transfers.standing(id);
    if (row !== undefined || !packs.holds(id)) return row;
    packs.unfoldFor(id);
    return transfers.standing(id);
  }

  function insertRow(flat: FlatTransfer, packSeq: number | null): ChangeResult {
    if (packs.holds(String(flat[columnAt.id])) || !transfers.insert(flat, packSeq)) return refused('exists');
    transfers.count(String(flat[columnAt.job_id]), String(flat[columnAt.mode]), String(flat[columnAt.state]), 1);
    return applied;
  }

  function updateRow(
    transfer: Transfer,
    expect: Expectation,
    receipt: Receipt | undefined,
    packSeq: number | null,
  ): ChangeResult {
    const row = standing(transfer.id);
    if (row === undefined) return refused('missing');
    if (row.flat[columnAt.fence] !== expect.fence) return refused('fence');
    if (row.flat[columnAt.state] !== expect.state) return refused('state');
    transfers.update(row, transfer, receipt);
    if (packSeq !== null) transfers.movedToPack(row, packSeq);
    return applied;
  }

  function insertTransfer({ transfer, events: facts }: Extract<Change, { kind: 'insert_transfer' }>): ChangeResult {
    const result = insertRow(flattenTransfer(transfer, null), null);
    if (result.applied) events.append(facts, { transfer }, transfer.jobId);
    return result;
  }

  function updateTransfer(change: Extract<Change, { kind: 'update_transfer' }>): ChangeResult {
    const { transfer, expect, receipt } = change;
    const result = updateRow(transfer, expect, receipt, null);
    if (!result.applied) return result;
    events.append(change.events, { transfer }, transfer.jobId);
    change.also?.forEach(applyOne);
    return result;
  }

  function batch(change: BatchedChange): ChangeResult[] {
    if (change.kind === 'insert_transfers')
      return writeBatch(events, change, (flat, _, packSeq) => insertRow(flat, packSeq));
    return writeBatch(events, change, (flat, index, packSeq) => {
      const expect = change.expects[index];
      return expect === undefined ? refused('missing') : updateRow(transferFrom(flat), expect, undefined, packSeq);
    });
  }

  function insertJob({ job, events: facts }: Extract<Change, { kind: 'insert_job' }>): ChangeResult {
    const written = sql.run(
      'INSERT INTO job (id, kind, state, finished_at, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
      job.id,
      job.kind,
      job.state,
      job.finishedAt,
      JSON.stringify(job),
    );
    if (written === 0) return refused('exists');
    events.append(facts, { job }, job.id);
    return applied;
  }

  function updateJob({ job, events: facts, expect }: Extract<Change, { kind: 'update_job' }>): ChangeResult {
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
    events.append(facts, { job }, job.id);
    return applied;
  }

  function putDocument({ collection, key, value }: Extract<Change, { kind: 'put_document' }>): ChangeResult {
    sql.run(
      'INSERT INTO document (collection, key, value) VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
      nameToSql(collection),
      nameToSql(key),
      JSON.stringify(value ?? null),
    );
    return applied;
  }

  function deleteDocument({ collection, key }: Extract<Change, { kind: 'delete_document' }>): ChangeResult {
    const names = [nameToSql(collection), nameToSql(key)];
    return sql.run('DELETE FROM document WHERE collection = ? AND key = ?', ...names) === 0
      ? refused('missing')
      : applied;
  }

  function deleteTransfers(ids: readonly string[]): ChangeResult {
    for (const id of ids) {
      const row = standing(id);
      if (row !== undefined && ended.has(String(row.flat[columnAt.state]))) transfers.remove(row);
    }
    transfers.removedAll();
    return applied;
  }

  /** A batch has a result for each of its transfers. */
  function applyOne(change: WireChange): ChangeResult | ChangeResult[] {
    switch (change.kind) {
      case 'insert_transfer':
        return insertTransfer(change);
      case 'update_transfer':
        return updateTransfer(change);
      case 'insert_transfers':
      case 'update_transfers':
        return batch(change);
      case 'finish_pack':
        return packs.finish(change);
      case 'insert_job':
        return insertJob(change);
      case 'update_job':
        return updateJob(change);
      case 'append_event':
        events.append([change.event], {}, change.jobId ?? null);
        return applied;
      case 'put_document':
        return putDocument(change);
      case 'delete_document':
        return deleteDocument(change);
      case 'put_recording':
        putRecording(sql, change.recording);
        return applied;
      case 'put_manifest':
        putManifest(sql, change);
        return applied;
      case 'delete_manifest':
        return deleteManifest(sql, change) ? applied : refused('missing');
      case 'delete_transfers':
        return deleteTransfers(change.ids);
      case 'put_delivery':
        return putDelivery(sql, change.delivery, change.expect) ? applied : refused('state');
      case 'delete_deliveries':
        deleteDeliveries(sql, change.webhookId);
        return applied;
      case 'delete_history':
        // Its parts have run before this call was sent.
        return applied;
    }
  }

  return {
    applyGroup: (calls) =>
      inTransaction(() => {
        const results = calls.map((changes) => changes.flatMap(applyOne));
        if (packs.folded > mostFolded) packs.unfold(1);
        return results;
      }),
    deleteHistory: (before, keepEventsAfter) =>
      inTransaction(() => {
        packs.unfold(packs.folded);
        return deleteHistoryPart(sql, transfers, before, keepEventsAfter);
      }),
    get foldedPacks() {
      return packs.folded;
    },
    unfold: (most) => {
      if (packs.folded > 0) inTransaction(() => packs.unfold(most));
      return packs.oldestFolded();
    },
    tidy: () => {
      if (packs.folded > 0) {
        inTransaction(() => packs.unfold(2));
        return true;
      }
      return inTransaction(() => transfers.extendSearch(500));
    },
    newest: () => ({ seq: events.nextSeq, index: 0 }),
  };
}
