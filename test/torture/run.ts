// `npm run torture`: runs the rows in full, each with its control, and prints the table. `--rows T1,T6`, `--seed 7`, `--runs 5`, `--scale 0.1`.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { held, type Row, type RowResult } from './row.ts';
import { rows } from './rows.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    scale: { type: 'string', default: '1' },
    folder: { type: 'string', default: tmpdir() },
    verbose: { type: 'boolean', default: false },
  },
});
const wanted = values.rows?.split(',');
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
process.stdout.write(
  '| row | what | runs | lost | corrupt | bytes sent again | control | verdict |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n',
);
for (const row of rows) {
  if (wanted !== undefined && !wanted.includes(row.id)) continue;
  const result = await play(row, 'run');
  const control = await play(row, 'control');
  const good = held(result) && !held(control);
  if (!good) failed += 1;
  process.stdout.write(
    `| ${row.id} | ${row.title} | ${result.runs} | ${result.lost} | ${result.corrupt} | ${result.bytesAgain} | ` +
      `${held(control) ? 'saw nothing' : 'fails, as it must'} | ${good ? 'held' : 'FAILED'} |\n`,
  );
  for (const fault of result.faults.slice(0, mostFaults)) process.stdout.write(`\n${row.id}: ${fault}\n`);
  if (result.faults.length > mostFaults)
    process.stdout.write(`\n${row.id}: and ${result.faults.length - mostFaults} more\n`);
}
process.exitCode = failed === 0 ? 0 : 1;
