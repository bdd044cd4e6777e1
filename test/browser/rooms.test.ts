// Rooms as people use them: two real browsers and a real daemon; files arrive whole whatever is reloaded or killed, and nobody sees what is not theirs.

import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { expectNothing } from './axe.ts';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';
import { acceptedHash, comeIn, fileLine, hashOf, makeRoom, sendFiles } from './room-rig.ts';

// Two browsers, a daemon, and files that take their time.
vi.setConfig({ testTimeout: 300_000 });

const small = randomBytes(2_000_000);
const large = randomBytes(8_000_000);

let rig: ConsoleRig;
const file = (name: string) => join(rig.folder, name);
beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\n`,
    (folder) => {
      writeFileSync(join(folder, 'small.bin'), small);
      writeFileSync(join(folder, 'large.bin'), large);
      writeFileSync(join(folder, 'empty.txt'), '');
      mkdirSync(join(folder, 'Day 1/audio'), { recursive: true });
      writeFileSync(join(folder, 'Day 1/clip.bin'), small);
      writeFileSync(join(folder, 'Day 1/audio/take.wav'), 'one take');
      writeFileSync(join(folder, 'Day 1/notes.txt'), 'not for everybody');
    },
  );
});
afterAll(() => rig?.close());
beforeEach(() => rig.start());

/** Anna and Bo in a new room; what Anna sends is for Bo alone. */
async function annaAndBo(more: Parameters<typeof makeRoom>[1] = {}): Promise<{ anna: Page; bo: Page; link: string }> {
  const link = await makeRoom(rig, more);
  const [anna, bo] = await Promise.all([comeIn(rig, link, 'Anna'), comeIn(rig, link, 'Bo')]);
  await anna.getByRole('button', { name: 'Bo', exact: true }).click();
  return { anna, bo, link };
}

async function choosePath(page: Page, label: string): Promise<void> {
  await page.getByRole('button', { name: 'Which way files go' }).click();
  await page.getByRole('menuitemradio', { name: label }).click();
}

const offerOf = (page: Page, name: string) => page.getByRole('region', { name: `Offer of ${name}` });
const bytesDone = async (page: Page, name: string) =>
  Number(await fileLine(page, name).getByRole('progressbar').getAttribute('aria-valuenow'));

/** The large file from Anna to Bo by the relay of a slow room, until some of it is there. The direct way is as quick as ever. */
async function underWay(bandwidthBytesPerSecond: number): Promise<{ anna: Page; bo: Page; arrived: Promise<string> }> {
  const { anna, bo } = await annaAndBo({ limits: { bandwidthBytesPerSecond } });
  for (const page of [anna, bo]) await choosePath(page, 'Only by the relay');
  await sendFiles(anna, file('large.bin'));
  const arrived = acceptedHash(bo, offerOf(bo, 'Anna').getByRole('button', { name: 'Accept', exact: true }));
  // Whoever waits for it is told; a test that fails before has its own reason.
  arrived.catch(() => undefined);
  await expect.poll(() => bytesDone(bo, 'large.bin')).toBeGreaterThan(10);
  return { anna, bo, arrived };
}

async function bothProven(anna: Page, bo: Page, name: string): Promise<void> {
  for (const page of [anna, bo]) await fileLine(page, name).getByText('Proven').waitFor({ timeout: 150_000 });
}

async function leave(...pages: readonly Page[]): Promise<void> {
  for (const page of pages) await page.context().close();
}

test.each([
  ['Only directly', 'directly'],
  ['Only by the relay', 'by the relay'],
])('%s: a file is offered, accepted, and its bytes are the same', async (label) => {
  const { anna, bo } = await annaAndBo();
  for (const page of [anna, bo]) await choosePath(page, label);
  await sendFiles(anna, file('small.bin'));
  const hash = await acceptedHash(bo, offerOf(bo, 'Anna').getByRole('button', { name: 'Accept', exact: true }));
  expect(hash).toBe(hashOf(small));
  await bothProven(anna, bo, 'small.bin');
  expect(
    await fileLine(bo, 'small.bin')
      .getByTitle(/^SHA-256/)
      .getAttribute('title'),
  ).toBe(`SHA-256 ${hashOf(small)}`);
  await leave(anna, bo);
});

test('of a folder each file is accepted or not; an empty file arrives, too', async () => {
  const { anna, bo } = await annaAndBo();
  await sendFiles(anna, file('Day 1'), 'a folder');
  const offer = offerOf(bo, 'Anna');
  await offer.getByRole('button', { name: 'Reject Day 1/notes.txt' }).click();
  await fileLine(anna, 'Day 1/notes.txt').getByText('Cancelled').waitFor();
  const take = offer.getByRole('button', { name: 'Accept Day 1/audio/take.wav' });
  expect(await acceptedHash(bo, take)).toBe(hashOf(Buffer.from('one take')));
  // What is left is one file, which has the offer's own buttons.
  const rest = offer.getByRole('button', { name: 'Accept', exact: true });
  expect(await acceptedHash(bo, rest)).toBe(hashOf(small));
  await sendFiles(anna, file('empty.txt'));
  expect(await acceptedHash(bo, offer.getByRole('button', { name: 'Accept', exact: true }))).toBe(
    hashOf(Buffer.alloc(0)),
  );
  await bothProven(anna, bo, 'empty.txt');
  await leave(anna, bo);
});

test('paused by the sender, whose page is loaded anew, and resumed by the receiver: it goes on where it was, and directly', async () => {
  const { anna, bo, arrived } = await underWay(500_000);
  await fileLine(anna, 'large.bin').getByRole('button', { name: 'Pause large.bin' }).click();
  await fileLine(bo, 'large.bin').getByText('Paused').waitFor();
  const done = await bytesDone(bo, 'large.bin');
  expect(done).toBeLessThan(100);
  anna.on('dialog', (dialog) => void dialog.accept());
  await anna.reload();
  await fileLine(anna, 'large.bin').getByText('Needs its file').waitFor();
  const again = anna.getByLabel('large.bin, again');
  await again.setInputFiles(file('small.bin'));
  await anna.getByText('This is not the file that was offered').first().waitFor();
  await again.setInputFiles(file('large.bin'));
  await fileLine(bo, 'large.bin').getByRole('button', { name: 'Resume large.bin' }).click();
  await bothProven(anna, bo, 'large.bin');
  expect(await arrived).toBe(hashOf(large));
  await leave(anna, bo);
});

test('the daemon is killed and started in mid transfer: both pages go on by themselves', async () => {
  const { anna, bo, arrived } = await underWay(2_000_000);
  await rig.stop('SIGKILL');
  for (const page of [anna, bo]) await page.locator('[data-connection=away]').waitFor();
  await rig.start();
  for (const page of [anna, bo]) await page.locator('[data-connection=open]').waitFor({ timeout: 30_000 });
  expect(await arrived).toBe(hashOf(large));
  await bothProven(anna, bo, 'large.bin');
  await leave(anna, bo);
});

test('an observer only receives; who has no link sees nothing and asks for nothing', async () => {
  const host = await rig.page();
  await host.goto(`${rig.url}/rooms?new=1`);
  await host.getByLabel('Its name').fill('Dailies');
  await host.getByLabel('Your name in it').fill('Desk');
  await host.getByRole('radio', { name: /The server too/ }).check();
  await host.getByRole('button', { name: 'Make it' }).click();
  const link = (await host.locator('code', { hasText: '/rooms/' }).textContent()) ?? '';
  await host.getByRole('img', { name: /QR code/ }).waitFor();
  await host.getByRole('link', { name: 'Go into the room' }).click();
  await host.locator('[data-connection=open]').waitFor();

  const guest = await comeIn(rig, link, 'Guest');
  for (const page of [host, guest]) await page.getByText('The server sees what you send here.').waitFor();
  expect(guest.url()).not.toContain('#');
  await host.getByRole('button', { name: 'What Guest may do' }).click();
  await host.getByRole('menuitemradio', { name: /^Observer/ }).click();
  await guest.getByText('You receive files in this room.').waitFor();
  expect(await guest.getByRole('button', { name: 'Choose files' }).count()).toBe(0);

  const stranger = await rig.stranger();
  const asked: string[] = [];
  stranger.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await stranger.goto(link.replace(/#.*/, ''));
  await stranger.getByRole('heading', { name: 'This link is not whole' }).waitFor();
  expect(await stranger.locator('body').textContent()).not.toContain('Dailies');
  expect(asked.filter((path) => path.startsWith('/api/') || path.includes('console-'))).toEqual([]);
  const wrong = await stranger.context().newPage();
  await wrong.goto(link.replace(/#.*/, `#${'A'.repeat(43)}`));
  await wrong.getByLabel('Your name').fill('Mallory');
  await wrong.getByRole('button', { name: 'Go in' }).click();
  await wrong.getByRole('alert').waitFor();

  await host.getByRole('button', { name: 'What Guest may do' }).click();
  await host.getByRole('menuitem', { name: 'Remove from the room…' }).click();
  await host.getByRole('button', { name: 'Remove', exact: true }).click();
  await guest.getByRole('heading', { name: 'You are no longer in Dailies' }).waitFor();
  await leave(host, guest, stranger);
});

