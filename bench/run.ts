// `npm run bench`: the races, side by side with the peers. `--race one-file,small`, `--rounds 5`, `--quick`, `--scale 0.5` (sizes of what is offloaded), `--write` into the documents.

import { lstatSync, readdirSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { keepFigures, type RaceFigures } from './figures.ts';
import { memory } from './memory/race.ts';
import { offload } from './offload/race.ts';
import { oneFile } from './one-file/race.ts';
import { dispatch } from './queue/dispatch.ts';
import { queue } from './queue/race.ts';
import { type Race, run, type Sheet, sheetOf, sheetText } from './race.ts';
import { relay } from './relay/race.ts';
import { direct } from './rooms/direct.ts';
import { smallFiles, treeRace } from './small-files/race.ts';
import { sshAgain } from './ssh/again.ts';
import { type FarHost, farHost, farLine, loopback } from './ssh/far-host.ts';
import { sshChanged, sshDelta, sshFolders, sshLarge, sshSmall, sshUnchanged } from './ssh/race.ts';
import { diskStage, memoryStage, type Stage } from './stage.ts';
import { start } from './start/race.ts';
import { threeDestinations } from './three-destinations/race.ts';

const { values } = parseArgs({
  options: {
    race: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    scale: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const files = values.quick ? 2_000 : 20_000;
const manyFiles = values.quick ? 10_000 : 100_000;
const gibibyte = 2 ** 30;

const measured = (race: Race): Sheet => sheetOf(race, run(race, rounds));

function onStage(stage: Stage, races: (stage: Stage) => Sheet[]): Sheet[] {
  try {
    return races(stage);
  } finally {
    stage.close();
  }
}

/** Each race over loopback and over a line with a delay. */
async function onFarHosts(
  stage: Stage,
  race: (stage: Stage, far: FarHost) => Race,
  lines = [loopback, farLine],
): Promise<Sheet[]> {
  const sheets: Sheet[] = [];
  try {
    for (const line of lines) {
      const far = await farHost(line);
      try {
        sheets.push(measured(race(stage, far)));
      } finally {
        await far.close();
      }
    }
    return sheets;
  } finally {
    stage.close();
  }
}

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true }).filter((name) => !lstatSync(join(folder, String(name))).isDirectory())
    .length;
}

const races: Readonly<Record<string, () => readonly Sheet[] | Promise<readonly Sheet[]>>> = {
  start: () => onStage(memoryStage(1 << 20), (stage) => [measured(start(stage))]),
  'one-file': () => {
    const { race, stage } = oneFile(values.quick ? gibibyte : 4 * gibibyte);
    return onStage(stage, () => [measured(race)]);
  },
  'three-destinations': () => {
    const bytes = values.quick ? gibibyte / 2 : gibibyte;
    return onStage(memoryStage(4 * bytes), (stage) => [measured(threeDestinations(stage, bytes))]);
  },
  small: () =>
    onStage(memoryStage(2 * gibibyte), (stage) =>
      (['first', 'unchanged', 'changed'] as const).map((change) => measured(smallFiles(stage, files, change))),
    ),
  'small-disk': () =>
    onStage(diskStage(6 * gibibyte), (stage) =>
      (['first', 'unchanged'] as const).map((change) => measured(smallFiles(stage, files, change))),
    ),
  'node-modules': () =>
    onStage(memoryStage(2 * gibibyte), (stage) => {
      const source = resolve(import.meta.dirname, '../node_modules');
      return [measured(treeRace(stage, source, countFiles(source), 'first', 'a real node_modules with its symlinks'))];
    }),
  'unchanged-100000': () =>
    onStage(memoryStage(8 * gibibyte), (stage) => [measured(smallFiles(stage, manyFiles, 'unchanged'))]),
  'ssh-small': () =>
    onFarHosts(memoryStage(gibibyte), (stage, far) => sshSmall(stage, far, values.quick ? 1_000 : 5_000)),
  'ssh-large': () =>
    onFarHosts(memoryStage(4 * gibibyte), (stage, far) => sshLarge(stage, far, (values.quick ? 0.25 : 2) * gibibyte)),
  'ssh-delta': () =>
    onFarHosts(memoryStage(2 * gibibyte), (stage, far) => sshDelta(stage, far, (values.quick ? 64 : 256) * 2 ** 20)),
  'ssh-unchanged': () => onFarHosts(memoryStage(6 * gibibyte), (stage, far) => sshUnchanged(stage, far, manyFiles)),
  'ssh-changed': () => onFarHosts(memoryStage(6 * gibibyte), (stage, far) => sshChanged(stage, far, manyFiles)),
  'ssh-folders': () =>
    onFarHosts(memoryStage(gibibyte), (stage, far) => sshFolders(stage, far, values.quick ? 600 : 3_000), [farLine]),
  'ssh-again': async () => {
    const far = await farHost(loopback);
    const stage = memoryStage(gibibyte);
    try {
      return [await sshAgain(stage, far, values.quick ? 1_000 : 5_000)];
    } finally {
      stage.close();
      await far.close();
    }
  },
  dispatch: async () => [await dispatch(files)],
  queue: async () => [await queue(manyFiles)],
  offload: async () => [await offload(values.quick ? 4 : 10, Number(values.scale), Math.min(rounds, 3))],
  relay: async () => [await relay(values.quick ? gibibyte / 8 : gibibyte, rounds)],
  memory: async () => [await memory()],
  'rooms-direct': () => direct(Math.min(rounds, 3), (values.quick ? 32 : 128) * 1_048_576),
};

const wanted = values.race?.split(',') ?? Object.keys(races);
for (const name of wanted) {
  if (races[name] === undefined)
    throw new Error(`no race is named ${name}; there are ${Object.keys(races).join(', ')}`);
}
const machine = `${cpus().length} × ${cpus()[0]?.model}, ${(totalmem() / gibibyte).toFixed(0)} GiB, Linux ${release()}`;
process.stdout.write(`${machine}; ${rounds} rounds in turn after a warm-up\n\n`);
const seen: Record<string, RaceFigures> = {};
// After each race: a run that is broken off has not been for nothing.
for (const name of wanted) {
  const sheets = (await races[name]?.()) ?? [];
  seen[name] = { day: new Date().toISOString().slice(0, 10), machine, rounds: hasRounds(sheets) ? rounds : 0, sheets };
  for (const sheet of sheets) process.stdout.write(`${sheetText(sheet)}\n`);
  if (values.write) keepFigures(seen, Object.keys(races));
}
const goals = Object.values(seen).flatMap(({ sheets }) => sheets.flatMap((sheet) => sheet.goals));
process.stdout.write(`${goals.filter(({ met }) => met).length} of ${goals.length} goals met\n`);

function hasRounds(sheets: readonly Sheet[]): boolean {
  return sheets.some(({ cells }) => cells !== undefined);
}
