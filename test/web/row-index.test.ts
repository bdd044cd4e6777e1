// The row index against a plain list: whatever arrives, goes and is read in whatever order, rows in sight are the daemon's rows.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepNear, missingPages, noRows, placePage, prepend, takeOut } from '../../web/live/row-index.ts';

const pageRows = 5;

const step = fc.oneof(
  fc.record({ kind: fc.constant('read' as const), page: fc.nat(8) }),
  fc.record({ kind: fc.constant('arrive' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('go' as const), row: fc.nat(40) }),
  fc.record({ kind: fc.constant('forget' as const), from: fc.nat(40) }),
);

test('known rows stand where the daemon has them, and no id stands twice', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.array(step, { maxLength: 60 }), (size, steps) => {
      let next = 0;
      const daemon = Array.from({ length: size }, () => `id-${next++}`).reverse();
      let index = placePage(noRows, 0, daemon.slice(0, pageRows), daemon.length);
      for (const each of steps) {
        if (each.kind === 'read') {
          const offset = each.page * pageRows;
          index = placePage(index, offset, daemon.slice(offset, offset + pageRows), daemon.length);
        } else if (each.kind === 'arrive') {
          const fresh = Array.from({ length: each.count }, () => `id-${next++}`).reverse();
          daemon.unshift(...fresh);
          index = prepend(index, fresh);
        } else if (each.kind === 'go') {
          const id = daemon[each.row];
          // A row that the page does not know goes unseen until it is read again; the page then asks anew.
          if (id === undefined || !index.known.has(id)) continue;
          daemon.splice(each.row, 1);
          index = takeOut(index, new Set([id]));
        } else {
          index = keepNear(index, each.from, each.from + pageRows, 12);
        }
        expect(index.ids).toHaveLength(daemon.length);
        for (const [row, id] of index.ids.entries()) if (id !== undefined) expect(id).toBe(daemon[row]);
        expect([...index.known].sort()).toEqual(index.ids.filter((id) => id !== undefined).sort());
      }
      for (const page of missingPages(index, 0, daemon.length - 1, pageRows)) {
        index = placePage(index, page * pageRows, daemon.slice(page * pageRows, (page + 1) * pageRows), daemon.length);
      }
      expect(index.ids).toEqual(daemon);
    }),
    { numRuns: 300 },
  );
});

test('a page that was read after rows had gone unseen puts each row in one place only', () => {
  const before = placePage(noRows, 0, ['e', 'd', 'c', 'b', 'a'], 5);
  const after = placePage(before, 0, ['d', 'b', 'a'], 3);
  expect(after.ids).toEqual(['d', 'b', 'a']);
  expect([...after.known].sort()).toEqual(['a', 'b', 'd']);
});

test('what is far from the rows in sight is forgotten, what is near stays', () => {
  const all = Array.from({ length: 1000 }, (_, at) => `id-${at}`);
  const index = keepNear(placePage(noRows, 0, all, 1000), 500, 520, 100);
  expect(index.known.size).toBeLessThanOrEqual(101);
  expect(index.ids.slice(500, 521)).toEqual(all.slice(500, 521));
  expect(index.ids).toHaveLength(1000);
});
