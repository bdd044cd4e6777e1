// Getting in and staying in: the link works once, the cookie holds, a restart of the daemon costs a quiet note and nothing else.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig, row } from './console-rig.ts';

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\nbandwidth: 4M\n`,
    (folder) => {
      mkdirSync(join(folder, 'in'));
      writeFileSync(join(folder, 'in/long.bin'), Buffer.alloc(30_000_000, 'wherry'));
    },
  );
});
afterAll(() => rig?.close());
// A test that failed while the daemon was away leaves the next one a daemon.
beforeEach(() => rig.start());

test('a link signs in once, leaves no trace in the address, and the session outlives a reload', async () => {
  const link = await rig.link();
  const page = await rig.stranger();
  await page.goto(`${rig.url}/transfers`);
  await page.getByText('Open the one-time link').waitFor();
  await page.goto(link);
  await page.locator('[data-connection=live]').waitFor();
  expect(page.url()).toBe(`${rig.url}/`);
  await page.goBack();
  expect(page.url()).not.toContain('secret');
  await page.reload();
  await page.locator('[data-connection=live]').waitFor();

  const second = await rig.stranger();
  await second.goto(link);
  await second.getByRole('alert').getByText('used already').waitFor();
  await second.getByLabel('Or paste the link').fill(await rig.link());
  await second.getByRole('button', { name: 'Sign in' }).click();
  await second.locator('[data-connection=live]').waitFor();
  await second.context().close();

  await page.goto(`${rig.url}/settings`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('Open the one-time link').waitFor();
  await page.reload();
  await page.getByText('Open the one-time link').waitFor();
  await page.context().close();
});

test('the daemon is killed in mid-copy and comes back: the page says so, catches up by itself and was never reloaded', async () => {
  const page = await rig.page();
  const { id } = await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, 'in')], destination: join(rig.folder, 'out') },
  });
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'long.bin').getByText('Moving').waitFor();
  await page.evaluate("window.sameDocument = 'yes'");
  await rig.stop('SIGKILL');
  await page.locator('[data-connection=offline]').waitFor();
  await row(page, 'long.bin').waitFor();
  await rig.start();
  // All this happens behind the page's back: what it shows afterwards it must have caught up with.
  await rig.api.call('setBandwidth', { body: { limit: '100M' } });
  await page.locator('[data-connection=live]').waitFor();
  await row(page, 'long.bin').getByText('Proven').waitFor({ timeout: 30_000 });
  expect(await page.evaluate('window.sameDocument')).toBe('yes');
  expect((await rig.api.call('getJob', { params: { id } })).state).toBe('completed');
  await page.context().close();
});

test('a connection that ends before the first word of the daemon is one that broke: the page tries again at once', async () => {
  const page = await rig.page();
  let tries = 0;
  await page.routeWebSocket(/socket\.io/, (socket) => {
    tries += 1;
    if (tries > 2) socket.connectToServer();
    else void socket.close();
  });
  // Left alone, Socket.IO takes 20 s to notice each of the two, and these waits would end before it does.
  await page.goto(`${rig.url}/transfers`);
  await page.locator('[data-connection=offline]').waitFor();
  await page.locator('[data-connection=live]').waitFor();
  expect(tries).toBeGreaterThan(2);
  await page.context().close();
});

test('what was found while the page was away is there when it is back, each once', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'long.bin').waitFor();
  const before = await page.locator('[role=row][aria-selected]').count();
  await page.context().setOffline(true);
  await page.locator('[data-connection=offline]').waitFor();
  writeFileSync(join(rig.folder, 'in/while-away.bin'), 'while away');
  const { id } = await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, 'in/while-away.bin')], destination: join(rig.folder, 'out/') },
  });
  await expect
    .poll(async () => (await rig.api.call('getJob', { params: { id } })).state, { timeout: 15_000 })
    .toBe('completed');
  await page.context().setOffline(false);
  await row(page, 'while-away.bin').getByText('Proven').waitFor();
  expect(await page.locator('[role=row][aria-selected]').count()).toBe(before + 1);
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
