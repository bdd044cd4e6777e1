// A visitor's walk through the console, on a desk and on a phone: every page and action, over a daemon in which files move, wait, grow and fail.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig, row } from './console-rig.ts';
import { longName, prepareScene, type Scene, sceneConfig, stageScene } from './scene.ts';

const widths = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

let rig: ConsoleRig;
let scene: Scene;
beforeAll(async () => {
  rig = await openConsoleRig(sceneConfig, prepareScene);
  scene = await stageScene(rig);
});
afterAll(async () => {
  scene?.close();
  await rig?.close();
});
// A test that failed while the daemon was away leaves the next one a daemon.
beforeEach(() => rig.start());

const rowsShown = (page: Page) => page.locator('[role=row][aria-selected]').count();
const note = (page: Page, text: string | RegExp) => page.getByRole('region', { name: 'Notes' }).getByText(text);
const address = (page: Page) => page.url().slice(rig.url.length);

for (const viewport of widths) {
  const at = `${viewport.width} px`;

  test(`the overview leads to what needs somebody, what moves and what has arrived, ${at}`, async () => {
    const page = await rig.page({ viewport });
    await page.getByRole('heading', { level: 1 }).getByText('2 files failed and need you.').waitFor();
    for (const span of ['1 h', '24 h', '5 min']) {
      await page.getByRole('radio', { name: span }).click();
      await page.getByRole('img', { name: new RegExp(`Over the last ${span}`) }).waitFor();
    }
    await page
      .getByRole('region', { name: 'Moving now' })
      .getByRole('link', { name: /live feed 1/ })
      .click();
    await page
      .getByRole('complementary')
      .getByText(/behind the writer/)
      .waitFor();
    await page.goBack();
    await page
      .getByRole('region', { name: 'Needs attention' })
      .getByRole('link', { name: /and 1 other/ })
      .click();
    await expect.poll(() => address(page)).toBe(`/transfers?job=${scene.failed}&state=failed`);
    await expect.poll(() => rowsShown(page)).toBe(2);
    await page.goBack();
    await page.getByRole('link', { name: 'All that are proven' }).click();
    await expect.poll(() => rowsShown(page)).toBeGreaterThanOrEqual(12);
    await page.context().close();
  });

  test(`filters, search, order and groups stand in the address and go back with it, ${at}`, async () => {
    const page = await rig.page({ viewport });
    await page.goto(`${rig.url}/transfers`);
    await row(page, 'A001C012').waitFor();
    await page.getByRole('button', { name: /^Failed/ }).click();
    await expect.poll(() => rowsShown(page)).toBe(2);
    await page.getByRole('button', { name: /^Waiting/ }).click();
    await expect.poll(() => rowsShown(page)).toBe(3);
    expect(address(page)).toBe('/transfers?state=failed%2Cwaiting');
    await page.goBack();
    await expect.poll(() => rowsShown(page)).toBe(2);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByRole('searchbox', { name: /Search names/ }).fill('wooden barges');
    await expect.poll(() => rowsShown(page)).toBe(1);
    await row(page, longName.slice(-13)).waitFor();
    await page.reload();
    await expect.poll(() => rowsShown(page)).toBe(1);
    await page.getByRole('searchbox', { name: /Search names/ }).fill('nothing has this name');
    await page.getByRole('heading', { name: 'No transfer matches' }).waitFor();
    await page.getByRole('button', { name: 'Show all transfers' }).click();
    if (viewport.width > 640) {
      await page.getByRole('button', { name: 'Size' }).click();
      await expect.poll(() => page.locator('[aria-rowindex="2"]').textContent()).toContain('master.mov');
      await page.getByRole('button', { name: 'Size' }).click();
      // What grows and has no size yet stands after all others.
      await expect.poll(() => page.locator('[aria-rowindex="2"]').textContent()).toContain('rushes.edl');
      await page.keyboard.press('j');
      await page.keyboard.press('End');
      const last = page.locator('[role=row][aria-selected]').last();
      await expect.poll(() => last.textContent()).toContain('live feed 1.ts');
      await page.goto(`${rig.url}/transfers`);
    }
    await page.getByRole('checkbox', { name: 'By job' }).check();
    await page
      .getByRole('region', { name: /^recorder/ })
      .getByText(/^Nothing proven yet/)
      .waitFor();
    const failed = page.getByRole('region', { name: /^notes\.txt and 1 more/ });
    await failed.getByText('2 failed').waitFor();
    await expect.poll(() => failed.locator('[role=row]').count()).toBe(2);
    await failed.getByRole('button', { name: /^Transfers of/ }).click();
    await expect.poll(() => failed.locator('[role=row]').count()).toBe(0);
    const done = page.getByRole('region', { name: /^A001/ });
    await done.getByRole('button', { name: /^Transfers of/ }).click();
    await done.getByRole('link', { name: 'All 12 transfers of it' }).click();
    await expect.poll(() => rowsShown(page)).toBe(12);
    await page.context().close();
  });

  test(`rows are paused, resumed, tried again and cancelled, one by one and together, ${at}`, async () => {
    const page = await rig.page({ viewport });
    const moving = await scene.firstOf(scene.moving);
    const stateOf = async () => (await rig.api.call('getTransfer', { params: { id: moving } })).transfer.state;
    await page.goto(`${rig.url}/transfers/${moving}`);
    const drawer = page.getByRole('complementary');
    await drawer.getByRole('button', { name: 'Pause' }).click();
    await note(page, 'Paused: 1 transfer.').waitFor();
    expect(await stateOf()).toBe('paused');
    await drawer.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(stateOf).toMatch(/queued|transferring/);
    await page.goto(`${rig.url}/transfers?job=${scene.moving}`);
    await expect.poll(() => rowsShown(page)).toBe(3);
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+X');
    const bulk = page.getByRole('toolbar', { name: 'Selected transfers' });
    await bulk.getByText('3 selected').waitFor();
    await bulk.getByRole('button', { name: /Pause/ }).click();
    await note(page, 'Paused: 3 transfers.').waitFor();
    await bulk.getByRole('button', { name: /Resume/ }).click();
    await note(page, 'Resumed: 3 transfers.').waitFor();
    await bulk.getByRole('button', { name: /Cancel/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Keep' }).click();
    await bulk.getByRole('button', { name: 'Clear the selection' }).click();
    await expect.poll(() => bulk.count()).toBe(0);
    expect(await stateOf()).not.toBe('cancelled');
    await page.context().close();
  });

  test(`what fails while one looks is said with its remedy, and its retry is at hand, ${at}`, async () => {
    const page = await rig.page({ viewport });
    await page.goto(`${rig.url}/events`);
    await page.locator('[data-connection=live]').waitFor();
    const name = `taken-${viewport.width}.txt`;
    writeFileSync(join(rig.folder, 'desk', name), 'new');
    writeFileSync(join(rig.folder, 'archive', name), 'an older one');
    const body = { kind: 'copy' as const, conflict: 'fail' as const };
    const { id } = await rig.api.call('createJob', {
      body: { ...body, sources: [join(rig.folder, 'desk', name)], destination: join(rig.folder, 'archive/') },
    });
    await note(page, new RegExp(`${name} failed.*is there already`)).waitFor();
    await note(page, 'Move it away, or choose another conflict rule.').first().waitFor();
    await page.getByText('Failed').first().waitFor();
    await page.getByRole('region', { name: 'Notes' }).getByRole('link', { name: 'Show it' }).first().click();
    const drawer = page.getByRole('complementary');
    await drawer.getByText('is there already').first().waitFor();
    rmSync(join(rig.folder, 'archive', name));
    await drawer.getByRole('button', { name: 'Retry' }).click();
    await drawer.getByText('Receipt', { exact: true }).waitFor();
    expect((await rig.api.call('getJob', { params: { id } })).state).toBe('completed');
    await page.context().close();
  });

  test(`settings, tokens, theme, what runs here, and where a file is, ${at}`, async () => {
    const page = await rig.page({ viewport, colorScheme: 'light' });
    await page.goto(`${rig.url}/settings`);
    await page.getByLabel('Limit for everything together').fill('40M');
    await page.getByRole('button', { name: 'Set the limit' }).click();
    await note(page, 'Limit set to 40M.').waitFor();
    expect((await rig.api.call('getBandwidth')).bytesPerSecond).toBeGreaterThan(39_000_000);
    await page.getByRole('main').getByRole('button', { name: 'No limit' }).click();
    await note(page, 'No limit any more.').waitFor();
    await page.getByRole('radio', { name: 'Dark' }).check();
    await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    const name = `script-${viewport.width}`;
    await page.getByLabel('Name of the token').fill(name);
    await page.getByRole('button', { name: 'Make a token' }).click();
    const secret = await page.getByText(/^wherry_/).textContent();
    const asked = await fetch(`${rig.url}/api/v1/jobs`, { headers: { authorization: `Bearer ${secret}` } });
    expect(asked.status).toBe(200);
    await page.getByRole('button', { name: `Revoke ${name}` }).click();
    await note(page, `${name} is revoked.`).waitFor();
    const refused = await fetch(`${rig.url}/api/v1/jobs`, { headers: { authorization: `Bearer ${secret}` } });
    expect(refused.status).toBe(401);
    await page.getByRole('button', { name: 'Read the configuration again' }).click();
    await note(page, 'Nothing has changed in the configuration.').waitFor();
    const file = join(rig.folder, 'wherry.yaml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${before}bandwidth: 70M\n`);
    await page.getByRole('button', { name: 'Read the configuration again' }).click();
    await note(page, 'In force now: bandwidth.').waitFor();
    expect((await rig.api.call('getBandwidth')).bytesPerSecond).toBe(70 * 2 ** 20);
    writeFileSync(file, `${before}logs: { keep: 7 }\n`);
    await page.getByRole('button', { name: 'Read the configuration again' }).click();
    await note(page, 'These need a restart: logs.keep.').waitFor();
    writeFileSync(file, `${before}bandwith: 70M\n`);
    await page.getByRole('button', { name: 'Read the configuration again' }).click();
    await note(page, /bandwith.*Did you mean.*bandwidth.*Everything stays as it was\./s).waitFor();
    writeFileSync(file, before);
    await page.getByRole('button', { name: 'Read the configuration again' }).click();
    await expect.poll(async () => (await rig.api.call('getBandwidth')).bytesPerSecond).toBeNull();
    await page.getByRole('link', { name: 'What runs here' }).click();
    await page.getByText(process.versions.node, { exact: true }).waitFor();
    const licences = await page.request.get(`${rig.url}/licences.txt`);
    expect(await licences.text()).toContain('react-dom');
    await page.getByRole('searchbox', { name: 'Where is my file?' }).fill('master.mov');
    await page.keyboard.press('Enter');
    await page
      .getByRole('region', { name: 'Transfers' })
      .getByRole('link', { name: /master\.mov/ })
      .click();
    await page.getByRole('complementary').getByText('Waits for room at the destination.').waitFor();
    await page.context().close();
  });
}

test('numbers that run move nothing else: the layout stays while files move and the page is looked at', async () => {
  const page = await rig.page();
  for (const path of ['/', '/transfers', `/transfers/${await scene.firstOf(scene.moving)}`]) {
    await page.goto(rig.url + path);
    const bars = page.locator('main').getByRole('progressbar');
    await bars.first().waitFor();
    await page.getByText(/B\/s/).first().waitFor();
    await page.evaluate(`
      window.shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          shifts.push(entry.value);
        }
      }).observe({ type: 'layout-shift' });
    `);
    const growing = page.getByText(/^\d[\d.]* [MG]B$/);
    const said = async () => (await growing.allTextContents()).join();
    for (let step = 0; step < 4; step++) {
      const before = (await bars.evaluateAll(valuesOf)).join() + (await said());
      await expect
        .poll(async () => (await bars.evaluateAll(valuesOf)).join() + (await said()), { timeout: 30_000 })
        .not.toBe(before);
    }
    // Up to 0.1 counts as good; a hundredth of it is a word that moves by some pixels.
    expect(await page.evaluate('shifts.reduce((sum, value) => sum + value, 0)'), path).toBeLessThan(0.001);
  }
  // The observer sees a shift where there is one.
  await page.evaluate(`document.querySelector('main').style.paddingTop = '40px'`);
  await expect.poll(() => page.evaluate('shifts.length')).toBeGreaterThan(0);
  await page.context().close();
});

function valuesOf(elements: { getAttribute(name: string): string | null; outerHTML: string }[]): string[] {
  return elements.map((element) => element.outerHTML);
}

test('a receipt prints as a document: the receipt and its transfer, without the frame around them', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers/${await scene.firstOf(scene.done)}`);
  const receipt = page.getByRole('complementary');
  await receipt.getByText('Receipt', { exact: true }).waitFor();
  await page.emulateMedia({ media: 'print' });
  expect(await page.getByRole('navigation', { name: 'Pages' }).isVisible()).toBe(false);
  expect(await receipt.getByRole('button').first().isVisible()).toBe(false);
  expect(await receipt.locator('[data-hash]').isVisible()).toBe(true);
  await page.context().close();
});

test('the daemon is killed and comes back while the events are looked at: none is lost, none stands twice', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/events`);
  await page.getByText('Began to move').first().waitFor();
  await rig.stop('SIGKILL');
  await page.locator('[data-connection=offline]').waitFor();
  await rig.start();
  const name = 'after-the-restart.txt';
  writeFileSync(join(rig.folder, 'desk', name), 'still here');
  const { id } = await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, 'desk', name)], destination: join(rig.folder, 'library/') },
  });
  await expect
    .poll(async () => (await rig.api.call('getJob', { params: { id } })).state, { timeout: 30_000 })
    .toBe('completed');
  await page.locator('[data-connection=live]').waitFor({ timeout: 30_000 });
  const { rows } = await rig.api.call('listEvents', { query: { limit: 1000 } });
  const kept = rows.filter((event) => event.jobId === id).length;
  expect(kept).toBeGreaterThan(4);
  const about = page.getByRole('listitem').filter({ hasText: name });
  await expect.poll(() => about.count(), { timeout: 15_000 }).toBe(kept);
  await page.context().close();
});

test('nothing of all this made the browser complain, but the two configurations that were refused', () => {
  expect(rig.complaints.filter((each) => !/status of 400/.test(each))).toEqual([]);
  expect(rig.complaints).toHaveLength(2);
});
