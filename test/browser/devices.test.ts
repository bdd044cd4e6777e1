// Devices, offloading and recordings in the console: a real card is put in, its files chosen and taken, processed, looked at, played, and its custody read.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothing } from './axe.ts';
import { type CardScene, cardConfig, openCardScene, prepareCard } from './card-scene.ts';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';

let rig: ConsoleRig;
let card: CardScene;

beforeAll(async () => {
  card = openCardScene();
  rig = await openConsoleRig(cardConfig, prepareCard);
});
afterAll(async () => {
  await rig?.close();
  card?.close();
});

const devices = (page: Page) => page.getByRole('list', { name: 'Devices' });

async function settledJob(page: Page): Promise<string> {
  await page.waitForURL(/\/jobs\/[^/]+$/);
  const id = page.url().split('/').at(-1) ?? '';
  await expect
    .poll(async () => (await rig.api.call('getJob', { params: { id } })).state, { timeout: 60_000 })
    .toBe('completed');
  return id;
}

describe('devices', () => {
  test('a card that is put in appears by itself, and is away when it is pulled', async () => {
    const page = await rig.page();
    await page.goto(`${rig.url}/devices`);
    await page.getByText('Drone footage').waitFor();
    await page.getByText('Deletes each file on the device after 2 proven copies').waitFor();
    card.insert();
    const mine = devices(page).getByRole('link', { name: /EOS_CARD/ });
    await mine.getByText('Here', { exact: true }).waitFor({ timeout: 20_000 });
    await mine.click();
    const drawer = page.getByRole('complementary', { name: 'Device EOS_CARD' });
    await drawer.getByText('IMG_0002.JPG').waitFor();
    card.pull();
    await drawer.getByText('goes on where it stopped once it is connected again').waitFor({ timeout: 20_000 });
    card.insert();
    await drawer.getByRole('button', { name: 'Offload 4 files' }).waitFor({ timeout: 20_000 });
    await page.context().close();
  });

  test('files are chosen by hand and offloaded, then the new ones, by keyboard alone', async () => {
    const page = await rig.page();
    await page.goto(`${rig.url}/devices`);
    await devices(page)
      .getByRole('link', { name: /EOS_CARD/ })
      .focus();
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('complementary', { name: 'Device EOS_CARD' });
    await drawer.getByRole('button', { name: /^By hand/ }).focus();
    await page.keyboard.press('Enter');
    await drawer.getByRole('checkbox', { name: 'Take IMG_0002.JPG' }).focus();
    await page.keyboard.press('Space');
    await drawer.getByRole('button', { name: 'Offload 1 file' }).focus();
    await page.keyboard.press('Enter');
    const form = page.getByRole('complementary', { name: 'Offload EOS_CARD' });
    await form.getByText('1 file, chosen by hand').waitFor();
    await form.getByLabel(/Key, such as/).fill('flight 7');
    await form.getByRole('button', { name: 'Start offloading' }).focus();
    await page.keyboard.press('Enter');
    await settledJob(page);
    const { rows } = await rig.api.call('listRecordings', { query: { associateWith: 'flight 7' } });
    expect(rows.map(({ name }) => name)).toEqual(['IMG_0002.JPG']);

    await page.goto(`${rig.url}/devices/${rows[0]?.device?.id}`);
    await drawer.getByRole('button', { name: 'New: 3' }).waitFor();
    await drawer.getByRole('link', { name: 'taken' }).waitFor();
    await drawer.getByRole('button', { name: 'Offload 3 files' }).click();
    await form.getByLabel(/Pipeline/).selectOption('');
    await form.getByRole('button', { name: 'Start offloading' }).click();
    const job = await settledJob(page);
    await page.getByRole('complementary').getByRole('link', { name: 'Show its transfers' }).click();
    await page.getByRole('grid').getByText('MVI_0001.MP4').first().click();
    const transfer = page.getByRole('complementary', { name: /Transfer of MVI_0001.MP4/ });
    await transfer.getByText('Download', { exact: true }).waitFor();
    await transfer.getByRole('link', { name: 'Show the recording' }).waitFor();
    expect((await rig.api.call('getJob', { params: { id: job } })).counts.completed).toBe(3);
    await page.goto(`${rig.url}/devices/${rows[0]?.device?.id}`);
    await drawer.getByText('Everything on it has been taken.').waitFor();
    await page.context().close();
  });
});

