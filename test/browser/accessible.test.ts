// axe finds nothing to mend: on every page, in every open drawer, menu and question, light and dark, on a desk and on a phone.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectNothing, findings } from './axe.ts';
import { type ConsoleRig, openConsoleRig, row } from './console-rig.ts';
import { prepareScene, type Scene, sceneConfig, stageScene } from './scene.ts';

const desk = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };
/** Each page is loaded at two widths and looked at in two themes. */
const patienceMs = 400_000;

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

test('axe sees what is wrong with a page, or its silence would prove nothing', async () => {
  const page = await rig.page();
  await page.evaluate(
    `document.querySelector('main').innerHTML = '<button></button><p>faint</p>';
     Object.assign(document.querySelector('main p').style, { color: '#777', background: '#666' })`,
  );
  const found = (await findings(page)).join('\n');
  expect(found).toContain('button-name');
  expect(found).toContain('color-contrast');
  await page.context().close();
});

for (const viewport of [desk, phone]) {
  test(`every page and drawer, ${viewport.width} px wide`, { timeout: patienceMs }, async () => {
    const transfers = await Promise.all(
      [scene.done, scene.moving, scene.failed, scene.waiting, scene.paused, scene.watch].map(scene.firstOf),
    );
    const addresses = [
      '/',
      '/transfers',
      '/transfers?state=failed',
      '/transfers?q=nothing+has+this+name',
      ...transfers.map((id) => `/transfers/${id}`),
      '/watches',
      '/watches/new',
      `/watches/${scene.watch}`,
      '/devices',
      '/recordings',
      '/recordings?view=list',
      '/rooms',
      '/rooms?new=1',
      '/jobs',
      '/syncs',
      '/syncs/new',
      '/jobs/new',
      `/jobs/${scene.done}`,
      `/jobs/${scene.moving}`,
      `/jobs/${scene.failed}`,
      '/storage',
      '/events',
      '/changes',
      '/webhooks',
      '/webhooks/new',
      `/webhooks/${scene.webhook}`,
      '/settings',
      '/about',
      '/find',
      '/find?path=notes.txt',
      '/nowhere',
    ];
    const page = await rig.page({ viewport });
    for (const address of addresses) {
      await page.goto(rig.url + address);
      await page.locator('[data-connection=live]').waitFor();
      await page.locator('main h1, main h2').first().waitFor({ state: 'attached' });
      await expect.poll(() => page.getByText('Reading…').count()).toBe(0);
      await expectNothing(page, address);
    }
    await page.context().close();
  });

  test(`what opens over a page, ${viewport.width} px wide`, { timeout: patienceMs }, async () => {
    const page = await rig.page({ viewport });
    await page.getByRole('button', { name: 'Theme' }).click();
    await page.getByRole('menu').waitFor();
    await expectNothing(page, 'theme menu');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /Change the limit/ }).click();
    await page.getByRole('dialog').waitFor();
    await expectNothing(page, 'limit');
    await page.keyboard.press('Escape');
    if (viewport === phone) {
      await page.getByRole('button', { name: 'More' }).click();
      await page.getByRole('menu').waitFor();
      await expectNothing(page, 'more pages');
      await page.keyboard.press('Escape');
    }
    await page.goto(`${rig.url}/transfers?job=${scene.moving}`);
    await row(page, 'B002C001').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByRole('toolbar', { name: 'Selected transfers' }).waitFor();
    await expectNothing(page, 'selection');
    await page.keyboard.press('c');
    await page.getByRole('alertdialog').waitFor();
    await expectNothing(page, 'question');
    await page.getByRole('button', { name: 'Keep' }).click();
    await page.keyboard.press('?');
    await page.getByRole('complementary', { name: 'Keyboard' }).waitFor();
    await expectNothing(page, 'keys');
    const stranger = await rig.stranger();
    await stranger.setViewportSize(viewport);
    await stranger.goto(rig.url);
    await stranger.getByText('Open the one-time link').waitFor();
    await expectNothing(stranger, 'sign-in');
    await stranger.context().close();
    await page.context().close();
  });
}

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
