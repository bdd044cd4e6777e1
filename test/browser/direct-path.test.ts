// Two real Chromiums in two network namespaces, in a room of a real daemon: a file goes straight, then through a TURN server when that is blocked, then through the server when TURN dies.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { joinHashOf, toBase64Url } from '../../src/peer/room-keys.ts';
import { freePort } from '../support/free-port.ts';
import { type Namespaces, namespaces } from '../support/namespaces.ts';
import { type TurnServer, turnServer } from '../support/turn.ts';
import { generated, type MemberPage } from './member-page.ts';
import { type TwoPages, twoPages } from './two-pages.ts';

// Browsers on a machine that does much else at once take their time.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 90_000 });

const entry = resolve(import.meta.dirname, '../../src/cli/main.ts');
const token = 'a-token-for-tests-of-ways-0123456789abcdef';
const mebibyte = 1_048_576;
/** A transfer is taken up again from the last chunk that was verified; what was under way is less than a block of a copy. */
const blockBytes = 8 * mebibyte;

const folder = mkdtempSync(join(tmpdir(), 'wherry-ways-'));
let network: Namespaces;
let turn: TurnServer;
let daemon: ChildProcess;
let url: string;
let pages: TwoPages<MemberPage>;

beforeAll(async () => {
  network = namespaces(['left', 'right', 'turn']);
  const { address, within } = network.host('turn');
  turn = await turnServer(address, 3478, within);
  writeFileSync(join(folder, 'turn-password'), `${turn.iceServer.credential}\n`);
  writeFileSync(
    join(folder, 'wherry.yaml'),
    [
      `roots: [${folder}]`,
      'insecureHttp: true',
      'rooms:',
      '  iceServers:',
      `    - urls: ['${turn.iceServer.urls[0]}']`,
      `      username: ${turn.iceServer.username}`,
      '      credentialFile: turn-password',
    ].join('\n'),
  );
  const listen = `${network.gateway}:${await freePort()}`;
  url = `http://${listen}`;
  const words = ['serve', '--data', join(folder, 'data'), '--config', join(folder, 'wherry.yaml'), '--listen', listen];
  daemon = spawn(process.execPath, [entry, ...words], {
    cwd: folder,
    env: { ...process.env, HOME: folder, WHERRY_TOKEN: token },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (daemon.exitCode !== null) throw new Error(`The daemon ended with ${daemon.exitCode}`);
    await pass(50);
  }
  pages = await twoPages(join(import.meta.dirname, 'member-page.ts'), url, {
    sender: network.host('left').within,
    receiver: network.host('right').within,
  });
});
afterAll(async () => {
  await pages?.close();
  if (daemon?.exitCode === null) {
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
  }
  await turn?.close();
  network?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a file goes on by TURN when the direct way is blocked, and through the server when TURN dies', async () => {
  const { sender, receiver } = pages;
  const sizeBytes = 40 * mebibyte + 12_345;
  const secret = new Uint8Array(randomBytes(32));
  const id = 'the-room';
  await createClient({ url, token }).call('createRoom', {
    body: { id, name: 'Rushes', joinHash: await joinHashOf(secret, id) },
  });
  await Promise.all([
    sender.call('join', id, toBase64Url(secret), 'Sender'),
    receiver.call('join', id, toBase64Url(secret), 'Receiver'),
  ]);
  const there = () => receiver.call('state');
  const { me } = await there();
  for (const member of [sender, receiver]) {
    await expect.poll(async () => (await member.call('state')).connection).toBe('open');
  }
  await expect.poll(async () => (await sender.call('state')).members).toContain(me);
  // So slow that there is a midst of a transfer, and yet quick enough for a test.
  network.slow('right', 160_000_000);
  await sender.call('offer', me, sizeBytes);
  await expect.poll(async () => (await there()).transfer?.status).toBe('pending');
  await receiver.call('accept');

  const bytes = async () => (await there()).transfer?.bytesDone ?? 0;
  const reaches = (least: number) =>
    expect.poll(bytes, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(least);
  const goesBy = (way: string) =>
    expect.poll(async () => (await there()).transfer?.path, { timeout: 60_000, interval: 50 }).toBe(way);

  await reaches(4 * mebibyte);
  await goesBy('direct');
  network.block('left', 'right');
  await goesBy('turn');
  await reaches((await bytes()) + 4 * mebibyte);

  expect((await there()).ways).toEqual(['direct', 'turn']);
  await Promise.all([sender, receiver].map((member) => member.call('setPath', 'auto')));
  await turn.kill();
  expect(await bytes()).toBeLessThan(sizeBytes);
  await expect.poll(async () => (await there()).transfer?.status, { timeout: 90_000 }).toBe('completed');

  const { ways, movedBytes, transfer } = await there();
  expect(transfer?.checksum).toBe(createHash('sha256').update(generated(0, sizeBytes)).digest('hex'));
  expect(ways.slice(0, 2)).toEqual(['direct', 'turn']);
  // As chunks over its socket, or by its relay: whichever was ready, or quicker.
  expect(['relay', 'socket']).toContain(ways.at(-1));
  // Nothing was written twice, and what was under way when a way was left is all that was sent again.
  expect(movedBytes).toBe(sizeBytes);
  const sent = await sender.call('state');
  expect(sent.movedBytes, ways.join(', ')).toBeLessThanOrEqual(sizeBytes + ways.length * blockBytes);
  expect(sent.mostTimes, ways.join(', ')).toBeLessThanOrEqual(ways.length + 1);
});
