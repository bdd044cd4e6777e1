// T16: the source is appended to, cut, replaced or rewritten while it is read. The copy starts again, or says so; never a mixture.

import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { content, sha256Of, writeContent } from '../../support/trees.ts';
import { type Copier, naive, ours, startCopy } from '../copier.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally } from '../tally.ts';

const sizeBytes = 24_000_000;

/** What happens to the file in mid copy. Those that put its old times back can be seen by their ctime alone. */
const changes: Readonly<Record<string, (path: string) => void>> = {
  'appended to': (path) => appendFileSync(path, Buffer.alloc(1_000_000, 7)),
  'cut to a third': (path) => truncateSync(path, sizeBytes / 3),
  'replaced by another file': (path) => {
    writeContent(`${path}.fresh`, 50, sizeBytes);
    renameSync(`${path}.fresh`, path);
  },
  'replaced by another file of the same time': (path) => {
    const { atime, mtime } = statSync(path);
    writeContent(`${path}.fresh`, 51, sizeBytes);
    utimesSync(`${path}.fresh`, atime, mtime);
    renameSync(`${path}.fresh`, path);
  },
  'rewritten in place': (path) => rewrite(path, 52),
  'rewritten in place and given its old time': (path) => {
    const { atime, mtime } = statSync(path);
    rewrite(path, 53);
    utimesSync(path, atime, mtime);
  },
  removed: (path) => rmSync(path),
};

/** In one call: a file that is cut first and filled slowly would be a true version of the source at each moment in between. */
function rewrite(path: string, seed: number): void {
  const fresh = content(seed, sizeBytes);
  const file = openSync(path, 'r+');
  writeSync(file, fresh);
  closeSync(file);
}

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const tally = createTally();
  const kinds = Object.entries(changes);
  const runs = Math.max(1, Math.min(options.runs, Math.round(options.runs * Math.max(options.scale, 0.2))));
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('share');
    for (let run = 0; run < runs; run++) {
      const [what, change] = kinds[run % kinds.length] ?? ['', () => undefined];
      const name = `film-${run}.mov`;
      const folder = stage.folder(`out-${run}`);
      const path = join(fs.backing, 'in', name);
      writeContent(path, run, sizeBytes);
      const versions = new Set([sha256Of(path)]);
      const moment = (0.1 + 0.6 * random()) * sizeBytes;
      fs.faults('slow 8000');
      const copy = startCopy(copier, join(fs.mount, 'in'), folder, { state: join(options.scratch, `state-${run}`) });
      const begun = await until(() => (written(folder) > moment ? true : undefined), 60_000, 5);
      if (begun === undefined) tally.fault(`${what}: it was over before it could be changed`);
      change(path);
      const isThere = existsSync(path);
      if (isThere) versions.add(sha256Of(path));
      fs.faults();
      const { exitCode, words, hung } = await copy.ended;
      const there = existsSync(join(folder, name)) ? sha256Of(join(folder, name)) : undefined;
      if (there !== undefined && !versions.has(there)) tally.corrupt(`${what}: a mixture stands at the destination`);
      if (hung) tally.fault(`${what}: it did not come to an end`);
      if (exitCode === 0 && isThere && there !== sha256Of(path))
        tally.fault(`${what}: exit 0 with what the source was before`);
      if (exitCode === 0 && isThere && there === undefined) tally.lost(`${what}: ${name}`);
      if (exitCode !== 0 && !words.includes(name))
        tally.fault(`${what}: ${name} is not named in: ${words.slice(-300)}`);
      for (const left of readdirSync(folder))
        if (left !== name && exitCode === 0) tally.fault(`${what}: left behind ${left}`);
      rmSync(join(fs.backing, 'in', name), { force: true });
      options.say(`${what}: exit ${exitCode}: ${words.trim().split('\n')[0] ?? ''}`);
    }
  });
  return tally.result(runs);
}

/** How much is at the destination, under whatever name. */
function written(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

export const sourceChanges: Row = {
  id: 'T16',
  title: 'the source is changed, cut, replaced or removed in mid copy',
  runs: 35,
  run: (options) => torment(ours, options),
  control: (options) => torment(naive(), { ...options, runs: 5, scale: 1 }),
};
