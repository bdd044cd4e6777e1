// A list of 100,000 transfers: jumps and scrolls without blanks, holds few rows at a time, and stays put while others arrive above.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { literalTransfer } from '../support/literal-transfer.ts';
import { type ConsoleRig, openConsoleRig, type PageElement, row } from './console-rig.ts';

const count = 100_000;

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig((folder) => `roots: [${folder}]\n`, fill);
}, 120_000);
afterAll(() => rig?.close());

async function fill(folder: string): Promise<void> {
  mkdirSync(join(folder, 'in'));
  writeFileSync(join(folder, 'in/newcomer.bin'), 'new');
  const store = await openSqliteStore({ folder: join(folder, 'data'), clock: systemClock });
  let at = Date.now() - count * 1000;
  const newId = idSource({ ...systemClock, now: () => at }, systemRandom);
  for (let from = 0; from < count; from += 5000) {
    const changes = Array.from({ length: 5000 }, (_, index) => {
      at += 1000;
      const path = `take-${String(from + index).padStart(6, '0')}.mov`;
      return {
        kind: 'insert_transfer' as const,
        events: [],
        transfer: literalTransfer({
          id: newId(),
          source: { endpoint: '/in', path },
          destination: { endpoint: '/out', path },
          state: 'completed',
          sizeBytes: from + index,
          createdAt: at,
          updatedAt: at,
          finishedAt: at,
        }),
      };
    });
    await store.apply(changes);
  }
  await store.close();
}

const scroller = '[data-list=transfers] [role=rowgroup].overflow-y-auto';

const jump = (page: Page, share: number) =>
  page.locator(scroller).evaluate((element: PageElement, share: number) => {
    element.scrollTop = (element.scrollHeight - element.clientHeight) * share;
  }, share);

/** Names of the rows in sight, from the top; empty while one of them is still being read. */
const inSight = (page: Page): Promise<string[]> =>
  page.locator(scroller).evaluate((element: PageElement) => {
    const box = element.getBoundingClientRect();
    const rows = [...element.querySelectorAll('[role=row]')]
      .map((each) => ({ top: each.getBoundingClientRect().top, bottom: each.getBoundingClientRect().bottom, each }))
      .filter(({ top, bottom }) => top >= box.top - 1 && bottom <= box.bottom + 1)
      .sort((a, b) => a.top - b.top);
    if (rows.some(({ each }) => each.querySelector('[aria-busy]') !== null)) return [];
    return rows.map(({ each }) => /take-\d+|newcomer/.exec(each.textContent ?? '')?.[0] ?? '');
  });

test('all rows are there, any of them within a moment, and only those in sight exist', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'take-099999').waitFor();
  expect(await page.getByRole('grid').getAttribute('aria-rowcount')).toBe(String(count + 1));
  await jump(page, 1);
  await expect.poll(async () => (await inSight(page)).at(-1), { timeout: 3000 }).toBe('take-000000');
  await jump(page, 0.5);
  await expect
    .poll(async () => Math.abs(Number((await inSight(page))[0]?.slice(5)) - count / 2), { timeout: 3000 })
    .toBeLessThan(40);
  expect(await page.locator('[role=row]').count()).toBeLessThan(80);
  await page.context().close();
});

test('scrolled as fast as a wheel goes, no row in sight is blank for a frame in twenty', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'take-099999').waitFor();
  const seen = await page.locator(scroller).evaluate(async (element: PageElement) => {
    const { requestAnimationFrame } = globalThis as unknown as { requestAnimationFrame(go: () => void): void };
    let frames = 0;
    let blank = 0;
    const untilMs = performance.now() + 4000;
    while (performance.now() < untilMs) {
      element.scrollTop += 100;
      await new Promise<void>((go) => requestAnimationFrame(go));
      const box = element.getBoundingClientRect();
      frames += 1;
      const isBlank = [...element.querySelectorAll('[aria-busy]')].some((each) => {
        const { top, bottom } = each.getBoundingClientRect();
        return bottom > box.top && top < box.bottom;
      });
      if (isBlank) blank += 1;
    }
    return { frames, blank };
  });
  expect(seen.frames).toBeGreaterThan(20);
  expect(seen.blank / seen.frames).toBeLessThan(0.05);
  await page.context().close();
});

test('rows that arrive above leave the view where it is, and stand on top when one goes there', async () => {
  const page = await rig.page();
  await page.goto(`${rig.url}/transfers`);
  await row(page, 'take-099999').waitFor();
  await jump(page, 0.3);
  await expect.poll(() => inSight(page).then((names) => names.length), { timeout: 5000 }).toBeGreaterThan(10);
  const before = await inSight(page);
  await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, 'in')], destination: join(rig.folder, 'out') },
  });
  await expect
    .poll(() => page.getByRole('grid').getAttribute('aria-rowcount'), { timeout: 15_000 })
    .toBe(String(count + 2));
  await expect.poll(() => inSight(page), { timeout: 5000 }).toEqual(before);
  await jump(page, 0);
  await expect.poll(async () => (await inSight(page))[0], { timeout: 5000 }).toBe('newcomer');
  await page.context().close();
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
