// The index of names that searches go by: kept up when rows change, filled for new rows when there is time.

import { searchedNames } from './names-fold.ts';
import type { Statements } from './statements.ts';
import { type FlatTransfer, flatFrom, transferColumns } from './transfer-row.ts';

export interface SearchIndex {
  /** For a row whose names have changed. */
  renamed(seq: number, flat: FlatTransfer): void;
  removed(seq: number): void;
  /** After rows were removed: numbers that are given out again must be indexed again. */
  settle(): void;
  /** Indexes at most so many rows within the running transaction; true where there are more. */
  extend(most: number): boolean;
  refresh(): void;
}

/** Rows up to here are found through the index. */
export function searchableUpTo(sql: Statements): number {
  return Number(sql.row(`SELECT value FROM meta WHERE key = 'searchable_up_to'`)?.[0] ?? 0);
}

const selectSql = `SELECT ${transferColumns.join(', ')}, seq FROM transfer WHERE seq > ? ORDER BY seq LIMIT ?`;

export function searchIndex(sql: Statements): SearchIndex {
  let upTo = searchableUpTo(sql);

  function moveTo(seq: number): void {
    if (seq === upTo) return;
    upTo = seq;
    sql.run(`UPDATE meta SET value = ? WHERE key = 'searchable_up_to'`, String(seq));
  }

  return {
    renamed: (seq, flat) => {
      if (seq <= upTo)
        sql.run('INSERT OR REPLACE INTO transfer_name (rowid, names) VALUES (?, ?)', seq, searchedNames(flat));
    },
    removed: (seq) => {
      if (seq <= upTo) sql.run('DELETE FROM transfer_name WHERE rowid = ?', seq);
    },
    settle: () => moveTo(Math.min(upTo, Number(sql.row('SELECT max(seq) FROM transfer')?.[0] ?? 0))),
    extend: (most) => {
      const rows = sql.rows(selectSql, upTo, most);
      for (const row of rows) {
        const seq = row[transferColumns.length] ?? null;
        sql.run('INSERT INTO transfer_name (rowid, names) VALUES (?, ?)', seq, searchedNames(flatFrom(row)));
      }
      moveTo(Number(rows.at(-1)?.[transferColumns.length] ?? upTo));
      return rows.length === most;
    },
    refresh: () => {
      upTo = searchableUpTo(sql);
    },
  };
}
