// T18 and T29 for a sync: four folders come home from a real sshd while the link is cut, sessions are killed, the server goes and the daemon is killed.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Daemon } from '../../support/daemon.ts';
import { type Sshd, startSshd } from '../../support/sshd.ts';
import { linkTo, type TcpLink } from '../../support/tcp-link.ts';
import { filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { jobAtRest, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally } from '../tally.ts';

const folders = ['one', 'two', 'three', 'four'];
const fullFiles = 20_000;
const filmBytes = 64_000_000;
const mostFileBytes = 4_000;
/** What one fault may cost of large files: a block for each stream that one may have. */
const blockBytes = 8 * 1024 * 1024;
const streams = 4;

interface Scene {
  readonly sshd: Sshd;
  readonly link: TcpLink;
  readonly config: string;
  readonly source: string;
}

async function scene(options: RowOptions, atEnd: (task: () => Promise<void>) => void): Promise<Scene> {
  const sshd = await startSshd();
  atEnd(() => sshd.close());
  const link = await linkTo(sshd.port);
  atEnd(() => link.close());
  const each = Math.max(50, Math.round((fullFiles * options.scale) / folders.length));
  for (const folder of folders) writeSmallFiles(join(sshd.files, folder), each, mostFileBytes);
  writeContent(join(sshd.files, 'one', 'film.mov'), 5, filmBytes);
  const host = { user: sshd.user, identityFile: sshd.identityFile, knownHosts: sshd.knownHosts };
  const config = [
    `roots: [${JSON.stringify(options.scratch)}]`,
    'watches: []',
    `ssh: { hosts: { 127.0.0.1: ${JSON.stringify(host)} } }`,
    'retry: { firstSeconds: 0.2, mostSeconds: 1, checkSeconds: 1 }',
    '',
  ].join('\n');
  return { sshd, link, config, source: `ssh://${sshd.user}@127.0.0.1:${link.port}${sshd.files}` };
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  let faults = 0;
  await onStage(options.scratch, async (stage) => {
    const { sshd, link, config, source } = await scene(options, stage.atEnd);
    const home = stage.folder('home');
    let daemon = await stage.daemon('daemon', { config });
    const body = { kind: 'sync' as const, source, destinations: [home], folders, parallel: 4 };
    const { id } = await daemon.client.call('createJob', { body });
    const content = filesBelow(sshd.files).length;
    const blows: readonly (() => Promise<unknown>)[] = [
      () => link.cut(200_000),
      async () => sshd.killSessions(),
      async () => {
        await sshd.kill();
        link.refuse();
        await sshd.start();
        link.heal();
      },
      async () => {
        await daemon.kill();
        daemon = await stage.daemon('daemon', { config });
      },
      () => link.cut(20_000_000),
    ];
    for (const blow of blows) {
      const more = await someMore(daemon, id, link);
      if (!more) break;
      // A cut that waits for bytes waits in vain where all has come; whoever asks a daemon that is killed gets no answer.
      await Promise.race([blow(), jobAtRest(daemon, id, 60_000).catch(() => new Promise(() => undefined))]);
      faults += 1;
      options.say(`after ${faults} faults: ${filesBelow(home).length} of ${content} files are home`);
    }
    const ended = await jobAtRest(daemon, id, 240_000);
    if (ended?.state !== 'completed') tally.fault(`the sync does not end well: ${await whatOf(daemon, id)}`);
    tally.compare(sshd.files, home, 'what came home');
    const { bytesCompleted, completed } = ended?.counts ?? { bytesCompleted: 0, completed: 0 };
    const usual = bytesIn(sshd.files);
    const again = Math.max(0, link.bytes.down - usual * 1.1 - 2_000_000 * faults);
    tally.again(again);
    const most = faults * (streams * blockBytes + mostFileBytes * content);
    if (again > most) tally.fault(`${again} bytes came again, ${most} may after ${faults} faults`);
    if (completed > content || bytesCompleted > usual)
      tally.fault(`${completed} files are told of as come, and there are ${content}`);
    const before = link.bytes.down;
    const second = await daemon.client.call('createJob', { body });
    const rest = await jobAtRest(daemon, second.id, 60_000);
    if (rest?.state !== 'completed' || rest.counts.completed !== 0)
      tally.fault(`a second run brings ${rest?.counts.completed} files again: ${await whatOf(daemon, second.id)}`);
    if (link.bytes.down - before > 1_000_000 + content * 300)
      tally.fault(`a second run moves ${link.bytes.down - before} bytes`);
    options.say(`${faults} faults, ${again} bytes came again`);
  });
  return tally.result(faults);
}

/** Waits until something has come since the last fault; false where the job is at its end. */
async function someMore(daemon: Daemon, id: string, link: TcpLink): Promise<boolean> {
  const before = link.bytes.down;
  const seen = await until(async () => {
    const job = await daemon.client.call('getJob', { params: { id } });
    if (job.finishedAt !== null) return 'ended';
    return link.bytes.down > before + 100_000 ? 'more' : undefined;
  }, 60_000);
  return seen === 'more';
}

function bytesIn(root: string): number {
  const { stdout } = spawnSync('du', ['-sb', root], { encoding: 'utf8' });
  return Number(stdout.split('\t')[0]);
}

/** A copy by scp whose link is cut, taken for done. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const { sshd, link } = await scene({ ...options, scale: 0.02 }, stage.atEnd);
    const home = stage.folder('home');
    const { spawn } = await import('node:child_process');
    const from = folders.map((folder) => `${sshd.user}@127.0.0.1:${join(sshd.files, folder)}`);
    const cut = link.cut(400_000);
    const scp = spawn('scp', ['-q', '-r', '-P', String(link.port), ...sshd.clientOptions, ...from, home], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => scp.once('exit', resolve));
    await Promise.race([cut, ended]);
    await ended;
    tally.compare(sshd.files, home, 'what scp brought');
  });
  return tally.result(1);
}

export const syncHome: Row = {
  id: 'T18-sync',
  title: 'a sync from sshd: link cut, sessions killed, server and daemon killed in the middle',
  runs: 5,
  run: torment,
  control,
};
