// The short forms of the torture rows: the same faults, fewer and smaller, each with its control that must fail.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { held } from '../torture/row.ts';
import { shortRows } from '../torture/rows.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'wherry-row-'));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe.each(shortRows.map((row) => ({ name: `${row.id} ${row.title}`, row })))('$name', ({ row }) => {
  const options = () => ({ runs: 6, seed: 5, scratch, scale: 0.04, say: () => undefined });

  test('holds', { timeout: 300_000 }, async () => {
    const result = await row.run(options());
    expect(result.faults).toEqual([]);
    expect({ lost: result.lost, corrupt: result.corrupt }).toEqual({ lost: 0, corrupt: 0 });
  });

  test('its control fails', { timeout: 300_000 }, async () => {
    expect(held(await row.control(options()))).toBe(false);
  });
});
