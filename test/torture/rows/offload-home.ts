// T1 and T17 for offloading: a real gphoto2 camera comes home, its photos and films are scanned, stitched and cut up for browsers, while the daemon is killed and the camera pulled.

import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { RouteOutput } from '../../../src/api/client.ts';
import type { EventView } from '../../../src/model/views.ts';
import { prepareClamd } from '../../support/clamd.ts';
import type { Daemon } from '../../support/daemon.ts';
import { makeDualFisheye, makePhoto, makeVideo, probeFile } from '../../support/media.ts';
import { content, filesBelow } from '../../support/trees.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const kinds = {
  jpg: { share: 20, roles: ['checksum', 'metadata', 'thumbnail'] },
  mp4: { share: 12, roles: ['hls', 'metadata', 'thumbnail'] },
  // The browse driver lists what it knows by its ending alone.
  mov: { share: 8, roles: ['stitched', 'thumbnail'] },
} as const;

/** All files of the camera, those of each ending spread evenly, in as many lots as it is filled in. */
function shotsOf(scale: number, lots: number): readonly (readonly string[])[] {
  const shots = Object.entries(kinds).flatMap(([ending, { share }]) => {
    const count = Math.max(1, Math.round(share * scale));
    return Array.from({ length: count }, (_, at) => `${ending.toUpperCase()}_${at}.${ending.toUpperCase()}`);
  });
  return Array.from({ length: lots }, (_, lot) => shots.filter((_, at) => at % lots === lot));
}

/** Files of a camera, each of its own content; films so large that a download can be met under way. */
function shoot(camera: string, names: readonly string[]): void {
  const folder = join(camera, 'DCIM', '100TEST');
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const at = Number(/\d+/.exec(name)?.[0]);
    const path = join(folder, name);
    if (name.endsWith('.JPG')) makePhoto(path, { ImageNumber: at });
    else {
      if (name.endsWith('.MP4')) makeVideo(path, { seconds: 2 + (at % 4) });
      else makeDualFisheye(path, { seconds: 1 + (at % 3) });
      appendFileSync(path, emptyBox(at + name.length));
    }
    utimesSync(path, 1_700_000_000 + at, 1_700_000_000 + at);
  }
}

/** A box that players of MP4 and QuickTime pass over. */
function emptyBox(seed: number): Buffer {
  const box = content(seed, 24 * 1024 * 1024);
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  return box;
}

function configFor(scratch: string, camera: string, socket: string): string {
  const scan = `{ step: scan, socket: ${socket} }`;
  return [
    `roots: [${scratch}]`,
    `mediaBase: ${scratch}/media`,
    'retry: { firstSeconds: 0.2, checkSeconds: 1 }',
    'devices:',
    '  pollSeconds: 1',
    '  without: [mounted, osc, gopro]',
    `  gphoto2: { ports: [{ port: "disk:${camera}", camera: Directory Browse, name: Camera }] }`,
    'pipelines:',
    `  - { name: stills, files: ['*.jpg'], steps: [${scan}, { step: checksum }, { step: metadata }, { step: thumbnail }] }`,
    `  - { name: spheres, files: ['*.mov'], steps: [${scan}, { step: transcode, preset: stitch-equirect }, { step: thumbnail, from: stitched }] }`,
    `  - { name: films, files: ['*.mp4'], steps: [${scan}, { step: metadata }, { step: thumbnail }, { step: transcode, preset: hls, height: 144 }] }`,
    'offload: { rules: [{ name: home, kind: gphoto2, associateWith: "{device} came home" }] }',
    '',
  ].join('\n');
}

type Recording = RouteOutput<'listRecordings'>['rows'][number];

async function recordingsOf(daemon: Daemon): Promise<readonly Recording[]> {
  return (await daemon.client.call('listRecordings', { query: { limit: 1000 } })).rows;
}

async function eventsOf(daemon: Daemon): Promise<readonly EventView[]> {
  const all: EventView[] = [];
  for (let since: string | undefined; ; ) {
    const page = await daemon.client.call('listEvents', {
      query: { limit: 1000, ...(since === undefined ? {} : { since }) },
    });
    if (page.rows.length === 0) return all;
    all.push(...page.rows);
    since = page.cursor;
  }
}

type TransferView = RouteOutput<'listTransfers'>['rows'][number];

async function countOf(daemon: Daemon, state: TransferView['state'][], phase?: TransferView['phase']): Promise<number> {
  const { rows } = await daemon.client.call('listTransfers', { query: { state, limit: 100 } });
  return rows.filter((row) => phase === undefined || row.phase === phase).length;
}

/** Takes the camera away as soon as a download is under way, and gives it back when the daemon has seen that; says how many had begun. */
async function pull(daemon: Daemon, camera: string, tally: Tally): Promise<number> {
  const isAway = async () =>
    (await daemon.client.call('listDevices')).rows.every(({ connected }) => !connected) ? true : undefined;
  const downloads = (state: 'transferring' | 'waiting') => countOf(daemon, [state], 'transfer');
  await until(async () => (await downloads('transferring')) || undefined, 60_000, 5);
  const away = `${camera} away`;
  renameSync(camera, away);
  if ((await until(isAway, 60_000)) === undefined) tally.fault('nobody saw that the camera was away');
  const waiting = (await until(async () => (await downloads('waiting')) || undefined, 20_000)) ?? 0;
  renameSync(away, camera);
  return waiting;
}

