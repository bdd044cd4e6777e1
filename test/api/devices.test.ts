// Cameras and cards by the API and the events, over devices in memory.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';
import { memoryAdapter } from '../support/memory-device.ts';
import { content } from '../support/trees.ts';

const adapter = memoryAdapter();
let rig: ApiRig;
const client = () => createClient({ url: rig.url, token: adminToken });

beforeAll(async () => {
  rig = await openApiRig({}, null, {}, { adapters: async () => [adapter], pollSeconds: 3600 });
});
afterAll(() => rig.close());

describe('devices', () => {
  test('come, are listed, and go, each a fact with its payload', async () => {
    expect(await client().call('listDevices')).toEqual({ rows: [], troubles: [] });
    const device = adapter.add('cam-1', { 'DCIM/a.jpg': { bytes: content(1, 5000), mtime: 1_700_000_000_000 } });
    const { rows } = await client().call('lookForDevices');
    expect(rows).toMatchObject([{ id: 'cam-1', kind: 'memory', name: 'Device cam-1', connected: true, fault: null }]);
    expect(await client().call('getDevice', { params: { id: 'cam-1' } })).toEqual(rows[0]);
    device.isThere = false;
    expect((await client().call('lookForDevices')).rows).toMatchObject([{ connected: false }]);
    await expect(client().call('getDevice', { params: { id: 'cam-2' } })).rejects.toMatchObject({ code: 'not_found' });
    await vi.waitFor(async () => {
      const { events } = await rig.store.events({});
      const facts = events.filter(({ name }) => name.startsWith('observation.device.'));
      expect(facts.map(({ name, data }) => [name.split('.').slice(2).join('.'), data.connected])).toEqual([
        ['connected', true],
        ['connection_status.update', true],
        ['disconnected', false],
        ['connection_status.update', false],
      ]);
      expect(facts[0]?.data).toEqual({
        device: 'cam-1',
        kind: 'memory',
        name: 'Device cam-1',
        model: null,
        serial: null,
        address: null,
        connected: true,
        fault: null,
        battery: null,
      });
    });
  });

  test('tell page by page what they hold, and what of it is refused', async () => {
    const device = adapter.add('cam-2');
    for (let n = 0; n < 25; n++) {
      const name = `DCIM/${String(n).padStart(3, '0')}.jpg`;
      device.files.set(name, { bytes: content(n, 1000 + n), mediaType: 'image/jpeg', companions: [`${name}.xmp`] });
    }
    device.files.set('../up', { bytes: content(1, 10) });
    await client().call('lookForDevices');
    const params = { id: 'cam-2' };
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 10, ...(cursor === undefined ? {} : { cursor }) };
      const page = await client().call('listDeviceFiles', { params, query });
      expect(page).toMatchObject({ total: 25, totalBytes: 25 * 1000 + 300 });
      expect(page.refused).toMatchObject([{ path: '../up', fault: { code: 'name_unsafe' } }]);
      seen.push(...page.rows.map(({ path }) => path));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([...device.files.keys()].filter((path) => path !== '../up').sort());
    device.isThere = false;
    await client().call('lookForDevices');
    await expect(client().call('listDeviceFiles', { params })).rejects.toMatchObject({ code: 'device' });
  });
});
