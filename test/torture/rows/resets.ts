// T20: every connection to a host is reset after each 20 MB that have gone through.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { writeContent, writeSmallFiles } from '../../support/trees.ts';
import { anotherLink, farConfig, farScene } from '../far-scene.ts';
import { jobAtRest, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage } from '../stage.ts';
import { createTally } from '../tally.ts';

const everyBytes = 20_000_000;
const fullBytes = 600_000_000;
const leastBytes = 50_000_000;
const blockBytes = 8 * 1024 * 1024;
/** A film and a pack. */
const open = 2;
/** Of a login with its probe. */
const overheadBytes = 300_000;

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  let resets = 0;
  await onStage(options.scratch, async (stage) => {
    const first = await farScene(stage);
    const { sshd } = first;
    const bytes = Math.max(leastBytes, Math.round(fullBytes * options.scale));
    const daemon = await stage.daemon('daemon', { config: farConfig(options.scratch, first) });
    const here = stage.folder('here');
    for (const root of [here, sshd.files]) {
      writeContent(join(root, 'film.mov'), 4, bytes);
      writeSmallFiles(join(root, 'small'), Math.max(100, 3_000 * options.scale), 3_000);
    }
    const play = async (isPull: boolean) => {
      const { link, address } = await anotherLink(stage, first);
      const label = isPull ? 'pull' : 'push';
      const home = isPull ? stage.folder('home') : join(sshd.folder, 'there');
      const ends = isPull
        ? { source: address(), destinations: [home] }
        : { source: here, destinations: [address(home)] };
      let own = 0;
      let isOver = false;
      const { id } = await daemon.client.call('createJob', { body: { kind: 'sync', ...ends } });
      const rest = jobAtRest(daemon, id, 240_000).finally(() => {
        isOver = true;
      });
      while (!isOver) {
        await Promise.race([link.cut(everyBytes), rest]);
        if (!isOver) own += 1;
      }
      if ((await rest)?.state !== 'completed') tally.fault(`${label}: ${await whatOf(daemon, id)}`);
      tally.compare(isPull ? sshd.files : here, home, label);
      const usual = bytes * 1.01 + Math.max(100, 3_000 * options.scale) * 4_000 + overheadBytes * (own + 1);
      const again = Math.max(0, (isPull ? link.bytes.down : link.bytes.up) - usual);
      tally.again(again);
      if (again > own * open * blockBytes) tally.fault(`${label}: ${again} bytes again after ${own} resets`);
      if (own < 2) tally.fault(`${label}: only ${own} resets`);
      resets += own;
      options.say(`${label}: ${own} resets, ${Math.round(again)} bytes again`);
    };
    await Promise.all([play(true), play(false)]);
  });
  return tally.result(resets);
}

/** Begins from the start each time: it never gets beyond the first 20 MB. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const { sshd, link } = await farScene(stage);
    writeContent(join(sshd.files, 'film.mov'), 4, leastBytes);
    const home = stage.folder('home');
    const from = `${sshd.user}@127.0.0.1:${join(sshd.files, 'film.mov')}`;
    for (let attempt = 0; attempt < 3; attempt++) {
      const cut = link.cut(everyBytes);
      const scp = spawn('scp', ['-q', '-P', String(link.port), ...sshd.clientOptions, from, home], { stdio: 'ignore' });
      const ended = once(scp, 'exit');
      await Promise.race([cut, ended]);
      await ended;
    }
    const come = statSync(join(home, 'film.mov'), { throwIfNoEntry: false })?.size ?? 0;
    if (come < leastBytes) tally.lost(`scp has brought ${come} bytes of ${leastBytes}`);
  });
  return tally.result(3);
}

export const resets: Row = {
  id: 'T20',
  title: 'connections to a host are reset after every 20 MB',
  runs: 1,
  run: torment,
  control,
};
