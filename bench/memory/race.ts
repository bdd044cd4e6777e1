// What a daemon takes of the machine's memory: at rest, and with one and four files of several GB under way.

import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../daemon.ts';
import type { Goal, Sheet } from '../race.ts';
import { memoryStage } from '../stage.ts';

const idleBytes = 200e6;
const perTransferBytes = 10e6;
const fileBytes = 2_500_000_000;
/** So slow that the files are under way all the while that they are looked at. */
const bytesPerSecond = '60M';

export async function memory(): Promise<Sheet> {
  const stage = memoryStage(2 ** 30);
  const media = join(stage.folder, 'media');
  for (const count of [1, 4]) {
    for (let at = 0; at < count; at++) makeHole(join(media, `${count}`), `film-${at}.mov`, fileBytes);
  }
  const config = `roots: [${media}]\nlimits: { transfers: 4, perEndpoint: 4 }\nbandwidth: ${bytesPerSecond}\n`;
  const daemon = await startDaemon(join(stage.folder, 'daemon'), config);
  try {
    // What is loaded with the first job stays; workers without work end after ten seconds.
    makeHole(join(media, 'first'), 'clip.mov', 50_000_000);
    const body = { kind: 'copy' as const, sources: [join(media, 'first')], destination: join(media, 'out') };
    const { id } = await daemon.client.call('createJob', { body });
    while ((await daemon.client.call('getJob', { params: { id } })).state !== 'completed') await after(100);
    // The questions that are asked below cost memory too, once.
    for (let ask = 0; ask < 100; ask++) await moving(daemon);
    await after(15_000);
    const idle = await most(daemon.memoryBytes, 1_000);
    const idleOwn = await most(daemon.ownBytes, 1_000);
    const one = await whileMoving(daemon, media, 1);
    const four = await whileMoving(daemon, media, 4);
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    const more = (count: number, bytes: number): Goal => ({
      what:
        count === 1 ? 'Memory more for one file of 2.5 GB under way' : `Memory more for each of ${count} such files`,
      goal: '< 10 MB',
      seen: megabytes((bytes - idleOwn) / count),
      met: (bytes - idleOwn) / count < perTransferBytes,
    });
    return {
      title: 'Memory of the daemon (PSS)',
      table: '',
      goals: [
        { what: 'Memory of the daemon at rest', goal: '< 200 MB', seen: megabytes(idle), met: idle < idleBytes },
        more(1, one),
        more(4, four),
      ],
    };
  } finally {
    await daemon.stop();
    stage.close();
  }
}

/** Nothing but a hole: read as zeros, written as bytes. */
function makeHole(folder: string, name: string, bytes: number): void {
  mkdirSync(folder, { recursive: true });
  const file = openSync(join(folder, name), 'w');
  ftruncateSync(file, bytes);
  closeSync(file);
}

/** One job that moves all files of a folder at the same time. */
async function whileMoving(daemon: Daemon, media: string, count: number): Promise<number> {
  const { client, ownBytes } = daemon;
  const body = { kind: 'copy' as const, sources: [join(media, `${count}`)], destination: join(media, `out-${count}`) };
  const { id } = await client.call('createJob', { body });
  while ((await moving(daemon)) < count) await after(1_000);
  const bytes = await most(ownBytes, 3_000);
  await client.call('cancelJob', { params: { id } });
  await after(20_000);
  return bytes;
}

/** How many files are well under way. */
async function moving({ client }: Daemon): Promise<number> {
  const { rows } = await client.call('listTransfers', { query: { state: ['transferring'] } });
  return rows.filter(({ bytesDone }) => bytesDone > 50e6).length;
}

async function most(look: () => number, forMs: number): Promise<number> {
  let bytes = 0;
  for (const begun = performance.now(); performance.now() - begun < forMs; await after(100)) {
    bytes = Math.max(bytes, look());
  }
  return bytes;
}
