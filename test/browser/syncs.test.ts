// Syncs in the console: made in the form, planned, run before one's eyes, checked anew, cleaned up after, changed and removed; also from a real SSH server.

import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { expectNothing } from './axe.ts';
import type { ConsoleRig } from './console-rig.ts';
import { makeOld, openSyncScene, type SyncScene } from './sync-scene.ts';

let scene: SyncScene;
let rig: ConsoleRig;
beforeAll(async () => {
  scene = await openSyncScene();
  rig = scene.console;
});
afterAll(() => scene?.close());
beforeEach(() => rig.start());

const form = (page: Page) => page.getByRole('complementary', { name: 'Sync folders' });
const drawer = (page: Page, name: string) => page.getByRole('complementary', { name: `Sync ${name}` });

async function syncNamed(name: string) {
  const found = (await rig.api.call('listSyncs')).rows.find((sync) => sync.name === name);
  if (found === undefined) throw new Error(`The test before has made no sync ${name}.`);
  return found;
}

/** Its drawer, once the run is over that the button has begun. */
async function run(page: Page, name: string, outcome: string): Promise<void> {
  const { id, lastRun } = await syncNamed(name);
  await drawer(page, name).getByRole('button', { name: 'Run now' }).click();
  // The note of a run before may still stand.
  await page.getByText('The run has begun.').last().waitFor();
  await expect
    .poll(
      async () => {
        const after = (await rig.api.call('getSync', { params: { id } })).lastRun;
        return after?.jobId === lastRun?.jobId ? null : after?.state;
      },
      { timeout: 30_000 },
    )
    .toMatch(/completed|partial|failed|cancelled/);
  await drawer(page, name).getByRole('region', { name: 'State' }).getByText(outcome, { exact: true }).waitFor();
}

