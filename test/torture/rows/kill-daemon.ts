// T1 for the daemon: it copies one tree and watches one folder, and is killed with -9 at random moments and started again each time.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Daemon } from '../../support/daemon.ts';
import { filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { jobAtRest, submitCopy, whatOf } from '../jobs.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally } from '../tally.ts';
import { stopAndCount } from '../written-bytes.ts';

const naiveWatch = resolve(import.meta.dirname, '../naive-watch.ts');
const filmBytes = 120_000_000;
const dropBytes = 40_000_000;
/** What a kill may cost: a block a lane for each large file, a pack of small ones for each slot, and what a start writes beside content. */
const mostAgainBytes = 2 * 2 * 8 * 1024 * 1024 + 4 * 64 * 1024 * 1024 + 16 * 1024 * 1024;
const killsARound = 5;

async function torment(options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const tally = createTally();
  const rounds = Math.max(1, Math.round(options.runs / killsARound));
  let kills = 0;
  await onStage(options.scratch, async (stage) => {
    const source = stage.folder('source');
    const dropped = stage.folder('in');
    const watched = stage.folder('out');
    writeSmallFiles(source, 400, 60_000);
    writeContent(join(source, 'film.mov'), 9, filmBytes);
    const config = [
      `roots: [${options.scratch}]`,
      'watches:',
      `  - source: ${dropped}`,
      `    destination: ${watched}`,
      '    scanSeconds: 0.5',
      '    stableSeconds: 0.5',
      '    emptySeconds: 0.5',
      '',
    ].join('\n');
    let daemon = await stage.daemon('daemon', { config });
    // The first round is left alone: it shows how much is written where nothing goes wrong.
    let usualBytes: number | undefined;
    for (let round = 0; round <= rounds; round++) {
      const destination = join(options.scratch, `copy-${round}`);
      const day = join(dropped, `day-${round}`);
      const arriving = join(watched, `day-${round}`);
      writeSmallFiles(day, 40, 60_000);
      writeContent(join(day, 'film.mov'), round, dropBytes);
      const readers = [
        watchForHalfDone(source, destination, filesBelow(source)),
        watchForHalfDone(day, arriving, filesBelow(day)),
      ];
      const job = await submitCopy(daemon, source, destination);
      let written = 0;
      for (let kill = 1; round > 0 && kill <= killsARound; kill++) {
        await after(20 + random() * 1_500);
        written += stopAndCount(daemon.child);
        await daemon.kill();
        kills += 1;
        daemon = await stage.daemon('daemon', { config });
      }
      const label = `round ${round}`;
      const arrived = await until(
        () => (filesBelow(day).every((path) => existsSync(join(arriving, path))) ? true : undefined),
        60_000,
        200,
      );
      if (arrived === undefined) tally.fault(`${label}: the watch does not bring everything after the last kill`);
      const ended = await jobAtRest(daemon, job, 60_000);
      if (ended?.state !== 'completed') tally.fault(`${label}: ${await whatOf(daemon, job)}`);
      await nothingStuck(daemon, label, tally.fault);
      for (const reader of readers)
        for (const path of reader.stop()) tally.corrupt(`${label}: ${path} was seen half done`);
      tally.compare(source, destination, `${label}, the copy`);
      tally.compare(day, arriving, `${label}, the watch`);
      written += stopAndCount(daemon.child);
      process.kill(-(daemon.child.pid ?? 0), 'SIGCONT');
      usualBytes ??= written;
      const again = Math.max(0, written - usualBytes);
      tally.again(again);
      if (again > killsARound * mostAgainBytes) tally.fault(`${label}: ${again} bytes were moved again`);
      options.say(`${label}: ${kills} kills, ${again} bytes moved again`);
      rmSync(destination, { recursive: true });
      // Counted from here on: the next round belongs to a daemon of its own.
      await daemon.kill();
      daemon = await stage.daemon('daemon', { config });
    }
    tally.compare(dropped, watched, 'all that the watch brought');
  });
  return tally.result(kills);
}

/** Nothing may be left that says it goes somewhere. */
async function nothingStuck(daemon: Daemon, label: string, fault: (words: string) => void): Promise<void> {
  const open = ['discovered', 'queued', 'waiting', 'transferring', 'transferred', 'processing', 'failed'] as const;
  const left = await until(async () => {
    const { rows } = await daemon.client.call('listTransfers', { query: { state: [...open], limit: 100 } });
    return rows.length === 0 ? true : undefined;
  }, 20_000);
  if (left !== undefined) return;
  const { rows } = await daemon.client.call('listTransfers', { query: { state: [...open], limit: 3 } });
  fault(`${label}: stuck: ${rows.map(({ source, state }) => `${source.path} is ${state}`).join(', ')}`);
}

/** A careless loop over the same folder, killed while the film is half there, and started again. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const dropped = stage.folder('in');
    const watched = join(stage.tmpfs('memory', '1g'), 'out');
    mkdirSync(watched);
    for (let run = 1; run <= 5; run++) {
      const film = `film-${run}.mov`;
      writeContent(join(dropped, film), run, dropBytes);
      const size = (): number => statSync(join(watched, film), { throwIfNoEntry: false })?.size ?? 0;
      const loop = spawn(process.execPath, [naiveWatch, dropped, watched], { stdio: 'ignore' });
      const ended = once(loop, 'exit');
      await until(() => (size() > 0 ? true : undefined), 20_000, 1);
      loop.kill('SIGKILL');
      await ended;
    }
    tally.compare(dropped, watched, 'the naive loop');
  });
  return tally.result(5);
}

export const killDaemon: Row = {
  id: 'T1-daemon',
  title: 'kill -9 of the daemon at random moments, with a copy and a watch under way',
  runs: 50,
  run: torment,
  control,
};
