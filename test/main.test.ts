// Wherry as a library: a job is handed in, followed and read, in this process.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWherry, type StoredEvent, type Wherry } from '../src/main.ts';

let folder: string;
let wherry: Wherry;
const at = (...parts: string[]) => join(folder, ...parts);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-library-'));
  mkdirSync(at('src'));
  writeFileSync(at('src/small'), 'small');
  writeFileSync(at('src/large'), Buffer.alloc(12_000_000, 5));
  wherry = await openWherry({ dataFolder: at('data') });
});
afterEach(async () => {
  await wherry.close();
  rmSync(folder, { recursive: true, force: true });
});

test('what is proven to stand elsewhere is cleaned away at its source, by age', async () => {
  const job = await wherry.submit({ kind: 'copy', sources: [at('src')], destination: at('dst') });
  await job.done;
  expect(await wherry.cleanup({ endpoint: at('src'), ageHours: 1 })).toMatchObject({ filesDeleted: 0 });
  const dry = await wherry.cleanup({ endpoint: at('src'), ageHours: 0, dryRun: true });
  expect(dry).toMatchObject({ filesScanned: 2, filesDeleted: 2, spaceFreedBytes: 12_000_005, dryRun: true });
  expect(await wherry.cleanup({ endpoint: at('src'), path: '', ageHours: 0 })).toEqual({ ...dry, dryRun: false });
  expect(readFileSync(at('dst/small'), 'utf8')).toBe('small');
});

test('a copy is planned, submitted, followed to its end and read', async () => {
  const request = { kind: 'copy' as const, sources: [at('src')], destination: at('dst') };
  const planned = [];
  for await (const { action, path } of wherry.plan(request)) planned.push(`${action} ${path}`);
  expect(planned.sort()).toEqual(['copy large', 'copy small']);

  const ends = new AbortController();
  const since = await wherry.reader.eventCursor();
  const facts: StoredEvent[] = [];
  const listening = (async () => {
    for await (const event of wherry.events({ since, signal: ends.signal })) {
      facts.push(event);
      if (event.name === 'observation.job.completed') return;
    }
  })();
  const job = await wherry.submit(request);
  let last = 0;
  for await (const { jobId, bytesDone } of job.progress) {
    expect(jobId).toBe(job.id);
    expect(bytesDone).toBeGreaterThanOrEqual(last);
    last = bytesDone;
  }
  expect(last).toBe(12_000_005);
  expect(await job.done).toMatchObject({ state: 'completed', counts: { completed: 2, bytesCompleted: 12_000_005 } });
  expect(await job.status()).toMatchObject({ id: job.id, state: 'completed' });
  await listening;
  ends.abort();
  expect(facts.filter(({ name }) => name === 'observation.transfer.completed')).toHaveLength(2);
  expect(readFileSync(at('dst/small'), 'utf8')).toBe('small');

  const { rows } = await wherry.reader.transfers({ jobId: job.id });
  expect(rows.map(({ state }) => state)).toEqual(['completed', 'completed']);
  const place = await wherry.open(at('dst'));
  expect(
    await place.hash?.('large', rows.find(({ source }) => source.path === 'large')?.hash?.algorithm ?? 'sha256'),
  ).toBe(rows.find(({ source }) => source.path === 'large')?.hash?.value);
});

test('a job is cancelled; what it was not asked for rejects; a closed one is opened again with its history', async () => {
  await expect(wherry.submit({ kind: 'copy', sources: [at('none')], destination: at('dst') })).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(wherry.job('01J00000000000000000000000')).rejects.toMatchObject({ code: 'not_found' });
  const job = await wherry.submit({ kind: 'copy', sources: [at('src')], destination: at('dst'), bandwidth: '1M' });
  await job.cancel();
  expect((await job.done).state).toBe('cancelled');
  await expect(openWherry({ dataFolder: at('data') })).rejects.toMatchObject({ code: 'data_in_use' });
  expect(await wherry.close()).toBe(true);
  wherry = await openWherry({ dataFolder: at('data') });
  expect((await (await wherry.job(job.id)).status()).state).toBe('cancelled');
});
