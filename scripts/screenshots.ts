// `npm run screenshots`: the guide's pictures of the console (docs/images), taken from a real daemon with real transfers. `--all FOLDER`: every page, both widths, both themes, to look at.

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { openRealConsole, type RealConsole } from '../test/browser/real-console.ts';
import { prepareScene, type Scene, sceneConfig, stageScene } from '../test/browser/scene.ts';

const { values } = parseArgs({ options: { all: { type: 'string' }, only: { type: 'string' } } });
const desk = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };
const guide = resolve(import.meta.dirname, '../docs/images');

interface Picture {
  readonly name: string;
  readonly address: string;
  /** What must be in sight before the picture is taken. */
  readonly shows?: string;
}

async function shoot(page: Page, console_: RealConsole, picture: Picture, file: string): Promise<void> {
  await page.goto(console_.url + picture.address);
  await page.locator('[data-connection=live]').waitFor();
  await page.locator('main h1, main h2').first().waitFor({ state: 'attached' });
  await page.getByText('Reading…').waitFor({ state: 'detached' });
  if (picture.shows !== undefined) await page.getByText(picture.shows).first().waitFor();
  // Speeds are known after the second report of progress.
  await page.waitForTimeout(1500);
  await page.screenshot({ path: file, animations: 'disabled' });
  process.stdout.write(`${file}\n`);
}

async function pictures(scene: Scene): Promise<readonly Picture[]> {
  const [done, moving, failed, waiting, growing] = await Promise.all(
    [scene.done, scene.moving, scene.failed, scene.waiting, scene.watch].map(scene.firstOf),
  );
  return [
    { name: 'overview', address: '/' },
    { name: 'transfers', address: '/transfers' },
    { name: 'by-job', address: '/transfers?group=job' },
    { name: 'receipt', address: `/transfers/${done}`, shows: 'Receipt' },
    { name: 'moving', address: `/transfers/${moving}` },
    { name: 'failed', address: `/transfers/${failed}` },
    { name: 'waiting', address: `/transfers/${waiting}` },
    { name: 'growing', address: `/transfers/${growing}` },
    { name: 'watches', address: `/watches/${scene.watch}` },
    { name: 'new-watch', address: '/watches/new' },
    { name: 'jobs', address: `/jobs/${scene.moving}` },
    { name: 'new-copy', address: '/jobs/new' },
    { name: 'storage', address: '/storage' },
    { name: 'events', address: '/events' },
    { name: 'settings', address: '/settings' },
    { name: 'about', address: '/about' },
    { name: 'find', address: '/find?path=notes.txt' },
    { name: 'not-found', address: '/nowhere' },
  ];
}

/** Pictures of the guide: one width, light, half as large as they are drawn, few colours. */
const inGuide = ['overview', 'transfers', 'receipt', 'watches', 'new-copy', 'find'];

async function takeAll(console_: RealConsole, scene: Scene, folder: string): Promise<void> {
  for (const viewport of [desk, phone]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await console_.page({ viewport, colorScheme });
      for (const picture of await pictures(scene)) {
        if (values.only !== undefined && !values.only.split(',').includes(picture.name)) continue;
        await shoot(page, console_, picture, join(folder, `${picture.name}-${viewport.width}-${colorScheme}.png`));
      }
      await page.context().close();
    }
  }
}

async function takeGuide(console_: RealConsole, scene: Scene): Promise<void> {
  const page = await console_.page({ viewport: { width: 1280, height: 760 }, colorScheme: 'light' });
  for (const picture of await pictures(scene)) {
    if (inGuide.includes(picture.name)) await shoot(page, console_, picture, join(guide, `${picture.name}.png`));
  }
  await page.context().close();
  const pocket = await console_.page({ viewport: phone, colorScheme: 'dark' });
  await shoot(pocket, console_, { name: 'phone', address: '/transfers' }, join(guide, 'phone.png'));
}

const folder = values.all === undefined ? guide : resolve(values.all);
mkdirSync(folder, { recursive: true });
const console_ = await openRealConsole(sceneConfig, prepareScene);
let scene: Scene | undefined;
try {
  scene = await stageScene(console_);
  if (values.all === undefined) await takeGuide(console_, scene);
  else await takeAll(console_, scene, folder);
} finally {
  scene?.close();
  await console_.close();
}
