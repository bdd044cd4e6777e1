// Real mounts of card images: found, known again wherever they are mounted, and never taken for one another.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deviceChecks } from '../../src/devices/conformance.ts';
import type { DeviceInfo } from '../../src/devices/device.ts';
import { createMountedAdapter, volumeOperations } from '../../src/devices/mounted.ts';
import { createDeviceRegistry, type DeviceRegistry } from '../../src/devices/registry.ts';
import { localOperations } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { createMover, laneOperations } from '../../src/engine/mover/create-mover.ts';
import { systemClock } from '../../src/model/clock.ts';
import { blockBytes } from '../../src/model/hash.ts';
import { openRig, published, type Rig } from '../engine/mover/mover-rig.ts';
import { bytesOf } from '../support/bytes.ts';
import { type LoopCard, makeCard } from '../support/loop-card.ts';
import { content } from '../support/trees.ts';

const MiB = 2 ** 20;
const takenAt = 1_700_000_000;
const video = 'DCIM/100GOPRO/GX010001.MP4';
const mounts = openMounts({ modules: [localOperations, laneOperations, volumeOperations] });
const folder = mkdtempSync(join(tmpdir(), 'wherry-cards-'));
const slot = join(folder, 'slots', 'slot');
let one: LoopCard;
let two: LoopCard;
let registry: DeviceRegistry;

beforeAll(() => {
  // Same names, sizes and times: only what the cards call themselves tells them apart.
  const filesOf = (seed: number) => ({
    [video]: content(seed, 40 * MiB),
    'DCIM/100GOPRO/GL010001.LRV': content(seed + 1, 10_000),
    'DCIM/100GOPRO/GX010001.THM': content(seed + 2, 5_000),
    'DCIM/100GOPRO/._junk': content(1, 10),
    'DCIM/101/empty.jpg': new Uint8Array(0),
    'elsewhere/note.txt': content(1, 10),
  });
  one = makeCard(join(folder, 'one.img'), filesOf(1), takenAt);
  two = makeCard(join(folder, 'two.img'), filesOf(100), takenAt);
});
beforeEach(async () => {
  registry = createDeviceRegistry({
    adapters: [createMountedAdapter({ mounts, roots: [join(folder, 'slots')], byUuid: '/no/such/folder' })],
    clock: systemClock,
    log: { warn: () => undefined, info: () => undefined },
  });
});
afterEach(async () => {
  await registry.close();
  one.pull();
  two.pull();
});
afterAll(async () => {
  one.dispose();
  two.dispose();
  await mounts.close();
  rmSync(folder, { recursive: true });
});

const idOf = (card: LoopCard) => {
  const id = registry.devices.find(({ info }) => info.id.includes(card.uuid))?.info.id;
  if (id === undefined) throw new Error('the card was not found');
  return id;
};
const here = () => registry.devices.filter(({ connected }) => connected).map(({ info }) => info.address);

