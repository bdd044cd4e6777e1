// Watches in the console: made with a dry test of their rules, seen at work on a file that grows, changed, paused, removed; and their storage.

import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig, row } from './console-rig.ts';

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\n`,
    (folder) => {
      for (const name of ['recorder', 'library', 'second']) mkdirSync(join(folder, name));
    },
  );
});
afterAll(() => rig?.close());

test('a watch is made in the form, and its rules are tried on names before anything moves', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/watches`);
  await page.getByRole('heading', { name: 'No folder is watched' }).waitFor();
  // At the top of the page, and as the first step of an empty one.
  await page.getByRole('link', { name: 'Watch a folder' }).last().click();
  const form = page.getByRole('complementary', { name: 'Watch a folder' });
  const start = form.getByRole('button', { name: 'Start watching' });
  expect(await start.isDisabled()).toBe(true);
  await form.getByRole('button', { name: rig.folder }).click();
  await form.getByRole('button', { name: 'recorder' }).click();
  expect(await form.getByLabel('Folder to watch').inputValue()).toBe(join(rig.folder, 'recorder'));
  await form.getByRole('textbox', { name: 'Destination' }).fill(join(rig.folder, 'library'));
  // Moving is proposed first; nothing is deleted without a receipt.
  expect(await form.getByLabel(/^Move: delete the source/).isChecked()).toBe(true);
  await form.getByLabel(/^Copy: the source stays/).check();
  await form.getByRole('button', { name: 'Add a rule' }).click();
  await form.getByRole('group', { name: 'Rule 1' }).getByLabel('Files').fill('*.mxf');
  await form.getByRole('group', { name: 'Rule 1' }).getByLabel('Go to').fill('../{name}');
  await form.getByRole('alert').waitFor();
  await form.getByRole('group', { name: 'Rule 1' }).getByLabel('Go to').fill('video/{name}');
  await form.getByLabel('Try it on these names').fill('reel/A001.mxf\nnotes.txt');
  const outcome = form.getByRole('list', { name: 'Where they would go' });
  await outcome.getByText('video/A001.mxf').waitFor();
  await outcome.getByText(/OTHER/).waitFor();
  await form.getByLabel('Stable when unchanged for').fill('1');
  await form.getByLabel('Scan every').fill('1');
  await form.getByLabel('Copy while it grows, from').fill('1');
  await form.getByLabel('Stay behind the writer by').fill('1');
  await start.click();
  await page.getByText('The folder is watched.').waitFor();
  await page
    .getByRole('complementary', { name: /^Watch recorder/ })
    .getByText('Watching')
    .waitFor();
  const { rows } = await rig.api.call('listWatches');
  expect(rows[0]?.spec).toMatchObject({ after: 'keep', rules: [{ match: '*.mxf', to: 'video/{name}' }] });
  await page.context().close();
});

test('a file that grows shows how far its copy is behind the writer, and is proven when the writer has closed it', async () => {
  const page = await rig.page();
  const [watch] = (await rig.api.call('listWatches')).rows;
  if (watch === undefined) throw new Error('The test before has made no watch.');
  const { growing, ...spec } = watch.spec as { growing: object; source: string; destinations: string[] };
  await rig.api.call('editWatch', {
    params: { id: watch.id },
    body: { ...spec, growthPollSeconds: 0.5, growing: { ...growing, idleSeconds: 2 } },
  });
  await page.goto(`${rig.url}/watches/${watch.id}`);
  const file = join(rig.folder, 'recorder/A001.mxf');
  const recorder = openSync(file, 'w');
  const writing = setInterval(() => appendFileSync(recorder, Buffer.alloc(200_000, 'frame')), 100);
  try {
    const drawer = page.getByRole('complementary', { name: /^Watch recorder/ });
    await drawer.getByText(/behind the writer/).waitFor({ timeout: 30_000 });
    await page.goto(`${rig.url}/transfers`);
    await row(page, 'A001.mxf').getByText('grows', { exact: true }).waitFor();
  } finally {
    clearInterval(writing);
    closeSync(recorder);
  }
  await row(page, 'A001.mxf').getByText('Proven').waitFor({ timeout: 30_000 });
  expect(existsSync(join(rig.folder, 'library/video/A001.mxf'))).toBe(true);
  await page.context().close();
});

test('a watch is changed, paused, resumed and removed', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/watches`);
  await page.getByRole('link', { name: /recorder/ }).click();
  const drawer = page.getByRole('complementary', { name: /^Watch recorder/ });
  await drawer.getByRole('button', { name: 'Change' }).click();
  const form = page.getByRole('complementary', { name: 'Change the watch' });
  await form.getByRole('button', { name: 'One more destination' }).click();
  await form.getByRole('textbox', { name: 'Destination 2' }).fill(join(rig.folder, 'second'));
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The watch is changed.').waitFor();
  writeFileSync(join(rig.folder, 'recorder/two-ways.mxf'), 'both');
  await expect
    .poll(() => ['library', 'second'].every((place) => existsSync(join(rig.folder, place, 'video/two-ways.mxf'))), {
      timeout: 30_000,
    })
    .toBe(true);
  const [twoWays] = (await rig.api.call('listTransfers', { query: { search: 'two-ways.mxf' } })).rows;
  await page.goto(`${rig.url}/transfers/${twoWays?.id}`);
  const others = page.getByRole('complementary', { name: /^Transfer of two-ways/ }).getByRole('link');
  const other = twoWays?.destination.endpoint.endsWith('second') ? 'library' : 'second';
  await others
    .filter({ hasText: join(rig.folder, other) })
    .getByText('Proven')
    .waitFor();
  await page.goBack();
  await drawer.getByRole('button', { name: 'Pause' }).click();
  await drawer.getByText('Paused', { exact: true }).waitFor();
  await drawer.getByRole('button', { name: 'Resume' }).click();
  await drawer.getByText('Watching').waitFor();

  await page.goto(`${rig.url}/storage`);
  await page.getByRole('button', { name: 'Look now' }).click();
  await page
    .getByRole('listitem')
    .filter({ hasText: `${rig.folder}/library` })
    .getByText('free')
    .waitFor();

  await page.goto(`${rig.url}/watches`);
  await page.getByRole('link', { name: /recorder/ }).click();
  await drawer.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove it' }).click();
  await page.getByRole('heading', { name: 'No folder is watched' }).waitFor();
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
