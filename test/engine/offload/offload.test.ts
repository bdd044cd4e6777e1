// Batches: what they take, that no file is taken twice, devices that go away and come back, limits, deletion on the device, rules and triggers.

import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { isForDevice } from '../../../src/engine/offload/rules.ts';
import { Fault } from '../../../src/model/fault.ts';
import { offloadConfigSchema } from '../../../src/model/offload-rules.ts';
import { contentOf, createMemoryDevices } from '../../support/memory-devices.ts';
import { deviceFile as file, type OffloadRig, openOffloadRig } from '../../support/offload-rig.ts';
import { filesBelow } from '../../support/trees.ts';

const rigs: OffloadRig[] = [];
const open = async (options: Parameters<typeof openOffloadRig>[0] = {}) => {
  const rig = await openOffloadRig(options);
  rigs.push(rig);
  return rig;
};
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.remove();
});

const mega = 1_000_000;
const holds = (rig: OffloadRig, path: string, size: number) =>
  readFileSync(`${rig.downloads}/${path}`).equals(contentOf(path, size, 0, size));

describe('a batch', () => {
  it('takes what its globs leave, with what belongs to it', async () => {
    const rig = await open();
    rig.devices.add('cam', [
      { ...file('DCIM/a.insv', 9 * mega), companions: ['DCIM/a.lrv'] },
      file('DCIM/a.lrv', mega),
      file('DCIM/b.insv', 2 * mega),
      file('MISC/log.txt', 10),
    ]);
    const job = await rig.engine.queueBatch({ device: 'cam', include: ['*.insv'] });
    const done = await rig.engine.settled(job.id);
    expect(filesBelow(rig.downloads)).toEqual(['DCIM/a.insv', 'DCIM/a.lrv', 'DCIM/b.insv']);
    expect(done).toMatchObject({ state: 'completed', counts: { found: 3, completed: 3 } });
    expect(holds(rig, 'DCIM/a.insv', 9 * mega)).toBe(true);
  });

  it('takes the files that it names, and says of each that is not there', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.jpg', 1000), file('b.jpg', 1000), file('c.jpg', 1000)]);
    const job = await rig.engine.queueBatch({
      device: 'cam',
      files: ['a.jpg', { path: 'b.jpg', size: 1000 }, 'gone.jpg'],
    });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'partial', counts: { completed: 2, failed: 1 } });
    expect(filesBelow(rig.downloads)).toEqual(['a.jpg', 'b.jpg']);
    const [refused] = (await rig.store.transfers({ jobId: job.id, states: ['failed'] })).rows;
    expect(refused).toMatchObject({ source: { path: 'gone.jpg' }, error: { code: 'not_found' } });
  });

  it('makes a recording of each original, though no pipeline is there, and keeps its key on both', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.jpg', 1000), file('b.mp4', 9 * mega)], { name: 'Front camera' });
    const job = await rig.engine.queueBatch({ device: 'cam', associateWith: 'shoot 3' });
    await rig.engine.settled(job.id);
    const { rows } = await rig.store.recordings({ associateWith: 'shoot 3' });
    expect(rows.map(({ name, derived, device }) => [name, derived.length, device?.name])).toEqual([
      ['a.jpg', 0, 'Front camera'],
      ['b.mp4', 0, 'Front camera'],
    ]);
    const keyed = (await rig.store.transfers({ associateWith: 'shoot 3' })).rows;
    expect(keyed.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    for (const { id } of keyed) expect((await rig.facts(id)).at(-1)).toBe('completed');
  });

  it('of a device that nobody has seen is refused, as is a pipeline that is not there', async () => {
    const rig = await open();
    await expect(rig.engine.queueBatch({ device: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    rig.devices.add('cam', []);
    await expect(rig.engine.queueBatch({ device: 'cam', pipeline: 'none such' })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    await expect(rig.engine.queueBatch({ device: 'cam', downloadDir: 's3://bucket/x' })).rejects.toMatchObject({
      code: 'unsupported',
    });
    const job = await rig.engine.queueBatch({ device: 'cam' });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { found: 0 } });
  });

  it('says beforehand what it would do', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.jpg', 1000)]);
    await rig.engine.settled((await rig.engine.queueBatch({ device: 'cam' })).id);
    rig.devices.setFiles('cam', [file('a.jpg', 1000), file('b.jpg', 2000)]);
    const items: unknown[] = [];
    for await (const item of rig.engine.plan({ kind: 'offload', device: 'cam' })) items.push(item);
    expect(items).toEqual([
      { action: 'skip', path: 'a.jpg', sizeBytes: 1000, reason: 'was taken before' },
      { action: 'copy', path: 'b.jpg', sizeBytes: 2000 },
    ]);
  });
});

