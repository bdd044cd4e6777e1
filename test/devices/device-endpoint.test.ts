// A device as a place: what it tells is checked, and none of its lies or silences gets through.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDeviceRegistry, type DeviceRegistry } from '../../src/devices/registry.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { systemClock } from '../../src/model/clock.ts';
import { bytesOf } from '../support/bytes.ts';
import { type MemoryAdapter, type MemoryDevice, memoryAdapter } from '../support/memory-device.ts';
import { content } from '../support/trees.ts';

const MiB = 1024 * 1024;
const patience = { discoverMs: 2_000, connectMs: 300, callMs: 300, listMs: 300, chunkMs: 300 };
const quiet = { warn: () => undefined, info: () => undefined };
let adapter: MemoryAdapter;
let device: MemoryDevice;
let registry: DeviceRegistry;
let place: Endpoint;

async function openWith(options: Parameters<typeof memoryAdapter>[0] = {}): Promise<void> {
  adapter = memoryAdapter(options);
  device = adapter.add('cam-1', {
    'DCIM/100/a.mp4': { bytes: content(1, 3 * MiB), mtime: 1_700_000_000_000, companions: ['DCIM/100/a.thm'] },
    'DCIM/100/a.thm': { bytes: content(2, 20_000) },
    'DCIM/101/b.jpg': { bytes: content(3, 700_001), mtime: 1_700_000_100_000, mediaType: 'image/jpeg' },
    'z.txt': { bytes: new Uint8Array(0), mtime: 1_700_000_200_000 },
  });
  registry = createDeviceRegistry({ adapters: [adapter], clock: systemClock, log: quiet, pollSeconds: 60, patience });
  await registry.look();
  place = await registry.open('cam-1');
}

beforeEach(() => openWith());
afterEach(() => registry.close());

const names = async (prefix = '', at: Endpoint = place) => {
  const found: string[] = [];
  for await (const entry of at.list(prefix)) found.push(`${entry.kind[0]} ${entry.path}`);
  return found;
};
const fileOf = (path: string) => {
  const file = device.files.get(path);
  if (file === undefined) throw new Error(`${path} is not on the device`);
  return file;
};

