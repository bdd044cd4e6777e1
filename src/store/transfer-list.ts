// Pages of transfers: any filter and order, found through the indices without sorting what is not shown.

import { Fault } from '../model/fault.ts';
import type { Transfer } from '../model/transfer.ts';
import { pageCursor, pageLimit, parsePageCursor } from './cursors.ts';
import type { SqlValue, Statements } from './statements.ts';
import type { Page, TransferQuery } from './store.ts';
import { type Found, idOf, isById, orderedRows, pageOf, type Ranges, rowsOf } from './transfer-query.ts';
import { transferFromRow } from './transfer-row.ts';
import { searchTransfers } from './transfer-search.ts';
import { transfersOfKey } from './transfers-of-key.ts';

/** Rejects with `invalid`: a cursor, limit or offset that makes no sense. */
export function listTransfers(sql: Statements, query: TransferQuery): Page<Transfer> {
  const limit = pageLimit(query.limit);
  if (query.offset !== undefined && (query.cursor !== undefined || !(query.offset >= 0))) {
    throw new Fault('invalid', 'A page is asked for by a cursor or by an offset from 0 on, not by both.');
  }
  if (query.cursor !== undefined) parsePageCursor(query.cursor);
  const ranges = rangesOf(sql, query);
  const found = findRows(sql, query, ranges, limit);
  return {
    rows: found.rows.map(transferFromRow),
    nextCursor: found.nextId === null ? null : pageCursor(found.nextId),
    ...(query.withTotal === true ? { total: found.total } : {}),
  };
}

function findRows(sql: Statements, query: TransferQuery, ranges: Ranges, limit: number): Found {
  if (ranges.pairs.length === 0) return { rows: [], nextId: null, total: 0 };
  if (query.associateWith !== undefined) return transfersOfKey(sql, query, ranges, limit);
  if (query.search !== undefined && query.search !== '') return searchTransfers(sql, query, ranges, limit);
  const { offset = 0 } = query;
  if (offset > ranges.total / 2) return fromTheEnd(sql, query, ranges, limit, offset);
  const ordered = orderedRows(query, ranges);
  const rows = rowsOf(sql, sql.rows(`${ordered.text} LIMIT ? OFFSET ?`, ...ordered.values, limit + 1, offset));
  return pageOf(rows, query, limit, ranges.total);
}

/** A place in the second half of a list is nearer to its end. */
function fromTheEnd(sql: Statements, query: TransferQuery, ranges: Ranges, limit: number, offset: number): Found {
  const after = Math.max(0, ranges.total - offset - limit);
  const count = Math.min(limit, ranges.total - offset);
  if (count <= 0) return { rows: [], nextId: null, total: ranges.total };
  const ordered = orderedRows(query, ranges, true);
  const rows = rowsOf(sql, sql.rows(`${ordered.text} LIMIT ? OFFSET ?`, ...ordered.values, count, after)).reverse();
  const next = after > 0 && isById(query) ? idOf(rows.at(-1)) : null;
  return { rows, nextId: next, total: ranges.total };
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