describe('the same file', () => {
  it('is one transfer whatever batch asks for it, also at the same time and after a restart', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.mp4', 9 * mega), file('b.jpg', 1000)]);
    const jobs = await Promise.all([1, 2, 3].map(() => rig.engine.queueBatch({ device: 'cam' })));
    const done = await Promise.all(jobs.map(({ id }) => rig.engine.settled(id)));
    expect(done.map(({ state }) => state)).toEqual(['completed', 'completed', 'completed']);
    expect(done.map(({ counts }) => counts.completed).sort()).toEqual([0, 0, 2]);
    await rig.close();
    const devices = createMemoryDevices();
    devices.add('cam', [file('a.mp4', 9 * mega), file('b.jpg', 1001, 1_800_000_000_000)]);
    const next = await open({ folder: rig.folder, devices });
    const again = await next.engine.settled((await next.engine.queueBatch({ device: 'cam' })).id);
    // The same name with another size or time is another file.
    expect(again.counts).toMatchObject({ found: 2, skipped: 1, completed: 1 });
    expect(filesBelow(next.downloads)).toEqual(['a.mp4', 'b (1).jpg', 'b.jpg']);
    expect((await next.store.transfers({})).rows).toHaveLength(3);
  });

  it('goes on where an earlier batch had given it up', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.mp4', 9 * mega)]);
    rig.devices.beforeChunk = async () => {
      throw new Fault('io', 'The card cannot be read there.');
    };
    const first = await rig.engine.queueBatch({ device: 'cam' });
    expect(await rig.engine.settled(first.id)).toMatchObject({ state: 'failed' });
    rig.devices.beforeChunk = () => undefined;
    const second = await rig.engine.queueBatch({ device: 'cam' });
    await rig.until(({ state }) => state === 'completed');
    expect(await rig.engine.settled(first.id)).toMatchObject({ state: 'completed' });
    expect(await rig.engine.settled(second.id)).toMatchObject({ state: 'completed', counts: { skipped: 1 } });
    expect((await rig.store.transfers({})).rows).toHaveLength(1);
  });
});

describe('a device that goes away', () => {
  it('is waited for, and its file goes on where it stopped', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.mp4', 60 * mega)]);
    rig.devices.beforeChunk = (_, at) => {
      if (at < 40 * mega || rig.devices.reads.length > 1) return undefined;
      rig.devices.disconnect('cam');
      return undefined;
    };
    const job = await rig.engine.queueBatch({ device: 'cam' });
    const row = await rig.until(({ state }) => state === 'waiting');
    expect(row).toMatchObject({ waiting: { reason: 'device' }, error: { code: 'device' }, phase: 'transfer' });
    expect(rig.engine.snapshot().activeTransfers).toBe(0);
    rig.devices.connect('cam');
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    expect(holds(rig, 'a.mp4', 60 * mega)).toBe(true);
    const [first, second] = rig.devices.reads;
    // At most one block is read a second time.
    expect(second?.from).toBeGreaterThan((first?.bytes ?? 0) - 2 * 8_388_608);
    expect(await rig.deviceFacts()).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('before anything was listed makes the batch wait', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.mp4', 9 * mega)], { connected: false });
    const job = await rig.engine.queueBatch({ device: 'cam' });
    while ((await rig.store.job(job.id))?.state !== 'waiting') await new Promise((done) => setImmediate(done));
    expect(await rig.store.job(job.id)).toMatchObject({ waiting: { reason: 'device' }, error: { code: 'device' } });
    rig.devices.connect('cam');
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 1 } });
  });

  it('is away, too, where nobody has seen it since a restart', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.mp4', 9 * mega)], { connected: false });
    const job = await rig.engine.queueBatch({ device: 'cam', files: [file('a.mp4', 9 * mega)] });
    const { id } = await rig.until(({ state }) => state === 'waiting');
    await rig.close();
    const next = await open({ folder: rig.folder });
    await next.engine.pause({ transferId: id });
    await next.engine.resume({ transferId: id });
    expect(await next.until(({ state }) => state === 'waiting')).toMatchObject({ waiting: { reason: 'device' } });
    next.devices.add('cam', [file('a.mp4', 9 * mega)]);
    expect(await next.engine.settled(job.id)).toMatchObject({
      state: 'completed',
      counts: { completed: 1, failed: 0 },
    });
  });

  it('shows by any trouble of reading from it', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.mp4', 9 * mega)]);
    let isFirst = true;
    rig.devices.beforeChunk = async () => {
      if (!isFirst) return;
      isFirst = false;
      rig.devices.disconnect('cam');
      throw new Fault('io', 'EIO');
    };
    const job = await rig.engine.queueBatch({ device: 'cam' });
    expect(await rig.until(({ state }) => state === 'waiting')).toMatchObject({ waiting: { reason: 'device' } });
    rig.devices.connect('cam');
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
  });
});

