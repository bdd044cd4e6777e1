// Members of a room by their clients, against a real API: offers, transfers by each way, pauses, reloads, and what strangers are told.

import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadNodeWebrtc } from '../../src/links/node-webrtc.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';
import { reached, roomScene, type Scene, viewed } from './room-scene.ts';
import { heldSource, holds, memoryFile, memorySource, sha256 } from './session-rig.ts';

let rig: ApiRig;
const scenes: Scene[] = [];

beforeAll(async () => {
  rig = await openApiRig();
});
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});
afterAll(async () => {
  await rig.close();
});

async function sceneOf(wish: Parameters<typeof roomScene>[2] = {}) {
  const scene = await roomScene(() => rig.url, adminToken, wish);
  scenes.push(scene);
  return scene;
}

const idOf = (client: { view: { me: { id: string } } }) => client.view.me.id;

test('a file is offered, accepted and arrives; both say so with its hash', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  await viewed(anna, ({ members }) => members.some(({ name }) => name === 'Ben'));
  const source = memorySource(randomBytes(3_000_001));
  const [offered] = await anna.offer([idOf(ben)], [source]);
  const id = offered?.id ?? '';
  const shown = await reached(ben, id, ({ status }) => status === 'pending');
  expect(shown).toMatchObject({ part: 'receiving', name: 'folder/file.bin', sizeBytes: 3_000_001 });
  const into = memoryFile();
  await ben.accept(id, into);
  const [there, here] = await Promise.all([
    reached(ben, id, ({ status }) => status === 'completed'),
    reached(anna, id, ({ status }) => status === 'completed'),
  ]);
  expect(holds(into, source.bytes)).toBe(true);
  for (const end of [there, here]) {
    expect(end).toMatchObject({ checksum: sha256(source.bytes), bytesDone: 3_000_001, problem: undefined });
  }
});

test('a file of no bytes arrives', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const [offered] = await anna.offer([idOf(ben)], [memorySource(new Uint8Array())]);
  const id = offered?.id ?? '';
  await reached(ben, id, ({ status }) => status === 'pending');
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(into.published).toHaveLength(0);
});

test('several receivers get it side by side; one who rejects does not, and strangers hear no name', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const cleo = await scene.enter('Cleo');
  const dora = await scene.enter('Dora');
  const source = memorySource(randomBytes(500_000));
  const offers = await anna.offer([idOf(ben), idOf(cleo)], [source]);
  const mine = (client: typeof anna) => offers.find(({ receiverId }) => receiverId === idOf(client))?.id ?? '';
  const into = memoryFile();
  await reached(ben, mine(ben), ({ status }) => status === 'pending');
  await ben.accept(mine(ben), into);
  await reached(cleo, mine(cleo), ({ status }) => status === 'pending');
  await cleo.reject(mine(cleo), 'no room on my card');
  await reached(anna, mine(ben), ({ status }) => status === 'completed');
  const rejected = await reached(anna, mine(cleo), ({ status }) => status === 'cancelled');
  expect(rejected.problem?.message).toContain('no room on my card');
  expect(holds(into, source.bytes)).toBe(true);
  const watched = await reached(dora, mine(ben), ({ status }) => status === 'completed');
  expect(watched).toMatchObject({ part: 'watching', name: undefined, checksum: undefined });
});

test('a person pauses, and only a person resumes', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const { source, release } = heldSource(randomBytes(12_000_000), 2_000_000);
  const [offered] = await anna.offer([idOf(ben)], [source]);
  const id = offered?.id ?? '';
  await reached(ben, id, ({ status }) => status === 'pending');
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(anna, id, ({ bytesDone }) => bytesDone > 0);
  await anna.pause(id);
  const paused = await reached(ben, id, ({ status }) => status === 'paused');
  expect(paused).toMatchObject({ pausedBy: 'person', path: undefined });
  release();
  await ben.resume(id);
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(holds(into, source.bytes)).toBe(true);
});

