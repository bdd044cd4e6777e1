// T9: the nth close() reports an error, as shares do that find out late that they could not keep what they were given.

import { join } from 'node:path';
import { writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';
import { namesPlace } from '../words.ts';

const errors = { EIO: 5, ENOSPC: 28, EDQUOT: 122 } as const;

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  writeSmallFiles(source, 4, 60_000);
  writeContent(join(source, 'film.mov'), 3, 20_000_000);
  let broken = 0;
  let runs = 0;
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('share');
    const all = Object.entries(errors);
    for (let n = 1; n <= Math.ceil(options.runs / all.length); n++) {
      for (const [name, errno] of all) {
        const label = `${name} at close ${n}`;
        const destination = join(fs.mount, `out-${name}-${n}`);
        const state = join(options.scratch, `state-${name}-${n}`);
        runs += 1;
        fs.clearCalls();
        fs.faults('only out-', `fail flush ${errno} ${n} 1`);
        const first = await runCopy(copier, source, destination, { state });
        fs.faults();
        const calls = fs.calls();
        const failed = calls.findIndex(({ operation, errno: seen }) => operation === 'flush' && seen !== 0);
        fs.loseUnsynced();
        if (first.exitCode === 0) tally.compare(source, destination, `${label}, said to be done`);
        if (failed < 0) continue;
        broken += 1;
        const { inode, path } = calls[failed] ?? { inode: '', path: '' };
        const wrote = calls.slice(0, failed).some((call) => call.operation === 'write' && call.inode === inode);
        const wroteAgain = calls.slice(failed).some(({ operation, bytes }) => operation === 'write' && bytes > 0);
        if (first.exitCode === 0 && wrote && !wroteAgain && first.words === '')
          tally.fault(`${label} of ${path}: not a word, and nothing was written again`);
        if (first.exitCode !== 0) {
          if (!namesPlace(first.words, destination, source))
            tally.fault(`${label}: no file is named in: ${first.words.slice(-300)}`);
          tally.compare(source, destination, `${label}, given up`, { mayMiss: true });
          const second = await runCopy(copier, source, destination, { state });
          if (second.exitCode !== 0)
            tally.fault(`${label}, started again: exit ${second.exitCode}: ${second.words.slice(-300)}`);
          fs.loseUnsynced();
          tally.compare(source, destination, `${label}, started again`);
        }
        options.say(`${label}: exit ${first.exitCode}: ${first.words.trim().split('\n')[0] ?? ''}`);
      }
    }
  });
  if (broken === 0) tally.fault('nothing was ever closed with an error');
  return tally.result(runs);
}

export const closeError: Row = {
  id: 'T9',
  title: 'close() reports an error',
  runs: 60,
  run: (options) => torment(ours, { ...options, runs: Math.max(6, Math.round(options.runs * options.scale)) }),
  control: (options) => torment(naive('--careless'), { ...options, runs: 3 }),
};
