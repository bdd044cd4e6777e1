// What a list of transfers asks of the tables: its ranges, filter and order as SQL, and a page's rows.

import { parsePageCursor } from './cursors.ts';
import type { Row, SqlValue, Statements } from './statements.ts';
import type { TransferQuery } from './store.ts';
import { transferColumns } from './transfer-row.ts';

/** A piece of SQL with the values that it binds. */
export interface Part {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** The pairs of mode and state that hold rows of a query, and how many rows that are. */
export interface Ranges {
  readonly pairs: readonly { readonly mode: string; readonly state: string }[];
  readonly total: number;
}

/** Rows of a page; `nextId` is where the next one begins, where there is one and order is by id. */
export interface Found {
  readonly rows: readonly Row[];
  readonly nextId: string | null;
  readonly total: number;
}

const idAt = transferColumns.indexOf('id');
const columns = transferColumns.join(', ');

/** From one row more than the page takes. */
export function pageOf(rows: readonly Row[], query: TransferQuery, limit: number, total: number): Found {
  const shown = rows.slice(0, limit);
  return { rows: shown, nextId: rows.length > limit && isById(query) ? idOf(shown.at(-1)) : null, total };
}

export function idOf(row: Row | undefined): string | null {
  return row === undefined ? null : String(row[idAt]);
}

export function isById(query: TransferQuery): boolean {
  return query.orderBy === undefined || query.orderBy === 'created';
}

export function isFiltered(query: TransferQuery): boolean {
  return query.jobId !== undefined || query.mode !== undefined || query.states !== undefined;
}

/** Rows by (id, seq), in the order in which they are given. */
export function rowsOf(sql: Statements, found: readonly Row[]): Row[] {
  return found.flatMap(([, seq = null]) => {
    const row = sql.row(`SELECT ${columns} FROM transfer WHERE seq = ?`, seq);
    return row === undefined ? [] : [row];
  });
}

/** Selects (id, seq) of all rows of a query in its order (`backwards`: from its end), from its cursor on. */
export function orderedRows(query: TransferQuery, ranges: Ranges, backwards = false): Part {
  const { orderBy = 'created' } = query;
  if (orderBy === 'created') {
    const turned = backwards ? { ...query, newestFirst: query.newestFirst !== true } : query;
    return inOrderOfIds(turned, ranges, query.cursor === undefined ? undefined : parsePageCursor(query.cursor));
  }
  const { text, values } = filterOf(query, ranges);
  // The few rows of a narrow filter are sorted; else the index of the order is walked, and most of its rows are in the filter.
  const from = ranges.total <= sortedRows ? rangesAsRows(query, ranges) : { text: 'transfer', values: [] };
  return {
    text: `SELECT id, seq FROM ${from.text} WHERE ${text} ${orderOf(query, backwards)}`,
    values: [...from.values, ...values],
  };
}

/** Sorting so many rows is quicker than walking an index past others. */
const sortedRows = 20_000;

const orders = { created: 'id', updated: 'updated_at', size: 'size_bytes', name: 'source_path' } as const;

/** A size that is not known yet stands last, whichever way. */
export function orderOf(query: TransferQuery, backwards = false): string {
  const direction = (query.newestFirst === true) !== backwards ? 'DESC' : 'ASC';
  const { orderBy = 'created' } = query;
  if (orderBy === 'created') return `ORDER BY id ${direction}`;
  const nulls = orderBy === 'size' ? ` NULLS ${backwards ? 'FIRST' : 'LAST'}` : '';
  return `ORDER BY ${orders[orderBy]} ${direction}${nulls}, id ${direction}`;
}

/** The query's filter as a condition on columns of `transfer`. */
export function filterOf(query: TransferQuery, ranges: Ranges): Part {
  const { associateWith, ...rest } = query;
  if (associateWith !== undefined) {
    const { text, values } = filterOf(rest, ranges);
    return { text: `associate_with = ? AND ${text}`, values: [associateWith, ...values] };
  }
  if (!isFiltered(query)) return { text: 'TRUE', values: [] };
  const pairs = ranges.pairs.map(() => '(mode = ? AND state = ?)').join(' OR ');
  const values = ranges.pairs.flatMap(({ mode, state }) => [mode, state]);
  // The plus keeps SQLite from choosing another index than the order's.
  if (query.jobId === undefined) return { text: `(${pairs.replaceAll('(mode', '(+mode')})`, values };
  return { text: `+job_id = ? AND (${pairs.replaceAll('(mode', '(+mode')})`, values: [query.jobId, ...values] };
}

/** The rows of the ranges as a table, each range read through its index. */
function rangesAsRows(query: TransferQuery, ranges: Ranges): Part {
  const parts = rangeConditions(query, ranges);
  return {
    text: `(${parts.map(({ text }) => `SELECT * FROM transfer WHERE ${text}`).join(' UNION ALL ')})`,
    values: parts.flatMap((part) => part.values),
  };
}

function rangeConditions(query: TransferQuery, ranges: Ranges): Part[] {
  if (!isFiltered(query)) return [{ text: 'TRUE', values: [] }];
  return ranges.pairs.map(({ mode, state }) =>
    query.jobId === undefined
      ? { text: 'mode = ? AND state = ?', values: [mode, state] }
      : { text: 'job_id = ? AND mode = ? AND state = ?', values: [query.jobId, mode, state] },
  );
}

/** SQLite merges the ranges, each read in order from its index, and stops at the page's end. */
function inOrderOfIds(query: TransferQuery, ranges: Ranges, after: string | undefined): Part {
  const bound = after === undefined ? '' : query.newestFirst === true ? ' AND id < ?' : ' AND id > ?';
  const parts = rangeConditions(query, ranges);
  return {
    text: `${parts.map(({ text }) => `SELECT id, seq FROM transfer WHERE ${text}${bound}`).join(' UNION ALL ')} ${orderOf({ ...query, orderBy: 'created' })}`,
    values: parts.flatMap(({ values }) => (after === undefined ? values : [...values, after])),
  };
}
