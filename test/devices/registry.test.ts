// Which devices there are: coming, going, adapters that hang, and one connection for all.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { createDeviceRegistry, type DeviceRegistry, type RegistryParts } from '../../src/devices/registry.ts';
import { systemClock } from '../../src/model/clock.ts';
import { bytesOf } from '../support/bytes.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { memoryAdapter } from '../support/memory-device.ts';

const quiet = { warn: () => undefined, info: () => undefined };
const open: DeviceRegistry[] = [];

function make(parts: Partial<RegistryParts> & Pick<RegistryParts, 'adapters'>): DeviceRegistry & { heard: string[] } {
  const registry = createDeviceRegistry({ clock: systemClock, log: quiet, ...parts });
  open.push(registry);
  const heard: string[] = [];
  registry.onChange(({ info, connected, battery }) =>
    heard.push(`${info.id} ${connected ? 'here' : 'gone'}${battery === undefined ? '' : ` ${battery.percent} %`}`),
  );
  return Object.assign(registry, { heard });
}

afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

describe('presence', () => {
  test('is looked for again and again, and told once for each change', async () => {
    const clock = fakeClock();
    const adapter = memoryAdapter();
    const one = adapter.add('one');
    const registry = make({ adapters: [adapter], clock, pollSeconds: 5 });
    registry.start();
    await vi.waitFor(() => expect(registry.heard).toEqual(['one here']));
    await clock.advance(20_000);
    expect(adapter.looks).toBeGreaterThanOrEqual(4);
    one.isThere = false;
    const since = registry.devices[0]?.since ?? 0;
    await clock.advance(6_000);
    expect(registry.heard).toEqual(['one here', 'one gone']);
    expect(registry.devices).toMatchObject([{ connected: false, info: { id: 'one' } }]);
    expect(registry.devices[0]?.since).toBeGreaterThan(since);
    one.isThere = true;
    adapter.add('two');
    await clock.advance(6_000);
    expect(registry.heard).toEqual(['one here', 'one gone', 'one here', 'two here']);
  });

  test('what somebody outside tells of is looked at at once', async () => {
    const adapter = memoryAdapter();
    const one = adapter.add('one');
    const registry = make({ adapters: [adapter], pollSeconds: 3600 });
    await registry.look();
    one.isThere = false;
    registry.told('one', false);
    await vi.waitFor(() => expect(registry.heard).toEqual(['one here', 'one gone']));
    adapter.add('two');
    registry.told('two', true);
    await vi.waitFor(() => expect(registry.heard).toContain('two here'));
    // The control: what nobody tells of, and no look finds, is not there.
    adapter.add('three');
    expect(registry.heard).not.toContain('three here');
  });

  test('a look that broke off says nothing of those it had not come to', async () => {
    const adapter = memoryAdapter();
    adapter.add('one');
    const registry = make({ adapters: [adapter] });
    await registry.look();
    adapter.discovering = 'fails';
    await registry.look();
    expect(registry.heard).toEqual(['one here']);
    expect(registry.troubles).toMatchObject([{ kind: 'memory', fault: { code: 'device' } }]);
    adapter.discovering = 'well';
    await registry.look();
    expect(registry.troubles).toEqual([]);
  });

  test('an adapter that hangs holds up no other, and is not asked for ever', async () => {
    const clock = fakeClock();
    const stuck = memoryAdapter({ kind: 'stuck' });
    const well = memoryAdapter({ kind: 'well' });
    well.add('one');
    stuck.discovering = 'hangs';
    const registry = make({ adapters: [stuck, well], clock, pollSeconds: 5 });
    registry.start();
    await vi.waitFor(() => expect(registry.heard).toEqual(['one here']));
    await clock.advance(200_000);
    expect(stuck.looks).toBe(2);
    expect(well.looks).toBeGreaterThan(20);
    expect(registry.troubles).toMatchObject([{ kind: 'stuck', fault: { code: 'timeout' } }]);
  });

  test('ids that are none, and one that two adapters give, are not taken', async () => {
    const first = memoryAdapter({ kind: 'first' });
    const second = memoryAdapter({ kind: 'second' });
    first.add('same');
    second.add('same');
    second.add('../up');
    second.add('');
    const registry = make({ adapters: [first, second] });
    await registry.look();
    expect(registry.devices.map(({ info }) => `${info.kind} ${info.id}`)).toEqual(['first same']);
  });

  test('names from the configuration go before the adapter’s', async () => {
    const adapter = memoryAdapter();
    adapter.add('one');
    const registry = make({ adapters: [adapter], names: { one: 'The tower camera' } });
    await registry.look();
    expect(registry.devices[0]?.info.name).toBe('The tower camera');
  });

  test('devices of an adapter that cannot look are tried', async () => {
    const { discover: _, ...blind } = memoryAdapter();
    const one = blind.add('one');
    one.isThere = false;
    const registry = make({ adapters: [blind], known: [one.info] });
    registry.start();
    await registry.look();
    expect(registry.devices).toMatchObject([{ connected: false }]);
    one.isThere = true;
    await registry.look();
    expect(registry.heard).toEqual(['one here']);
    expect(one.open).toBe(0);
  });
});

