// T18 and T29 for a sync: four folders come home from a real sshd and into PostgreSQL while the link is cut, sessions are killed, the server goes and the daemon is killed; then they are cleaned away at the source.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Daemon } from '../../support/daemon.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import type { Sshd } from '../../support/sshd.ts';
import type { TcpLink } from '../../support/tcp-link.ts';
import { filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { farConfig, farScene } from '../far-scene.ts';
import { jobAtRest, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, type Stage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const folders = ['one', 'two', 'three', 'four'];
const fullFiles = 20_000;
const fullFilmBytes = 150_000_000;
const leastFilmBytes = 24_000_000;
const mostFileBytes = 4_000;
/** What one fault may cost: a block for each stream that is open. */
const blockBytes = 8 * 1024 * 1024;
const streams = 4;
/** How long the link stays away when it is cut, in seconds. */
const outages = [1, 30, 600];
const ageHours = 24;

interface Scene {
  readonly sshd: Sshd;
  readonly link: TcpLink;
  readonly database: Postgres;
  readonly config: string;
  readonly source: string;
  /** The same tree once more: what the source held before it was cleaned. */
  readonly kept: string;
}

function writeTree(root: string, scale: number): void {
  const each = Math.max(50, Math.round((fullFiles * scale) / folders.length));
  for (const folder of folders) writeSmallFiles(join(root, folder), each, mostFileBytes);
  const filmBytes = Math.max(leastFilmBytes, Math.round(fullFilmBytes * scale));
  for (const folder of ['one', 'three']) writeContent(join(root, folder, 'film.mov'), folder.length, filmBytes);
  const days = Math.floor(Date.now() / 1000) - 3 * 86_400;
  for (const path of filesBelow(root)) if (isOld(path)) utimesSync(join(root, path), days, days);
}

/** Every second file, and the films. */
function isOld(path: string): boolean {
  return !/[13579]\.bin$/.test(path);
}

const preserved = '**/file-8*';
const mayGo = (path: string) => isOld(path) && !/\/file-8/.test(path) && !path.endsWith('.unsynced');

async function scene(options: RowOptions, stage: Stage): Promise<Scene> {
  const far = await farScene(stage);
  const { sshd, link } = far;
  const database = await startPostgres();
  stage.atEnd(() => database.close());
  const kept = stage.folder('kept');
  for (const root of [sshd.files, kept]) writeTree(root, options.scale);
  const config = farConfig(options.scratch, far, [
    `sinks: [{ name: db, kind: postgres, url: ${JSON.stringify(database.url)} }]`,
  ]);
  return { sshd, link, database, config, kept, source: far.address() };
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  let faults = 0;
  await onStage(options.scratch, async (stage) => {
    const { sshd, link, database, config, kept, source } = await scene(options, stage);
    let daemon = await stage.daemon('daemon', { config });
    const bodyTo = (home: string) => ({ kind: 'sync' as const, source, destinations: [home], folders, parallel: 4 });
    const content = filesBelow(kept);

    // Undisturbed, so that what the way costs is known.
    const calm = await daemon.client.call('createJob', { body: bodyTo(stage.folder('calm')) });
    if ((await jobAtRest(daemon, calm.id, 240_000))?.state !== 'completed')
      tally.fault(`an undisturbed sync does not end well: ${await whatOf(daemon, calm.id)}`);
    const usual = link.bytes.down;
    // What cleanup must leave alone although it is old: no run has brought it home.
    writeContent(join(sshd.files, 'two', 'old.unsynced'), 3, 1_000);
    utimesSync(join(sshd.files, 'two', 'old.unsynced'), 1_000_000_000, 1_000_000_000);

    const home = stage.folder('home');
    const body = { ...bodyTo(home), exclude: ['*.unsynced'] };
    const away = async (seconds: number) => {
      link.refuse();
      await after(options.scale === 1 ? seconds * 1000 : 300);
      link.heal();
    };
    const cut = (seconds: number) => async () => {
      await link.cut();
      await away(seconds);
    };
    const blows: readonly (readonly [string, () => Promise<unknown>])[] = [
      [`the link is cut for ${outages[0]} s`, cut(outages[0] ?? 0)],
      ['all sessions are killed', async () => sshd.killSessions()],
      [`the link is cut for ${outages[1]} s`, cut(outages[1] ?? 0)],
      [
        'the server is killed and started, the database killed',
        async () => {
          await Promise.all([sshd.kill(), database.kill()]);
          await away(2);
          await sshd.start();
        },
      ],
      [
        'the daemon is killed',
        async () => {
          await daemon.kill();
          daemon = await stage.daemon('daemon', { config });
        },
      ],
      [`the link is cut for ${outages[2]} s`, cut(outages[2] ?? 0)],
    ];
    const before = link.bytes.down;
    // Each while the same part of the usual bytes is on its way, however fast they come.
    const halts = (usual * 0.97) / (blows.length + 1);
    let halted = link.haltAfter(halts);
    const { id } = await daemon.client.call('createJob', { body });
    for (const [what, blow] of blows) {
      const ended = jobAtRest(daemon, id, 120_000).catch(() => undefined);
      if ((await Promise.race([halted.then(() => 'halted'), ended])) !== 'halted') break;
      const come = filesBelow(home).filter((path) => !path.endsWith('.partial')).length;
      const done = blow();
      link.goOn();
      halted = link.haltAfter(halts);
      await done;
      faults += 1;
      options.say(`${what}, with ${come} of ${content.length} files home`);
    }
    void link.haltAfter(Number.POSITIVE_INFINITY);
    link.goOn();
    if (faults < blows.length) tally.fault(`all was home after ${faults} of ${blows.length} faults`);
    const ended = await jobAtRest(daemon, id, 300_000);
    if (ended?.state !== 'completed') tally.fault(`the sync does not end well: ${await whatOf(daemon, id)}`);
    tally.compare(kept, home, 'what came home');
    const again = Math.max(0, link.bytes.down - before - usual);
    tally.again(again);
    const most = faults * streams * blockBytes;
    if (again > most) tally.fault(`${again} bytes came again, ${most} may after ${faults} faults`);
    // What a kill has taken from the counts is found again, and then counts as found unchanged.
    const { counts } = ended ?? {};
    const bytes = (counts?.bytesCompleted ?? 0) + (counts?.bytesSkipped ?? 0);
    if ((counts?.completed ?? 0) > content.length || bytes !== bytesIn(kept))
      tally.fault(`${counts?.completed} files, ${bytes} bytes are told of as come, of ${bytesIn(kept)}`);

    const beforeSecond = link.bytes.down;
    const cleanup = { ageHours, preservePatterns: [preserved] };
    const second = await daemon.client.call('createJob', { body: { ...body, cleanup } });
    const rest = await jobAtRest(daemon, second.id, 120_000);
    if (rest?.state !== 'completed' || rest.counts.completed !== 0)
      tally.fault(`a second run brings ${rest?.counts.completed} files again: ${await whatOf(daemon, second.id)}`);
    const listing = link.bytes.down - beforeSecond;
    // With the look of cleanup, and that before each delete.
    if (listing > 1_000_000 + content.length * 500) tally.fault(`a second run moves ${listing} bytes`);
    judgeCleanup(tally, content, filesBelow(sshd.files));
    tally.compare(kept, home, 'what is home after the cleanup');

    await database.start();
    await judgeTable(tally, { daemon, database, home, content });
    options.say(`${faults} faults, ${again} bytes came again; the second run moved ${listing}`);
  });
  return tally.result(faults);
}

/** Exactly what is old, was not to be preserved and has come home is gone at the source. */
function judgeCleanup(tally: Tally, content: readonly string[], left: readonly string[]): void {
  const there = new Set(left);
  for (const path of content) {
    if (mayGo(path) && there.has(path)) tally.fault(`cleanup left ${path}`);
    if (!mayGo(path) && !there.has(path)) tally.lost(`cleanup took ${path}`);
  }
  if (!there.has('two/old.unsynced')) tally.lost('cleanup took what had never come home');
}

/** Each file that came home stands in the table once, and has come there by one event. */
async function judgeTable(
  tally: Tally,
  { daemon, database, home, content }: { daemon: Daemon; database: Postgres; home: string; content: readonly string[] },
): Promise<void> {
  const caughtUp = await until(async () => {
    const { rows } = await daemon.client.call('listSinks');
    const [sink] = rows;
    if (sink?.state === 'failing') await daemon.client.call('retrySink', { params: { id: sink.id } });
    return sink?.state === 'up-to-date' ? true : undefined;
  }, 120_000);
  if (caughtUp === undefined) tally.fault('the database does not catch up');
  const below = `${home}/`;
  for (const [what, query] of [
    ['files', 'SELECT path FROM wherry.file WHERE deleted_at IS NULL AND starts_with(path, $1)'],
    [
      'arrivals',
      `SELECT file_path AS path FROM wherry.event WHERE event_type = 'file_synced' AND starts_with(file_path, $1)`,
    ],
  ] as const) {
    const rows = await database.query<{ path: string }>(query, [below]);
    const told = rows.map(({ path }) => path.slice(below.length)).sort();
    const isSame = told.length === content.length && content.every((path, at) => told[at] === path);
    if (!isSame) tally.fault(`the table holds ${told.length} ${what}, ${new Set(told).size} of them different`);
  }
}

function bytesIn(root: string): number {
  return filesBelow(root).reduce((sum, path) => sum + statSync(join(root, path)).size, 0);
}

/** A copy by scp whose link is cut, taken for done; what was not looked at is then cleaned by its age alone. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const { sshd, link } = await farScene(stage);
    const kept = stage.folder('kept');
    for (const root of [sshd.files, kept]) writeTree(root, Math.min(options.scale, 0.02));
    const home = stage.folder('home');
    const from = folders.map((folder) => `${sshd.user}@127.0.0.1:${join(sshd.files, folder)}`);
    const cut = link.cut(4_000_000);
    const scp = spawn('scp', ['-q', '-r', '-P', String(link.port), ...sshd.clientOptions, ...from, home], {
      stdio: 'ignore',
    });
    const ended = once(scp, 'exit');
    await Promise.race([cut, ended]);
    await ended;
    spawnSync('find', [sshd.files, '-type', 'f', '-mtime', '+1', '-delete']);
    const there = new Set([...filesBelow(sshd.files), ...filesBelow(home)]);
    for (const path of filesBelow(kept)) if (!there.has(path)) tally.lost(`${path} is nowhere any more`);
    tally.compare(kept, home, 'what scp brought');
  });
  return tally.result(1);
}

export const syncHome: Row = {
  id: 'T18-sync',
  title: 'a sync from sshd into PostgreSQL: link cut, sessions, server and daemon killed in the middle, then cleanup',
  runs: 6,
  run: torment,
  control,
};