describe('limits', () => {
  it('are 4 in all and 2 a device, however many come home to one disk', async () => {
    const rig = await open();
    const files = Array.from({ length: 6 }, (_, at) => file(`${at}.mp4`, 9 * mega));
    for (const id of ['one', 'two', 'three']) rig.devices.add(id, files);
    const under = new Map<string, number>();
    let most = 0;
    let mostOfOne = 0;
    const gate = Promise.withResolvers<void>();
    rig.devices.beforeChunk = () => gate.promise;
    const jobs = await Promise.all(
      ['one', 'two', 'three'].map((device) => rig.engine.queueBatch({ device, downloadDir: rig.at('out', device) })),
    );
    while (rig.devices.reads.length < 4) await new Promise((done) => setImmediate(done));
    gate.resolve();
    for (const { id } of jobs) expect(await rig.engine.settled(id)).toMatchObject({ state: 'completed' });
    const { events } = await rig.store.events({ limit: 1000 });
    for (const { name, transfer } of events) {
      const by = name.endsWith('download.started') ? 1 : name.endsWith('download.completed') ? -1 : 0;
      const device = transfer?.source.endpoint ?? '';
      under.set(device, (under.get(device) ?? 0) + by);
      mostOfOne = Math.max(mostOfOne, under.get(device) ?? 0);
      most = Math.max(
        most,
        [...under.values()].reduce((sum, count) => sum + count, 0),
      );
    }
    expect([most, mostOfOne]).toEqual([4, 2]);
  });
});

describe('deletion on the device', () => {
  it('comes with the copies that were asked for, of what is still the same there', async () => {
    const rig = await open();
    rig.devices.add('cam', [file('a.jpg', 1000), file('b.jpg', 2000)]);
    const first = await rig.engine.queueBatch({ device: 'cam', files: ['a.jpg'], deleteAfterCopies: 1 });
    await rig.engine.settled(first.id);
    while (rig.devices.filesOf('cam').length > 1) await new Promise((done) => setImmediate(done));
    expect(rig.devices.filesOf('cam').map(({ path }) => path)).toEqual(['b.jpg']);
    const second = await rig.engine.queueBatch({ device: 'cam', files: ['b.jpg'], deleteAfterCopies: 2 });
    await rig.engine.settled(second.id);
    expect(rig.devices.filesOf('cam')).toHaveLength(1);
    expect(await rig.store.documents('offload.deletions')).toHaveLength(1);
    await rig.copy({ sources: [`${rig.downloads}/b.jpg`], destination: rig.at('second/') });
    await rig.engine.observe('observation.flight.end', {});
    while (rig.devices.filesOf('cam').length > 0) await new Promise((done) => setImmediate(done));
    while ((await rig.deviceFacts()).length < 3) await new Promise((done) => setImmediate(done));
    expect(await rig.deviceFacts()).toEqual(['connected', 'file_deleted', 'file_deleted']);
  });

  it('never takes what has another content by then, and waits for the device', async () => {
    const rig = await open({
      pipelines: [
        {
          name: 'slow',
          steps: [
            {
              step: 'wait',
              script: 'while [ ! -e "$1.go" ]; do sleep 0.02; done; echo > "$2"',
              timeoutMinutes: 1,
              optional: false,
            },
          ],
        },
      ],
    });
    rig.devices.add('cam', [file('a.jpg', 1000), file('b.jpg', 2000)]);
    const job = await rig.engine.queueBatch({ device: 'cam', deleteAfterCopies: 1 });
    await rig.until(({ phase, source }) => phase === 'process' && source.path === 'a.jpg');
    await rig.until(({ phase, source }) => phase === 'process' && source.path === 'b.jpg');
    rig.devices.disconnect('cam');
    rig.devices.setFiles('cam', [file('a.jpg', 1001), file('b.jpg', 2000)]);
    for (const name of ['a', 'b']) writeFileSync(`${rig.downloads}/${name}.jpg.go`, '');
    await rig.engine.settled(job.id);
    expect(rig.devices.filesOf('cam')).toHaveLength(2);
    rig.devices.connect('cam');
    while ((await rig.store.documents('offload.deletions')).length > 0) await new Promise((done) => setImmediate(done));
    expect(rig.devices.filesOf('cam').map(({ path }) => path)).toEqual(['a.jpg']);
  });
});

