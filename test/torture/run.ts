// `npm run torture`: runs the rows in full, each with its control, and prints the table. `--rows T1,T6`, `--seed 7`, `--runs 5`, `--scale 0.1`.
// `--write` puts the lines of rows that ran in full into the README.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { held, type Row, type RowResult } from './row.ts';
import { rows } from './rows.ts';
import { tableHead, tableLine, withTableLines } from './table.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    scale: { type: 'string', default: '1' },
    folder: { type: 'string', default: tmpdir() },
    verbose: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const readme = resolve(import.meta.dirname, '../../README.md');
const isFull = values.runs === undefined && values.scale === '1';
if (values.write && !isFull) throw new Error('Only full runs are published: --write goes without --runs and --scale.');
const wanted = values.rows?.split(',');
for (const id of wanted ?? []) if (!rows.some((row) => row.id === id)) throw new Error(`There is no row ${id}.`);
const say = (line: string): void => {
  if (values.verbose) process.stderr.write(`${line}\n`);
};

async function play(row: Row, part: 'run' | 'control'): Promise<RowResult> {
  const scratch = mkdtempSync(join(values.folder, `wherry-torture-${row.id}-`));
  try {
    const runs = values.runs === undefined ? row.runs : Number(values.runs);
    const scale = Number(values.scale);
    return await row[part]({
      runs: part === 'run' ? runs : Math.min(runs, 5),
      seed: Number(values.seed),
      scratch,
      scale: part === 'run' ? scale : Math.min(scale, 0.02),
      say,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

// What a row has mounted and started is taken down when the process exits.
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => process.exit(exitCode));

const mostFaults = 12;
let failed = 0;
process.stdout.write(`${tableHead}\n`);
for (const row of rows) {
  if (wanted !== undefined && !wanted.includes(row.id)) continue;
  const result = await play(row, 'run');
  const control = await play(row, 'control');
  if (!held(result) || held(control)) failed += 1;
  const line = tableLine(row, result, control, new Date().toISOString().slice(0, 10));
  process.stdout.write(`${line}\n`);
  for (const fault of result.faults.slice(0, mostFaults)) process.stdout.write(`\n${row.id}: ${fault}\n`);
  if (result.faults.length > mostFaults)
    process.stdout.write(`\n${row.id}: and ${result.faults.length - mostFaults} more\n`);
  if (values.write)
    writeFileSync(
      readme,
      withTableLines(
        readFileSync(readme, 'utf8'),
        [line],
        rows.map(({ id }) => id),
      ),
    );
}
process.exitCode = failed === 0 ? 0 : 1;