async function torment(options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const tally = createTally();
  const kills = Math.max(2, Math.round(options.runs * Math.max(0.2, options.scale)));
  const pulls = options.scale < 1 ? 1 : 3;
  const clamd = prepareClamd();
  try {
    await onStage(options.scratch, async (stage) => {
      const camera = join(options.scratch, 'camera');
      const lots = shotsOf(options.scale, pulls);
      await clamd.start();
      const config = configFor(options.scratch, camera, clamd.socket);
      for (let at = 0; at <= kills; at++) {
        // What is shot while nobody looks is downloaded when the daemon is back, and that is when the camera goes.
        const lot = at % Math.ceil(kills / pulls) === 0 ? lots[at / Math.ceil(kills / pulls)] : undefined;
        if (lot !== undefined) shoot(camera, lot);
        const daemon = await stage.daemon('daemon', { config });
        if (at === kills) return await settle(daemon, camera, tally);
        if (lot !== undefined) {
          const waiting = await pull(daemon, camera, tally);
          if (waiting === 0) tally.fault('the camera was pulled, and no download waited for it');
          options.say(`pulled: ${waiting} wait`);
        }
        await after(200 + random() * 3_000 * Math.min(1, options.scale * 5));
        // Every other time what has arrived is being processed, if there is any of it.
        if (at % 2 === 1) await until(async () => (await countOf(daemon, ['processing'])) || undefined, 3_000, 5);
        options.say(`${(await recordingsOf(daemon)).length} are recordings, then kill ${at + 1}`);
        await daemon.kill();
      }
    });
  } finally {
    await clamd.close();
  }
  return tally.result(kills);
}

async function settle(daemon: Daemon, camera: string, tally: Tally): Promise<void> {
  const files = filesBelow(camera);
  const count = async () => (await recordingsOf(daemon)).length;
  const all = await until(async () => ((await count()) >= files.length ? true : undefined), 600_000, 500);
  if (all === undefined) tally.fault(`only ${await count()} of ${files.length} became recordings`);
  await check(daemon, camera, files, tally);
  await daemon.stop();
}

/** Every result right, and once. */
async function check(daemon: Daemon, camera: string, files: readonly string[], tally: Tally): Promise<void> {
  const recordings = await recordingsOf(daemon);
  const bySource = Map.groupBy(recordings, ({ original }) => original.source.path);
  for (const path of files) {
    const [one, ...more] = bySource.get(path) ?? [];
    if (more.length > 0) tally.fault(`${path} became ${more.length + 1} recordings`);
    if (one === undefined) {
      tally.lost(path);
      continue;
    }
    if (!existsSync(one.original.path)) tally.lost(`the original of ${path}`);
    else if (!readFileSync(one.original.path).equals(readFileSync(join(camera, path)))) tally.corrupt(path);
    const wanted = kinds[path.slice(path.lastIndexOf('.') + 1).toLowerCase() as keyof typeof kinds].roles;
    const roles = one.files.map(({ role }) => role).sort();
    // What a step writes as facts alone has no file.
    for (const role of wanted) {
      if (!roles.includes(role) && one.facts[role] === undefined)
        tally.fault(`${path} has no ${role}: ${roles.join(', ')}`);
    }
    if (new Set(roles).size < roles.length) tally.fault(`${path} has results twice: ${roles.join(', ')}`);
    if (one.facts.scan === undefined) tally.fault(`${path} was not scanned`);
    if (one.associateWith?.endsWith('came home') !== true) tally.fault(`${path} lost its key`);
    for (const { role, path: made } of one.files) {
      if (!existsSync(made)) tally.lost(`${made}, made of ${path}`);
      else if (!isWhole(role, made, one.original.path)) tally.corrupt(`${made}, made of ${path}`);
    }
  }
  const originals = filesBelow(join(dirname(camera), 'media/transfers/downloads'));
  if (originals.length !== files.length)
    tally.fault(`there are ${originals.length} originals of ${files.length} files`);
  const hidden = filesBelow(join(dirname(camera), 'media/transfers')).filter((path) => path.includes('.partial'));
  if (hidden.length > 0) tally.fault(`left behind: ${hidden.slice(0, 3).join(', ')}`);
  const told = await eventsOf(daemon);
  for (const phase of ['download', 'processing']) {
    const ends = told.filter(({ name, data }) => name.endsWith(`${phase}.completed`) && data.recovered !== true);
    if (ends.length !== files.length) tally.fault(`${phase} of ${files.length} files ended ${ends.length} times`);
  }
  const { rows } = await daemon.client.call('listTransfers', { query: { limit: 1000 } });
  for (const { state, source } of rows) if (state !== 'completed') tally.fault(`${source.path} is ${state}`);
}

/** Whether ffprobe reads pictures and films that were made, and whether films are as long as what they were made from. */
function isWhole(role: string, made: string, original: string): boolean {
  if (role === 'thumbnail') return probeFile(made).streams.length > 0;
  if (role !== 'hls' && role !== 'stitched') return true;
  const film = probeFile(role === 'hls' ? join(made, 'index.m3u8') : made);
  return Math.abs(film.durationSeconds - probeFile(original).durationSeconds) < 0.5;
}

/** Somebody who copies by hand: the camera is pulled in the middle, and what came later is missing. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const camera = join(options.scratch, 'camera');
  const folder = join(camera, 'DCIM');
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < 4; at++) makePhoto(join(folder, `${at}.jpg`), { ImageNumber: at });
  const names = readdirSync(folder);
  const out = join(options.scratch, 'out');
  mkdirSync(out);
  for (const [at, name] of names.entries()) {
    if (at === 2) renameSync(camera, join(options.scratch, 'away'));
    try {
      copyFileSync(join(folder, name), join(out, name));
    } catch {
      break;
    }
  }
  tally.compare(join(options.scratch, 'away', 'DCIM'), out, 'a copy by hand');
  return tally.result(1);
}

export const offloadHome: Row = {
  id: 'T1-offload',
  title: 'a real camera comes home: the daemon killed, the camera pulled, while its files are downloaded and processed',
  runs: 10,
  run: torment,
  control,
};
