// Writes rows of transfers with all that goes with them: path keys and counts.

import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import { pathKey } from './path-keys.ts';
import { searchIndex } from './search-index.ts';
import { places, type SqlValue, type Statements } from './statements.ts';
import {
  bindTransfer,
  columnAt,
  type FlatTransfer,
  flatFrom,
  flattenTransfer,
  receiptFrom,
  transferColumns,
} from './transfer-row.ts';

/** A row as it stands. */
export interface StandingTransfer {
  readonly seq: number;
  readonly flat: FlatTransfer;
  readonly packSeq: number | null;
}

export interface TransferWriter {
  /** Cheaper than `standing` where only these are asked for. */
  stateOf(id: string): { readonly state: string; readonly fence: number } | undefined;
  standing(id: string): StandingTransfer | undefined;
  /** False where the id is there already. Does not count. */
  insert(flat: FlatTransfer, packSeq: number | null): boolean;
  /** Job and mode stay as they are. A receipt stays proof of its copy unless a new one is given. Counts a change of state. */
  update(standing: StandingTransfer, transfer: Transfer, receipt: Receipt | undefined): void;
  movedToPack(standing: StandingTransfer, packSeq: number): void;
  remove(standing: StandingTransfer): void;
  /** To be called after the last `remove` of a transaction. */
  removedAll(): void;
  /** Makes at most so many rows quick to search for; true where there are more. */
  extendSearch(most: number): boolean;
  count(jobId: string, mode: string, state: string, difference: number): void;
  /** To be called before each commit. */
  writeCounts(): void;
  /** After a transaction that was taken back. */
  refresh(): void;
}

const insertSql = `INSERT INTO transfer (${transferColumns.join(', ')}, pack_seq) VALUES (${places(transferColumns.length + 1)}) ON CONFLICT (id) DO NOTHING`;
const fixed = new Set(['id', 'job_id', 'mode']);
const changingAt = transferColumns.flatMap((name, at) => (fixed.has(name) ? [] : [at]));
const withoutState = changingAt.filter((at) => transferColumns[at] !== 'state');
const updateSql = (columns: readonly number[]): string =>
  `UPDATE transfer SET ${columns.map((at) => `${transferColumns[at]} = ?`).join(', ')} WHERE seq = ?`;
const updateAllSql = updateSql(changingAt);
/** Where the state stays, the indices that order by it need not be touched. */
const updateRestSql = updateSql(withoutState);
const selectSql = `SELECT ${transferColumns.join(', ')}, seq, pack_seq FROM transfer WHERE id = ?`;

export function transferWriter(sql: Statements): TransferWriter {
  /** How the counts differ from their table within the running transaction; the key is job, mode and state. */
  const counted = new Map<string, number>();
  const index = searchIndex(sql);

  function count(jobId: string, mode: string, state: string, difference: number): void {
    for (const job of [jobId, '']) {
      const key = `${job}\0${mode}\0${state}`;
      counted.set(key, (counted.get(key) ?? 0) + difference);
    }
  }

  function writeKeys(seq: number | bigint, flat: FlatTransfer): void {
    for (const path of keyedPaths(flat)) {
      sql.run('INSERT INTO path_key (key, seq) VALUES (?, ?) ON CONFLICT DO NOTHING', pathKey(path), seq);
    }
  }

  return {
    count,

    stateOf: (id) => {
      const row = sql.row('SELECT state, fence FROM transfer WHERE id = ?', id);
      return row === undefined ? undefined : { state: String(row[0]), fence: Number(row[1]) };
    },

    standing: (id) => {
      const row = sql.row(selectSql, id);
      if (row === undefined) return undefined;
      const packSeq = row[transferColumns.length + 1];
      return {
        flat: flatFrom(row),
        seq: Number(row[transferColumns.length]),
        packSeq: typeof packSeq === 'number' ? packSeq : null,
      };
    },

    insert: (flat, packSeq) => {
      const { changes, lastInsertRowid } = sql.insert(insertSql, ...bindTransfer(flat), packSeq);
      if (changes === 0) return false;
      writeKeys(lastInsertRowid, flat);
      return true;
    },

    update: ({ seq, flat: old }, transfer, receipt) => {
      const flat = flattenTransfer(transfer, receipt ?? receiptFrom(old) ?? null);
      const bound = bindTransfer(flat);
      const before = String(old[columnAt.state]);
      const isMoved = before !== transfer.state;
      const columns = isMoved ? changingAt : withoutState;
      sql.run(isMoved ? updateAllSql : updateRestSql, ...columns.map((at): SqlValue => bound[at] ?? null), seq);
      if (!sameKeys(old, flat)) {
        writeKeys(seq, flat);
        index.renamed(seq, flat);
      }
      if (!isMoved) return;
      const jobId = String(old[columnAt.job_id]);
      const mode = String(old[columnAt.mode]);
      count(jobId, mode, before, -1);
      count(jobId, mode, transfer.state, 1);
    },

    movedToPack: ({ seq, flat, packSeq }, newPackSeq) => {
      sql.run('UPDATE transfer SET pack_seq = ? WHERE seq = ?', newPackSeq, seq);
      if (packSeq === null) return;
      const id = String(flat[columnAt.id]);
      sql.run('INSERT INTO earlier_pack (transfer_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING', id, packSeq);
    },

    remove: ({ seq, flat }) => {
      for (const path of keyedPaths(flat))
        sql.run('DELETE FROM path_key WHERE key = ? AND seq = ?', pathKey(path), seq);
      sql.run('DELETE FROM earlier_pack WHERE transfer_id = ?', String(flat[columnAt.id]));
      sql.run('DELETE FROM transfer WHERE seq = ?', seq);
      index.removed(seq);
      count(String(flat[columnAt.job_id]), String(flat[columnAt.mode]), String(flat[columnAt.state]), -1);
    },

    writeCounts: () => {
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
    },

    removedAll: index.settle,
    extendSearch: index.extend,

    refresh: () => {
      counted.clear();
      index.refresh();
    },
  };
}

/** Each path by which a transfer or its receipt can be found, once. */
function keyedPaths(flat: FlatTransfer): Set<string> {
  const paths = new Set([String(flat[columnAt.source_path]), String(flat[columnAt.destination_path])]);
  const published = flat[columnAt.published_path];
  if (typeof published === 'string') paths.add(published);
  if (typeof flat[columnAt.receipt_body] === 'string') {
    const receipt = receiptFrom(flat);
    if (receipt !== undefined) paths.add(receipt.source.path).add(receipt.destination.path);
  }
  return paths;
}

const keyColumns = (['source_path', 'destination_path', 'published_path', 'receipt_body'] as const).map(
  (name) => columnAt[name],
);

function sameKeys(old: FlatTransfer, flat: FlatTransfer): boolean {
  return keyColumns.every((at) => old[at] === flat[at]);
}
