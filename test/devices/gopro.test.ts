// GoPro cameras, against a server that follows the published specification.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deviceChecks } from '../../src/devices/conformance.ts';
import { createGoproAdapter } from '../../src/devices/gopro.ts';
import { createDeviceRegistry, type DeviceRegistry } from '../../src/devices/registry.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { systemClock } from '../../src/model/clock.ts';
import { bytesOf } from '../support/bytes.ts';
import { type GoproServer, goproServer, publishedGroup } from '../support/gopro-server.ts';
import { content } from '../support/trees.ts';

const serial = 'C3461324500001';
const id = `gopro-${serial}`;
const adapterFor = ({ http }: GoproServer) => createGoproAdapter({ addresses: [http.address], ownAddresses: () => [] });

describe('conformance', () => {
  for (const { name, run } of deviceChecks(async () => {
    const server = await goproServer();
    return {
      adapter: adapterFor(server),
      device: { id, kind: 'gopro', name: 'A GoPro', serial, address: server.http.address },
      files: Object.fromEntries([...server.card].map(([path, bytes]) => [`DCIM/${path}`, bytes])),
      removable: 'DCIM/100GOPRO/GOPR0001.JPG',
      unplug: () => server.http.stop(),
      replug: () => server.http.start(),
      dispose: () => server.http.stop(),
    };
  })) {
    test(name, run);
  }
});

