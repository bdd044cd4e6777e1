// Many flat rows as one compact JSON text: what is the same is said once, what repeats another column points at it.

import { type FlatColumn, type FlatTransfer, flatColumns } from './transfer-row.ts';

type Value = string | number | null;

interface Packed {
  readonly count: number;
  readonly same: Readonly<Record<string, Value>>;
  /** Column → an earlier column with the same value in each row. */
  readonly like: Readonly<Record<string, string>>;
  readonly each: Readonly<Record<string, readonly Value[]>>;
}

export function packRows(rows: readonly FlatTransfer[]): string {
  const same: Record<string, Value> = {};
  const like: Record<string, string> = {};
  const each: Record<string, Value[]> = {};
  const varied: number[] = [];
  flatColumns.forEach((name, at) => {
    const first = rows[0]?.[at] ?? null;
    if (rows.every((row) => row[at] === first)) {
      same[name] = first;
      return;
    }
    const twin = varied.find((other) => rows.every((row) => row[at] === row[other]));
    if (twin === undefined) {
      varied.push(at);
      each[name] = rows.map((row) => row[at] ?? null);
    } else like[name] = flatColumns[twin] ?? '';
  });
  return JSON.stringify({ count: rows.length, same, like, each } satisfies Packed);
}

/** Takes what JSON.parse makes of the text. Columns that a later version added are null in rows that were packed before. */
export function unpackRows(parsed: unknown): FlatTransfer[] {
  const packed = parsed as Packed;
  const columns = flatColumns.map((name) => packed.each[packed.like[name] ?? name]);
  const blank = flatColumns.map((name) => packed.same[name] ?? null);
  return Array.from({ length: packed.count }, (_, index) => {
    const row = blank.slice();
    columns.forEach((values, at) => {
      if (values !== undefined) row[at] = values[index] ?? null;
    });
    return row;
  });
}

/** One column of all rows, without putting the rows together. */
export function unpackColumn(parsed: unknown, name: FlatColumn): readonly Value[] {
  const packed = parsed as Packed;
  const values = packed.each[packed.like[name] ?? name];
  return values ?? Array.from({ length: packed.count }, () => packed.same[name] ?? null);
}
