// The first minutes with Wherry: the console names the watched folder, a file is dropped there, and it arrives before one's eyes.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig, row } from './console-rig.ts';

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) =>
      `watches: [{ source: ${folder}/drop, destination: ${folder}/arrived, scanSeconds: 1, stableSeconds: 1, growthPollSeconds: 1 }]\n`,
    (folder) => {
      mkdirSync(join(folder, 'drop'));
      mkdirSync(join(folder, 'arrived'));
    },
  );
});
afterAll(() => rig?.close());

test('a file dropped into the folder that the page names shows up by itself, moves and is proven', async () => {
  const page = await rig.page();
  await page.getByRole('heading', { name: 'Drop a file to see it move' }).waitFor();
  await page.getByText(`cp SOME-FILE ${rig.folder}/drop/`).waitFor();
  const list = await page.context().newPage();
  await list.goto(`${rig.url}/transfers`);
  await list.getByRole('heading', { name: 'No transfers yet' }).waitFor();

  writeFileSync(join(rig.folder, 'drop/first.wav'), Buffer.alloc(3_000_000, 'la'));
  await row(list, 'first.wav').getByText('Proven').waitFor({ timeout: 60_000 });
  await page.getByRole('region', { name: 'Just arrived' }).getByText('first.wav').waitFor();
  await page.locator('[data-health=well]').waitFor();
  expect(readFileSync(join(rig.folder, 'arrived/first.wav')).length).toBe(3_000_000);

  await list.goto(`${rig.url}/jobs`);
  await list.getByRole('listitem').filter({ hasText: 'watch' }).getByText('1 file').waitFor();
  await list.goto(`${rig.url}/events`);
  await list.getByText('Arrived, verified and published').waitFor();
  await page.context().close();
  expect(rig.complaints).toEqual([]);
});
