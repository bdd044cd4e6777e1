// T33: the clock jumps two years ahead, or a day back, under a daemon that waits, watches and keeps tokens.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { createClient } from '../../../src/api/client.ts';
import { endWithUs, killGroup } from '../../support/children.ts';
import type { Daemon } from '../../support/daemon.ts';
import { compareTrees, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { jobAtRest, shown, submitCopy, transfersOf, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, type Stage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const naiveWatch = resolve(import.meta.dirname, '../naive-watch.ts');
const jumps: Readonly<Record<string, string>> = { 'two years ahead': '+730d', 'a day back': '-1d' };

/** A clock that a process started with `env` goes by; only that of the wall jumps. */
function fakeClock(folder: string): { readonly env: NodeJS.ProcessEnv; set(offset: string): void } {
  const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
  if (library === undefined) throw new Error('Clock jumps need libfaketime: apt-get install faketime');
  const file = join(folder, 'clock');
  const set = (offset: string): void => {
    writeFileSync(`${file}.new`, `${offset}\n`);
    renameSync(`${file}.new`, file);
  };
  set('+0d');
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // Times of files stay as they are, as they do when somebody sets the clock.
      NO_FAKE_STAT: '1',
    },
    set,
  };
}

async function jump(name: string, offset: string, options: RowOptions, tally: Tally): Promise<void> {
  await onStage(join(options.scratch, offset), async (stage) => {
    const clock = fakeClock(stage.folder('clock'));
    const full = await stage.faultFs('full');
    const away = await stage.faultFs('away');
    const watched = stage.folder('in');
    const out = stage.folder('out');
    const source = stage.folder('source');
    writeSmallFiles(source, 5, 20_000);
    writeContent(join(source, 'film.mov'), 3, 12_000_000);
    writeSmallFiles(watched, 5, 20_000);
    const config = [
      `roots: [${options.scratch}]`,
      'watches:',
      `  - { source: ${watched}, destination: ${out}, scanSeconds: 0.5, stableSeconds: 2, growthPollSeconds: 0.5, emptySeconds: 1 }`,
      '',
    ].join('\n');
    const start = (): Promise<Daemon> => stage.daemon('daemon', { config, env: clock.env });
    let daemon = await start();
    const arrived = async (label: string): Promise<void> => {
      const all = await until(() => (compareTrees(watched, out).missing.length === 0 ? true : undefined), 40_000);
      if (all === undefined) tally.fault(`${name}, ${label}: what lies in the watched folder does not arrive`);
    };
    await arrived('before');
    const brief = await token(daemon, 1);
    const lasting = await token(daemon, undefined);
    const { cursor } = (await daemon.client.call('getOverview')) as { cursor: string };

    // One transfer waits for room and one for its next try; one file has just begun to be stable.
    full.faults('quota 1000000');
    away.faults('fail create 110 1 0', 'fail open 110 1 0');
    const waiting = await submitCopy(daemon, source, join(full.mount, 'out'));
    const retried = await submitCopy(daemon, source, join(away.mount, 'out'));
    for (const [job, reason] of [
      [waiting, 'space'],
      [retried, 'backoff'],
    ] as const) {
      const told = await shown(daemon, job, (transfer) => transfer.waiting?.reason === reason, 20_000);
      if (told === undefined) tally.fault(`${name}: nothing waits for ${reason}: ${await whatOf(daemon, job)}`);
    }
    writeContent(join(watched, 'at the jump.bin'), 9, 30_000);
    clock.set(offset);
    const jumped = await until(async () => ((await isAwayFrom(daemon, Date.now())) ? true : undefined), 20_000);
    if (jumped === undefined) tally.fault(`${name}: the daemon's clock does not jump`);

    const readable = (secret: string): Promise<boolean> =>
      createClient({ url: daemon.url, token: secret })
        .call('getOverview')
        .then(
          () => true,
          () => false,
        );
    if ((await readable(brief)) !== (offset === '-1d'))
      tally.fault(`${name}: a token of one day is ${offset === '-1d' ? 'refused' : 'still good'}`);
    if (!(await readable(lasting))) tally.fault(`${name}: a token that does not end is refused`);
    await arrived('at the jump');
    for (const job of [waiting, retried])
      if ((await transfersOf(daemon, job)).some(({ state }) => state === 'failed' || state === 'cancelled'))
        tally.fault(`${name}: what waited is given up: ${await whatOf(daemon, job)}`);
    full.faults();
    away.faults();
    const begun = performance.now();
    for (const job of [waiting, retried])
      if ((await jobAtRest(daemon, job, 90_000))?.state !== 'completed')
        tally.fault(`${name}: what waited does not go on: ${await whatOf(daemon, job)}`);
    const wentOnMs = performance.now() - begun;
    tally.compare(source, join(full.mount, 'out'), `${name}, waited for room`);
    tally.compare(source, join(away.mount, 'out'), `${name}, waited for its next try`);

    await inOrder(daemon, cursor, name, tally);
    writeContent(join(watched, 'after the jump.bin'), 10, 30_000);
    await arrived('after the jump');
    // Whatever is kept for days must not make finished files new, in this life or the next.
    await after(3_000);
    const known = (await daemon.client.call('listTransfers', { query: { mode: 'watch', limit: 1000 } })).rows.length;
    await daemon.stop();
    daemon = await start();
    await after(3_000);
    const { rows } = await daemon.client.call('listTransfers', { query: { mode: 'watch', limit: 1000 } });
    if (rows.length > Math.max(known, 7)) tally.fault(`${name}: ${rows.length - known} finished files are moved again`);
    tally.compare(watched, out, `${name}, the watch`);
    options.say(`${name}: what waited went on after ${wentOnMs.toFixed(0)} ms`);
  });
}