describe('a GoPro', () => {
  let server: GoproServer;
  let registry: DeviceRegistry;
  let place: Endpoint;
  const video = 'DCIM/100GOPRO/GH010397.MP4';

  beforeEach(async () => {
    server = await goproServer();
    registry = createDeviceRegistry({
      adapters: [adapterFor(server)],
      clock: systemClock,
      log: { info: () => undefined, warn: () => undefined },
      patience: { chunkMs: 1_000 },
    });
    await registry.look();
    place = await registry.open(id);
  });
  afterEach(async () => {
    await registry.close();
    await server.http.stop();
  });

  const listed = async () => {
    const files = new Map<string, { size: number; companions?: readonly string[] }>();
    for await (const each of registry.files(id)) if (each.kind === 'file') files.set(each.file.path, each.file);
    return files;
  };

  test('is known by its serial number, and tells its battery', () => {
    expect(registry.devices).toMatchObject([
      { info: { id, name: 'GP24500001', model: 'HERO12 Black', serial, address: server.http.address } },
    ]);
  });

  test('the published list gives videos with their twins and thumbnails', async () => {
    const files = await listed();
    expect([...files.keys()].sort()).toEqual([
      'DCIM/100GOPRO/GH010397.MP4',
      'DCIM/100GOPRO/GH010397.THM',
      'DCIM/100GOPRO/GL010397.LRV',
      'DCIM/100GOPRO/GOPR0001.JPG',
    ]);
    expect(files.get(video)).toEqual({
      path: video,
      size: 19_917_136,
      mtime: 1_613_672_729_000,
      mediaType: 'video/mp4',
      companions: ['DCIM/100GOPRO/GL010397.LRV', 'DCIM/100GOPRO/GH010397.THM'],
    });
  });

  test('the published group is each of its images, without those that are gone', async () => {
    server.list.media[0]?.fs.push(publishedGroup);
    for (let n = 8; n <= 396; n++) {
      if (n !== 75 && n !== 139) server.card.set(`100GOPRO/G001${String(n).padStart(4, '0')}.JPG`, content(n, 100 + n));
    }
    const files = await listed();
    const names = [...files.keys()].filter((path) => path.includes('/G001'));
    expect(names).toHaveLength(387);
    expect(names).toContain('DCIM/100GOPRO/G0010074.JPG');
    expect(names).not.toContain('DCIM/100GOPRO/G0010075.JPG');
    expect(names).not.toContain('DCIM/100GOPRO/G0010139.JPG');
    expect(files.get('DCIM/100GOPRO/G0010396.JPG')?.size).toBe(496);
    const asked = server.http.requests.length;
    await listed();
    expect(server.http.requests.length - asked).toBeLessThan(5);
  });

  test('chapters and RAW images are all there', async () => {
    server.list.media.push({
      d: '101GOPRO',
      fs: [
        { n: 'GX010078.MP4', s: '300000', mod: '1613672729', glrv: '0', ls: '-1' },
        { n: 'GX020078.MP4', s: '200000', mod: '1613672929', glrv: '0', ls: '-1' },
        { n: 'GP010009.JPG', s: '100000', mod: '1613672729', raw: '1' },
      ],
    });
    server.card.set('101GOPRO/GP010009.GPR', content(9, 5000));
    const files = await listed();
    expect([...files.keys()].filter((path) => path.startsWith('DCIM/101'))).toEqual([
      'DCIM/101GOPRO/GX010078.MP4',
      'DCIM/101GOPRO/GX020078.MP4',
      'DCIM/101GOPRO/GP010009.JPG',
      'DCIM/101GOPRO/GP010009.GPR',
    ]);
    expect(files.get('DCIM/101GOPRO/GP010009.JPG')?.companions).toEqual(['DCIM/101GOPRO/GP010009.GPR']);
  });

  test.each(['break', 'stall', 'short'] as const)(
    'a body that %ss in the middle is a fault, and is gone on with from there',
    async (how) => {
      const at = 9_000_000;
      server.http.troubles.set(`/videos/${video}`, { how, at });
      const parts: Uint8Array[] = [];
      const reading = async () => {
        for await (const part of await place.read(video, 0)) parts.push(part);
      };
      await expect(reading()).rejects.toMatchObject({ code: how === 'stall' ? 'timeout' : 'network' });
      const got = Buffer.concat(parts);
      expect(got.length).toBeGreaterThan(0);
      server.http.troubles.clear();
      const rest = await bytesOf(await place.read(video, got.length));
      expect(server.http.requests).toContain(`GET /videos/${video} bytes=${got.length}-`);
      expect(Buffer.compare(Buffer.concat([got, rest]), content(1, 19_917_136))).toBe(0);
    },
  );

  test('one that knows no ranges is read from zero and gives the same', async () => {
    server.http.knowsRanges = false;
    const rest = await bytesOf(await place.read(video, 19_000_000));
    expect(Buffer.compare(rest, content(1, 19_917_136).subarray(19_000_000))).toBe(0);
  });

  test('another camera at the same address is not taken for it', async () => {
    const reader = (await place.read(video, 0)).getReader();
    await reader.read();
    await server.http.stop();
    server.serial = 'C3461324500002';
    await server.http.start();
    await expect(place.read(video, 8_000_000)).rejects.toMatchObject({ code: 'device' });
    await registry.look();
    expect(registry.devices.map(({ info, connected }) => [info.id, connected])).toEqual([
      [id, false],
      ['gopro-C3461324500002', true],
    ]);
    await expect(place.stat(video)).rejects.toMatchObject({ code: 'device' });
    await reader.cancel();
  });

  test('is kept awake while it is connected, and no longer', async () => {
    await registry.close();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const adapter = adapterFor(server);
      const call = { signal: new AbortController().signal };
      const connection = await adapter.connect({ id, kind: 'gopro', name: 'It', address: server.http.address }, call);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(3_000);
      await vi.waitFor(() => expect(server.http.requests).toContain('GET /gopro/camera/keep_alive'));
      await connection.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('is looked for where this machine is in a network that a camera made', async () => {
    const asked: string[] = [];
    const adapter = createGoproAdapter({
      ownAddresses: () => {
        asked.push('own');
        return ['192.168.1.7', '127.0.0.1'];
      },
    });
    const found: string[] = [];
    for await (const info of adapter.discover?.({ signal: new AbortController().signal }) ?? []) found.push(info.id);
    // Nobody is asked who is in no such network.
    expect([found, asked]).toEqual([[], ['own']]);
  });
});