test('the empty page teaches the first step; a sync is made by picking folders, and shows its plan before it is kept', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/syncs`);
  await page.getByRole('heading', { name: 'Nothing is kept in step' }).waitFor();
  await page.getByText('wherry sync FROM TO').waitFor();
  await expectNothing(page, 'no sync');
  await page.getByRole('link', { name: 'Sync folders' }).last().focus();
  await page.keyboard.press('Enter');
  const keep = form(page).getByRole('button', { name: 'Keep this sync' });
  expect(await keep.isDisabled()).toBe(true);
  await form(page).getByRole('button', { name: 'Browse' }).first().click();
  await form(page).getByRole('button', { name: rig.folder }).click();
  await form(page).getByRole('button', { name: 'gpu-1' }).click();
  await form(page).getByRole('button', { name: 'outputs' }).click();
  expect(await form(page).getByLabel('Source: folder').inputValue()).toBe(scene.source);
  await form(page).getByLabel('Destination: folder').fill(join(scene.home, 'gpu-1'));
  await form(page)
    .getByLabel(/^Only these folders/)
    .fill('txt2img-images -> pictures\nWAN');
  await form(page).getByLabel('Only when somebody starts it').check();
  await form(page).getByLabel('Delete it at the destination, too').check();
  await form(page).getByText('Give it a name.').waitFor();
  await form(page).getByLabel('Name', { exact: true }).fill('GPU 1');
  await form(page).getByRole('button', { name: 'Show the plan' }).click();
  await form(page).getByText('42 files to copy, 13.8 MB', { exact: false }).waitFor();
  expect(readdirSync(scene.home)).toEqual([]);
  await expectNothing(page, 'the form of a sync');
  await keep.click();
  await drawer(page, 'GPU 1').getByText('It has not run yet.').waitFor();
  expect((await syncNamed('GPU 1')).spec).toMatchObject({
    source: scene.source,
    folders: [
      { from: 'txt2img-images', to: 'pictures' },
      { from: 'WAN', to: 'WAN' },
    ],
    schedule: null,
    delete: true,
  });
  await page.context().close();
});

test('a run shows its folders side by side while they move, and then what came home', async () => {
  const page = await rig.page();
  await rig.api.call('setBandwidth', { body: { limit: '300k' } });
  await page.goto(`${rig.url}/syncs`);
  await page.getByRole('list', { name: 'Syncs' }).getByRole('link', { name: /GPU 1/ }).click();
  await drawer(page, 'GPU 1').getByRole('button', { name: 'Run now' }).click();
  await page.getByRole('progressbar', { name: 'Progress of WAN' }).waitFor();
  await drawer(page, 'GPU 1').getByText('txt2img-images → pictures').first().waitFor();
  await page.getByRole('progressbar', { name: 'Progress of the run' }).waitFor();
  await expectNothing(page, 'a run under way');
  await rig.api.call('setBandwidth', { body: { limit: null } });
  await drawer(page, 'GPU 1').getByRole('region', { name: 'State' }).getByText('In step').waitFor({ timeout: 30_000 });
  const last = drawer(page, 'GPU 1').getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
  await last.getByText('42 files, 13.8 MB').waitFor();
  await last.getByText('Proven').waitFor();
  await drawer(page, 'GPU 1').getByText('2 files, 2 brought over, 12.0 MB').waitFor();
  expect(readdirSync(join(scene.home, 'gpu-1/pictures')).length).toBe(40);
  await last.getByRole('link').click();
  await page.getByRole('complementary', { name: /^Job/ }).getByText('Folders: 2').waitFor();
  await page.context().close();
});

test('what was renamed, deleted, changed and added is in the plan, and the next run does just that', async () => {
  const at = (name: string) => join(scene.source, 'WAN', name);
  renameSync(at('harbour at dawn.mp4'), at('harbour.mp4'));
  rmSync(at('rope walk, slow.mp4'));
  writeFileSync(at('anchors.mp4'), 'anchors');
  const page = await rig.page();
  await page.goto(`${rig.url}/syncs/${(await syncNamed('GPU 1')).id}`);
  await drawer(page, 'GPU 1').getByRole('button', { name: 'Show the plan' }).click();
  const group = (title: string) => drawer(page, 'GPU 1').getByRole('group').filter({ hasText: title });
  await group('To delete at the destination').getByText('WAN/rope walk, slow.mp4').waitFor();
  await drawer(page, 'GPU 1').getByText('To rename at the destination').click();
  await group('To rename').getByText('WAN/harbour at dawn.mp4 → WAN/harbour.mp4').waitFor();
  await drawer(page, 'GPU 1').getByText('To copy', { exact: true }).click();
  await group('To copy').getByText('WAN/anchors.mp4').waitFor();
  await expectNothing(page, 'the plan of a sync');
  await page.reload();
  await drawer(page, 'GPU 1').getByText('To delete at the destination').waitFor();
  await run(page, 'GPU 1', 'In step');
  await drawer(page, 'GPU 1').getByText('1 file renamed, 1 file deleted at the destination.').waitFor();
  expect(readdirSync(join(scene.home, 'gpu-1/WAN')).sort()).toEqual(['anchors.mp4', 'harbour.mp4']);

  await drawer(page, 'GPU 1').getByRole('button', { name: 'Check everything again' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Check again' }).click();
  await page.getByText('42 files forgotten: the next run checks everything again.').waitFor();
  await run(page, 'GPU 1', 'In step');
  await drawer(page, 'GPU 1')
    .getByRole('list', { name: 'Runs' })
    .getByRole('listitem')
    .first()
    .getByText('42 unchanged')
    .waitFor();
  await page.context().close();
});

test('one folder that is not there fails by itself, with its reason; the other is brought over', async () => {
  const { id, spec } = await syncNamed('GPU 1');
  const body = { ...(spec as object), folders: ['WAN', 'gone'], delete: false } as never;
  await rig.api.call('editSync', { params: { id }, body });
  writeFileSync(join(scene.source, 'WAN/late.mp4'), 'late');
  const page = await rig.page();
  await page.goto(`${rig.url}/syncs/${id}`);
  await run(page, 'GPU 1', 'Partly failed');
  expect(existsSync(join(scene.home, 'gpu-1/WAN/late.mp4'))).toBe(true);
  const gone = drawer(page, 'GPU 1').getByRole('listitem').filter({ hasText: 'gone' }).first();
  await gone.getByText('Failed').waitFor();
  await gone.getByText(/is not there|does not exist|no such|not found/i).waitFor();
  await drawer(page, 'GPU 1').getByRole('list', { name: 'Runs' }).getByText('1 failed').waitFor();
  await page.context().close();
});

test('cleanup shows what it would delete before it is asked to, then says what it has deleted', async () => {
  const { id } = await syncNamed('GPU 1');
  const old = join(scene.source, 'WAN/harbour.mp4');
  makeOld(old);
  const page = await rig.page();
  await page.goto(`${rig.url}/syncs/${id}`);
  await drawer(page, 'GPU 1').getByRole('button', { name: 'Change' }).click();
  const change = page.getByRole('complementary', { name: 'Change the sync' });
  await change.getByLabel(/^Only these folders/).fill('WAN');
  await change.getByLabel('Every few minutes').check();
  await change.getByRole('textbox', { name: /^Every/ }).fill('90');
  await change.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The sync is changed.').waitFor();
  await drawer(page, 'GPU 1')
    .getByText(/^Every 1 h 30 min, next /)
    .waitFor();
  await run(page, 'GPU 1', 'In step');

  await drawer(page, 'GPU 1').getByRole('button', { name: 'Change' }).click();
  await change.getByLabel(/^After each run delete old files/).check();
  await change.getByLabel(/^Never these/).fill('**/*.keep');
  await change.getByRole('button', { name: 'Save' }).click();
  await drawer(page, 'GPU 1').getByRole('button', { name: 'What it would delete now' }).click();
  const list = drawer(page, 'GPU 1').getByRole('list', { name: 'Files that would be deleted' });
  await list.getByText('WAN/harbour.mp4').waitFor();
  await drawer(page, 'GPU 1').getByText('1 file would be deleted, 6.00 MB would be freed').waitFor();
  await drawer(page, 'GPU 1').getByText('2 stay: not old enough').waitFor();
  await expectNothing(page, 'the preview of a cleanup');
  expect(existsSync(old)).toBe(true);

  await run(page, 'GPU 1', 'In step');
  await drawer(page, 'GPU 1').getByText('1 file deleted, 6.00 MB freed').waitFor();
  expect(existsSync(old)).toBe(false);
  await page.context().close();
});

test('pictures come home from a host over SSH, and it is said how it was reached; a run can be cancelled', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/syncs/new`);
  await form(page).getByLabel('Name', { exact: true }).fill('GPU 2');
  await form(page).getByRole('combobox', { name: 'Source' }).selectOption({ label: 'A host over SSH' });
  await form(page).getByText('The host has to be in known_hosts', { exact: false }).waitFor();
  await form(page).getByLabel('Source: address').fill(`ssh://gpu-2${scene.far}`);
  await form(page).getByLabel('Destination: folder').fill(join(scene.home, 'gpu-2'));
  await form(page).getByLabel('By a cron expression').check();
  await form(page).getByLabel('Minute, hour, day, month, weekday').fill('0 9 * * 1-5');
  await form(page).getByText('Weekdays at 09:00').waitFor();
  await form(page).getByRole('button', { name: 'Keep this sync' }).click();
  await drawer(page, 'GPU 2')
    .getByText(/^Weekdays at 09:00, next /)
    .waitFor();
  await run(page, 'GPU 2', 'In step');
  expect(readdirSync(join(scene.home, 'gpu-2/output')).length).toBe(8);
  await drawer(page, 'GPU 2').getByText('How they are reached').waitFor();

  writeFileSync(join(scene.far, 'output/long.mp4'), Buffer.alloc(20_000_000, 'long'));
  await rig.api.call('setBandwidth', { body: { limit: '300k' } });
  await drawer(page, 'GPU 2').getByRole('button', { name: 'Run now' }).click();
  await drawer(page, 'GPU 2').getByRole('button', { name: 'Cancel the run' }).click();
  await drawer(page, 'GPU 2').getByRole('region', { name: 'State' }).getByText('Cancelled', { exact: true }).waitFor();
  await rig.api.call('setBandwidth', { body: { limit: null } });
  expect(existsSync(join(scene.home, 'gpu-2/output/long.mp4'))).toBe(false);

  await drawer(page, 'GPU 2').getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove it' }).click();
  await page.getByText('The sync is removed.').waitFor();
  expect((await rig.api.call('listSyncs')).rows.map(({ name }) => name)).toEqual(['GPU 1']);
  expect(readdirSync(join(scene.home, 'gpu-2/output')).length).toBe(8);
  await page.context().close();
});

