// Moves from devices that come and go: gone on with at the byte where the device can, and never from another one.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeviceRegistry, type DeviceRegistry } from '../../../src/devices/registry.ts';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { Fault } from '../../../src/model/fault.ts';
import { blockBytes } from '../../../src/model/hash.ts';
import { type MemoryAdapterOptions, type MemoryDevice, memoryAdapter } from '../../support/memory-device.ts';
import { content } from '../../support/trees.ts';
import { namesIn, openRig, published, type Rig } from './mover-rig.ts';

const MiB = 1024 * 1024;
const bytes = content(7, 40 * MiB);
/** Seconds since 1970. */
const takenAt = 1_700_000_000;
let rig: Rig;
let registry: DeviceRegistry | undefined;

beforeEach(async () => {
  rig = await openRig();
});
afterEach(async () => {
  await registry?.close();
  registry = undefined;
  await rig.close();
});

async function camera(options: MemoryAdapterOptions = {}): Promise<{ device: MemoryDevice; source: Endpoint }> {
  const adapter = memoryAdapter(options);
  const device = adapter.add('cam', { 'DCIM/a.mp4': { bytes, mtime: 1_700_000_000_000 } });
  registry = createDeviceRegistry({ adapters: [adapter], clock: systemClock, log: rigLog });
  await registry.look();
  return { device, source: await registry.open('cam') };
}

const rigLog = { info: () => undefined, warn: () => undefined };
const path = 'DCIM/a.mp4';
const change = (source: Endpoint) => ({ source, transfer: { source: { endpoint: source.name, path } } });

describe('a file of a device', () => {
  it('arrives with its time, and without one where the device tells none', async () => {
    const { device, source } = await camera();
    device.files.set('DCIM/b.mp4', { bytes: bytes.subarray(0, 1000) });
    expect(published(await rig.mover.move(rig.request(path, change(source)))).identity).toEqual({
      device: 'device:cam',
      sizeBytes: bytes.length,
      mtimeMs: 1_700_000_000_000,
    });
    expect(readFileSync(join(rig.to, path)).equals(bytes)).toBe(true);
    const other = { source, transfer: { source: { endpoint: source.name, path: 'DCIM/b.mp4' } } };
    published(await rig.mover.move(rig.request('DCIM/b.mp4', other)));
    expect(statSync(join(rig.to, path)).mtimeMs).toBe(1_700_000_000_000);
    expect(statSync(join(rig.to, 'DCIM/b.mp4')).mtimeMs).toBeGreaterThan(1_700_000_000_000);
  });

  it.each([
    ['goes on at the block where it was pulled out', true],
    ['begins again where the device reads from zero alone', false],
  ])('%s', async (_, readsFrom) => {
    const { device, source } = await camera({ readsFrom });
    const first = rig.request(path, change(source));
    const file = device.files.get(path);
    if (file === undefined) throw new Error('no file');
    file.trouble = { how: 'break', at: 30 * MiB };
    await expect(rig.mover.move(first)).rejects.toMatchObject({ code: 'network' });
    device.isThere = false;
    await registry?.look();
    await expect(rig.mover.move({ ...first })).rejects.toMatchObject({ code: 'device' });
    delete file.trouble;
    device.isThere = true;
    await registry?.look();
    device.reads.splice(0);
    const outcome = published(await rig.mover.move({ ...first }));
    expect(readFileSync(join(rig.to, path)).equals(bytes)).toBe(true);
    if (readsFrom) {
      expect(outcome.resumedBytes).toBeGreaterThanOrEqual(2 * blockBytes);
      expect(device.reads).toEqual([{ path, from: outcome.resumedBytes }]);
    } else {
      expect(outcome.resumedBytes).toBe(0);
      expect(device.reads).toEqual([{ path, from: 0 }]);
    }
    expect(namesIn(rig.journals)).toEqual([]);
  });

  it('that is another one by then is never mixed with what was there', async () => {
    const { device, source } = await camera();
    const first = rig.request(path, change(source));
    device.files.set(path, { bytes, mtime: 1_700_000_000_000, trouble: { how: 'break', at: 30 * MiB } });
    await expect(rig.mover.move(first)).rejects.toMatchObject({ code: 'network' });
    const other = content(8, bytes.length);
    device.files.set(path, { bytes: other, mtime: 1_700_000_002_000 });
    const outcome = published(await rig.mover.move({ ...first }));
    expect(outcome.resumedBytes).toBe(0);
    expect(first.restarts.map(({ code }) => code)).toEqual(['source_changed']);
    expect(readFileSync(join(rig.to, path)).equals(other)).toBe(true);
  });
});

