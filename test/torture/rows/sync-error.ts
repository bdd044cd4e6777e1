// T5: fsync fails once, at the nth call, and at every call. What it covered is not on the medium, whatever a second fsync says.

import { join } from 'node:path';
import { writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';
import { namesPlace } from '../words.ts';

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  writeSmallFiles(source, 6, 60_000);
  writeContent(join(source, 'film.mov'), 3, 20_000_000);
  const runs = Math.round(options.runs);
  let broken = 0;
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('disk');
    for (let run = 1; run <= runs; run++) {
      // The last run fails every fsync, the others the nth alone.
      const isLast = run === runs;
      const destination = join(fs.mount, `out-${run}`);
      const state = join(options.scratch, `state-${run}`);
      fs.clearCalls();
      fs.faults(isLast ? 'fail fsync 5 1 0' : `fail fsync 5 ${run} 1`);
      const first = await runCopy(copier, source, destination, { state });
      fs.faults();
      const failures = fs.calls().filter(({ operation, errno }) => operation === 'fsync' && errno !== 0).length;
      broken += failures;
      if (first.hung) tally.fault(`fsync ${run}: it did not come to an end`);
      if (isLast && first.exitCode === 0) tally.fault('exit 0 although no fsync had ever succeeded');
      if (first.exitCode === 0) {
        fs.loseUnsynced();
        tally.compare(source, destination, `fsync ${run}, said to be done`);
      } else {
        if (!namesPlace(first.words, destination, source))
          tally.fault(`fsync ${run}: no file is named in: ${first.words.slice(-300)}`);
        tally.compare(source, destination, `fsync ${run}, given up`, { mayMiss: true });
        const second = await runCopy(copier, source, destination, { state });
        if (second.exitCode !== 0)
          tally.fault(
            `fsync ${run}: started again on a good disk: exit ${second.exitCode}: ${second.words.slice(-300)}`,
          );
        fs.loseUnsynced();
        tally.compare(source, destination, `fsync ${run}, started again`);
      }
      options.say(
        `fsync ${run}: ${failures} failed, exit ${first.exitCode} after ${first.ms.toFixed(0)} ms: ${first.words.trim().split('\n')[0] ?? ''}`,
      );
    }
  });
  if (broken === 0) tally.fault('no fsync was ever asked for');
  return tally.result(runs);
}

export const syncError: Row = {
  id: 'T5',
  title: 'fsync fails (EIO), and what it covered is lost',
  runs: 20,
  run: (options) => torment(ours, { ...options, runs: Math.max(2, Math.min(options.runs, 40 * options.scale + 3)) }),
  // Syncs again where it failed, on the same descriptor, and takes the second answer for the truth.
  control: (options) => torment(naive('--sync'), { ...options, runs: 2 }),
};
