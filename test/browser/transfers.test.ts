// The page of transfers against a real daemon: a big copy is started, watched, paused, resumed, cancelled, tried again, and proven.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TransferView } from '../../src/model/views.ts';
import { type ConsoleRig, openConsoleRig, row } from './console-rig.ts';

const sizeBytes = 24_000_000;

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\n`,
    (folder) => {
      mkdirSync(join(folder, 'in/reel'), { recursive: true });
      for (const name of [
        'in/big.mov',
        'in/reel/A001.mxf',
        'in/reel/a rather long name of a take that nobody will ever say aloud again, number 14.mxf',
      ]) {
        writeFileSync(join(folder, name), Buffer.alloc(sizeBytes, name));
      }
    },
  );
});
afterAll(() => rig?.close());

async function copy(source: string, destination: string, bandwidth: string | null): Promise<string> {
  const { id } = await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, source)], destination: join(rig.folder, destination), bandwidth },
  });
  return id;
}

async function transferOf(jobId: string): Promise<TransferView | undefined> {
  return (await rig.api.call('listTransfers', { query: { job: jobId } })).rows[0];
}

async function transferIn(jobId: string, state: TransferView['state']): Promise<TransferView> {
  await expect.poll(async () => (await transferOf(jobId))?.state, { timeout: 20_000 }).toBe(state);
  return (await transferOf(jobId)) as TransferView;
}

const stateOf = (page: Page, name: string) => row(page, name).locator('[role=gridcell]').nth(1).textContent();

test("a copy that is picked in the console moves before one's eyes and ends with the receipt of its hash", async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/jobs`);
  await page.getByRole('link', { name: 'Copy files' }).last().click();
  const what = page.getByRole('group', { name: 'What to copy' });
  await what.getByRole('button', { name: rig.folder }).click();
  await what.getByRole('button', { name: 'in', exact: true }).click();
  await what.getByRole('checkbox', { name: 'Pick reel' }).check();
  await what.getByRole('checkbox', { name: 'Pick big.mov' }).check();
  await page.getByLabel(/Destination folder/).fill(join(rig.folder, 'out'));
  await page.getByLabel(/Limit of this copy/).fill('20M');
  await page.getByText('3 files to copy').waitFor();
  await page.getByRole('button', { name: 'Start copying' }).click();
  await page.getByText('2 copies have begun.').waitFor();
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'A001.mxf').waitFor();
  await page.locator('[role=row]:has-text("Proven")').nth(2).waitFor({ timeout: 30_000 });
  await row(page, 'A001.mxf').click();
  const drawer = page.getByRole('complementary', { name: /A001/ });
  const shown = await drawer.locator('[data-hash]').textContent();
  const { rows } = await rig.api.call('listReceipts', {
    query: { endpoint: join(rig.folder, 'out/reel'), path: 'A001.mxf' },
  });
  expect(rows.map((receipt) => receipt.hash.value)).toEqual([shown]);
  await drawer.getByText('Arrived, verified and published').waitFor();
  expect(
    readFileSync(join(rig.folder, 'out/reel/A001.mxf')).equals(readFileSync(join(rig.folder, 'in/reel/A001.mxf'))),
  ).toBe(true);
  await page.context().close();
});

test('pause, resume, cancel and retry do what they say, from the row, the keyboard and the drawer', async () => {
  const page = await rig.page();
  const jobId = await copy('in/big.mov', 'slow/', '2M');
  await page.goto(`${rig.url}/transfers?job=${jobId}`);
  await row(page, 'big.mov').getByText('Moving').waitFor();
  const bar = row(page, 'big.mov').getByRole('progressbar');
  await expect
    .poll(async () => Number(await bar.getAttribute('aria-valuenow')), { timeout: 15_000 })
    .toBeGreaterThan(3);
  // Never ahead of the truth: what is shown was so when it was shown.
  const said = Number(await bar.getAttribute('aria-valuenow'));
  const truth = await transferOf(jobId);
  expect(said).toBeLessThanOrEqual(Math.ceil(((truth?.bytesDone ?? 0) / sizeBytes) * 100));

  await row(page, 'big.mov').hover();
  await row(page, 'big.mov').getByRole('button', { name: 'Pause' }).click();
  await row(page, 'big.mov').getByText('Paused').waitFor();
  expect((await transferOf(jobId))?.state).toBe('paused');

  await page.keyboard.press('j');
  await page.keyboard.press('p');
  await row(page, 'big.mov').getByText('Moving').waitFor();

  await page.keyboard.press('c');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Keep' }).click();
  expect((await transferOf(jobId))?.state).not.toBe('cancelled');
  await page.keyboard.press('c');
  await page.keyboard.press('Enter');
  await row(page, 'big.mov').getByText('Cancelled').waitFor();

  await row(page, 'big.mov').click();
  await page.getByRole('complementary').getByRole('button', { name: 'Retry' }).click();
  await rig.api.call('setBandwidth', { body: { limit: null } });
  await expect.poll(() => stateOf(page, 'big.mov'), { timeout: 10_000 }).toMatch(/Queued|Moving/);
  await page.getByRole('complementary').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel it' }).click();
  await row(page, 'big.mov').getByText('Cancelled').waitFor();
  await page.context().close();
});