/** Folders of this machine as cards: who is in the slot is what its name says. */
describe('a card whose files the mover reads by itself', () => {
  const slot = () => join(rig.folder, 'slot');
  let inSlot: string;
  let source: Endpoint;

  const card = (name: string, seed: number) => {
    const folder = join(rig.folder, `card-${name}`);
    mkdirSync(join(folder, 'DCIM'), { recursive: true });
    writeFileSync(join(folder, path), content(seed, 40 * MiB));
    utimesSync(join(folder, path), takenAt, takenAt);
  };
  const insert = (name: string) => {
    renameSync(join(rig.folder, `card-${name}`), slot());
    inSlot = name;
  };
  const pull = () => {
    renameSync(slot(), join(rig.folder, `card-${inSlot}`));
    inSlot = '';
  };

  beforeEach(async () => {
    card('one', 1);
    insert('one');
    const info = { id: 'card-one', kind: 'card', name: 'One' };
    const check = async () => {
      if (inSlot !== 'one') throw new Fault('device', 'Card One is not in the slot.');
    };
    registry = createDeviceRegistry({
      adapters: [
        {
          kind: 'card',
          async *discover() {
            if (inSlot === 'one') yield info;
          },
          async connect() {
            await check();
            return {
              readsFrom: true,
              localFolder: slot(),
              check,
              async *list() {
                yield { path, size: 40 * MiB };
              },
              read: () => Promise.reject(new Error('the mover reads by itself')),
              close: async () => undefined,
            };
          },
        },
      ],
      clock: systemClock,
      log: rigLog,
    });
    await registry.look();
    source = await registry.open('card-one');
  });

  /** Stopped when it has copied some of it. */
  const begun = async () => {
    const request = rig.request(path, change(source));
    rig.mounts.limitBandwidth(60 * MiB);
    const moving = rig.mover.move(request);
    while (!request.progress.some((done) => done >= 2 * blockBytes)) await systemClock.sleep(10);
    rig.mounts.limitBandwidth(null);
    return { request, moving };
  };

  it('pulled out and put back goes on where it was, although the system knows the file by other numbers', async () => {
    const request = rig.request(path, change(source));
    rig.mounts.limitBandwidth(60 * MiB);
    const moving = rig.mover.move(request);
    while (!request.progress.some((done) => done >= 2 * blockBytes)) await systemClock.sleep(10);
    request.stop(1);
    expect(await moving).toMatchObject({ kind: 'stopped' });
    rig.mounts.limitBandwidth(null);
    pull();
    await expect(rig.mover.move(rig.request(path, change(source)))).rejects.toMatchObject({ code: 'device' });
    // Another inode, as after another mount.
    const was = readFileSync(join(rig.folder, 'card-one', path));
    writeFileSync(join(rig.folder, 'card-one', 'again'), was);
    rmSync(join(rig.folder, 'card-one', path));
    renameSync(join(rig.folder, 'card-one', 'again'), join(rig.folder, 'card-one', path));
    utimesSync(join(rig.folder, 'card-one', path), takenAt, takenAt);
    insert('one');
    await registry?.look();
    const again = rig.request(path, { ...change(source), transfer: { ...request.transfer, fence: 2 } });
    const outcome = published(await rig.mover.move(again));
    expect(outcome.identity).toEqual({ device: 'device:card-one', sizeBytes: 40 * MiB, mtimeMs: takenAt * 1000 });
    expect(outcome.resumedBytes).toBeGreaterThanOrEqual(2 * blockBytes);
    expect(readFileSync(join(rig.to, path)).equals(content(1, 40 * MiB))).toBe(true);
  });

  it('exchanged for another in mid copy is not taken for it', async () => {
    card('two', 2);
    const { request, moving } = await begun();
    pull();
    insert('two');
    await expect(moving).rejects.toMatchObject({ code: 'device' });
    expect(existsSync(join(rig.to, path))).toBe(false);
    await expect(rig.mover.move({ ...request })).rejects.toMatchObject({ code: 'device' });
    pull();
    insert('one');
    await registry?.look();
    published(await rig.mover.move({ ...request }));
    expect(readFileSync(join(rig.to, path)).equals(content(1, 40 * MiB))).toBe(true);
  });

  it('exchanged unseen would have been: the control', async () => {
    card('two', 2);
    pull();
    insert('two');
    published(
      await rig.mover.move(rig.request(path, { source: { ...rig.source, localPath: (at) => join(slot(), at) } })),
    );
    expect(readFileSync(join(rig.to, path)).equals(content(2, 40 * MiB))).toBe(true);
  });
});
