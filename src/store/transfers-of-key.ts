// Pages of the transfers that share a key: few, so that they are found through its index and put in order as they are.

import { parsePageCursor } from './cursors.ts';
import { foldName, searchedNames } from './names-fold.ts';
import type { Row, Statements } from './statements.ts';
import type { TransferQuery } from './store.ts';
import { type Found, filterOf, idOf, isById, orderOf, pageOf, type Ranges } from './transfer-query.ts';
import { flatFrom, transferColumns } from './transfer-row.ts';

export function transfersOfKey(sql: Statements, query: TransferQuery, ranges: Ranges, limit: number): Found {
  const { cursor, offset = 0, newestFirst, search } = query;
  const filter = filterOf(query, ranges);
  const after = cursor === undefined || !isById(query) ? undefined : parsePageCursor(cursor);
  const sought = search === undefined || search === '' ? undefined : foldName(search);
  const select = `SELECT ${transferColumns.join(', ')} FROM transfer WHERE ${filter.text} ${orderOf(query)}`;
  const rows: Row[] = [];
  let total = 0;
  for (const row of sql.each(select, ...filter.values)) {
    if (sought !== undefined && !searchedNames(flatFrom(row)).includes(sought)) continue;
    total += 1;
    const id = idOf(row) ?? '';
    if (after !== undefined && (newestFirst === true ? id >= after : id <= after)) continue;
    if (total > offset && rows.length <= limit) rows.push(row);
  }
  return pageOf(rows, query, limit, total);
}
