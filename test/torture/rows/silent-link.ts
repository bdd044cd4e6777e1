// T19: the link to a host swallows everything, both ways or one way only, while files come from it and go to it. It is noticed, told, and gone on with.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { writeContent } from '../../support/trees.ts';
import { anotherLink, farConfig, farScene } from '../far-scene.ts';
import { jobAtRest, shown, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';

const noticedMs = 15_000;
const fullBytes = 300_000_000;
const leastBytes = 40_000_000;
const blockBytes = 8 * 1024 * 1024;
const streams = 4;
/** Logins, answers, what encryption adds. */
const overheadBytes = 3_000_000;
const ways = ['both', 'up', 'down'] as const;

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const first = await farScene(stage);
    const { sshd } = first;
    const bytes = Math.max(leastBytes, Math.round(fullBytes * options.scale));
    const daemon = await stage.daemon('daemon', { config: farConfig(options.scratch, first) });
    const here = stage.folder('here');
    writeContent(join(sshd.files, 'film.mov'), 3, bytes);
    writeContent(join(here, 'film.mov'), 3, bytes);
    const hold = async (isPull: boolean, way: (typeof ways)[number]) => {
      const { link, address } = await anotherLink(stage, first);
      const label = `${isPull ? 'pull' : 'push'}, silent ${way === 'both' ? 'both ways' : `${way} the line`}`;
      const home = stage.folder(`home-${way}`);
      const there = join(sshd.folder, `there-${way}`);
      const ends = isPull
        ? { source: address(), destinations: [home] }
        : { source: here, destinations: [address(there)] };
      const halted = link.haltAfter(bytes / 3);
      const { id } = await daemon.client.call('createJob', { body: { kind: 'sync', ...ends } });
      await halted;
      link.hold(way);
      link.goOn();
      const noticed = await shown(
        daemon,
        id,
        ({ error }) => error !== null && /network|unreachable|timeout/.test(error.code),
        3 * noticedMs,
      );
      if (noticed === undefined || noticed > noticedMs)
        tally.fault(`${label}: noticed after ${Math.round(noticed ?? 3 * noticedMs)} ms: ${await whatOf(daemon, id)}`);
      link.heal();
      const ended = await jobAtRest(daemon, id, 120_000);
      if (ended?.state !== 'completed') tally.fault(`${label}: ${await whatOf(daemon, id)}`);
      tally.compare(isPull ? sshd.files : here, isPull ? home : there, label);
      const again = Math.max(0, (isPull ? link.bytes.down : link.bytes.up) - bytes * 1.01 - overheadBytes);
      tally.again(again);
      if (again > streams * blockBytes) tally.fault(`${label}: ${again} bytes again`);
      options.say(`${label}: noticed after ${((noticed ?? 0) / 1000).toFixed(1)} s, ${again} bytes again`);
    };
    await Promise.all([true, false].flatMap((isPull) => ways.map((way) => hold(isPull, way))));
  });
  return tally.result(2 * ways.length);
}

/** scp, which waits for as long as the kernel does. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const { sshd, link } = await farScene(stage);
    writeContent(join(sshd.files, 'film.mov'), 3, leastBytes);
    const halted = link.haltAfter(leastBytes / 3);
    const from = `${sshd.user}@127.0.0.1:${join(sshd.files, 'film.mov')}`;
    const scp = spawn('scp', ['-q', '-P', String(link.port), ...sshd.clientOptions, from, stage.folder('home')], {
      stdio: 'ignore',
    });
    const ended = once(scp, 'exit');
    await halted;
    link.hold('down');
    link.goOn();
    const isOver = await Promise.race([ended, after(noticedMs + 1_000, 'still waiting')]);
    if (isOver === 'still waiting') tally.fault('scp waits without a word');
    scp.kill('SIGKILL');
    await ended;
  });
  return tally.result(1);
}

export const silentLink: Row = {
  id: 'T19',
  title: 'the link to a host falls silent, both ways or one way only, under a sync',
  runs: 6,
  run: torment,
  control,
};