describe('rules', () => {
  const config = (rule: object) => offloadConfigSchema.parse({ rules: [{ name: 'home', kind: 'memory', ...rule }] });

  it('take what a device brings when it comes, and nothing twice', async () => {
    const rig = await open({
      offloading: {
        config: config({ include: ['*.mp4'], downloadDir: '/nowhere/{device}', associateWith: '{device} {YYYY}' }),
      },
    });
    const folder = rig.at('home/{name}');
    rig.engine.adjust(
      {},
      { config: config({ include: ['*.mp4'], downloadDir: folder, associateWith: '{device}/{YYYY}' }) },
    );
    rig.devices.add('cam', [file('a.mp4', 9 * mega), file('a.txt', 10)], { name: '../evil' });
    const row = await rig.until(({ state }) => state === 'completed');
    expect(row.associateWith).toBe(`cam/${new Date().getFullYear()}`);
    expect(filesBelow(rig.at('home'))).toEqual(['__evil/a.mp4']);
    expect(filesBelow(rig.folder).filter((path) => path.includes('evil') && !path.startsWith('home/'))).toEqual([]);
    rig.devices.disconnect('cam');
    rig.devices.connect('cam');
    await rig.engine.observe('observation.flight.end', { key: 'x' });
    rig.devices.setFiles('cam', [...rig.devices.filesOf('cam'), file('b.mp4', 1000)]);
    await rig.engine.observe('observation.flight.end', {});
    await rig.until(({ state, source }) => state === 'completed' && source.path === 'b.mp4');
    expect((await rig.store.transfers({})).rows).toHaveLength(2);
    expect((await rig.store.jobs({ kind: 'offload' })).rows).toHaveLength(2);
  });

  it('that take only what is newer leave the rest, also after a restart', async () => {
    const rule = config({ newerThanLastTime: true });
    const rig = await open({ offloading: { config: rule } });
    rig.devices.add('cam', [file('a.jpg', 1000, 5_000)]);
    await rig.until(({ state }) => state === 'completed');
    while ((await rig.store.documents('offload.newest')).length === 0) await new Promise((done) => setImmediate(done));
    await rig.close();
    const devices = createMemoryDevices();
    devices.add('cam', [file('old.jpg', 1000, 4_000), file('new.jpg', 1000, 6_000)]);
    const next = await open({ folder: rig.folder, devices, offloading: { config: rule } });
    await next.until(({ state, source }) => state === 'completed' && source.path === 'new.jpg');
    expect(filesBelow(next.downloads)).toEqual(['a.jpg', 'new.jpg']);
  });

  it.each([
    ['card-*', 'card-12', true],
    ['card-*', 'cam-12', false],
    ['card-1?', 'Card-12', false],
    ['{card,cam}-12', 'cam-12', true],
  ])('are of devices whose id fits: %s and %s, %s', (device, id, is) => {
    const [rule] = offloadConfigSchema.parse({ rules: [{ name: 'home', device }] }).rules;
    if (rule === undefined) throw new Error('There is no rule.');
    const info = { id, kind: 'mounted', name: 'Card' };
    expect(isForDevice(rule, info)).toBe(is);
    expect(isForDevice({ ...rule, kind: 'gopro' }, info)).toBe(false);
  });

  it('and triggers are asked for by their names alone', async () => {
    const rig = await open();
    await expect(rig.engine.observe('observation.flight.begin', {})).rejects.toMatchObject({ code: 'unsupported' });
    const status = 'observation.device.connection_status.update';
    await expect(rig.engine.observe(status, { device: 1 })).rejects.toMatchObject({ code: 'invalid' });
    await rig.engine.observe(status, { device: 'cam', connected: true });
    expect(rig.devices.heard).toEqual([{ id: 'cam', connected: true }]);
  });
});
