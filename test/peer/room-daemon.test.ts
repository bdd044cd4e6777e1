// Two clients of a room against a real daemon: by the relay, by its socket, directly, inspected, and through a daemon that is killed and comes back.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { loadNodeWebrtc, type NodeWebrtc } from '../../src/links/node-webrtc.ts';
import type { PathRule, RoomClient, TransferPath } from '../../src/peer/room-client.ts';
import { type Daemon, daemonToken, startDaemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { reached, roomScene, type Scene } from './room-scene.ts';
import { heldSource, holds, memoryFile, memorySource } from './session-rig.ts';

let folder: string;
let port: number;
let daemon: Daemon;
let webrtc: NodeWebrtc;
const scenes: Scene[] = [];
const start = () => startDaemon(folder, { config: 'roots: []\n', port });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-peer-room-'));
  port = await freePort();
  [daemon, webrtc] = await Promise.all([start(), loadNodeWebrtc()]);
}, 90_000);
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});
afterAll(async () => {
  await daemon.stop();
  if ('cleanUp' in webrtc) webrtc.cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

async function sceneOf(wish: Parameters<typeof roomScene>[2] = {}) {
  const scene = await roomScene(() => daemon.url, daemonToken, wish);
  scenes.push(scene);
  return scene;
}

async function offered(anna: RoomClient, ben: RoomClient, source: ReturnType<typeof memorySource>): Promise<string> {
  const [offer] = await anna.offer([ben.view.me.id], [source]);
  const id = offer?.id ?? '';
  await reached(ben, id, ({ status }) => status === 'pending');
  return id;
}

test.each([
  ['relay', 'relay'],
  ['direct', 'direct'],
] as const)('by %s', async (path: PathRule, shown: TransferPath) => {
  if ('unavailable' in webrtc) throw new Error(webrtc.unavailable);
  const scene = await sceneOf();
  const more = { path, RTCPeerConnection: webrtc.RTCPeerConnection };
  const anna = await scene.enter('Anna', more);
  const ben = await scene.enter('Ben', more);
  const { source, release } = heldSource(randomBytes(12_000_000), 8_000_000);
  const id = await offered(anna, ben, source);
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(ben, id, (each) => each.path === shown && each.bytesDone > 0);
  release();
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(holds(into, source.bytes)).toBe(true);
});

test('by the socket, where there is no other way at first', async () => {
  const scene = await sceneOf();
  const broken: typeof fetch = (input, init) =>
    String(input).includes('/relay') ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init);
  const anna = await scene.enter('Anna', { fetch: broken });
  const ben = await scene.enter('Ben');
  const source = memorySource(randomBytes(1_000_000));
  const id = await offered(anna, ben, source);
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(holds(into, source.bytes)).toBe(true);
});

test('in a room that the server inspects, by the relay', async () => {
  const scene = await sceneOf({ inspection: 'server' });
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const source = memorySource(randomBytes(3_000_000));
  const id = await offered(anna, ben, source);
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(holds(into, source.bytes)).toBe(true);
});

test('through a daemon that is killed in the middle and comes back: it goes on after what was verified', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const { source, release } = heldSource(randomBytes(16_000_000), 8_000_000);
  const id = await offered(anna, ben, source);
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(ben, id, ({ bytesDone }) => bytesDone > 2_000_000);
  await daemon.kill();
  await reached(ben, id, () => ben.view.connection === 'away');
  release();
  daemon = await start();
  await reached(anna, id, ({ status }) => status === 'completed');
  await reached(ben, id, ({ status }) => status === 'completed');
  expect(holds(into, source.bytes)).toBe(true);
  expect(into.restarts).toBe(0);
}, 90_000);
