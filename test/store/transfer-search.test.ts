// Searches and orders on a ledger that is large enough for its indices: they must find what a look at every row finds.

import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pathFromBytes } from '../../src/model/names.ts';
import type { Transfer, TransferState } from '../../src/model/transfer.ts';
import type { WireChange } from '../../src/store/ledger-messages.ts';
import { type LedgerWriter, ledgerWriter } from '../../src/store/ledger-writer.ts';
import { migrate } from '../../src/store/migrate.ts';
import { searchableUpTo } from '../../src/store/search-index.ts';
import { type Statements, statementsOf } from '../../src/store/statements.ts';
import type { TransferQuery } from '../../src/store/store.ts';
import { listTransfers } from '../../src/store/transfer-list.ts';
import { countedMatches } from '../../src/store/transfer-search.ts';
import { makeTransfer, newId } from '../support/store-values.ts';

const jobIds = [newId(), newId(), newId()];
const states: TransferState[] = ['completed', 'completed', 'completed', 'queued', 'failed'];
const words = [
  'Reel',
  'ÉTÉ',
  'a_b',
  '100%',
  'it"s',
  "o'k",
  '\\x',
  'Größe',
  pathFromBytes(Uint8Array.of(0xff, 0x61)),
  'ζ',
];

function makeRow(index: number): Transfer {
  const word = (step: number) => words[Math.floor(index / step) % words.length];
  const path = `${word(7)}/${word(311)}-${String(index * 7919).padStart(9, '0')}.${index % 9 === 0 ? 'WAV' : 'mov'}`;
  return makeTransfer({
    jobId: jobIds[index % 3] ?? '',
    mode: index % 3 === 0 ? 'watch' : 'copy',
    state: states[index % states.length] ?? 'queued',
    source: { endpoint: '/from', path },
    destination: { endpoint: '/to', path: index % 50 === 0 ? `Kept Apart/${path}` : path },
    publishedPath: index % 77 === 0 ? `${path} (1)` : null,
    sizeBytes: index % 11 === 0 ? null : (index * 7919) % 1009,
    updatedAt: (index * 104_729) % 5003,
  });
}

const insertions = (rows: readonly Transfer[]): WireChange[] =>
  rows.map((transfer) => ({ kind: 'insert_transfer', transfer, events: [] }));

/** By code points as SQLite compares bytes of UTF-8: names here hold nothing beyond the first plane. */
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

