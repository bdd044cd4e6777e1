// The table of the torture rows: what a line says, and that new lines replace only those of their own rows.

import { describe, expect, test } from 'vitest';
import type { Row, RowResult } from './row.ts';
import { rows } from './rows.ts';
import { tableHead, tableLine, withTableLines } from './table.ts';

const well: RowResult = { runs: 7, lost: 0, corrupt: 0, bytesAgain: 2_600_000, faults: [] };
const broken: RowResult = { ...well, lost: 1, bytesAgain: null, faults: ['lost: a', 'left behind: b'] };
const row: Row = { id: 'T9', title: 'close() fails', runs: 7, run: async () => well, control: async () => broken };

describe('a line', () => {
  test('says that the row is held where it lost nothing and its control did', () => {
    expect(tableLine(row, well, broken, '2026-11-21')).toBe(
      '| T9 | close() fails | 7 | 0 | 0 | 3 MB | held | 2026-11-21 |',
    );
  });

  test('says that it failed where it lost something, or where its control saw nothing', () => {
    expect(tableLine(row, broken, broken, '2026-11-21')).toContain('| 1 | 0 | – | FAILED: 2 faults |');
    expect(tableLine(row, well, well, '2026-11-21')).toContain('| FAILED: its control saw nothing |');
  });
});

describe('the table in a text', () => {
  const text = 'Before.\n\n<!-- torture -->\n<!-- end of torture -->\n\nAfter.\n';

  test('takes new lines, keeps those of other rows, and stands in the order of the rows', () => {
    const once = withTableLines(text, ['| T6 | full | 2 |', '| T9 | old | 1 |'], ['T1', 'T6', 'T9']);
    const twice = withTableLines(once, ['| T9 | new | 7 |', '| T1 | kill | 200 |'], ['T1', 'T6', 'T9']);
    expect(twice).toBe(
      `Before.\n\n<!-- torture -->\n\n${tableHead}\n| T1 | kill | 200 |\n| T6 | full | 2 |\n| T9 | new | 7 |\n\n<!-- end of torture -->\n\nAfter.\n`,
    );
  });

  test('has no room in a text without its marks', () => {
    expect(() => withTableLines('No marks.', [], [])).toThrow('no place for the table');
  });
});

test('each row has a name of its own', () => {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
});
