// A watch on a real engine: bursts of small files, what becomes of its sources, and its history.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WatchStatus } from '../../../src/engine/watch/watch-run.ts';
import { type Clock, systemClock } from '../../../src/model/clock.ts';
import type { Job } from '../../../src/model/job.ts';
import type { WatchRequest } from '../../../src/model/specs.ts';
import type { Transfer } from '../../../src/model/transfer.ts';
import { openRig, type Rig, type RigOptions } from '../../support/engine-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
  for (const folder of ['in', 'out']) mkdirSync(rig.at(folder));
});
afterEach(() => rig.remove());

const quick = { scanSeconds: 0.2, stableSeconds: 0.3, growthPollSeconds: 0.2 } as const;

function watch(more: Partial<WatchRequest> = {}): Promise<Job> {
  return rig.engine.submit({ kind: 'watch', source: rig.at('in'), destinations: [rig.at('out')], ...quick, ...more });
}

async function reopen(options: RigOptions = {}): Promise<void> {
  await rig.close();
  rig = await openRig({ ...options, folder: rig.folder });
}

async function rows(job: Job): Promise<Transfer[]> {
  const all: Transfer[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<Rig['store']['transfers']>> = await rig.store.transfers({
      jobId: job.id,
      limit: 1000,
      ...(cursor === null ? {} : { cursor }),
    });
    all.push(...page.rows);
    if (page.nextCursor === null) return all;
    cursor = page.nextCursor;
  }
}

const completed = async (job: Job) => (await rig.store.countTransfers(job.id)).completed;
const status = (job: Job) => rig.engine.statusOf(job.id) as WatchStatus;

/** The next whole look at the folder has come and gone. */
async function scanned(job: Job): Promise<void> {
  const before = status(job)?.lastScanAt ?? 0;
  await expect.poll(() => status(job)?.lastScanAt ?? 0, { timeout: 20_000 }).toBeGreaterThan(before);
}

function drop(count: number): string[] {
  const names = Array.from({ length: count }, (_, at) => `clip-${String(at).padStart(4, '0')}.txt`);
  for (const name of names) writeFileSync(rig.at('in', name), `content of ${name}`);
  return names;
}

test('a burst of small files travels in packs without rows of their own before: each arrives once, with its receipt', async () => {
  const names = drop(300);
  writeFileSync(rig.at('in', 'large.bin'), Buffer.alloc(9_000_000, 7));
  const job = await watch({
    rules: [
      { match: '*.txt', to: 'texts/{name}' },
      { match: '*', to: '{name}' },
    ],
  });
  await expect.poll(() => completed(job), { timeout: 30_000 }).toBe(301);
  expect(readdirSync(rig.at('out', 'texts')).sort()).toEqual(names);
  for (const name of names) expect(readFileSync(rig.at('out', 'texts', name), 'utf8')).toBe(`content of ${name}`);
  const all = await rows(job);
  expect(new Set(all.map((row) => row.source.path)).size).toBe(301);
  for (const row of all) expect(await rig.store.receipts({ transferId: row.id }), row.source.path).toHaveLength(1);
  const [small] = await rig.store.findByPath(rig.at('in', 'clip-0007.txt'), 2);
  expect(await rig.facts(small?.id ?? '')).not.toContain('discovered');
  const [large] = await rig.store.findByPath(rig.at('in', 'large.bin'), 2);
  expect(await rig.facts(large?.id ?? '')).toContain('discovered');
  expect(status(job).underWay).toBe(0);
  // The same after a restart: nothing is taken twice.
  await reopen();
  await scanned(job);
  expect(status(job)).toMatchObject({ files: 301, underWay: 0 });
  expect(await completed(job)).toBe(301);
}, 60_000);

test('sources of a burst are deleted once they are proven, and only then', async () => {
  drop(200);
  const job = await watch({ after: 'delete' });
  await expect.poll(() => readdirSync(rig.at('in')).length, { timeout: 30_000 }).toBe(0);
  expect(readdirSync(rig.at('out')).length).toBe(200);
  expect(await completed(job)).toBe(200);
}, 60_000);

