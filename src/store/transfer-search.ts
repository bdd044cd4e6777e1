// Searches for a part of a name: through the index of names where matches are few, along the list where they are many.

import { foldName, searchedNames } from './names-fold.ts';
import { searchableUpTo } from './search-index.ts';
import type { Row, Statements } from './statements.ts';
import type { TransferQuery } from './store.ts';
import {
  type Found,
  filterOf,
  isById,
  isFiltered,
  orderedRows,
  orderOf,
  pageOf,
  type Ranges,
  rowsOf,
} from './transfer-query.ts';
import { flatFrom, transferColumns } from './transfer-row.ts';

/** Most matches that are counted, and that are put in order. */
export const countedMatches = 10_000;
/** Rows that one page looks at, one by one, before it ends early. */
const walkedRows = 50_000;
/** Shortest text that the index of names can find, in characters. */
const indexedCharacters = 3;

const columns = transferColumns.join(', ');

export function searchTransfers(sql: Statements, query: TransferQuery, ranges: Ranges, limit: number): Found {
  const sought = foldName(query.search ?? '');
  if (ranges.total <= countedMatches) return walk(sql, query, ranges, limit, sought, undefined);
  const candidates = candidatesOf(sql, sought);
  if (candidates === undefined) return walk(sql, query, ranges, limit, sought, undefined);
  if (candidates.length > countedMatches) {
    return walk(sql, query, ranges, limit, sought, isFiltered(query) ? undefined : countedMatches);
  }
  return ordered(sql, query, ranges, limit, candidates);
}

/** Numbers of all rows that match, or one more than are counted; undefined where the index cannot tell. */
function candidatesOf(sql: Statements, sought: string): number[] | undefined {
  if ([...sought].length < indexedCharacters || sought.includes('\n')) return undefined;
  const upTo = searchableUpTo(sql);
  const newest = Number(sql.row('SELECT max(seq) FROM transfer')?.[0] ?? 0);
  if (newest - upTo > walkedRows) return undefined;
  const phrase = `"${sought.replaceAll('"', '""')}"`;
  const numbers = sql
    .rows('SELECT rowid FROM transfer_name WHERE transfer_name MATCH ? LIMIT ?', phrase, countedMatches + 1)
    .map(([seq]) => Number(seq));
  for (const row of sql.each(`SELECT ${columns}, seq FROM transfer WHERE seq > ?`, upTo)) {
    if (numbers.length > countedMatches) break;
    if (searchedNames(flatFrom(row)).includes(sought)) numbers.push(Number(row[transferColumns.length]));
  }
  return numbers;
}

/** Few matches: all of them are filtered and put in order. */
function ordered(
  sql: Statements,
  query: TransferQuery,
  ranges: Ranges,
  limit: number,
  candidates: readonly number[],
): Found {
  const filter = filterOf(query, ranges);
  const from = `FROM (SELECT value AS number FROM json_each(?)) CROSS JOIN transfer t ON t.seq = number WHERE ${filter.text}`;
  const numbers = JSON.stringify(candidates);
  const matches = sql.rows(`SELECT t.id, t.seq ${from} ${orderOf(query)}`, numbers, ...filter.values);
  let first = query.offset ?? 0;
  const after = query.cursor === undefined ? undefined : orderedRows(query, ranges).values.at(-1);
  if (typeof after === 'string') {
    const next = matches.findIndex(([id]) => (query.newestFirst === true ? String(id) < after : String(id) > after));
    first = next < 0 ? matches.length : next;
  }
  const rows = rowsOf(sql, matches.slice(first, first + limit + 1));
  return pageOf(rows, query, limit, matches.length);
}

/** Many matches, or a text too short to be looked up: the list is read in its order until the page is full. */
function walk(
  sql: Statements,
  query: TransferQuery,
  ranges: Ranges,
  limit: number,
  sought: string,
  total: number | undefined,
): Found {
  const { text, values } = orderedRows(query, ranges);
  const skip = query.offset ?? 0;
  const mustCount = query.withTotal === true && total === undefined;
  const found: Row[] = [];
  let matched = 0;
  let walked = 0;
  let lastId: string | null = null;
  for (const [id, seq = null] of sql.each(text, ...values)) {
    if (walked === walkedRows) {
      if (found.length <= limit && isById(query)) return { rows: found, nextId: lastId, total: total ?? matched };
      break;
    }
    walked += 1;
    lastId = String(id);
    const row = sql.row(`SELECT ${columns} FROM transfer WHERE seq = ?`, seq);
    if (row === undefined || !searchedNames(flatFrom(row)).includes(sought)) continue;
    matched += 1;
    if (matched > skip && found.length <= limit) found.push(row);
    if (mustCount ? matched >= countedMatches : found.length > limit) break;
  }
  return pageOf(found, query, limit, total ?? matched);
}