describe('recordings', () => {
  test('are found by kind, day, key and name, as pictures and as a list', async () => {
    const page = await rig.page();
    await page.goto(`${rig.url}/recordings`);
    const shown = () => page.getByRole('list', { name: 'Recordings' }).getByRole('listitem').count();
    await expect.poll(shown).toBe(4);
    const pictures = page.getByRole('list', { name: 'Recordings' }).locator('img');
    await expect.poll(() => pictures.count()).toBe(3);
    await expect
      .poll(() => pictures.evaluateAll((all) => all.every((one) => Reflect.get(one, 'naturalWidth') > 0)))
      .toBe(true);
    await page.getByRole('button', { name: 'Videos' }).click();
    await expect.poll(shown).toBe(1);
    await page.getByRole('button', { name: 'Photos' }).click();
    await expect.poll(shown).toBe(2);
    await page.getByRole('button', { name: 'List', exact: true }).click();
    await page.getByRole('searchbox', { name: 'Search recordings' }).fill('flight 7');
    await expect.poll(shown).toBe(1);
    await page.goto(`${rig.url}/recordings?from=2026-09-20&to=2026-09-22`);
    await expect.poll(shown).toBe(4);
    await page.goto(`${rig.url}/recordings?from=2026-09-25`);
    await page.getByText('No recording is like that').waitFor();
    await page.context().close();
  });

  test('a stream plays in the browser, and its custody leads back to the original', async () => {
    const page = await rig.page();
    await page.goto(`${rig.url}/recordings?kind=video`);
    await page.getByRole('link', { name: /MVI_0001/ }).click();
    const drawer = page.getByRole('complementary', { name: 'Recording MVI_0001.MP4' });
    const video = drawer.locator('video');
    await video.waitFor();
    const value = (name: string) => video.evaluate((element, key) => Number(Reflect.get(element, key)), name);
    // The player begins once it is asked to play: what comes before is the thumbnail.
    await expect.poll(() => value('readyState'), { timeout: 5000 }).toBeLessThan(2);
    await video.evaluate((element) => {
      Reflect.set(element, 'muted', true);
      return Reflect.apply(Reflect.get(element, 'play'), element, []);
    });
    await expect.poll(() => value('currentTime'), { timeout: 20_000 }).toBeGreaterThan(1);
    expect(await value('videoWidth')).toBeGreaterThan(0);
    await video.evaluate((element) => Reflect.set(element, 'currentTime', 5));
    await expect.poll(() => value('currentTime'), { timeout: 20_000 }).toBeGreaterThan(5.2);

    const chain = drawer.getByRole('list', { name: 'Chain of custody' }).getByRole('listitem');
    const [film] = (await rig.api.call('listRecordings', { query: { kind: 'video' } })).rows;
    await expect.poll(() => chain.count()).toBe((film?.files.length ?? 0) + 1);
    await chain
      .first()
      .getByText(film?.original.hash.value ?? '')
      .waitFor();
    await chain.filter({ hasText: 'Stream, made from original' }).getByText('How it was made').click();
    expect(await chain.filter({ hasText: 'Stream' }).locator('code').textContent()).toContain('libx264');
    expect(film?.files.find(({ role }) => role === 'hls')?.parentHash).toBe(film?.original.hash.value);
    await page.context().close();
  });

  test('a photo is shown as it is, with what it says of itself', async () => {
    const page = await rig.page({ viewport: { width: 390, height: 844 } });
    await page.goto(`${rig.url}/recordings?kind=image&q=IMG_0003`);
    await page.getByRole('link', { name: /IMG_0003/ }).click();
    const drawer = page.getByRole('complementary', { name: 'Recording IMG_0003.JPG' });
    await drawer.getByText('320 × 240').waitFor();
    await drawer.getByText('X9').waitFor();
    const width = () =>
      drawer.getByRole('img', { name: 'IMG_0003.JPG' }).evaluate((image) => Reflect.get(image, 'naturalWidth'));
    await expect.poll(width).toBe(320);
    await page.goBack();
    await expect.poll(() => drawer.count()).toBe(0);
    await page.context().close();
  });
});