test('a name for which no rule has time is refused; the files with it arrive', async () => {
  const evil = `${'a'.repeat(64)}b`;
  writeFileSync(rig.at('in', evil), 'x');
  writeFileSync(rig.at('in', 'aaa'), 'x');
  const job = await watch({ rules: [{ regex: '^(a+)+$', to: 'fine/{name}' }] });
  await expect.poll(() => completed(job), { timeout: 30_000 }).toBe(1);
  const failed = (await rows(job)).find((row) => row.source.path === evil);
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'invalid' } });
  expect(readdirSync(join(rig.at('out'), 'fine'))).toEqual(['aaa']);
}, 60_000);

test('old history goes where its file stands nowhere any more, and nothing that stands is taken again or loses its receipt', async () => {
  const soon: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms >= 60_000 ? 100 : ms, signal) };
  await reopen({ clock: soon });
  for (const name of ['both', 'source', 'destination', 'neither']) writeFileSync(rig.at('in', name), name);
  const job = await watch({ historyDays: 0 });
  await expect.poll(() => completed(job), { timeout: 20_000 }).toBe(4);
  const paths = async () => (await rows(job)).map((row) => row.source.path).sort();
  // The control: as long as a file stands somewhere, so does its row, however old.
  writeFileSync(rig.at('in', 'later'), 'later');
  await expect.poll(() => completed(job), { timeout: 20_000 }).toBe(5);
  expect(await paths()).toEqual(['both', 'destination', 'later', 'neither', 'source']);
  for (const name of ['destination', 'neither']) rmSync(rig.at('in', name));
  for (const name of ['source', 'neither']) rmSync(rig.at('out', name));
  await expect.poll(paths, { timeout: 20_000 }).toEqual(['both', 'destination', 'later', 'source']);
  for (const row of await rows(job)) expect(await rig.store.receipts({ transferId: row.id })).toHaveLength(1);
  await reopen({ clock: soon });
  await scanned(job);
  expect(status(job)).toMatchObject({ files: 3, underWay: 0 });
  expect(await completed(job)).toBe(4);
}, 60_000);

test('a watch that was paused is refused to go on where another one watches its folder by now, also by another name', async () => {
  const first = await watch();
  await rig.engine.pause({ jobId: first.id });
  symlinkSync(rig.at('in'), rig.at('also-in'));
  const second = await watch({ source: rig.at('also-in') });
  await expect(rig.engine.resume({ jobId: first.id })).rejects.toMatchObject({ code: 'busy' });
  expect((await rig.store.job(first.id))?.state).toBe('paused');
  await rig.engine.cancel({ jobId: second.id });
  // The control: without the other one it goes on.
  await rig.engine.resume({ jobId: first.id });
  await expect(watch({ source: rig.at('also-in') })).rejects.toMatchObject({ code: 'busy' });
  // Also after a restart the folder is taken.
  await reopen();
  await expect(watch()).rejects.toMatchObject({ code: 'busy' });
}, 30_000);

test('a watch whose source has come to lie in its destination does not go on; one whose folder is away does, and waits', async () => {
  mkdirSync(rig.at('real'));
  symlinkSync(rig.at('real'), rig.at('link'));
  const job = await watch({ destinations: [rig.at('link')] });
  await rig.engine.pause({ jobId: job.id });
  rmSync(rig.at('link'));
  symlinkSync(rig.folder, rig.at('link'));
  await expect(rig.engine.resume({ jobId: job.id })).rejects.toMatchObject({ code: 'invalid' });
  rmSync(rig.at('link'));
  renameSync(rig.at('in'), rig.at('in-away'));
  await rig.engine.resume({ jobId: job.id });
  await expect.poll(async () => (await rig.store.job(job.id))?.state, { timeout: 20_000 }).toBe('waiting');
}, 30_000);

test('explain names what became of a file at each destination', async () => {
  writeFileSync(rig.at('second'), 'no folder');
  writeFileSync(rig.at('in', 'a.mov'), 'a');
  const job = await watch({ destinations: [rig.at('out'), rig.at('second')] });
  await expect.poll(() => completed(job), { timeout: 20_000 }).toBe(1);
  const summary = async () => (await rig.engine.explain(rig.at('in', 'a.mov'))).summary;
  await expect
    .poll(summary, { timeout: 20_000 })
    .toMatch(/To \S+\/out: .*arrived as .*To \S+\/second: .*(waits|failed)/);
}, 30_000);
