// What happens after the download, in the console: a step that waits for a program that is missing, a file paused, cancelled and tried again while it is processed, and its proxy played.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CardScene, openCardScene } from './card-scene.ts';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';

let rig: ConsoleRig;
let card: CardScene;
let tools: string;

/** Links to all programs of this machine but those of ffmpeg. */
function linkTools(): void {
  for (const folder of (process.env.PATH ?? '').split(delimiter).reverse()) {
    let names: string[] = [];
    try {
      names = readdirSync(folder);
    } catch {
      // Not every folder of a PATH is there.
    }
    for (const name of names) if (!name.startsWith('ff')) linkTool(folder, name);
  }
}

function linkTool(folder: string, name: string): void {
  rmSync(join(tools, name), { force: true });
  symlinkSync(join(folder, name), join(tools, name));
}

const gate = () => join(rig.folder, 'gate');
/** The second step does not end before the gate is there. */
const config = (folder: string) => `
roots: [${folder}]
mediaBase: ${folder}/media
retry: { checkSeconds: 1 }
pipelines:
  - name: films
    files: ['*.mp4']
    steps:
      - { step: thumbnail }
      - { step: exec, argv: [sh, -c, 'until [ -e "$1" ]; do sleep 0.05; done', x, ${folder}/gate] }
      - { step: transcode, preset: h264-proxy, height: 120 }
`;

beforeAll(async () => {
  tools = mkdtempSync(join(tmpdir(), 'wherry-tools-'));
  card = openCardScene();
  linkTools();
  const before = process.env.PATH;
  process.env.PATH = tools;
  try {
    rig = await openConsoleRig(config, (folder) => mkdirSync(join(folder, 'media')));
  } finally {
    process.env.PATH = before;
  }
  card.insert();
});
afterAll(async () => {
  await rig?.close();
  card?.close();
  rmSync(tools, { recursive: true, force: true });
});

const drawerOf = (page: Page) => page.getByRole('complementary', { name: /Transfer of MVI_0001.MP4/ });

async function film() {
  const { rows } = await rig.api.call('listTransfers', { query: { limit: 10 } });
  const row = rows.find(({ source }) => source.path.endsWith('.MP4'));
  if (row === undefined) throw new Error('The film has no transfer.');
  return row;
}

test('a step waits for its program, says what to install, and goes on once it is there', async () => {
  const found = async () => (await rig.api.call('listDevices')).rows.find(({ name }) => name === 'EOS_CARD')?.id;
  await expect.poll(found, { timeout: 30_000 }).toBeDefined();
  const device = (await found()) ?? '';
  const { id } = await rig.api.call('queueBatch', { body: { device, files: ['DCIM/100CANON/MVI_0001.MP4'] } });
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers?job=${id}`);
  const grid = page.getByRole('grid');
  await grid.getByText(/Waits for a missing program/).waitFor({ timeout: 60_000 });
  await grid.getByText('MVI_0001.MP4').first().click();
  await drawerOf(page)
    .getByText(/apt install ffmpeg/)
    .first()
    .waitFor();
  const { downloads } = await received();
  for (const name of ['ffmpeg', 'ffprobe']) linkTool('/usr/bin', name);
  await drawerOf(page).getByText(/exec/).first().waitFor({ timeout: 60_000 });
  expect(await received()).toEqual({ downloads });
  await page.context().close();
});

/** How often its download has ended. */
async function received() {
  const { rows } = await rig.api.call('listEvents', { query: { limit: 1000 } });
  const { id } = await film();
  const ends = rows.filter(
    ({ name, transferId }) => name === 'observation.transfer.download.completed' && transferId === id,
  );
  return { downloads: ends.length };
}

test('while it is processed it is paused, goes on, is cancelled and tried again, and its download is kept', async () => {
  const { id } = await film();
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers/${id}`);
  const drawer = drawerOf(page);
  const state = async () => (await film()).state;
  await drawer.getByRole('button', { name: 'Pause' }).click();
  await drawer.getByRole('button', { name: 'Resume' }).waitFor();
  expect(await film()).toMatchObject({ state: 'paused', phase: 'process' });
  await drawer.getByRole('button', { name: 'Resume' }).click();
  await expect.poll(state, { timeout: 30_000 }).toBe('processing');
  await drawer.getByRole('button', { name: 'Cancel' }).click();
  await drawer.getByRole('button', { name: 'Cancel it' }).click();
  await drawer.getByRole('button', { name: 'Retry' }).waitFor();
  expect(await film()).toMatchObject({ state: 'cancelled', phase: 'process' });
  await drawer.getByRole('button', { name: 'Retry' }).click();
  await expect.poll(state, { timeout: 30_000 }).toBe('processing');
  writeFileSync(gate(), '');
  await drawer.getByRole('link', { name: 'Show the recording' }).waitFor({ timeout: 60_000 });
  expect(await received()).toEqual({ downloads: 1 });
  await page.context().close();
});

test('its proxy plays in the browser, from any moment', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/recordings/${(await film()).id}`);
  const drawer = page.getByRole('complementary', { name: 'Recording MVI_0001.MP4' });
  const video = drawer.locator('video');
  await video.waitFor();
  expect(await video.getAttribute('src')).toMatch(/\/content\/proxy/);
  const value = (name: string) => video.evaluate((element, key) => Number(Reflect.get(element, key)), name);
  await video.evaluate((element) => {
    Reflect.set(element, 'muted', true);
    return Reflect.apply(Reflect.get(element, 'play'), element, []);
  });
  await expect.poll(() => value('currentTime'), { timeout: 20_000 }).toBeGreaterThan(0.5);
  expect(await value('videoHeight')).toBe(120);
  await video.evaluate((element) => Reflect.set(element, 'currentTime', 5));
  await expect.poll(() => value('currentTime'), { timeout: 20_000 }).toBeGreaterThan(5.2);
  await page.context().close();
  expect(rig.complaints).toEqual([]);
});