describe('what it holds', () => {
  test('is listed with its folders, and looked at one by one', async () => {
    expect(await names()).toEqual([
      'f DCIM',
      'f DCIM/100',
      'f DCIM/100/a.mp4',
      'f DCIM/100/a.thm',
      'f DCIM/101',
      'f DCIM/101/b.jpg',
      'f z.txt',
    ]);
    expect(await names('DCIM/101')).toEqual(['f DCIM/101/b.jpg']);
    expect(await place.stat('DCIM/101/b.jpg')).toEqual({
      path: 'DCIM/101/b.jpg',
      kind: 'file',
      sizeBytes: 700_001,
      mtimeMs: 1_700_000_100_000,
      device: 'device:cam-1',
    });
    expect(await place.stat('DCIM/100/a.thm')).toMatchObject({ mtimeMs: 0, mtimeUnknown: true });
    expect((await place.stat('DCIM'))?.kind).toBe('folder');
    expect((await place.stat(''))?.kind).toBe('folder');
    expect(await place.stat('DCIM/nothing')).toBeUndefined();
    await expect(names('nothing')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('can be opened from a folder of it on', async () => {
    const below = await registry.open('cam-1', {}, 'DCIM/100');
    expect(below.name).toBe('device://cam-1/DCIM/100');
    expect(await names('', below)).toEqual(['f a.mp4', 'f a.thm']);
    expect(await bytesOf(await below.read('a.thm', 0))).toEqual(new Uint8Array(content(2, 20_000)));
    await expect(below.stat('../101/b.jpg')).rejects.toMatchObject({ code: 'name_unsafe' });
  });

  test('is read from any offset, and tells how far it is', async () => {
    const bytes = content(1, 3 * MiB);
    for (const from of [0, 1, MiB, 3 * MiB - 1, 3 * MiB, 4 * MiB]) {
      const steps: number[] = [];
      const read = await bytesOf(await place.read('DCIM/100/a.mp4', from, { progress: (done) => steps.push(done) }));
      expect(Buffer.compare(read, bytes.subarray(from))).toBe(0);
      expect(steps.at(-1) ?? 0).toBe(Math.max(0, 3 * MiB - from));
    }
    expect(device.reads.map(({ from }) => from)).toContain(MiB);
  });

  test('a device that reads from zero alone is read from there, and says so', async () => {
    await registry.close();
    await openWith({ readsFrom: false });
    expect(place.traits.resumableRead).toBe(false);
    const read = await bytesOf(await place.read('DCIM/100/a.mp4', MiB + 3));
    expect(Buffer.compare(read, content(1, 3 * MiB).subarray(MiB + 3))).toBe(0);
    expect(device.reads).toEqual([{ path: 'DCIM/100/a.mp4', from: 0 }]);
  });

  test('is not written to, and removed only by name', async () => {
    const body = new ReadableStream<Uint8Array>();
    await expect(place.write('new', 0, body)).rejects.toMatchObject({ code: 'read_only' });
    await place.remove('z.txt');
    expect(device.removed).toEqual(['z.txt']);
    expect(await place.stat('z.txt')).toBeUndefined();
  });
});

describe('lies', () => {
  test('a file that ends early, or breaks off, fails after its last byte', async () => {
    fileOf('DCIM/100/a.mp4').trouble = { how: 'end', at: 2 * MiB };
    await expect(bytesOf(await place.read('DCIM/100/a.mp4', 0))).rejects.toMatchObject({ code: 'network' });
    fileOf('DCIM/100/a.mp4').trouble = { how: 'break', at: 2 * MiB };
    await expect(bytesOf(await place.read('DCIM/100/a.mp4', 0))).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('the cable was bent'),
    });
    // The control: without the trouble it is whole.
    delete fileOf('DCIM/100/a.mp4').trouble;
    expect((await bytesOf(await place.read('DCIM/100/a.mp4', 0))).length).toBe(3 * MiB);
  });

  test.each([0, 10, 700_000])('a file that is longer than the %i bytes it claims is refused', async (claims) => {
    fileOf('DCIM/101/b.jpg').claims = claims;
    const reading = async () => {
      const stream = await place.read('DCIM/101/b.jpg', 0);
      const reader = stream.getReader();
      // As whoever takes no more than was promised.
      for (let got = 0; got < claims; ) got += (await reader.read()).value?.length ?? 0;
      await reader.cancel();
    };
    await expect(reading()).rejects.toMatchObject({ code: 'io', message: expect.stringContaining('more than') });
  });

  test('a file that never ends is left after its size', async () => {
    fileOf('DCIM/101/b.jpg').trouble = { how: 'endless', at: 700_001 };
    await expect(bytesOf(await place.read('DCIM/101/b.jpg', 0))).rejects.toMatchObject({ code: 'io' });
  });

  test('one that falls silent is given up, also before its end is told', async () => {
    for (const at of [MiB, 3 * MiB]) {
      fileOf('DCIM/100/a.mp4').trouble = { how: 'hang', at };
      await expect(bytesOf(await place.read('DCIM/100/a.mp4', 0))).rejects.toMatchObject({ code: 'timeout' });
    }
  });

  test('a file that grew while it was read has changed', async () => {
    const stream = await place.read('DCIM/101/b.jpg', 0);
    fileOf('DCIM/101/b.jpg').bytes = content(3, 900_000);
    await expect(bytesOf(stream)).rejects.toMatchObject({ code: 'source_changed' });
    expect((await place.stat('DCIM/101/b.jpg'))?.sizeBytes).toBe(900_000);
  });

  test.each(['../up', '/etc/passwd', 'a/../../b', 'bell\u0007', 'line\nfeed', 'nul\0', '', 'C:\\x'])(
    'the name %j is refused alone',
    async (path) => {
      device.files.set(path, { bytes: new Uint8Array(3) });
      const found: string[] = [];
      const listing = async () => {
        for await (const entry of place.list('')) found.push(entry.path);
      };
      await expect(listing()).rejects.toMatchObject({ code: 'name_unsafe' });
      expect(found).toContain('DCIM/101/b.jpg');
      const kinds: string[] = [];
      for await (const listed of registry.files('cam-1')) kinds.push(listed.kind);
      expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(1);
      expect(kinds).toHaveLength(5);
    },
  );

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('the size %d is refused', async (claims) => {
    fileOf('z.txt').claims = claims;
    await expect(names()).rejects.toMatchObject({ code: 'invalid' });
    await expect(place.stat('z.txt')).rejects.toMatchObject({ code: 'invalid' });
  });

  test('a listing that breaks or falls silent does not just end', async () => {
    device.listing = 'fails';
    await expect(names()).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('listing broke') });
    device.listing = 'hangs';
    await expect(names()).rejects.toMatchObject({ code: 'timeout' });
    device.listing = 'well';
    expect(await names()).toHaveLength(7);
  });
});