describe('a mounted card', () => {
  test('is found by its mount, with its files and what belongs to them', async () => {
    one.insert(slot);
    await registry.look();
    expect(registry.devices).toMatchObject([
      { connected: true, info: { kind: 'mounted', address: slot, name: 'slot' } },
    ]);
    const listed: unknown[] = [];
    for await (const each of registry.files(idOf(one))) listed.push(each.kind === 'file' ? each.file : each);
    expect(listed).toEqual([
      {
        path: 'DCIM/100GOPRO/GL010001.LRV',
        size: 10_000,
        mtime: takenAt * 1000,
        mediaType: 'video/mp4',
      },
      {
        path: video,
        size: 40 * MiB,
        mtime: takenAt * 1000,
        mediaType: 'video/mp4',
        companions: ['DCIM/100GOPRO/GL010001.LRV', 'DCIM/100GOPRO/GX010001.THM'],
      },
      { path: 'DCIM/100GOPRO/GX010001.THM', size: 5_000, mtime: takenAt * 1000, mediaType: 'image/jpeg' },
      { path: 'DCIM/101/empty.jpg', size: 0, mtime: takenAt * 1000, mediaType: 'image/jpeg' },
    ]);
    const place = await registry.open(idOf(one));
    expect(place.localPath?.(video)).toBe(join(slot, video));
    const read = await bytesOf(await place.read(video, 39 * MiB));
    expect(Buffer.compare(read, content(1, 40 * MiB).subarray(39 * MiB))).toBe(0);
    await place.remove('DCIM/101/empty.jpg');
    expect(await place.stat('DCIM/101/empty.jpg')).toBeUndefined();
  });

  test('is the same wherever it is mounted, and another is another', async () => {
    one.insert(slot);
    await registry.look();
    const id = idOf(one);
    one.pull();
    await registry.look();
    expect(here()).toEqual([]);
    one.insert(join(folder, 'slots', 'other place'));
    two.insert(slot);
    await registry.look();
    expect(idOf(one)).toBe(id);
    expect(registry.devices).toHaveLength(2);
    const place = await registry.open(id);
    expect(place.localPath?.('')).toBe(join(folder, 'slots', 'other place'));
    expect(Buffer.compare(await bytesOf(await place.read(video, 0)), content(1, 40 * MiB))).toBe(0);
  });

  test('exchanged for another is away, although its path is there', async () => {
    one.insert(slot);
    await registry.look();
    const place = await registry.open(idOf(one));
    expect((await place.stat(video))?.sizeBytes).toBe(40 * MiB);
    one.pull();
    two.insert(slot);
    // Nobody has told yet.
    await expect(place.medium?.()).rejects.toMatchObject({ code: 'device' });
    await expect(place.stat(video)).rejects.toMatchObject({ code: 'device' });
    await expect(place.read(video, 8 * MiB)).rejects.toMatchObject({ code: 'device' });
    // The control: the path alone would have given the other's.
    expect(readFileSync(join(slot, video)).equals(content(100, 40 * MiB))).toBe(true);
    two.pull();
    one.insert(slot);
    await registry.look();
    expect(
      Buffer.compare(await bytesOf(await place.read(video, 8 * MiB)), content(1, 40 * MiB).subarray(8 * MiB)),
    ).toBe(0);
  });

  test('a folder without a card, or a drive without DCIM, is none', async () => {
    mkdirSync(slot, { recursive: true });
    await registry.look();
    expect(here()).toEqual([]);
    const plain = makeCard(join(folder, 'plain.img'), { 'music/a.mp3': content(1, 100) }, takenAt);
    plain.insert(slot);
    await registry.look();
    expect(here()).toEqual([]);
    plain.dispose();
  });
});

describe('conformance', () => {
  for (const { name, run } of deviceChecks(async () => {
    const files = {
      'DCIM/100/a.mp4': content(5, 3 * MiB),
      'DCIM/100/a.thm': content(6, 4_000),
      'DCIM/100/b.jpg': content(7, 10_000),
    };
    const card = makeCard(join(folder, 'conforming.img'), files, takenAt);
    card.insert(slot);
    const adapter = createMountedAdapter({ mounts, roots: [join(folder, 'slots')], byUuid: '/no/such/folder' });
    const found: DeviceInfo[] = [];
    for await (const info of adapter.discover?.({ signal: new AbortController().signal }) ?? []) found.push(info);
    const [device] = found;
    if (device === undefined) throw new Error('the card was not found');
    return {
      adapter,
      device,
      files,
      removable: 'DCIM/100/b.jpg',
      unplug: async () => card.pull(),
      replug: async () => card.insert(slot),
      dispose: async () => card.dispose(),
    };
  })) {
    test(name, run);
  }
});

describe('an offload from a card', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig();
  });
  afterEach(() => rig.close());

  test('that is pulled, with another put in its place, and then the first again, goes on where it was', async () => {
    const mover = createMover({ mounts, journalFolder: rig.journals });
    one.insert(slot);
    await registry.look();
    const source = await registry.open(idOf(one));
    const request = (fence: number, id?: string) =>
      rig.request(video, {
        source,
        transfer: { source: { endpoint: source.name, path: video }, fence, ...(id === undefined ? {} : { id }) },
      });
    const first = request(1);
    mounts.limitBandwidth(60 * MiB);
    const moving = mover.move(first);
    while (!first.progress.some((done) => done >= 2 * blockBytes)) await systemClock.sleep(10);
    one.pull();
    two.insert(slot);
    mounts.limitBandwidth(null);
    await expect(moving).rejects.toMatchObject({ code: 'device' });
    const { id } = first.transfer;
    await expect(mover.move(request(2, id))).rejects.toMatchObject({ code: 'device' });
    two.pull();
    await registry.look();
    await expect(mover.move(request(3, id))).rejects.toMatchObject({ code: 'device' });
    one.insert(slot);
    await registry.look();
    const outcome = published(await mover.move(request(4, id)));
    expect(outcome.resumedBytes).toBeGreaterThanOrEqual(2 * blockBytes);
    expect(outcome.identity.device).toBe(`device:${idOf(one)}`);
    expect(readFileSync(join(rig.to, video)).equals(content(1, 40 * MiB))).toBe(true);
  });
});
