// Rooms on a real daemon for tests of their pages: made past the browser, with people who come in by the link.

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { formatInvite } from '../../src/model/room-invite.ts';
import type { CreateRoomBody } from '../../src/model/room-views.ts';
import { joinHashOf, toBase64Url } from '../../src/peer/room-keys.ts';
import type { ConsoleRig } from './console-rig.ts';

let made = 0;

/** The link of a new room, of which the test's token is the host. */
export async function makeRoom(rig: ConsoleRig, more: Partial<CreateRoomBody> = {}): Promise<string> {
  made += 1;
  const roomId = `room-${made}`;
  const secret = new Uint8Array(randomBytes(32));
  await rig.api.call('createRoom', {
    body: { id: roomId, name: `Rushes ${made}`, joinHash: await joinHashOf(secret, roomId), ...more },
  });
  return formatInvite({ server: rig.url, roomId, secret: toBase64Url(secret) });
}

/** Somebody who opens the link in a browser of their own. */
export async function comeIn(rig: ConsoleRig, link: string, name: string): Promise<Page> {
  const page = await rig.stranger();
  await page.goto(link);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Go in' }).click();
  await page.locator('[data-connection=open]').waitFor();
  return page;
}

/** A file's line among those under way or ended. */
export function fileLine(page: Page, name: string): Locator {
  return page.getByRole('listitem', { name, exact: true });
}

export async function sendFiles(page: Page, paths: string | readonly string[], how: 'files' | 'a folder' = 'files') {
  await page
    .getByLabel(`Choose ${how}`, { exact: true })
    .last()
    .setInputFiles(typeof paths === 'string' ? paths : [...paths]);
}

/** What a download brought, by its hash. */
export async function acceptedHash(page: Page, accept: Locator): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 150_000 }), accept.click()]);
  return hashOf(readFileSync(await download.path()));
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