test('how far each sink has come stands below, and one that does not take what it is told can be told again', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/syncs`);
  const sinks = page.getByRole('region', { name: 'Sinks' });
  const log = sinks.getByRole('listitem').filter({ hasText: 'picture-log' });
  await log.getByText('Up to date').waitFor();
  await log.getByText(/^[0-9]+ events taken, the last /).waitFor();
  const desk = sinks.getByRole('listitem').filter({ hasText: 'news-desk' });
  await desk.getByText('Failing').waitFor();
  await desk.getByText(/nothing is lost/).waitFor();
  await desk.getByRole('button', { name: 'Tell it now' }).click();
  await page.getByText('news-desk is told again now.').waitFor();
  await expectNothing(page, 'syncs with their sinks');
  await page.context().close();
});

test('on a phone the same works without a mouse', async () => {
  const page = await rig.page({ viewport: { width: 390, height: 844 } });
  const { id } = await syncNamed('GPU 1');
  await page.goto(`${rig.url}/syncs`);
  await page.getByRole('list', { name: 'Syncs' }).getByRole('link').first().focus();
  await page.keyboard.press('Enter');
  await drawer(page, 'GPU 1').waitFor();
  expect(page.url()).toBe(`${rig.url}/syncs/${id}`);
  await expectNothing(page, 'the drawer of a sync on a phone');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await page.keyboard.press('Escape');
  await drawer(page, 'GPU 1').waitFor({ state: 'detached' });
  await expectNothing(page, 'syncs on a phone');
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