test('with the keyboard alone, on a phone, and to a screen reader', async () => {
  const link = await makeRoom(rig);
  const anna = await comeIn(rig, link, 'Anna');
  const bo = await rig.stranger();
  await bo.setViewportSize({ width: 390, height: 844 });
  await bo.goto(link);
  await bo.getByRole('textbox').first().waitFor();
  await expectNothing(bo, 'way in');
  await bo.keyboard.press('Tab');
  await bo.keyboard.type('Bo');
  await bo.keyboard.press('Enter');
  await bo.locator('[data-connection=open]').waitFor();
  await anna.getByRole('button', { name: 'Bo', exact: true }).click();
  await sendFiles(anna, [file('small.bin'), file('empty.txt')]);
  await bo
    .getByRole('status', { name: 'News of the room' })
    .getByText(/Anna offers/)
    .waitFor({ state: 'attached' });
  await offerOf(bo, 'Anna').getByText('empty.txt').waitFor();
  await expectNothing(bo, 'offer on a phone');
  expect(await bo.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  for (let left = 30; left > 0; left--) {
    await bo.keyboard.press('Tab');
    if ((await bo.evaluate('document.activeElement.textContent')) === 'Accept all') break;
  }
  await bo.keyboard.press('Enter');
  await bothProven(anna, bo, 'small.bin');
  await bo.getByRole('button', { name: 'Invite' }).press('Enter');
  await bo.getByRole('img', { name: /QR code/ }).waitFor();
  await expectNothing(bo, 'invite on a phone');
  await bo.keyboard.press('Escape');
  await expectNothing(anna, 'room on a desk');
  await leave(anna, bo);
});

test('nothing of all this made the browser complain', () => {
  expect(rig.complaints).toEqual([]);
});
