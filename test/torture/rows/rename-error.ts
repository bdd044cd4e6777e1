// T14: the destination cannot link, cannot rename, forbids it, or does it in two steps. It falls back, or says so; never two of one file.

import { cpSync, mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { compareTrees, filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy, startCopy } from '../copier.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';
import { namesPlace } from '../words.ts';

interface Case {
  readonly name: string;
  readonly faults: readonly string[];
  /** Whether it can be done at all while the fault lasts: into an empty folder, and over older files. */
  readonly fresh: boolean;
  readonly over: boolean;
}

const cases: readonly Case[] = [
  { name: 'no hard links', faults: ['no_link'], fresh: true, over: true },
  { name: 'link EXDEV', faults: ['fail link 18 1 0'], fresh: true, over: true },
  { name: 'link EACCES', faults: ['fail link 13 1 0'], fresh: true, over: true },
  { name: 'link EOPNOTSUPP', faults: ['fail link 95 1 0'], fresh: true, over: true },
  { name: 'rename not atomic', faults: ['non_atomic_rename'], fresh: true, over: true },
  { name: 'no hard links, rename not atomic', faults: ['no_link', 'non_atomic_rename'], fresh: true, over: true },
  { name: 'rename EXDEV', faults: ['fail rename 18 1 0'], fresh: true, over: false },
  { name: 'rename EACCES', faults: ['fail rename 13 1 0'], fresh: true, over: false },
  { name: 'link and rename EXDEV', faults: ['fail link 18 1 0', 'fail rename 18 1 0'], fresh: false, over: false },
  { name: 'link and rename EACCES', faults: ['fail link 13 1 0', 'fail rename 13 1 0'], fresh: false, over: false },
];

async function torment(copier: Copier, all: readonly Case[], options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  const older = join(options.scratch, 'older');
  writeSmallFiles(source, 3, 60_000);
  writeContent(join(source, 'film.mov'), 3, 9_000_000);
  for (const [at, path] of filesBelow(source).entries()) {
    writeContent(join(older, path), 100 + at, 5_000);
    utimesSync(join(older, path), 1_600_000_000, 1_600_000_000);
  }
  let runs = 0;
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('share');
    for (const { name, faults, fresh, over } of all) {
      for (const isOver of [false, true]) {
        const label = `${name}, ${isOver ? 'over older files' : 'into an empty folder'}`;
        const folder = `out-${runs}`;
        const destination = join(fs.mount, folder);
        const state = join(options.scratch, `state-${runs}`);
        runs += 1;
        mkdirSync(join(fs.backing, folder));
        if (isOver) cpSync(older, join(fs.backing, folder), { recursive: true, preserveTimestamps: true });
        const reader = isOver ? undefined : watchForHalfDone(source, join(fs.backing, folder), filesBelow(source));
        fs.faults(...faults);
        const first = await runCopy(copier, source, destination, { state, timeoutMs: 90_000 });
        fs.faults();
        for (const path of reader?.stop() ?? []) tally.corrupt(`${label}: ${path} was seen half done`);
        const possible = isOver ? over : fresh;
        if (first.hung) tally.fault(`${label}: it did not come to an end`);
        else if (first.exitCode === 0) tally.compare(source, destination, label);
        else {
          if (possible) tally.fault(`${label}: exit ${first.exitCode}: ${first.words.slice(-300)}`);
          if (!namesPlace(first.words, destination, source))
            tally.fault(`${label}: no file is named in: ${first.words.slice(-300)}`);
          // Each name holds the whole old file, the whole new one, or (in an empty folder) nothing.
          const stillOld = new Set(isOver ? compareTrees(older, destination).different : []);
          for (const path of compareTrees(source, destination).different)
            if (!isOver || stillOld.has(path)) tally.corrupt(`${label}: ${path} is neither old nor new`);
          if (isOver) for (const path of compareTrees(older, destination).missing) tally.lost(`${label}: ${path}`);
        }
        const second = await runCopy(copier, source, destination, { state });
        if (second.exitCode !== 0)
          tally.fault(`${label}, mended: exit ${second.exitCode}: ${second.words.slice(-300)}`);
        tally.compare(source, destination, `${label}, mended`);
        options.say(`${label}: exit ${first.exitCode}: ${first.words.trim().split('\n')[0] ?? ''}`);
      }
    }
    if (options.scale >= 0.5) {
      for (let kill = 1; kill <= 10; kill++) {
        // Killed while a replaced name is away for a second.
        const destination = join(fs.mount, `killed-${kill}`);
        const state = join(options.scratch, `state-killed-${kill}`);
        cpSync(older, join(fs.backing, `killed-${kill}`), { recursive: true, preserveTimestamps: true });
        fs.faults('non_atomic_rename');
        const copy = startCopy(copier, source, destination, { state });
        const whole = filesBelow(older).length;
        for (let left = whole; left === whole && copy.child.exitCode === null; ) {
          await after(5);
          left = filesBelow(join(fs.backing, `killed-${kill}`)).filter((path) => !/(^|\/)\./.test(path)).length;
        }
        copy.kill();
        await copy.ended;
        fs.faults();
        runs += 1;
        const again = await runCopy(copier, source, destination, { state });
        if (again.exitCode !== 0) tally.fault(`killed in a rename: exit ${again.exitCode}: ${again.words.slice(-300)}`);
        tally.compare(source, destination, `killed in a rename, run ${kill}`);
      }
    }
  });
  return tally.result(runs);
}

export const renameError: Row = {
  id: 'T14',
  title: 'rename or link fails (EXDEV, EACCES), or is not atomic',
  runs: 20,
  run: (options) =>
    torment(ours, options.scale >= 0.5 ? cases : cases.filter((_, at) => [0, 4, 7, 9].includes(at)), options),
  control: (options) =>
    torment(naive('--aside'), cases.slice(6, 7), { ...options, scale: Math.min(options.scale, 0.1) }),
};
