// A real card that is pulled in the middle of an offload: waited for, gone on with where it was, and no other card is taken for it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMountedAdapter, volumeOperations } from '../../../src/devices/mounted.ts';
import { createDeviceRegistry, type DeviceRegistry } from '../../../src/devices/registry.ts';
import { localOperations } from '../../../src/endpoints/local.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import { systemClock } from '../../../src/model/clock.ts';
import type { Transfer } from '../../../src/model/transfer.ts';
import { openRig, type Rig } from '../../support/engine-rig.ts';
import { type LoopCard, makeCard } from '../../support/loop-card.ts';
import { content, filesBelow } from '../../support/trees.ts';

const MiB = 2 ** 20;
const takenAt = 1_700_000_000;
const mounts = openMounts({ modules: [localOperations, volumeOperations] });
const folder = mkdtempSync(join(tmpdir(), 'wherry-card-pulled-'));
const slot = join(folder, 'slots', 'slot');
// Same names, sizes and times: only what the cards call themselves tells them apart.
const filesOf = (seed: number) => ({
  'DCIM/100/film.mp4': content(seed, 40 * MiB),
  'DCIM/100/still.jpg': content(seed + 1, 2 * MiB),
});
let one: LoopCard;
let two: LoopCard;
let rig: Rig | undefined;

beforeAll(() => {
  one = makeCard(join(folder, 'one.img'), filesOf(1), takenAt);
  two = makeCard(join(folder, 'two.img'), filesOf(100), takenAt);
});
afterEach(async () => {
  one.pull();
  two.pull();
  await rig?.remove();
  rig = undefined;
});
afterAll(async () => {
  one.dispose();
  two.dispose();
  await mounts.close();
  rmSync(folder, { recursive: true });
});

const open = async (): Promise<{ rig: Rig; registry: DeviceRegistry }> => {
  const registry = createDeviceRegistry({
    adapters: [createMountedAdapter({ mounts, roots: [join(folder, 'slots')], byUuid: '/no/such/folder' })],
    clock: systemClock,
    log: { warn: () => undefined, info: () => undefined },
    pollSeconds: 0.2,
  });
  rig = await openRig({
    devices: registry,
    limits: { bandwidth: '20M', tickSeconds: 0.2, retry: { firstDelayMs: 50, checkMs: 100, jitter: 0 } },
  });
  await registry.look();
  return { rig, registry };
};
const until = async (on: Rig, holds: (row: Transfer) => boolean): Promise<Transfer> => {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = on.store.onEvents(() => resolve());
    const found = (await on.store.transfers({ limit: 100 })).rows.find(holds);
    if (found === undefined) await promise;
    stop();
    if (found !== undefined) return found;
  }
};
const moved = async (on: Rig, atLeast: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = on.engine.onTransferProgress(({ bytesDone }) => {
    if (bytesDone >= atLeast) resolve();
  });
  await promise;
  stop();
};
const idOf = (registry: DeviceRegistry, card: LoopCard) =>
  registry.devices.find(({ info }) => info.id.includes(card.uuid))?.info.id ?? '';
const out = (on: Rig) => on.at('media/transfers/downloads');

describe('a card that is pulled while it is offloaded', () => {
  it('is waited for while another is in its place, and goes on where it was when it is back', async () => {
    one.insert(slot);
    const { rig: on, registry } = await open();
    const job = await on.engine.queueBatch({ device: idOf(registry, one) });
    await moved(on, 24 * MiB);
    one.pull();
    two.insert(slot);
    const waiting = await until(on, ({ state, source }) => state === 'waiting' && source.path.endsWith('film.mp4'));
    expect(waiting).toMatchObject({ waiting: { reason: 'device' }, error: { code: 'device' } });
    await registry.look();
    // The other card is one of its own, and nothing of it was taken.
    expect(registry.devices.filter(({ connected }) => connected).map(({ info }) => info.id)).toEqual([
      idOf(registry, two),
    ]);
    expect(filesBelow(out(on)).filter((path) => path.endsWith('film.mp4'))).toEqual([]);
    two.pull();
    one.insert(slot);
    on.engine.setBandwidth(null);
    expect(await on.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 2, failed: 0 } });
    for (const [path, bytes] of Object.entries(filesOf(1))) {
      expect(readFileSync(join(out(on), path)).equals(bytes)).toBe(true);
    }
    const { events } = await on.store.events({ transferId: waiting.id, limit: 100 });
    const arrival = events.find(({ name }) => name.endsWith('download.completed'));
    // What had been verified before is not read again: at most a block a lane is.
    expect(arrival?.data.resumedBytes).toBeGreaterThanOrEqual(8 * MiB);
  });

  it('control: whoever goes by the path alone takes the other card’s file for it', async () => {
    one.insert(slot);
    const ours = readFileSync(join(slot, 'DCIM/100/film.mp4'));
    one.pull();
    two.insert(slot);
    expect(readFileSync(join(slot, 'DCIM/100/film.mp4')).equals(ours)).toBe(false);
  });
});
