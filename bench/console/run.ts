// `node bench/console/run.ts`: what the console and its API cost with many transfers, and how soon they answer. `--only list,page,feed,listeners,recordings --transfers 100000`.

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { openRealConsole, type RealConsole } from '../../test/browser/real-console.ts';
import { literalJob, literalTransfer } from '../../test/support/literal-transfer.ts';
import { fillRecordings, recordings } from './recordings.ts';
import { quantile, say } from './say.ts';

const { values } = parseArgs({
  options: {
    transfers: { type: 'string', default: '100000' },
    only: { type: 'string', default: 'list,page,feed,listeners,recordings' },
  },
});
const stored = Number(values.transfers);
const wanted = (name: string): boolean => values.only.split(',').includes(name);
const movingFiles = 50;
const consoles = 5;
const listeners = 1000;
const watchedSeconds = 10;

const config = (folder: string) => `roots: [${folder}]\nlimits: { transfers: 64, perEndpoint: 64 }\n`;

async function prepare(folder: string): Promise<void> {
  mkdirSync(join(folder, 'in'));
  for (let file = 0; file < movingFiles; file++) hollow(join(folder, 'in', `moving-${file}.mov`), 400_000_000);
  const store = await openSqliteStore({ folder: join(folder, 'data'), clock: systemClock });
  let at = Date.now() - stored * 100;
  const newId = idSource({ ...systemClock, now: () => at }, systemRandom);
  const jobId = newId();
  await store.apply([
    {
      kind: 'insert_job',
      events: [],
      job: literalJob({ id: jobId, state: 'completed', planned: true, createdAt: at }),
    },
  ]);
  for (let from = 0; from < stored; from += 5000) {
    const changes = Array.from({ length: Math.min(5000, stored - from) }, (_, index) => {
      at += 100;
      const path = `reel-${Math.floor((from + index) / 1000)}/take-${String(from + index).padStart(7, '0')}.mov`;
      return {
        kind: 'insert_transfer' as const,
        events: [],
        transfer: literalTransfer({
          id: newId(),
          jobId,
          source: { endpoint: '/in', path },
          destination: { endpoint: '/out', path },
          state: index % 500 === 0 ? 'failed' : 'completed',
          sizeBytes: (from + index) * 7919,
          createdAt: at,
          updatedAt: at,
          finishedAt: at,
        }),
      };
    });
    await store.apply(changes);
  }
  await store.close();
  if (wanted('recordings')) await fillRecordings(join(folder, 'data'), stored);
}

function hollow(path: string, sizeBytes: number): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeBytes);
  closeSync(file);
}

/** User and system time of a process so far, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function megabytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1000;
}

async function list(daemon: RealConsole): Promise<void> {
  const asks: readonly (readonly [string, (round: number) => object])[] = [
    ['first page, newest first', () => ({ limit: 100 })],
    ['first page with its total', () => ({ limit: 100, withTotal: 'true', sort: 'created', order: 'desc', offset: 0 })],
    ['failed ones', () => ({ limit: 100, state: ['failed'] })],
    ['sorted by size', () => ({ limit: 100, sort: 'size', offset: 0, withTotal: 'true' })],
    [
      'page in the middle',
      (round) => ({ limit: 100, withTotal: 'true', offset: Math.floor((stored * (round % 10)) / 10) }),
    ],
  ];
  for (const [what, query] of asks) {
    const took: number[] = [];
    for (let round = 0; round < 120; round++) {
      const begun = performance.now();
      await daemon.api.call('listTransfers', { query: query(round) });
      if (round >= 20) took.push(performance.now() - begun);
    }
    say(
      `list of ${stored.toLocaleString('en')}: ${what}`,
      `p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms`,
    );
  }
}

async function startMoving(daemon: RealConsole): Promise<string> {
  const { id } = await daemon.api.call('createJob', {
    body: {
      kind: 'copy',
      sources: [join(daemon.folder, 'in')],
      destination: join(daemon.folder, 'out'),
      bandwidth: '10M',
    },
  });
  for (;;) {
    const { activeTransfers } = await daemon.api.call('getOverview');
    if (activeTransfers >= movingFiles) return id;
    await after(200);
  }
}

const scroller = '[data-list=transfers] [role=rowgroup].overflow-y-auto';

/** From the start of loading until the first row with a name is painted, in ms, by the page's own clock. */
const firstRow = `new Promise((resolve) => {
  const look = () => {
    const row = document.querySelector('[role=row][aria-selected]');
    if (row !== null && row.querySelector('[aria-busy]') === null) requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})`;

