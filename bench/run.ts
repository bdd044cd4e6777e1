// `npm run bench`: the races, side by side with the peers. `--race one-file,small`, `--rounds 5`, `--quick`.

import { readdirSync, statSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { oneFile } from './one-file/race.ts';
import { type Race, run, table } from './race.ts';
import { smallFiles, treeRace } from './small-files/race.ts';
import { diskStage, memoryStage, type Stage } from './stage.ts';
import { start } from './start/race.ts';

const { values } = parseArgs({
  options: {
    race: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const files = values.quick ? 2_000 : 20_000;
const wanted = values.race?.split(',');
const gibibyte = 2 ** 30;

function show(race: Race): void {
  process.stdout.write(`${table(race, run(race, rounds))}\n`);
}

function onStage(stage: Stage, act: (stage: Stage) => void): void {
  try {
    act(stage);
  } finally {
    stage.close();
  }
}

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true }).filter((name) =>
    statSync(join(folder, String(name)), { throwIfNoEntry: false })?.isFile(),
  ).length;
}

const races: Record<string, () => void> = {
  start: () => onStage(memoryStage(1 << 20), (stage) => show(start(stage))),
  'one-file': () => {
    const { race, stage } = oneFile(values.quick ? gibibyte : 4 * gibibyte);
    onStage(stage, () => show(race));
  },
  small: () =>
    onStage(memoryStage(2 * gibibyte), (stage) => {
      for (const change of ['first', 'unchanged', 'changed'] as const) show(smallFiles(stage, files, change));
    }),
  'small-disk': () =>
    onStage(diskStage(6 * gibibyte), (stage) => {
      for (const change of ['first', 'unchanged'] as const) show(smallFiles(stage, files, change));
    }),
  'node-modules': () =>
    onStage(memoryStage(2 * gibibyte), (stage) => {
      const source = resolve(import.meta.dirname, '../node_modules');
      show(treeRace(stage, source, countFiles(source), 'first', 'a real node_modules'));
    }),
  'unchanged-100000': () =>
    onStage(memoryStage(8 * gibibyte), (stage) => show(smallFiles(stage, 100_000, 'unchanged'))),
};

const cpu = cpus();
process.stdout.write(
  `${cpu.length} × ${cpu[0]?.model}, ${(totalmem() / gibibyte).toFixed(0)} GiB, Linux ${release()}; ${rounds} rounds in turn after a warm-up\n\n`,
);
for (const [name, act] of Object.entries(races)) {
  if (wanted === undefined || wanted.includes(name)) act();
}