test('a receiver that is loaded again says where it goes, and it goes on after what was verified', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const first = await scene.enter('Ben');
  const { source, release } = heldSource(randomBytes(12_000_000), 4_000_000);
  const [offered] = await anna.offer([idOf(first)], [source]);
  const id = offered?.id ?? '';
  await reached(first, id, ({ status }) => status === 'pending');
  const before = memoryFile();
  await first.accept(id, before);
  await reached(first, id, ({ bytesDone }) => bytesDone > 1_000_000);
  const { memberToken, after } = first.ticket;
  await first.close();
  release();
  const ben = await scene.enter('Ben', { memberToken, after });
  const waiting = await reached(ben, id, ({ needs }) => needs === 'destination');
  expect(['active', 'paused']).toContain(waiting.status);
  const into = memoryFile({ kept: before.content.slice(), keptVersion: 'v1' });
  await ben.accept(id, into);
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(holds(into, source.bytes)).toBe(true);
  expect(into.restarts).toBe(0);
});

test('a sender that is loaded again gives its file again; another one of the same size is begun anew', async () => {
  const scene = await sceneOf();
  const first = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const { source } = heldSource(randomBytes(12_000_000), 4_000_000);
  const [offered] = await first.offer([idOf(ben)], [source]);
  const id = offered?.id ?? '';
  await reached(ben, id, ({ status }) => status === 'pending');
  const into = memoryFile();
  await ben.accept(id, into);
  await reached(ben, id, ({ bytesDone }) => bytesDone > 1_000_000);
  const { memberToken, after } = first.ticket;
  await first.close();
  const anna = await scene.enter('Anna', { memberToken, after });
  await reached(anna, id, ({ needs }) => needs === 'file');
  await expect(anna.giveAgain(id, memorySource(randomBytes(5)))).rejects.toMatchObject({ code: 'source_changed' });
  const changed = memorySource(randomBytes(12_000_000), { version: 'v2' });
  await anna.giveAgain(id, changed);
  await reached(anna, id, ({ status }) => status === 'completed');
  expect(holds(into, changed.bytes)).toBe(true);
  expect(into.restarts).toBe(1);
});

test('a receiver whose disk is full: it fails with `space`, and both are told', async () => {
  const scene = await sceneOf();
  const anna = await scene.enter('Anna');
  const ben = await scene.enter('Ben');
  const [offered] = await anna.offer([idOf(ben)], [memorySource(randomBytes(500_000))]);
  const id = offered?.id ?? '';
  await reached(ben, id, ({ status }) => status === 'pending');
  await ben.accept(id, memoryFile({ roomBytes: 100_000 }));
  for (const client of [anna, ben]) {
    const failed = await reached(client, id, ({ status }) => status === 'failed');
    expect(failed.problem?.code).toBe('space');
  }
});

test('whoever has a wrong secret does not get in', async () => {
  const scene = await sceneOf();
  await expect(scene.enter('Mallory', { secret: randomBytes(32) })).rejects.toMatchObject({ code: 'not_found' });
});

describe('a direct way by WebRTC', () => {
  test('is taken where it is there', async () => {
    const webrtc = await loadNodeWebrtc();
    if ('unavailable' in webrtc) throw new Error(webrtc.unavailable);
    const { RTCPeerConnection } = webrtc;
    const scene = await sceneOf();
    const anna = await scene.enter('Anna', { RTCPeerConnection, path: 'direct' });
    const ben = await scene.enter('Ben', { RTCPeerConnection, path: 'direct' });
    const { source, release } = heldSource(randomBytes(12_000_000), 4_000_000);
    const [offered] = await anna.offer([idOf(ben)], [source]);
    const id = offered?.id ?? '';
    await reached(ben, id, ({ status }) => status === 'pending');
    const into = memoryFile();
    await ben.accept(id, into);
    await reached(ben, id, ({ path }) => path === 'direct');
    release();
    await reached(anna, id, ({ status }) => status === 'completed');
    expect(holds(into, source.bytes)).toBe(true);
    await reached(ben, id, ({ status }) => status === 'completed');
    await scene.close();
    webrtc.cleanUp();
  });
});

test('in a room that the server inspects nothing goes directly', async () => {
  const scene = await sceneOf({ inspection: 'server' });
  const anna = await scene.enter('Anna');
  expect(() => anna.setPath('direct')).toThrow(/inspected/);
});