async function page(daemon: RealConsole): Promise<void> {
  const jobId = await startMoving(daemon);
  const tab = await daemon.page();
  const paints: number[] = [];
  for (let round = 0; round < 5; round++) {
    await tab.goto(`${daemon.url}/transfers`);
    paints.push((await tab.evaluate(firstRow)) as number);
  }
  say(
    'first useful paint of the list, 50 files moving',
    `median ${quantile(paints, 0.5).toFixed(0)} ms, most ${Math.max(...paints).toFixed(0)} ms`,
  );
  const { frames, blank } = await scroll(tab);
  say('frames with a blank row in sight, scrolled for 8 s', `${blank} of ${frames}`);
  const session = await tab.context().newCDPSession(tab);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const [own] = (await Promise.all((await daemon.rendererPids()).map(megabytes))).sort((a, b) => b - a);
  say(
    'memory of the page after scrolling',
    `${(usedSize / 1e6).toFixed(1)} MB heap, ${(own ?? 0).toFixed(0)} MB PSS of its process`,
  );
  await tab.context().close();
  await daemon.api.call('cancelJob', { params: { id: jobId } });
}

function scroll(tab: Page): Promise<{ frames: number; blank: number }> {
  return tab.evaluate(`(async () => {
    const list = document.querySelector('${scroller}');
    let frames = 0, blank = 0;
    const untilMs = performance.now() + 8000;
    while (performance.now() < untilMs) {
      list.scrollTop += 100;
      await new Promise((go) => requestAnimationFrame(go));
      const box = list.getBoundingClientRect();
      frames += 1;
      const isBlank = [...list.querySelectorAll('[aria-busy]')].some((each) => {
        const { top, bottom } = each.getBoundingClientRect();
        return bottom > box.top && top < box.bottom;
      });
      if (isBlank) blank += 1;
    }
    return { frames, blank };
  })()`) as Promise<{ frames: number; blank: number }>;
}

/** Per cent of one processor that the daemon takes. */
async function share(pid: number): Promise<number> {
  const before = cpuSeconds(pid);
  await after(watchedSeconds * 1000);
  return ((cpuSeconds(pid) - before) / watchedSeconds) * 100;
}

/** With nobody looking before and after, since the moving itself costs now more, now less. */
async function feed(daemon: RealConsole): Promise<void> {
  const jobId = await startMoving(daemon);
  await after(15_000);
  const before = await share(daemon.pid);
  const tabs = await Promise.all(Array.from({ length: consoles }, () => daemon.page()));
  for (const tab of tabs) await tab.goto(`${daemon.url}/transfers`);
  await after(3000);
  const watched = await share(daemon.pid);
  for (const tab of tabs) await tab.context().close();
  await after(2000);
  const afterwards = await share(daemon.pid);
  say(
    `daemon's CPU, ${movingFiles} files moving at 10 MB/s`,
    `${before.toFixed(1)} and ${afterwards.toFixed(1)} % with nobody looking, ${watched.toFixed(1)} % with ${consoles} consoles open: ${(watched - (before + afterwards) / 2).toFixed(1)} % for them`,
  );
  await daemon.api.call('cancelJob', { params: { id: jobId } });
}

async function hearAll(daemon: RealConsole): Promise<void> {
  const before = megabytes(daemon.pid);
  let heard = 0;
  let open = 0;
  const requests = Array.from({ length: listeners }, () =>
    get(
      `${daemon.url}/api/v1/events`,
      { headers: { accept: 'text/event-stream', authorization: `Bearer ${daemon.token}` } },
      (response) => {
        response.once('data', () => {
          open += 1;
        });
        let seen = false;
        response.on('data', (piece: Buffer) => {
          if (seen || !piece.includes('observation.job.completed')) return;
          seen = true;
          heard += 1;
        });
      },
    ),
  );
  while (open < listeners) await after(50);
  const one = join(daemon.folder, 'one.txt');
  writeFileSync(one, 'one');
  const begun = performance.now();
  const { id } = await daemon.api.call('createJob', {
    body: { kind: 'copy', sources: [one], destination: join(daemon.folder, 'heard/') },
  });
  let completedMs = 0;
  while (heard < listeners) {
    await after(5);
    if (completedMs === 0 && (await daemon.api.call('getJob', { params: { id } })).state === 'completed')
      completedMs = performance.now() - begun;
  }
  const took = performance.now() - begun;
  say(
    `${listeners.toLocaleString('en')} event listeners`,
    `all had heard of a finished copy ${took.toFixed(0)} ms after it was asked for; ${(megabytes(daemon.pid) - before).toFixed(0)} MB more in the daemon`,
  );
  for (const request of requests) request.destroy();
}

const daemon = await openRealConsole(config, prepare);
try {
  if (wanted('list')) await list(daemon);
  if (wanted('page')) await page(daemon);
  if (wanted('feed')) await feed(daemon);
  if (wanted('recordings')) await recordings(daemon, stored);
  if (wanted('listeners')) await hearAll(daemon);
} finally {
  await daemon.close();
}
