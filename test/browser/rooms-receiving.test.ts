// What arrives in a room gets to disk: in the browser's own files over a reload, straight into a folder, as a streamed download; whatever is wrong is found by its bytes.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openReceivingRig, type ReceivingRig } from './receiving-rig.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let rig: ReceivingRig;
beforeAll(async () => {
  rig = await openReceivingRig();
});
afterAll(() => rig?.close());

const chunkBytes = 65_536;
const size = 40 * chunkBytes + 1000;
const content = bytesOf(size);
const sha256 = createHash('sha256').update(content).digest('hex');

/** As the fixture makes them. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
  for (let at = 0; at * 4 < length; at++) {
    let word = Math.imul(at + 1, 2_654_435_761);
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    bytes.writeInt32LE(word, at * 4);
  }
  return bytes.subarray(0, length);
}

/** Has the page do what the fixture knows by this name. */
function run(page: Page, name: string, ...rest: unknown[]): Promise<unknown> {
  return page.evaluate(`run(${[name, ...rest].map((each) => JSON.stringify(each)).join(',')})`);
}

test('a file goes on where it was after a reload, and its hash is that of its bytes', async () => {
  const page = await rig.page();
  expect(await run(page, 'stage', 'reload', size, 0, 17)).toBe(0);
  await rig.reload(page);
  const download = page.waitForEvent('download');
  expect(await run(page, 'download', 'reload', size, 'day 1 - a.mov')).toEqual({ kept: 17 * chunkBytes, hash: sha256 });
  const saved = await download;
  expect(saved.suggestedFilename()).toBe('day 1 - a.mov');
  expect(readFileSync(await saved.path()).equals(content)).toBe(true);
  await page.close();
});

test('a file that begins anew has the hash of its new bytes; what is out of turn or too much is refused', async () => {
  const page = await rig.page();
  expect(await run(page, 'begunAnew', size)).toEqual({
    kept: 0,
    hash: sha256,
    gap: 'state_conflict',
    beyond: 'invalid',
  });
  expect(await run(page, 'hashed', size)).toBe(sha256);
  await page.close();
});

test('bytes that are not as they were written are cut off at the first wrong one: the journal alone proves nothing', async () => {
  const page = await rig.page();
  for (const key of ['sound', 'damaged']) await run(page, 'stage', key, size, 0, 20);
  await run(page, 'damage', 'sound', 20 * chunkBytes);
  await run(page, 'damage', 'damaged', 17 * chunkBytes + 5);
  expect(await run(page, 'kept', 'sound', size)).toBe(20 * chunkBytes);
  expect(await run(page, 'kept', 'damaged', size)).toBe(16 * chunkBytes);
  await page.close();
});

test('an empty file has its hash; one that is not whole has none; a given up one leaves nothing', async () => {
  const page = await rig.page();
  const said = (await run(page, 'emptyAndGivenUp')) as { names: string[] };
  expect(said).toMatchObject({ kept: 0, hash: createHash('sha256').digest('hex'), refused: 'state_conflict' });
  expect(said.names.filter((name) => name.startsWith('part.'))).toEqual([]);
  expect(said.names).toContain('empty.part');
  await page.close();
});

test('a second tab is told that another one has the file; the first one goes on', async () => {
  const page = await rig.page();
  await run(page, 'stage', 'taken', size, 0, 2);
  const other = await rig.page();
  expect(await run(other, 'kept', 'taken', size)).toBe('busy');
  await other.close();
  await run(page, 'stage', 'taken', size, 2, 3);
  expect(await run(page, 'kept', 'taken', size)).toBe(3 * chunkBytes);
  await page.close();
});

test('too little room is said before a byte comes, and while they come', async () => {
  const page = await rig.page();
  const session = await rig.context.newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin: rig.url, quotaSize: 30_000_000 });
  expect(await run(page, 'tooLarge', 60_000_000)).toEqual({ before: 'space', during: 'space', small: 0 });
  await session.send('Storage.overrideQuotaForOrigin', { origin: rig.url });
  await page.close();
});

test('into a folder, straight or once it is whole: with its folders, beside what is there, never above it', async () => {
  const page = await rig.page();
  expect(await run(page, 'intoFolder', size, 'day 1/CON/a.mov')).toEqual({
    straight: sha256,
    staged: sha256,
    unsafe: 'name_unsafe',
    saved: [sha256, sha256],
  });
  await page.close();
});

test('as a download that streams; one that is given up never looks whole', async () => {
  const page = await rig.page();
  const [download, said] = await Promise.all([
    page.waitForEvent('download'),
    run(page, 'stream', 'streamed', size, 'naïve name.mov'),
  ]);
  expect(said).toEqual({ kept: 0, hash: sha256 });
  expect(download.suggestedFilename()).toBe('naïve name.mov');
  expect(readFileSync(await download.path()).equals(content)).toBe(true);
  const [given] = await Promise.all([
    page.waitForEvent('download'),
    run(page, 'streamAndGiveUp', 'given-up', size, 'given up.mov'),
  ]);
  expect(await given.failure()).not.toBeNull();
  expect(new URL(page.url()).pathname).toBe('/rooms/x');
  await page.close();
});

test('what was handed over is removed after a while, and what nobody went on with after a day', async () => {
  const page = await rig.page();
  await run(page, 'stage', 'left', size, 0, 3);
  expect(await run(page, 'swept')).toEqual([
    ['handed-over.journal', 'handed-over.part', 'handed-over.saved', 'left.journal', 'left.part'],
    ['left.journal', 'left.part'],
    [],
  ]);
  await page.close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
