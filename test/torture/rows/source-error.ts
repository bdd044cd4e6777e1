// T11: the source cannot be read at one offset of one file. All others arrive; the bad range is named.

import { join } from 'node:path';
import { filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';

const blockBytes = 8 * 1024 * 1024;

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('card');
    const sizeBytes = 30_000_000;
    writeSmallFiles(fs.backing, 12, 60_000);
    for (const name of ['bad.mov', 'good.mov']) writeContent(join(fs.backing, 'films', name), name.length, sizeBytes);
    for (let run = 1; run <= options.runs; run++) {
      // A small file that cannot be read travels in a pack; a large one alone.
      const isSmall = run % 3 === 0;
      const bad = isSmall ? 'part-000/file-3.bin' : 'films/bad.mov';
      const offset = isSmall ? 10 : Math.floor(random() * sizeBytes);
      const destination = join(options.scratch, `out-${run}`);
      const state = join(options.scratch, `state-${run}`);
      fs.faults(`only ${bad.split('/')[1]}`, `fail_at read 5 ${offset}`);
      const first = await runCopy(copier, fs.mount, destination, { state });
      fs.faults();
      if (first.exitCode === 0) tally.fault(`run ${run}: exit 0 although ${bad} cannot be read`);
      if (!first.words.includes(bad)) tally.fault(`run ${run}: ${bad} is not named: ${first.words.slice(-300)}`);
      const named = Array.from(first.words.matchAll(/(?:at|offset|byte|from) (\d+)/g), ([, digits]) => Number(digits));
      if (!isSmall && !named.some((at) => at > offset - blockBytes && at <= offset))
        tally.fault(`run ${run}: the range at ${offset} is not named: ${first.words.slice(-300)}`);
      const there = new Set(filesBelow(destination));
      for (const path of filesBelow(fs.backing))
        if (path !== bad && !there.has(path)) tally.lost(`run ${run}: ${path}`);
      tally.compare(fs.backing, destination, `run ${run}`, { mayMiss: true });
      const second = await runCopy(copier, fs.mount, destination, { state });
      if (second.exitCode !== 0)
        tally.fault(`run ${run}, mended: exit ${second.exitCode}: ${second.words.slice(-300)}`);
      tally.compare(fs.backing, destination, `run ${run}, mended`);
      options.say(`EIO at ${offset} of ${bad}: exit ${first.exitCode}: ${first.words.trim().split('\n')[0] ?? ''}`);
    }
  });
  return tally.result(options.runs);
}

export const sourceError: Row = {
  id: 'T11',
  title: 'the source cannot be read at one offset (EIO)',
  runs: 20,
  run: (options) =>
    torment(ours, { ...options, runs: Math.max(3, Math.min(options.runs, Math.round(50 * options.scale))) }),
  control: (options) => torment(naive(), { ...options, runs: 1 }),
};