describe('a ledger with more rows than are counted', () => {
  const rows = Array.from({ length: countedMatches + 2500 }, (_, index) => makeRow(index));
  let sql: Statements;
  let writer: LedgerWriter;

  beforeAll(() => {
    const database = new Database(':memory:');
    sql = statementsOf(database);
    migrate(sql, 'memory', 0);
    writer = ledgerWriter(sql);
    writer.applyGroup([insertions(rows)]);
  });
  afterAll(() => sql.database.close());

  const shown = (name: string): string =>
    name
      .replace(/[\udc80-\udcff]/g, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`)
      .normalize('NFC')
      .toLowerCase();

  function expected(query: TransferQuery): Transfer[] {
    const sought = shown(query.search ?? '');
    const kept = rows.filter(
      (row) =>
        (query.jobId === undefined || row.jobId === query.jobId) &&
        (query.mode === undefined || row.mode === query.mode) &&
        (query.states === undefined || query.states.includes(row.state)) &&
        [row.source.path, row.destination.path, row.publishedPath ?? ''].some((name) => shown(name).includes(sought)),
    );
    const key = {
      created: () => 0,
      updated: (row: Transfer) => row.updatedAt,
      size: (row: Transfer) => row.sizeBytes ?? 0,
    };
    const { orderBy = 'created' } = query;
    if (orderBy !== 'name')
      kept.sort((one, other) => key[orderBy](one) - key[orderBy](other) || compare(one.id, other.id));
    if (query.newestFirst === true) kept.reverse();
    const isLast = (row: Transfer) => orderBy === 'size' && row.sizeBytes === null;
    return [...kept.filter((row) => !isLast(row)), ...kept.filter(isLast)];
  }

  function pages(query: TransferQuery): Transfer[] {
    const found: Transfer[] = [];
    for (let cursor: string | null = null; ; ) {
      const page: ReturnType<typeof listTransfers> = listTransfers(sql, cursor === null ? query : { ...query, cursor });
      found.push(...page.rows);
      if (page.nextCursor === null) return found;
      cursor = page.nextCursor;
    }
  }

  const anySearch = fc.oneof(
    fc.constantFrom(
      'mov',
      'wav',
      'kept apart',
      'été',
      '(1)',
      '"',
      '%',
      '\\xff',
      'größe/',
      'nowhere',
      'ζ/',
      'a_b-0',
      'ab',
    ),
    fc
      .tuple(fc.nat({ max: rows.length - 1 }), fc.nat({ max: 20 }), fc.integer({ min: 1, max: 12 }))
      .map(([index, from, length]) => {
        const path = rows[index]?.source.path ?? '';
        return path.slice(Math.min(from, path.length - 1)).slice(0, length);
      }),
  );
  const anyQuery: fc.Arbitrary<TransferQuery> = fc.record(
    {
      search: anySearch,
      jobId: fc.constantFrom(...jobIds),
      mode: fc.constantFrom('copy', 'watch'),
      states: fc.subarray<TransferState>(['completed', 'queued', 'failed', 'paused'], { minLength: 1 }),
      newestFirst: fc.boolean(),
      orderBy: fc.constantFrom('created', 'updated', 'size'),
      withTotal: fc.constant(true),
    },
    { requiredKeys: ['search', 'withTotal'], noNullPrototype: true },
  );

  function agrees(runs: number): void {
    fc.assert(
      fc.property(anyQuery, fc.nat({ max: 60 }), (query, offset) => {
        const all = expected(query);
        const page = listTransfers(sql, { ...query, offset, limit: 40 });
        expect(page.rows).toEqual(all.slice(offset, offset + 40));
        expect(page.total).toBe(Math.min(all.length, countedMatches));
        if (query.orderBy === undefined && all.length < 300) expect(pages({ ...query, limit: 33 })).toEqual(all);
      }),
      { numRuns: runs },
    );
  }

  test('before the index of names is filled', () => {
    expect(searchableUpTo(sql)).toBe(0);
    agrees(15);
  });

  test('while it is being filled, and once it is', () => {
    for (let part = 0; part < 10; part++) writer.tidy();
    expect(searchableUpTo(sql)).toBeGreaterThan(0);
    agrees(15);
    while (writer.tidy()) {
      // Until all is done.
    }
    expect(searchableUpTo(sql)).toBe(rows.length);
    agrees(60);
  });

  test('after names have changed and rows were removed and added', () => {
    const changed = rows[123] as Transfer;
    const renamed: Transfer = { ...changed, publishedPath: 'Brand New Name.txt' };
    const gone = rows[rows.length - 1] as Transfer;
    const ended: Transfer = { ...gone, state: 'cancelled', finishedAt: 5 };
    writer.applyGroup([
      [changed, gone].map((before): WireChange => {
        const expectation = { state: before.state, fence: before.fence };
        return {
          kind: 'update_transfer',
          expect: expectation,
          transfer: before === gone ? ended : renamed,
          events: [],
        };
      }),
    ]);
    expect(listTransfers(sql, { search: 'brand NEW' }).rows).toEqual([renamed]);
    writer.deleteHistory(10, 0);
    rows[123] = renamed;
    rows.pop();
    expect(listTransfers(sql, { search: gone.source.path }).rows).toEqual([]);
    const fresh = makeTransfer({ jobId: jobIds[0] ?? '', source: { endpoint: '/from', path: 'Quite Fresh' } });
    writer.applyGroup([insertions([fresh])]);
    rows.push(fresh);
    expect(listTransfers(sql, { search: 'quite fresh' }).rows).toEqual([fresh]);
    while (writer.tidy()) {
      // Until all is done.
    }
    expect(listTransfers(sql, { search: 'quite fresh' }).rows).toEqual([fresh]);
    agrees(15);
  });

  test('any offset, near the beginning or the end, in any order', () => {
    fc.assert(
      fc.property(
        anyQuery,
        fc.nat({ max: rows.length + 50 }),
        fc.integer({ min: 1, max: 50 }),
        (query, offset, limit) => {
          const { search: _, ...listed } = query;
          const page = listTransfers(sql, { ...listed, offset, limit });
          const all = expected(listed);
          expect(page.rows).toEqual(all.slice(offset, offset + limit));
          expect(page.total).toBe(all.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});
