// T13: a share hangs in mid copy, as a source or as a destination, for 12 s and for 5 min. Others go on; it is shown; it goes on when it is back.

import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { naive, startCopy } from '../copier.ts';
import { jobAtRest, shown, submitCopy, watchApi, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const filmBytes = 60_000_000;
const smallBytes = 20 * 30_000;
const blockBytes = 8 * 1024 * 1024;

interface Hang {
  readonly side: 'source' | 'destination';
  readonly seconds: number;
}

async function hang({ side, seconds }: Hang, options: RowOptions, tally: Tally): Promise<void> {
  const label = `the ${side} hangs for ${seconds} s`;
  await onStage(join(options.scratch, `${side}-${seconds}`), async (stage) => {
    const card = await stage.faultFs('card');
    const share = await stage.faultFs('share');
    writeSmallFiles(join(card.backing, 'in'), 20, 60_000);
    writeContent(join(card.backing, 'in', 'film.mov'), 3, filmBytes);
    const source = join(card.mount, 'in');
    const destination = join(share.mount, 'out');
    const local = stage.folder('local');
    const elsewhere = stage.folder('elsewhere');
    writeSmallFiles(local, 40, 60_000);
    writeContent(join(local, 'other.mov'), 5, 20_000_000);
    const daemon = await stage.daemon('daemon', { config: `roots: [${options.scratch}]\n` });
    const hanging = side === 'source' ? card : share;
    const reader = watchForHalfDone(
      join(card.backing, 'in'),
      join(share.backing, 'out'),
      filesBelow(join(card.backing, 'in')),
    );
    hanging.faults('slow 4000');
    const job = await submitCopy(daemon, source, destination);
    const moved = (): number =>
      card.calls().reduce((sum, { operation, bytes }) => sum + (operation === 'read' ? bytes : 0), 0);
    await until(() => (moved() > smallBytes + filmBytes / 4 ? true : undefined), 60_000, 20);
    hanging.faults('stall');
    const begun = performance.now();
    const api = watchApi(daemon);
    const other = await submitCopy(daemon, local, elsewhere);
    const toldAt = shown(
      daemon,
      job,
      ({ error, waiting }, { mounts }) =>
        error?.code === 'unreachable' ||
        waiting?.reason === 'network' ||
        mounts.some(({ mountPoint, state }) => mountPoint === hanging.mount && state !== 'well'),
      20_000,
    );
    if ((await jobAtRest(daemon, other, 15_000))?.state !== 'completed')
      tally.fault(`${label}: the other job does not go on: ${await whatOf(daemon, other)}`);
    tally.compare(local, elsewhere, `${label}, the other job`);
    const toldMs = await toldAt;
    if (toldMs === undefined || toldMs > 15_000)
      tally.fault(`${label}: shown after ${toldMs?.toFixed(0) ?? 'more than 20000'} ms: ${await whatOf(daemon, job)}`);
    await after(Math.max(0, seconds * 1000 - (performance.now() - begun)));
    hanging.faults();
    const back = performance.now();
    if ((await jobAtRest(daemon, job, 120_000))?.state !== 'completed')
      tally.fault(`${label}: did not go on when it was back: ${await whatOf(daemon, job)}`);
    const tookMs = performance.now() - back;
    for (const path of reader.stop()) tally.corrupt(`${label}: ${path} was seen half done`);
    tally.compare(join(card.backing, 'in'), join(share.backing, 'out'), label);
    const again = moved() - smallBytes - filmBytes;
    tally.again(again);
    if (again > 4 * blockBytes) tally.fault(`${label}: ${again} bytes were read again`);
    const worstMs = await api.stop();
    if (worstMs > 3_000) tally.fault(`${label}: the API took ${worstMs.toFixed(0)} ms to answer`);
    const { mounts } = await daemon.client.call('getOverview');
    if (mounts.some(({ mountPoint, state }) => mountPoint === hanging.mount && state !== 'well'))
      tally.fault(`${label}: still not well after all is done`);
    if ((await daemon.stop()) !== 0) tally.fault(`${label}: the daemon does not stop in order afterwards`);
    options.say(
      `${label}: shown after ${toldMs?.toFixed(0)} ms, done ${tookMs.toFixed(0)} ms after it was back, API ${worstMs.toFixed(0)} ms`,
    );
  });
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const hangs: Hang[] =
    options.scale >= 0.5
      ? [
          { side: 'destination', seconds: 12 },
          { side: 'source', seconds: 12 },
          { side: 'destination', seconds: 300 },
          { side: 'source', seconds: 300 },
        ]
      : [{ side: options.seed % 2 === 0 ? 'source' : 'destination', seconds: 12 }];
  for (const one of hangs) await hang(one, options, tally);
  return tally.result(hangs.length);
}

/** One program for all: what stands behind the share has to wait with it. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const share = await stage.faultFs('share');
    const source = stage.folder('source');
    writeContent(join(source, 'film.mov'), 3, 20_000_000);
    share.faults('stall');
    const copy = startCopy(naive(), source, join(share.mount, 'out'), { state: stage.folder('state') });
    const ended = await Promise.race([copy.ended, after(12_000)]);
    if (ended === undefined) tally.fault('the naive copier hangs with the share, and says nothing');
    share.faults();
    await copy.ended;
  });
  return tally.result(1);
}

export const hungShare: Row = {
  id: 'T13',
  title: 'a share hangs for 12 s and for 5 min',
  runs: 4,
  run: torment,
  control,
};
