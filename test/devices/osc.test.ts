// 360° cameras, against a server that follows the published specifications.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deviceChecks } from '../../src/devices/conformance.ts';
import { createOscAdapter } from '../../src/devices/osc.ts';
import { createDeviceRegistry, type DeviceRegistry } from '../../src/devices/registry.ts';
import { systemClock } from '../../src/model/clock.ts';
import { bytesOf } from '../support/bytes.ts';
import { type OscServer, oscServer } from '../support/osc-server.ts';
import { content } from '../support/trees.ts';

const id = 'osc-RICOH-00001234';
const file = '100RICOH/R0011607.JPG';

describe('conformance', () => {
  for (const { name, run } of deviceChecks(async () => {
    const server = await oscServer();
    return {
      adapter: createOscAdapter({ addresses: [server.http.address] }),
      device: { id, kind: 'osc', name: 'A Theta', serial: '00001234', address: server.http.address },
      files: Object.fromEntries([...server.card].map(([path, bytes]) => [path.replace('/files/abcde/', ''), bytes])),
      removable: '100RICOH/R0011606.JPG',
      unplug: () => server.http.stop(),
      replug: () => server.http.start(),
      dispose: () => server.http.stop(),
    };
  })) {
    test(name, run);
  }
});

describe('a 360° camera', () => {
  let server: OscServer;
  let registry: DeviceRegistry;

  beforeEach(async () => {
    server = await oscServer();
    registry = createDeviceRegistry({
      adapters: [createOscAdapter({ addresses: [server.http.address] })],
      clock: systemClock,
      log: { info: () => undefined, warn: () => undefined },
      patience: { chunkMs: 1_000 },
    });
    await registry.look();
  });
  afterEach(async () => {
    await registry.close();
    await server.http.stop();
  });

  const paths = async () => {
    const found: string[] = [];
    for await (const each of registry.files(id)) if (each.kind === 'file') found.push(each.file.path);
    return found;
  };

  test('is known by its maker and serial number', () => {
    expect(registry.devices).toMatchObject([{ info: { id, model: 'RICOH THETA S', name: 'RICOH THETA S 00001234' } }]);
  });

  test('the published list comes page by page, with times of the zone that it tells', async () => {
    const place = await registry.open(id);
    expect(await paths()).toEqual([file, '100RICOH/R0011606.JPG', '100RICOH/R0011605.JPG']);
    expect(server.http.requests.filter((line) => line.includes('execute'))).toHaveLength(2);
    expect(await place.stat(file)).toMatchObject({
      sizeBytes: 4_051_440,
      mtimeMs: Date.UTC(2016, 5, 29, 8, 6, 58),
    });
  });

  test.each([null, 0] as const)('one that wants %s for no thumbnails gets it', async (thumbSize) => {
    server.thumbSize = thumbSize;
    expect(await paths()).toHaveLength(3);
  });

  test('a slow one is asked until it is done', async () => {
    server.isSlow = true;
    expect(await paths()).toHaveLength(3);
    expect(server.http.requests).toContain('POST /osc/commands/status');
  });

  test('one that begins with level 1 is set to level 2, and one that has no other is told of', async () => {
    server.apiVersion = 1;
    expect(await paths()).toHaveLength(3);
    expect(server.apiVersion).toBe(2);
    await registry.close();
    server.levels = [1];
    registry = createDeviceRegistry({
      adapters: [createOscAdapter({ addresses: [server.http.address] })],
      clock: systemClock,
      log: { info: () => undefined, warn: () => undefined },
    });
    await registry.look();
    await expect(registry.open(id)).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('a preview that is still being made is not taken', async () => {
    const [first] = server.entries;
    if (first !== undefined) first.isProcessed = false;
    expect(await paths()).toEqual(['100RICOH/R0011606.JPG', '100RICOH/R0011605.JPG']);
  });

  test('a list that ends before all are named is a fault', async () => {
    server.mostEntries = 0;
    await expect(paths()).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('3 files and lists 0'),
    });
  });

  test.each(['break', 'stall', 'short'] as const)(
    'a body that %ss in the middle is a fault, and is gone on with from there',
    async (how) => {
      const place = await registry.open(id);
      server.http.troubles.set('/files/abcde/100RICOH/R0011607.JPG', { how, at: 2_000_000 });
      const parts: Uint8Array[] = [];
      const reading = async () => {
        for await (const part of await place.read(file, 0)) parts.push(part);
      };
      await expect(reading()).rejects.toMatchObject({ code: how === 'stall' ? 'timeout' : 'network' });
      server.http.troubles.clear();
      const got = Buffer.concat(parts);
      const rest = await bytesOf(await place.read(file, got.length));
      expect(Buffer.compare(Buffer.concat([got, rest]), content(0, 4_051_440))).toBe(0);
    },
  );

  test('an address that leads elsewhere is asked of the camera all the same', async () => {
    const [first] = server.entries;
    if (first !== undefined) first.fileUrl = 'http://192.0.2.1:9/files/abcde/100RICOH/R0011607.JPG';
    const place = await registry.open(id);
    expect((await bytesOf(await place.read(file, 4_000_000))).length).toBe(51_440);
  });
});
