// Writes packs: one row for all that a pack says, folded; its transfers get rows of their own when there is time, or need.

import type { TransferState } from '../model/transfer.ts';
import { type PackBody, packBody } from './event-rows.ts';
import type { EventWriter } from './event-writer.ts';
import { latest } from './event-writer.ts';
import type { Pack, PackedChange } from './ledger-messages.ts';
import { packRows, unpackColumn, unpackRows } from './pack-columns.ts';
import type { Statements } from './statements.ts';
import type { ChangeResult } from './store.ts';
import { columnAt, type FlatTransfer, receiptFrom, transferFrom } from './transfer-row.ts';
import type { TransferWriter } from './transfer-writer.ts';

/*
 * A pack of 500 files is 500 rows with their indices, some 5 ms of work, while the row of its facts holds all of it already.
 * So a pack whose transfers are new and at rest is committed as that row alone ("folded"). Counts are exact at once.
 * Whoever needs the rows unfolds first; nobody can see the difference through the store.
 */

export interface PackWriter {
  finish(change: PackedChange): ChangeResult;
  /** How many packs are folded. */
  readonly folded: number;
  /** Number of the oldest folded pack's event row. */
  oldestFolded(): number | undefined;
  /** True where a folded pack holds this transfer. */
  holds(id: string): boolean;
  /** Gives the pack that holds this transfer its rows, where one does; within the running transaction. */
  unfoldFor(id: string): void;
  /** Gives at most so many packs their rows, the oldest first; within the running transaction. */
  unfold(most: number): void;
  /** Reads again what is folded, after a transaction that was taken back. */
  refresh(): void;
}

/** A folded transfer is found in the ledger by its state only through the counts; states that somebody acts on are never folded. */
const restful = new Set<string>(['completed', 'failed', 'cancelled'] satisfies TransferState[]);

export function packWriter(sql: Statements, transfers: TransferWriter, events: EventWriter): PackWriter {
  let folded = countFolded();
  /** Which pack holds which folded transfer; undefined while nobody has asked since the ledger was opened. */
  let foldedIds: Map<string, number> | undefined = folded === 0 ? new Map() : undefined;

  function countFolded(): number {
    return Number(sql.row('SELECT count(*) FROM folded_pack')?.[0] ?? 0);
  }

  function bodyOf(seq: number): PackBody {
    return JSON.parse(String(sql.row('SELECT body FROM event WHERE seq = ?', seq)?.[0])) as PackBody;
  }

  function ids(): Map<string, number> {
    if (foldedIds === undefined) {
      foldedIds = new Map();
      for (const [seq] of sql.rows('SELECT seq FROM folded_pack')) {
        for (const id of unpackColumn(bodyOf(Number(seq)).pack, 'id')) foldedIds.set(String(id), Number(seq));
      }
    }
    return foldedIds;
  }

  const holds = (id: string): boolean => folded > 0 && ids().has(id);

  function isNew(pack: Pack): boolean {
    if (folded > 0 && pack.ids.some((id) => ids().has(id))) return false;
    let [least = '', most = ''] = pack.ids;
    for (const id of pack.ids) {
      if (id < least) least = id;
      if (id > most) most = id;
    }
    if (new Set(pack.ids).size < pack.ids.length) return false;
    if (sql.row('SELECT 1 FROM transfer WHERE id >= ? AND id <= ? LIMIT 1', least, most) === undefined) return true;
    return pack.ids.every((id) => transfers.stateOf(id) === undefined);
  }

  /** The row of a pack's facts; none where it has nothing to say. */
  function tell(
    change: PackedChange,
    jobId: string,
    arrived: number,
    failed: number,
    text: string,
  ): number | undefined {
    const { completedEvents, failedEvents } = change;
    const facts = arrived * completedEvents.length + failed * failedEvents.length;
    if (facts === 0) return undefined;
    const at = Math.max(arrived > 0 ? latest(completedEvents) : 0, failed > 0 ? latest(failedEvents) : 0);
    return events.appendPack(at, jobId, facts, packBody(completedEvents, failedEvents, text));
  }

  /** False where it cannot be folded. */
  function fold(pack: Pack, change: PackedChange): boolean {
    if (!pack.tally.every(({ state }) => restful.has(state)) || !isNew(pack)) return false;
    const seq = tell(change, pack.jobId, pack.arrived, pack.ids.length - pack.arrived, pack.text);
    if (seq === undefined) return false;
    sql.run('INSERT INTO folded_pack (seq) VALUES (?)', seq);
    for (const { mode, state, count } of pack.tally) transfers.count(pack.jobId, mode, state, count);
    const known = ids();
    for (const id of pack.ids) known.set(id, seq);
    folded += 1;
    return true;
  }

  /** Row by row; the ids of those that were not in an expected state. */
  function writeRows(pack: Pack, change: PackedChange): string[] {
    const packSeq = events.nextSeq;
    const rows = unpackRows(JSON.parse(pack.text));
    const written = rows.filter((flat) => writeRow(flat, packSeq, change.expectStates));
    const arrived = written.filter((flat) => flat[columnAt.receipt_verify] !== null).length;
    const text = written.length === rows.length ? pack.text : packRows(written);
    tell(change, pack.jobId, arrived, written.length - arrived, text);
    if (written.length === rows.length) return [];
    const kept = new Set(written);
    return rows.filter((flat) => !kept.has(flat)).map((flat) => String(flat[columnAt.id]));
  }

  function writeRow(flat: FlatTransfer, packSeq: number, expectStates: readonly TransferState[]): boolean {
    if (transfers.insert(flat, packSeq)) {
      transfers.count(String(flat[columnAt.job_id]), String(flat[columnAt.mode]), String(flat[columnAt.state]), 1);
      return true;
    }
    const standing = transfers.standing(String(flat[columnAt.id]));
    if (standing === undefined || !expectStates.includes(String(standing.flat[columnAt.state]) as TransferState))
      return false;
    transfers.update(standing, transferFrom(flat), receiptFrom(flat));
    transfers.movedToPack(standing, packSeq);
    return true;
  }

  function unfoldOne(seq: number): void {
    for (const flat of unpackRows(bodyOf(seq).pack)) {
      transfers.insert(flat, seq);
      foldedIds?.delete(String(flat[columnAt.id]));
    }
    sql.run('DELETE FROM folded_pack WHERE seq = ?', seq);
    folded -= 1;
  }

  function unfold(most: number): void {
    if (folded === 0) return;
    for (const [seq] of sql.rows('SELECT seq FROM folded_pack ORDER BY seq LIMIT ?', most)) unfoldOne(Number(seq));
  }

  function unfoldFor(id: string): void {
    const seq = folded === 0 ? undefined : ids().get(id);
    if (seq !== undefined) unfoldOne(seq);
  }

  function finish(change: PackedChange): ChangeResult {
    const skipped = change.packs.flatMap((pack) => {
      if (fold(pack, change)) return [];
      pack.ids.forEach(unfoldFor);
      return writeRows(pack, change);
    });
    return skipped.length === 0 ? { applied: true } : { applied: false, reason: 'state', skipped };
  }

  return {
    finish,
    get folded() {
      return folded;
    },
    oldestFolded: () => {
      if (folded === 0) return undefined;
      return Number(sql.row('SELECT min(seq) FROM folded_pack')?.[0]);
    },
    holds,
    unfoldFor,
    unfold,
    refresh: () => {
      folded = countFolded();
      foldedIds = undefined;
    },
  };
}
