// T10: the destination turns read-only in mid copy. Shown within 5 s; other jobs go on; it goes on by itself when it can be written to again.

import { join } from 'node:path';
import { filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { naive, startCopy } from '../copier.ts';
import { jobAtRest, shown, submitCopy, whatOf } from '../jobs.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally } from '../tally.ts';

const filmBytes = 40_000_000;

function makeSource(source: string): void {
  writeSmallFiles(source, 20, 60_000);
  writeContent(join(source, 'film.mov'), 3, filmBytes);
}

async function torment(options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const tally = createTally();
  const source = join(options.scratch, 'source');
  makeSource(source);
  const runs = Math.max(1, Math.round(options.runs * options.scale));
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('disk');
    // Shorter forms wait less for the next look at the place.
    const retry = options.scale < 0.5 ? 'retry: { checkSeconds: 3 }\n' : '';
    const daemon = await stage.daemon('daemon', { config: `roots: [${options.scratch}]\n${retry}` });
    for (let run = 1; run <= runs; run++) {
      const destination = join(fs.mount, `out-${run}`);
      const elsewhere = stage.folder(`elsewhere-${run}`);
      const reader = watchForHalfDone(source, destination, filesBelow(source));
      fs.clearCalls();
      fs.faults('slow 5000');
      const job = await submitCopy(daemon, source, destination);
      const moment = random() * filmBytes * 0.8;
      await until(() => (writtenTo(fs.calls()) > moment ? true : undefined), 60_000, 20);
      fs.faults('read_only');
      const toldMs = await shown(
        daemon,
        job,
        ({ error, state }, { attention }) =>
          (error?.code === 'read_only' && state === 'waiting') || attention.some(({ code }) => code === 'read_only'),
        20_000,
      );
      if (toldMs === undefined || toldMs > 5_000)
        tally.fault(
          `run ${run}: shown after ${toldMs?.toFixed(0) ?? 'more than 20000'} ms: ${await whatOf(daemon, job)}`,
        );
      const other = await submitCopy(daemon, source, elsewhere);
      if ((await jobAtRest(daemon, other, 20_000))?.state !== 'completed')
        tally.fault(`run ${run}: the other job does not go on: ${await whatOf(daemon, other)}`);
      fs.faults();
      const begun = performance.now();
      if ((await jobAtRest(daemon, job, 90_000))?.state !== 'completed')
        tally.fault(`run ${run}: did not go on by itself: ${await whatOf(daemon, job)}`);
      tally.compare(source, destination, `run ${run}`);
      for (const path of reader.stop()) tally.corrupt(`run ${run}: ${path} was seen half done`);
      tally.again(writtenTo(fs.calls()) - filmBytes - 600_000);
      options.say(
        `shown after ${toldMs?.toFixed(0)} ms, done ${(performance.now() - begun).toFixed(0)} ms after it was writable`,
      );
    }
  });
  return tally.result(runs);
}

async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  makeSource(source);
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('disk');
    fs.faults('slow 5000');
    const copy = startCopy(naive(), source, join(fs.mount, 'out'), { state: join(options.scratch, 'state') });
    await until(() => (writtenTo(fs.calls()) > filmBytes / 3 ? true : undefined), 60_000, 20);
    fs.faults('read_only');
    await copy.ended;
    fs.faults();
    tally.compare(source, join(fs.mount, 'out'), 'the naive copier');
  });
  return tally.result(1);
}

function writtenTo(calls: readonly { operation: string; errno: number; bytes: number }[]): number {
  return calls.reduce(
    (sum, { operation, errno, bytes }) => sum + (operation === 'write' && errno === 0 ? bytes : 0),
    0,
  );
}

export const readOnly: Row = {
  id: 'T10',
  title: 'the destination turns read-only in mid copy',
  runs: 5,
  run: torment,
  control,
};
