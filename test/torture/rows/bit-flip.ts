// T12: a bit turns over on its way to the destination, or back from it, once or always, in small files and large ones.

import { join } from 'node:path';
import { writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const tally = createTally();
  const source = join(options.scratch, 'source');
  const sizeBytes = 20_000_000;
  writeSmallFiles(source, 6, 60_000);
  writeContent(join(source, 'film.mov'), 3, sizeBytes);
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('disk');
    for (let run = 1; run <= options.runs; run++) {
      const way = run % 3 === 0 ? 'read' : 'write';
      const always = run % 2 === 0;
      const offset = run % 4 === 1 ? Math.floor(random() * 5_000) : Math.floor(random() * sizeBytes);
      const label = `a bit at ${offset} turns over at ${always ? 'every' : 'one'} ${way}`;
      const destination = join(fs.mount, `out-${run}`);
      const state = join(options.scratch, `state-${run}`);
      fs.faults('only out-', `flip_at ${way} ${offset} ${always ? 0 : 1}`);
      const first = await runCopy(copier, source, destination, { state });
      fs.faults();
      // What stands under a final name has to be right, said to be done or not.
      tally.compare(source, join(fs.backing, `out-${run}`), label, { mayMiss: first.exitCode !== 0 });
      if (first.exitCode !== 0) {
        if (first.exitCode !== 11) tally.fault(`${label}: exit ${first.exitCode}: ${first.words.slice(-300)}`);
        if (!first.words.includes('film.mov') && !first.words.includes('file-'))
          tally.fault(`${label}: no file is named in: ${first.words.slice(-300)}`);
        const second = await runCopy(copier, source, destination, { state });
        if (second.exitCode !== 0)
          tally.fault(`${label}, mended: exit ${second.exitCode}: ${second.words.slice(-300)}`);
        tally.compare(source, destination, `${label}, mended`);
      } else if (always && way === 'write') tally.fault(`${label}: exit 0`);
      options.say(`${label}: exit ${first.exitCode}: ${first.words.trim().split('\n')[0] ?? ''}`);
    }
  });
  return tally.result(options.runs);
}

export const bitFlip: Row = {
  id: 'T12',
  title: 'a bit turns over on its way to the destination or back',
  runs: 40,
  run: (options) =>
    torment(ours, { ...options, runs: Math.max(6, Math.min(options.runs, Math.round(100 * options.scale))) }),
  control: (options) => torment(naive(), { ...options, runs: 2 }),
};