describe('connections', () => {
  test('are shared, opened again after a fault, and closed with the registry', async () => {
    const adapter = memoryAdapter();
    const one = adapter.add('one', { a: new Uint8Array(10), b: new Uint8Array(20) });
    const registry = make({ adapters: [adapter] });
    await registry.look();
    const places = await Promise.all([registry.open('one'), registry.open('one'), registry.open('one')]);
    expect(await Promise.all(places.map(async (place) => (await place.stat('a'))?.sizeBytes))).toEqual([10, 10, 10]);
    expect(one).toMatchObject({ connects: 1, open: 1 });
    const file = one.files.get('a');
    if (file !== undefined) file.trouble = { how: 'break', at: 5 };
    await expect(bytesOf(await (places[0] as (typeof places)[0]).read('a', 0))).rejects.toMatchObject({
      code: 'network',
    });
    expect((await places[1]?.stat('b'))?.sizeBytes).toBe(20);
    expect(one.connects).toBe(2);
    await registry.close();
    expect(one.open).toBe(0);
  });

  test('one that cannot be opened is told of, and tried again by the next who asks', async () => {
    const adapter = memoryAdapter();
    adapter.add('one', { a: new Uint8Array(10) });
    const registry = make({ adapters: [adapter], patience: { connectMs: 100 } });
    await registry.look();
    adapter.connecting = 'fails';
    await expect(registry.open('one')).rejects.toMatchObject({ code: 'network' });
    expect(registry.devices).toMatchObject([{ connected: true, fault: { code: 'device' } }]);
    adapter.connecting = 'hangs';
    await expect(registry.open('one')).rejects.toMatchObject({ code: 'timeout' });
    adapter.connecting = 'well';
    expect((await (await registry.open('one')).stat('a'))?.sizeBytes).toBe(10);
    expect(registry.devices).toMatchObject([{ fault: null }]);
  });

  test('what nobody has seen is not found', async () => {
    const registry = make({ adapters: [memoryAdapter()] });
    await expect(registry.open('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('the battery is asked for once in a while, where there is a connection', async () => {
    const clock = fakeClock();
    const adapter = memoryAdapter();
    adapter.add('one');
    const registry = make({ adapters: [adapter], clock, pollSeconds: 5 });
    registry.start();
    await vi.waitFor(() => expect(registry.heard).toEqual(['one here']));
    await clock.advance(30_000);
    expect(registry.heard).toEqual(['one here']);
    await registry.open('one');
    await clock.advance(30_000);
    expect(registry.heard).toEqual(['one here', 'one here 80 %']);
  });
});
