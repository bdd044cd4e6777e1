// A watch on a real engine: bursts of small files, what becomes of its sources, and its history.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WatchStatus } from '../../../src/engine/watch/watch-run.ts';
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