for (const viewport of [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]) {
  test(`axe finds nothing, and each page and drawer opens from the one before, ${viewport.width} px`, {
    timeout: 240_000,
  }, async () => {
    const page = await rig.page({ viewport });
    const onPhone = viewport.width < 640;
    const place = async (name: string) => {
      if (onPhone) {
        await page.getByRole('navigation', { name: 'Pages' }).getByRole('button').click();
        await page.getByRole('menuitem', { name }).click();
      } else await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
    };
    const drawer = page.getByRole('complementary');
    await place('Devices');
    await page.getByRole('heading', { name: 'Devices', level: 1 }).waitFor();
    await expectNothing(page, 'devices');
    await devices(page)
      .getByRole('link', { name: /EOS_CARD/ })
      .click();
    await drawer.getByText('IMG_0002.JPG').waitFor();
    await expectNothing(page, 'a device');
    await drawer.getByRole('button', { name: 'All: 4' }).click();
    await drawer.getByRole('button', { name: 'Offload 4 files' }).click();
    await drawer.getByRole('button', { name: 'Browse' }).first().click();
    await expectNothing(page, 'offload');
    await drawer.getByRole('button', { name: 'Back' }).click();
    await drawer.getByRole('link', { name: 'taken' }).first().click();
    await drawer.getByText('Download', { exact: true }).waitFor();
    await expectNothing(page, 'a transfer of both phases');
    await drawer.getByRole('link', { name: 'Show the recording' }).click();
    await drawer.getByText('Chain of custody').waitFor();
    await expectNothing(page, 'a recording');
    await drawer.getByRole('button', { name: 'Close' }).click();
    for (const view of ['List', 'Pictures']) {
      await page.getByRole('button', { name: view, exact: true }).click();
      await page.getByRole('list', { name: 'Recordings' }).getByText('IMG_0002.JPG').waitFor();
      await expectNothing(page, `recordings, ${view}`);
    }
    expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true);
    await page.context().close();
  });
}

test('what waits for a device says so, and what to do; it can be paused and cancelled meanwhile', async () => {
  card.pull();
  const [device] = (await rig.api.call('listDevices')).rows.filter(({ name }) => name === 'EOS_CARD');
  const mine = async () => (await rig.api.call('getDevice', { params: { id: device?.id ?? '' } })).connected;
  await expect.poll(mine, { timeout: 20_000 }).toBe(false);
  const files = [{ path: 'DCIM/100CANON/MVI_0009.MP4', size: 5, mtime: 1 }];
  const { id } = await rig.api.call('queueBatch', { body: { device: device?.id ?? '', files } });
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers?job=${id}`);
  await page
    .getByRole('grid')
    .getByText(/Waits for the device/)
    .waitFor();
  await page.getByRole('grid').getByText('MVI_0009.MP4').first().click();
  const drawer = page.getByRole('complementary', { name: /MVI_0009/ });
  await drawer.getByText('EOS_CARD is away; connect it again.').first().waitFor();
  await drawer.getByText('begins when it has arrived').waitFor();
  await drawer.getByRole('button', { name: 'Pause' }).click();
  await drawer.getByRole('button', { name: 'Resume' }).waitFor();
  await drawer.getByRole('button', { name: 'Cancel' }).click();
  await drawer.getByRole('button', { name: 'Cancel it' }).click();
  await drawer.getByRole('button', { name: 'Retry' }).waitFor();
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
