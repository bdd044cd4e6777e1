// Pages of transfers: any filter and order, found through the indices without sorting what is not shown.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Transfer } from '../model/transfer.ts';
import { pageCursor, parsePageCursor } from './cursors.ts';
import type { Row, SqlValue, Statements } from './statements.ts';
import type { Page, TransferQuery } from './store.ts';
import { transferColumns, transferFromRow } from './transfer-row.ts';

const columns = transferColumns.map((name) => `t.${name}`).join(', ');
const idAt = transferColumns.indexOf('id');

/** A piece of SQL with the values that it binds. */
interface Part {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** The (mode, state) pairs that hold rows of a query; undefined where the query asks for all rows. */
interface Ranges {
  readonly pairs: readonly { readonly mode: string; readonly state: string }[];
  readonly total: number;
}

/** Rejects with `invalid`: a cursor or limit that makes no sense. */
export function listTransfers(sql: Statements, query: TransferQuery): Page<Transfer> {
  const limit = pageLimit(query.limit);
  if (query.offset !== undefined && (query.cursor !== undefined || !(query.offset >= 0))) {
    throw new Fault('invalid', 'A page is asked for by a cursor or by an offset from 0 on, not by both.');
  }
  if (query.cursor !== undefined) parsePageCursor(query.cursor);
  const ranges = rangesOf(sql, query);
  if (ranges.pairs.length === 0) return page([], limit, query, 0);
  if (query.search !== undefined && query.search !== '') return searched(sql, query, ranges, limit);
  const rows = selectPage(sql, query, ranges, limit + 1, query.offset ?? 0);
  return page(rows, limit, query, ranges.total);
}

export function pageLimit(limit = 100): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new Fault('invalid', 'The limit of a page is a whole number from 1 to 1000.');
  return limit;
}

function page(rows: readonly Row[], limit: number, query: TransferQuery, total: number): Page<Transfer> {
  const shown = rows.slice(0, limit);
  const byId = query.orderBy === undefined || query.orderBy === 'created';
  const last = shown.at(-1);
  return {
    rows: shown.map(transferFromRow),
    nextCursor: byId && rows.length > limit && last !== undefined ? pageCursor(String(last[idAt])) : null,
    ...(query.withTotal === true ? { total } : {}),
  };
}

function rangesOf(sql: Statements, query: TransferQuery): Ranges {
  const rows = sql
    .rows('SELECT mode, state, count FROM transfer_count WHERE job_id = ? AND count > 0', query.jobId ?? '')
    .filter(([mode]) => query.mode === undefined || mode === query.mode)
    .filter(([, state]) => query.states === undefined || (query.states as readonly SqlValue[]).includes(state ?? null));
  return {
    pairs: rows.map(([mode, state]) => ({ mode: String(mode), state: String(state) })),
    total: rows.reduce((sum, [, , count]) => sum + Number(count), 0),
  };
}

/** The ids and numbers of all rows of the ranges in the order of their ids: SQLite merges the ranges, each read from its index. */
function inOrderOfIds(query: TransferQuery, ranges: Ranges, after: string | undefined): Part {
  const direction = query.newestFirst === true ? 'DESC' : 'ASC';
  const values: SqlValue[] = [];
  const bound = after === undefined ? '' : query.newestFirst === true ? ' AND id < ?' : ' AND id > ?';
  const select = (where: string, bind: readonly SqlValue[]): string => {
    values.push(...bind);
    if (after !== undefined) values.push(after);
    return `SELECT id, seq FROM transfer WHERE ${where}${bound}`;
  };
  const isFiltered = query.jobId !== undefined || query.mode !== undefined || query.states !== undefined;
  const selects = isFiltered
    ? ranges.pairs.map(({ mode, state }) =>
        query.jobId === undefined
          ? select('mode = ? AND state = ?', [mode, state])
          : select('job_id = ? AND mode = ? AND state = ?', [query.jobId, mode, state]),
      )
    : [select('TRUE', [])];
  return { text: `${selects.join(' UNION ALL ')} ORDER BY id ${direction}`, values };
}

const orders = {
  updated: 'updated_at',
  size: 'coalesce(size_bytes, -1)',
  name: 'source_path',
} as const;

function otherwiseOrdered(query: TransferQuery, ranges: Ranges, orderBy: keyof typeof orders): Part {
  const direction = query.newestFirst === true ? 'DESC' : 'ASC';
  const values: SqlValue[] = [];
  const wheres = ranges.pairs.map(({ mode, state }) => {
    values.push(mode, state);
    return '(mode = ? AND state = ?)';
  });
  if (query.jobId !== undefined) values.push(query.jobId);
  return {
    text: `SELECT id, seq FROM transfer WHERE (${wheres.join(' OR ')})${query.jobId === undefined ? '' : ' AND job_id = ?'} ORDER BY ${orders[orderBy]} ${direction}, id ${direction}`,
    values,
  };
}

function orderedRows(query: TransferQuery, ranges: Ranges): Part {
  const { orderBy = 'created' } = query;
  const after = query.cursor === undefined ? undefined : parsePageCursor(query.cursor);
  return orderBy === 'created' ? inOrderOfIds(query, ranges, after) : otherwiseOrdered(query, ranges, orderBy);
}

function selectPage(sql: Statements, query: TransferQuery, ranges: Ranges, limit: number, offset: number): Row[] {
  const ordered = orderedRows(query, ranges);
  const numbers = sql.rows(`${ordered.text} LIMIT ? OFFSET ?`, ...ordered.values, limit, offset);
  return rowsOf(
    sql,
    numbers.map(([, seq]) => seq ?? null),
  );
}

function rowsOf(sql: Statements, numbers: readonly SqlValue[]): Row[] {
  return numbers.flatMap((seq) => {
    const row = sql.row(`SELECT ${columns} FROM transfer t WHERE t.seq = ?`, seq);
    return row === undefined ? [] : [row];
  });
}

function searched(sql: Statements, query: TransferQuery, ranges: Ranges, limit: number): Page<Transfer> {
  const ordered = orderedRows(query, ranges);
  const sought = foldName(query.search ?? '');
  const skip = query.offset ?? 0;
  const found: Row[] = [];
  let matched = 0;
  const all = `SELECT ${columns} FROM (${ordered.text}) p JOIN transfer t ON t.seq = p.seq`;
  for (const row of sql.each(all, ...ordered.values)) {
    const { source, destination, publishedPath } = transferFromRow(row);
    const names = [source.path, destination.path, publishedPath ?? ''];
    if (!names.some((name) => foldName(name).includes(sought))) continue;
    matched += 1;
    if (matched > skip && found.length <= limit) found.push(row);
    if (found.length > limit && query.withTotal !== true) break;
  }
  return page(found, limit, query, matched);
}

/** What a search compares: as shown, in one case and one Unicode form. */
export function foldName(name: string): string {
  return displayPath(name).normalize('NFC').toLowerCase();
}