describe('a device without a question for one file', () => {
  beforeEach(async () => {
    await registry.close();
    await openWith({ stat: false });
  });

  test('is listed again after a file was read, so that a change is seen', async () => {
    expect((await place.stat('DCIM/101/b.jpg'))?.mtimeMs).toBe(1_700_000_100_000);
    await bytesOf(await place.read('DCIM/101/b.jpg', 0));
    fileOf('DCIM/101/b.jpg').mtime = 1_800_000_000_000;
    expect((await place.stat('DCIM/101/b.jpg'))?.mtimeMs).toBe(1_800_000_000_000);
  });
});

describe('a device that goes away', () => {
  test('is told of as away, in the middle of a file too', async () => {
    const reader = (await place.read('DCIM/100/a.mp4', 0)).getReader();
    await reader.read();
    device.isThere = false;
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'device' });
    await expect(place.stat('z.txt')).rejects.toMatchObject({ code: 'device' });
    await expect(place.medium?.()).rejects.toMatchObject({ code: 'device' });
    await expect(registry.open('cam-1')).rejects.toMatchObject({ code: 'device' });
    device.isThere = true;
    await registry.look();
    expect((await place.stat('z.txt'))?.sizeBytes).toBe(0);
    expect(await place.medium?.()).toBe('device:cam-1');
  });

  test('a reading that hangs in it ends when it is seen to have gone', async () => {
    await registry.close();
    registry = createDeviceRegistry({
      adapters: [adapter],
      clock: systemClock,
      log: quiet,
      patience: { ...patience, chunkMs: 60_000 },
    });
    await registry.look();
    place = await registry.open('cam-1');
    fileOf('DCIM/100/a.mp4').trouble = { how: 'hang', at: MiB };
    const reading = bytesOf(await place.read('DCIM/100/a.mp4', 0));
    reading.catch(() => undefined);
    device.isThere = false;
    await registry.look();
    await expect(reading).rejects.toMatchObject({ code: 'device' });
  });

  test('a call that is aborted rejects with the reason', async () => {
    fileOf('DCIM/100/a.mp4').trouble = { how: 'hang', at: MiB };
    const stop = new AbortController();
    const reason = new Error('enough');
    const reading = bytesOf(await place.read('DCIM/100/a.mp4', 0, { signal: stop.signal }));
    setImmediate(() => stop.abort(reason));
    await expect(reading).rejects.toBe(reason);
    await expect(place.stat('z.txt', { signal: stop.signal })).rejects.toBe(reason);
    await expect(
      (async () => {
        for await (const _ of place.list('', { signal: stop.signal }));
      })(),
    ).rejects.toBe(reason);
  });
});
