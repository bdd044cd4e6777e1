// Two real Chromiums in two network namespaces: a file goes straight, then through a TURN server when that is blocked, then through the server when TURN dies.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Namespaces, namespaces } from '../support/namespaces.ts';
import { type TurnServer, turnServer } from '../support/turn.ts';
import { generated, type TransferPage } from './transfer-page.ts';
import { type TwoPages, twoPages } from './two-pages.ts';

// Browsers on a machine that does much else at once take their time.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 90_000 });

const chunkBytes = 65_536;
const mebibyte = 1_048_576;
/** A transfer is taken up again from the last chunk that was verified; what was under way is less than one block of the journal. */
const blockBytes = 8 * mebibyte;

let network: Namespaces;
let turn: TurnServer;
let pages: TwoPages<TransferPage>;

beforeAll(async () => {
  network = namespaces(['left', 'right', 'turn']);
  const { address, within } = network.host('turn');
  turn = await turnServer(address, 3478, within);
  pages = await twoPages(join(import.meta.dirname, 'transfer-page.ts'), network.gateway, {
    sender: network.host('left').within,
    receiver: network.host('right').within,
  });
});
afterAll(async () => {
  await pages?.close();
  await turn?.close();
  network?.close();
});

test('a file goes on by TURN when the direct way is blocked, and through the server when TURN dies', async () => {
  const { sender, receiver, server } = pages;
  const sizeBytes = 40 * mebibyte + 12_345;
  const options = { url: server.url, iceServers: [turn.iceServer] };
  await Promise.all([
    sender.call('join', { ...options, me: 'a-sender', them: 'b-receiver' }),
    receiver.call('join', { ...options, me: 'b-receiver', them: 'a-sender' }),
  ]);
  // So slow that there is a midst of a transfer, and yet quick enough for a test.
  network.slow('right', 160_000_000);
  await sender.call('send', sizeBytes, chunkBytes);
  await receiver.call('receive', sizeBytes, chunkBytes);

  const bytes = async () => (await receiver.call('state')).bytesDone;
  const reaches = (least: number) =>
    expect.poll(bytes, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(least);

  await reaches(4 * mebibyte);
  expect((await receiver.call('state')).path).toBe('direct');
  network.block('left', 'right');
  await expect.poll(async () => (await receiver.call('state')).path, { timeout: 60_000, interval: 200 }).toBe('turn');
  await reaches((await bytes()) + 4 * mebibyte);

  expect(server.passedBytes).toBe(0);
  await Promise.all([sender, receiver].map((member) => member.call('allowRelay')));
  await turn.kill();
  expect(await bytes()).toBeLessThan(sizeBytes);
  await expect.poll(async () => (await receiver.call('state')).phase, { timeout: 90_000 }).toBe('done');

  const there = await receiver.call('state');
  const here = await sender.call('state');
  expect(there.sha256).toBe(createHash('sha256').update(generated(0, sizeBytes)).digest('hex'));
  expect(there.paths).toEqual(['direct', 'turn', 'socket']);
  expect(server.passedBytes).toBeGreaterThan(0);
  expect(there.movedBytes).toBe(sizeBytes);
  expect(here.mostTimes).toBeLessThanOrEqual(2);
  expect(here.movedBytes).toBeLessThanOrEqual(sizeBytes + 2 * blockBytes);
});
