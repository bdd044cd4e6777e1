// T8: the disk of the ledger runs full, under `wherry copy` and under the daemon. It says so, stays readable, and goes on with the ledger whole.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Daemon } from '../../support/daemon.ts';
import { compareTrees, filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { ours, runCopy } from '../copier.ts';
import { jobAtRest, submitCopy, whatOf } from '../jobs.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { type Disk, onStage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const naiveLedger = resolve(import.meta.dirname, '../naive-ledger.ts');
const files = 3_000;

/** Takes all room but so much, and keeps it taken. */
function fill(mount: string, leaveBytes = 0): () => void {
  const filler = join(mount, 'filler');
  const { bavail, bsize } = statfsSync(mount);
  const room = bavail * bsize - leaveBytes;
  if (room > 0) spawnSync('fallocate', ['-l', String(room), filler]);
  if (leaveBytes === 0) spawnSync('dd', ['if=/dev/zero', `of=${filler}.rest`, 'bs=4k'], { stdio: 'ignore' });
  return () => {
    rmSync(filler, { force: true });
    rmSync(`${filler}.rest`, { force: true });
    // Blocks are free for others only once the removal is on the medium.
    spawnSync('sync', ['-f', mount]);
  };
}

/** SQLite's own check of every ledger below a folder. */
function checkLedgers(folder: string, label: string, tally: Tally): number {
  let checked = 0;
  for (const path of filesBelow(folder).filter((name) => /\.(sqlite|db)$/.test(name) && !/lock/.test(name))) {
    const ledger = new Database(join(folder, path), { readonly: true });
    const verdict = ledger.pragma('integrity_check', { simple: true });
    ledger.close();
    checked += 1;
    if (verdict !== 'ok') tally.corrupt(`${label}: ${path}: ${String(verdict)}`);
  }
  return checked;
}

/** Resolves with how many commands met a full disk. */
async function oneShot(disk: Disk, source: string, options: RowOptions, tally: Tally): Promise<number> {
  const random = randomFrom(options.seed);
  const rounds = Math.max(2, Math.round(8 * options.scale));
  for (let round = 0; round < rounds; round++) {
    const label = `wherry copy, round ${round}`;
    const destination = join(options.scratch, `out-${round}`);
    const state = join(disk.mount, `state-${round}`);
    // From no room for a ledger at all to room for a part of it.
    const free = fill(disk.mount, round === 0 ? 0 : Math.round(random() * 1_500_000));
    const first = await runCopy(ours, source, destination, { state });
    if (first.hung) tally.fault(`${label}: it did not come to an end`);
    if (first.exitCode === 0) tally.compare(source, destination, `${label}, said to be done`);
    else {
      // 7 for the ledger itself, 5 for the journals beside it.
      if (first.exitCode !== 7 && first.exitCode !== 5)
        tally.fault(`${label}: exit ${first.exitCode}: ${first.words.slice(-300)}`);
      if (!/(ledger|journal) .*(room|full|disk|space|ENOSPC)/i.test(first.words))
        tally.fault(`${label}: does not say that its disk is full: ${first.words.slice(-300)}`);
      tally.compare(source, destination, `${label}, given up`, { mayMiss: true });
    }
    free();
    const second = await runCopy(ours, source, destination, { state });
    if (second.exitCode !== 0)
      tally.fault(`${label}, with room again: exit ${second.exitCode}: ${second.words.slice(-300)}`);
    tally.compare(source, destination, `${label}, with room again`);
    if (checkLedgers(state, label, tally) === 0) tally.fault(`${label}: no ledger was found to check`);
    rmSync(state, { recursive: true, force: true });
    options.say(`${label}: exit ${first.exitCode}: ${first.words.trim().split('\n')[0] ?? ''}`);
  }
  return rounds;
}

async function served(disk: Disk, source: string, options: RowOptions, tally: Tally): Promise<void> {
  await onStage(options.scratch, async (stage) => {
    const label = 'the daemon';
    const config = `roots: [${options.scratch}]\nlogs: { folder: ${stage.folder('logs')} }\n`;
    const folder = join('disk', 'daemon');
    let daemon = await stage.daemon(folder, { config });
    const destination = join(options.scratch, 'out-daemon');
    const job = await submitCopy(daemon, source, destination);
    await until(() => (filesBelow(destination).length > 20 ? true : undefined), 30_000, 5);
    const free = fill(disk.mount);
    await after(3_000);
    const told = await until(async () => ((await tells(daemon, job)) ? true : undefined), 20_000);
    if (told === undefined)
      tally.fault(`${label}: nothing tells that the ledger's disk is full: ${await whatOf(daemon, job).catch(String)}`);
    if (daemon.child.exitCode === null) {
      const begun = performance.now();
      for (const call of ['getOverview', 'listTransfers', 'listJobs'] as const)
        await daemon.client.call(call, {}).catch((error) => tally.fault(`${label}: ${call} cannot be read: ${error}`));
      if (performance.now() - begun > 5_000)
        tally.fault(`${label}: reading took ${(performance.now() - begun).toFixed(0)} ms`);
    } else options.say(`${label}: ended with exit ${daemon.child.exitCode}: ${daemon.words().slice(-300)}`);
    tally.compare(source, destination, `${label}, full`, { mayMiss: true });
    free();
    let ended = daemon.child.exitCode === null ? await jobAtRest(daemon, job, 60_000) : undefined;
    if (ended?.state !== 'completed') {
      options.say(
        `${label}: did not go on by itself (${daemon.child.exitCode ?? (await whatOf(daemon, job))}); started again`,
      );
      await daemon.kill();
      daemon = await stage.daemon(folder, { config });
      ended = await jobAtRest(daemon, job, 60_000);
      if (ended?.state === 'partial' || ended?.state === 'failed') {
        await daemon.client.call('retryJob', { params: { id: job } });
        ended = await jobAtRest(daemon, job, 60_000);
        options.say(`${label}: had to be told to try again`);
      }
    }
    if (ended?.state !== 'completed') tally.fault(`${label}: never completed: ${await whatOf(daemon, job)}`);
    tally.compare(source, destination, label);
    await daemon.stop();
    if (checkLedgers(join(disk.mount, 'daemon'), label, tally) === 0)
      tally.fault(`${label}: no ledger was found to check`);
  });
}

/** Whether somebody who looks is told: by the overview, the job or a transfer, by `/readyz`, or by the daemon's last words. */
async function tells(daemon: Daemon, job: string): Promise<boolean> {
  if (daemon.child.exitCode !== null) return /full|room|ledger/i.test(daemon.words());
  const ready = await fetch(`${daemon.url}/readyz`).catch(() => undefined);
  if (ready?.status === 503) return true;
  const overview = await daemon.client.call('getOverview');
  if (overview.attention.some(({ code }) => code === 'ledger' || code === 'space')) return true;
  const { error, waiting } = await daemon.client.call('getJob', { params: { id: job } });
  return error?.code === 'ledger' || error?.code === 'space' || waiting?.reason === 'space';
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  writeSmallFiles(source, Math.max(400, Math.round(files * options.scale)), 20_000);
  for (let film = 0; film < 8; film++) writeContent(join(source, 'films', `${film}.mov`), film, 3_000_000);
  const commands = await onStage(options.scratch, async (stage) => {
    const disk = stage.disk('disk', 'ext4', 64);
    const met = await oneShot(disk, source, options, tally);
    await served(disk, source, options, tally);
    return met;
  });
  return tally.result(commands + 1);
}

async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  const destination = join(options.scratch, 'out');
  writeSmallFiles(source, 400, 2_000);
  await onStage(options.scratch, async (stage) => {
    const { mount } = stage.disk('disk', 'ext4', 64);
    const state = join(mount, 'done.json');
    const run = () => execFileSync(process.execPath, [naiveLedger, state, source, destination], { stdio: 'ignore' });
    const free = fill(mount, 8_192);
    try {
      run();
    } catch {
      // Its disk is full.
    }
    free();
    try {
      run();
    } catch {
      tally.fault('the naive ledger cannot be read any more');
    }
    tally.compare(source, destination, 'the naive ledger');
    if (
      !existsSync(destination) ||
      readdirSync(destination).length === 0 ||
      compareTrees(source, destination).missing.length > 0
    )
      tally.fault('it does not go on');
  });
  return tally.result(1);
}

export const ledgerFull: Row = {
  id: 'T8',
  title: 'the disk of the ledger runs full',
  runs: 1,
  run: torment,
  control,
};