test('the drawer of a copy under way shows which blocks stand verified, and nothing moves when they come', async () => {
  const page = await rig.page();
  const jobId = await copy('in/big.mov', 'blocks/', '4M');
  const id = (await transferIn(jobId, 'transferring')).id;
  const asked = page.waitForResponse((response) => response.url().endsWith('/blocks'));
  const held = Promise.withResolvers<void>();
  await page.route('**/blocks', async (route) => {
    await held.promise;
    await route.continue();
  });
  await page.goto(`${rig.url}/transfers/${id}`);
  const strip = page.locator('section', { has: page.getByRole('heading', { name: 'Verified blocks' }) });
  await strip.getByText('Reading…', { exact: true }).last().waitFor();
  const height = async () => (await strip.boundingBox())?.height;
  const before = await height();
  held.resolve();
  await asked;
  const picture = strip.getByRole('img', { name: /of 3 blocks verified/ });
  await picture.waitFor();
  expect(await height()).toBe(before);
  await strip.getByRole('img', { name: /^[12] of 3 blocks verified, whole up to/ }).waitFor({ timeout: 20_000 });
  await rig.api.call('pauseTransfer', { params: { id } });
  const { ranges } = await rig.api.call('getTransferBlocks', { params: { id } });
  const blocks = ranges.reduce((sum, { from, to }) => sum + Math.ceil((to - from) / 8_388_608), 0);
  await strip.getByText(`${blocks} of 3 blocks verified`, { exact: true }).first().waitFor();
  await rig.api.call('cancelTransfer', { params: { id } });
  await strip.waitFor({ state: 'detached' });
  await page.context().close();
});

test('a selection is paused and resumed together', async () => {
  const page = await rig.page();
  const jobId = await copy('in/', 'together/', '2M');
  await page.goto(`${rig.url}/transfers?job=${jobId}`);
  await page.locator('[role=row][aria-rowindex="4"]').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('Shift+X');
  await page.getByRole('toolbar', { name: 'Selected transfers' }).getByText('3 selected').waitFor();
  await page.getByRole('toolbar', { name: 'Selected transfers' }).getByRole('button', { name: /Pause/ }).click();
  await expect.poll(() => page.locator('[role=row]:has-text("Paused")').count()).toBe(3);
  await page
    .getByRole('toolbar', { name: 'Selected transfers' })
    .getByRole('button', { name: /Resume/ })
    .click();
  await expect.poll(() => page.locator('[role=row]:has-text("Paused")').count()).toBe(0);
  await rig.api.call('cancelJob', { params: { id: jobId } });
  await page.context().close();
});

test('a failed one says why in a sentence, and its retry works', async () => {
  const page = await rig.page();
  mkdirSync(join(rig.folder, 'shut'));
  writeFileSync(join(rig.folder, 'shut/there.bin'), 'first');
  const { id } = await rig.api.call('createJob', {
    body: {
      kind: 'copy',
      sources: [join(rig.folder, 'in/big.mov')],
      destination: join(rig.folder, 'shut/there.bin'),
      conflict: 'fail',
    },
  });
  await page.goto(`${rig.url}/transfers?job=${id}&state=failed`);
  await row(page, 'big.mov').getByText('Failed').waitFor();
  const why = (await transferOf(id))?.error;
  expect(why?.code).toBe('exists');
  execFileSync('rm', [join(rig.folder, 'shut/there.bin')]);
  await row(page, 'big.mov').getByRole('button', { name: 'Retry' }).first().click();
  await expect.poll(async () => (await transferOf(id))?.state, { timeout: 15_000 }).toBe('completed');
  // It is not failed any more, so it leaves the list of those that are.
  await page.getByText('No transfer matches').waitFor();
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
