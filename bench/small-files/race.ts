// Many small files, verified by reading back, in memory and on disk; a first copy, nothing changed, a hundredth changed.

import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender, Race } from '../race.ts';
import { empty, makeTree, need, type Stage, sameTree, stateOf, wherry } from '../stage.ts';

export type Change = 'first' | 'unchanged' | 'changed';

const titles: Record<Change, string> = { first: 'first copy', unchanged: 'nothing changed', changed: '1 % changed' };

/** `tree` is copied into the stage first, so that all contenders read the same place. */
export function smallFiles(stage: Stage, files: number, change: Change): Race {
  need('rclone', 'rclone');
  need('rsync', 'rsync');
  const source = join(stage.folder, `source-${files}`);
  mkdirSync(source, { recursive: true });
  if (readdirSync(source).length === 0) makeTree(source, files, Math.max(1, Math.round(files / 100)));
  const floor = change === 'first' ? makeFloor() : undefined;
  return treeRace(stage, source, files, change, `${files.toLocaleString('en')} files of 4–64 KiB`, floor);
}

/** The program of floor.c, which shows what this machine allows at best; undefined where there is no C compiler. */
function makeFloor(): string | undefined {
  const program = join(tmpdir(), `wherry-bench-floor-${process.pid}`);
  const made = spawnSync('gcc', ['-O2', '-pthread', '-o', program, join(import.meta.dirname, 'floor.c')]);
  if (made.error !== undefined) return undefined;
  if (made.status !== 0) throw new Error(`floor.c: ${made.stderr}`);
  process.once('exit', () => rmSync(program, { force: true }));
  return program;
}

export function treeRace(
  stage: Stage,
  source: string,
  files: number,
  change: Change,
  what: string,
  floor?: string,
): Race {
  const state = stateOf(stage);
  let round = 0;
  const contender = (name: string, ...command: (string | ((target: string) => string))[]): Contender => {
    const target = join(stage.folder, `target-${name.replace(/\W+/g, '-')}`);
    const own = `${state.XDG_STATE_HOME}-${name.replace(/\W+/g, '-')}`;
    let ready = false;
    return {
      name,
      command: command.map((part) => (typeof part === 'string' ? part : part(target))),
      env: { XDG_STATE_HOME: own },
      prepare: () => {
        if (change === 'first') {
          empty(target);
          empty(own);
          return;
        }
        if (!ready) {
          ready = true;
          return;
        }
        if (change === 'changed' && name.startsWith('wherry')) touchSome(source, files, round++);
      },
      check: () => sameTree(source, target),
    };
  };
  return {
    name: `small-files-${change}`,
    title: `${what}, ${titles[change]}, ${stage.name}`,
    files,
    contenders: [
      contender('wherry copy (verified)', wherry, 'copy', '--quiet', '--links', source, (target) => target),
      contender('cp -a', 'cp', '-aT', ...(change === 'first' ? [] : ['-u']), source, (target) => target),
      contender('rsync -a', 'rsync', '-a', `${source}/`, (target) => `${target}/`),
      contender(
        'rclone copy',
        'rclone',
        'copy',
        '--config',
        '/dev/null',
        '--links',
        '--create-empty-src-dirs',
        '--transfers',
        '4',
        source,
        (target) => target,
      ),
      ...(floor === undefined
        ? []
        : [contender('floor (the same calls in C, two threads)', floor, source, (target) => target)]),
    ],
    goals:
      change === 'first'
        ? [
            { against: 'rsync -a', atMost: 0.55 },
            { against: 'cp -a', atMost: 1 },
            { against: 'rclone copy', atMost: 0.35 },
          ]
        : [files < 100_000 ? { against: 'rsync -a', atMostSecondsMore: 0.25 } : { against: 'rsync -a', atMost: 1 }],
  };
}

/** Changes the same hundredth for every contender of a round: the first of them changes it, the others follow. */
function touchSome(source: string, files: number, round: number): void {
  const folders = readdirSync(source).sort();
  const wanted = Math.max(1, Math.round(files / 100));
  for (let at = 0; at < wanted; at++) {
    const folder = folders[(at * 7 + round) % folders.length];
    if (folder === undefined) continue;
    const names = readdirSync(join(source, folder)).sort();
    const name = names[(at * 13 + round * 5) % names.length];
    if (name !== undefined) appendFileSync(join(source, folder, name), `change ${round}`);
  }
}