/** Whether the daemon's clock is more than half a day away from this one. */
async function isAwayFrom(daemon: Daemon, now: number): Promise<boolean> {
  const { headers } = await fetch(`${daemon.url}/healthz`);
  return Math.abs(Date.parse(headers.get('date') ?? '') - now) > 12 * 3_600_000;
}

async function token(daemon: Daemon, expiresInDays: number | undefined): Promise<string> {
  const body = { name: 'rig', scopes: ['read' as const], ...(expiresInDays === undefined ? {} : { expiresInDays }) };
  return (await daemon.client.call('createToken', { body })).token;
}

/** What came after the jump comes after it in the stream of events and in the list, whatever its time says. */
async function inOrder(daemon: Daemon, since: string, name: string, tally: Tally): Promise<void> {
  const { rows } = await daemon.client.call('listEvents', { query: { since, limit: 1000 } });
  const completed = rows.filter(({ name: event }) => event === 'observation.job.completed').length;
  if (completed !== 2) tally.fault(`${name}: ${completed} of 2 completed jobs are in the events since the jump`);
  const source = daemon.client.call('listJobs', { query: { kind: 'copy', limit: 10 } });
  const ids = (await source).rows.map(({ id }) => id);
  if (ids.join() !== [...ids].sort().reverse().join()) tally.fault(`${name}: jobs are not listed newest first`);
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const all = Object.entries(jumps);
  for (const [name, offset] of options.scale >= 0.5 ? all : all.slice(-1)) await jump(name, offset, options, tally);
  return tally.result(options.scale >= 0.5 ? all.length : 1);
}

/** Thinks that a file is as old as the clock of the wall says. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage: Stage) => {
    const clock = fakeClock(stage.folder('clock'));
    const watched = stage.folder('in');
    const out = stage.folder('out');
    const env = { ...process.env, ...clock.env };
    const words = [naiveWatch, '--stable', '1', watched, out];
    const loop = endWithUs(spawn(process.execPath, words, { env, stdio: 'ignore', detached: true }));
    const ended = once(loop, 'exit');
    clock.set('-1d');
    await after(1_500);
    writeContent(join(watched, 'file'), 1, 1_000);
    await until(() => (compareTrees(watched, out).missing.length === 0 ? true : undefined), 6_000);
    killGroup(loop);
    await ended;
    tally.compare(watched, out, 'the naive watch');
  });
  return tally.result(1);
}

export const clockJumps: Row = {
  id: 'T33',
  title: 'the clock jumps two years ahead, and a day back',
  runs: 2,
  run: torment,
  control,
};
