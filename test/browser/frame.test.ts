// The frame: every page by its address, on a phone, in the dark, by the keyboard, with nothing unlabelled and nothing wider than the screen.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig, type PageElement, row } from './console-rig.ts';

const addresses = [
  '/',
  '/transfers',
  '/watches',
  '/watches/new',
  '/storage',
  '/jobs',
  '/jobs/new',
  '/events',
  '/settings',
  '/about',
  '/find?path=take.mov',
  '/nowhere',
];
const longName = `${'a name that has no end and goes on '.repeat(6)}take.mov`;

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\n`,
    (folder) => {
      mkdirSync(join(folder, 'in'));
      writeFileSync(join(folder, 'in', longName), 'x');
      writeFileSync(join(folder, 'in/take.mov'), 'y'.repeat(100_000));
    },
  );
});
afterAll(() => rig?.close());

/** Buttons, links and fields that a screen reader could not name. */
const unnamed = (page: Page) =>
  page.locator('button, a, input, select, [role=button]').evaluateAll((elements: PageElement[]) =>
    elements
      .filter((element) => element.getClientRects().length > 0)
      .filter((element) => (element.getAttribute('aria-label') ?? element.textContent ?? '').trim() === '')
      .filter((element) => (element.labels?.length ?? 0) === 0)
      .map((element) => element.outerHTML.slice(0, 200)),
  );

test('an empty daemon teaches the first step, as a button and as a command', async () => {
  const page = await rig.page();
  await page.getByRole('heading', { name: 'Nothing has moved yet' }).waitFor();
  await page.getByText('wherry copy FROM TO').waitFor();
  await page.getByRole('link', { name: 'Copy files' }).click();
  await page.getByRole('complementary', { name: 'Copy files' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Nothing has moved yet' }).waitFor();
  await page.context().close();
});

test('every page stands by its address at 1440 and 390 px, light and dark, named throughout and no wider than the screen', async () => {
  const { id } = await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, 'in')], destination: join(rig.folder, 'out') },
  });
  await expect
    .poll(async () => (await rig.api.call('getJob', { params: { id } })).state, { timeout: 15_000 })
    .toBe('completed');
  const [transfer] = (await rig.api.call('listTransfers')).rows;
  const all = [...addresses, `/jobs/${id}`, `/transfers/${transfer?.id}`];
  const page = await rig.page();
  for (const [width, height, colorScheme] of [
    [1440, 900, 'light'],
    [390, 844, 'dark'],
  ] as const) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    for (const address of all) {
      await page.goto(rig.url + address);
      await page.locator('[data-connection=live]').waitFor();
      await page.locator('main h1, main h2').first().waitFor({ state: 'attached' });
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${address} at ${width}`).toBeLessThanOrEqual(
        width,
      );
      expect(await unnamed(page), `${address} at ${width}`).toEqual([]);
    }
  }
  await page.context().close();
});

test('a phone goes through the pages by the bar below, and a drawer takes the whole of it', async () => {
  const page = await rig.page({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const bar = page.getByRole('navigation', { name: 'Pages' });
  const box = await bar.boundingBox();
  expect(box?.y).toBeGreaterThan(700);
  await bar.getByRole('link', { name: 'Transfers' }).tap();
  await row(page, 'take.mov').tap();
  const drawer = page.getByRole('complementary');
  expect(await drawer.boundingBox()).toMatchObject({ x: 0, width: 390 });
  await drawer.getByRole('button', { name: 'Close' }).tap();
  await expect.poll(() => page.url()).toBe(`${rig.url}/transfers`);
  await page.context().close();
});

test('the keyboard is enough: through the rows, into the drawer, along with it, and out again', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'take.mov').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const first = page.url();
  expect(first).toContain('/transfers/');
  await page.keyboard.press('j');
  await expect.poll(() => page.url()).not.toBe(first);
  await page.keyboard.press('Escape');
  await expect.poll(() => page.url()).toBe(`${rig.url}/transfers`);
  await page.keyboard.press('/');
  await page.keyboard.type('no end');
  await expect.poll(() => page.locator('[role=row][aria-selected]').count()).toBe(1);
  await page.keyboard.press('Escape');
  await expect.poll(() => page.locator('[role=row][aria-selected]').count()).toBe(2);
  await page.keyboard.press('?');
  await page.getByRole('complementary', { name: 'Keyboard' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('take.mov');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url()).toContain('/find?path=take.mov');
  await page.getByRole('region', { name: 'Transfers' }).waitFor();
  await page.context().close();
});

test('the limit is set from the top bar, and one that makes no sense is refused in words', async () => {
  const page = await rig.page();
  await page.getByRole('button', { name: /Change the limit/ }).click();
  const field = page.getByLabel('Limit for everything together');
  await field.fill('fast');
  await page.getByRole('button', { name: 'Set the limit' }).click();
  await expect.poll(() => field.getAttribute('aria-invalid')).toBe('true');
  await field.fill('3M');
  await page.getByRole('button', { name: 'Set the limit' }).click();
  await page
    .getByText(/^Limit 3/)
    .first()
    .waitFor();
  expect((await rig.api.call('getBandwidth')).bytesPerSecond).toBeGreaterThan(2_900_000);
  await page.context().close();
});

test('the theme is kept, and set before the first paint', async () => {
  const page = await rig.page({ colorScheme: 'light' });
  await page.getByRole('button', { name: 'Theme' }).click();
  await page.getByRole('menuitemradio', { name: 'Dark' }).click();
  const shade = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  const dark = await shade();
  await page.reload({ waitUntil: 'commit' });
  await expect.poll(shade).toBe(dark);
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
