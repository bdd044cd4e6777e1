// A long queue: what handing out one transfer costs the ledger, and how a daemon answers with 100,000 in line.

import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../daemon.ts';
import { median, type Sheet } from '../race.ts';
import { memoryStage, numbers } from '../stage.ts';

/** Each large enough to be a transfer with a row of its own from the start. */
const fileBytes = 8 * 1024 * 1024;
const startSeconds = 3;
const pageMs = 50;

export async function queue(files: number): Promise<Sheet> {
  const stage = memoryStage(1 << 20);
  const media = join(stage.folder, 'media');
  makeHoles(join(media, 'in'), files);
  // So slow that the line hardly gets shorter while it is looked at.
  const config = `roots: [${media}]\nbandwidth: 1M\n`;
  try {
    const before = await startDaemon(join(stage.folder, 'daemon'), config);
    const body = { kind: 'copy' as const, sources: [join(media, 'in')], destination: join(media, 'out') };
    await before.client.call('createJob', { body });
    while ((await queued(before)) < files - 10) await after(200);
    await before.stop();
    const daemon = await startDaemon(join(stage.folder, 'daemon'), config);
    const left = await queued(daemon);
    const times = await pages(daemon, files, 120);
    const memoryMb = daemon.memoryBytes() / 1e6;
    await daemon.stop();
    const slowest = times[Math.floor((times.length - 1) * 0.99)] ?? Number.NaN;
    const count = files.toLocaleString('en');
    return {
      title: `A daemon with ${count} transfers in line`,
      table: `${left.toLocaleString('en')} queued; a page of 100 rows: median ${median(times).toFixed(1)} ms; ${memoryMb.toFixed(0)} MB PSS.`,
      goals: [
        {
          what: `Start with ${count} in line`,
          goal: `≤ ${startSeconds} s`,
          seen: `${daemon.startSeconds.toFixed(2)} s`,
          met: daemon.startSeconds <= startSeconds,
        },
        {
          what: `Page of the list with ${count} in line (99th percentile)`,
          goal: `≤ ${pageMs} ms`,
          seen: `${slowest.toFixed(0)} ms`,
          met: slowest <= pageMs,
        },
      ],
    };
  } finally {
    stage.close();
  }
}

/** `files` files below `root`, 1,000 in each folder, that take no memory. */
export function makeHoles(root: string, files: number, bytes = fileBytes): void {
  for (let at = 0; at < files; at++) {
    const folder = join(root, String(Math.floor(at / 1000)));
    if (at % 1000 === 0) mkdirSync(folder, { recursive: true });
    const file = openSync(join(folder, `clip ${at}.mxf`), 'w');
    ftruncateSync(file, bytes);
    closeSync(file);
  }
}

async function queued({ client }: Daemon): Promise<number> {
  return (await client.call('getOverview', {})).transfers.queued;
}

/** Milliseconds of each page, the shortest first. */
async function pages({ client }: Daemon, count: number, asks: number): Promise<number[]> {
  const next = numbers(5);
  const times: number[] = [];
  let cursor: string | undefined;
  for (let at = 0; at < asks; at++) {
    const query = [
      { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
      { limit: 100, state: ['queued' as const] },
      { limit: 100, offset: Math.floor(next() * count), sort: 'created' as const },
      { limit: 100, sort: (['updated', 'size', 'name'] as const)[at % 3] ?? 'size' },
    ][at % 4];
    const begun = performance.now();
    const page = await client.call('listTransfers', { query: query ?? {} });
    times.push(performance.now() - begun);
    if (at % 4 === 0) cursor = page.nextCursor ?? undefined;
  }
  return times.sort((one, other) => one - other);
}
