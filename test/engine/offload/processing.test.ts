// The phase process: what has arrived is processed in slots of its own, stops when told, is tried again without its download, and survives the process.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Pipeline } from '../../../src/model/pipeline.ts';
import type { Transfer } from '../../../src/model/transfer.ts';
import type { RigOptions } from '../../support/engine-rig.ts';
import { contentOf, createMemoryDevices, type MemoryDevices } from '../../support/memory-devices.ts';
import {
  deviceFile as file,
  type OffloadRig,
  openOffloadRig,
  pipelineOf as pipeline,
  step,
} from '../../support/offload-rig.ts';

const rigs: OffloadRig[] = [];
const open = async (
  pipelines: readonly Pipeline[],
  options: Omit<RigOptions, 'devices'> & { devices?: MemoryDevices } = {},
) => {
  const rig = await openOffloadRig({ ...options, pipelines });
  rigs.push(rig);
  return rig;
};
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.remove();
});

const copying = step('copied', 'cat "$1" > "$2"');
const until = (rig: OffloadRig, holds: (row: Transfer) => boolean) => rig.until(holds);
const downloads = (rig: OffloadRig) => rig.downloads;

/** True where a process of the group runs; what is dead and not yet reaped does not. */
const runs = (group: number) =>
  readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const [state, , pgrp] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(pgrp) === group && state !== 'Z';
    } catch {
      return false;
    }
  });

describe('what has arrived', () => {
  it('is processed, has its facts in order, and becomes a recording', async () => {
    const rig = await open([pipeline(copying, step('sum', 'sha256sum < "$1" > "$2"'))]);
    rig.devices.add('cam', [file('DCIM/a.mp4', 10_000_000)]);
    const job = await rig.engine.queueBatch({ device: 'cam', associateWith: 'flight 7' });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 1, failed: 0 } });
    const [row] = await rig.transfers(job.id);
    expect(row).toMatchObject({ phase: 'process', bytesProcessed: 10_000_000, associateWith: 'flight 7', lease: null });
    expect(await rig.facts(row?.id ?? '')).toEqual([
      ...['queued', 'download.started', 'download.completed'],
      ...['processing.started', 'processing.completed', 'completed'],
    ]);
    const original = `${downloads(rig)}/DCIM/a.mp4`;
    expect(readFileSync(original).equals(contentOf('DCIM/a.mp4', 10_000_000, 0, 10_000_000))).toBe(true);
    const [receipt] = await rig.store.receipts({ transferId: row?.id ?? '' });
    const recording = await rig.store.recording(row?.id ?? '');
    expect(recording).toMatchObject({
      name: 'a.mp4',
      device: { id: 'cam', kind: 'memory', name: 'cam' },
      associateWith: 'flight 7',
      original: { path: original, sizeBytes: 10_000_000, hash: receipt?.hash, provenAt: receipt?.at },
      derived: [
        { role: 'copied', step: 'copied', sizeBytes: 10_000_000, tool: { name: 'sh' } },
        { role: 'sum', step: 'sum', sizeBytes: 68 },
      ],
      facts: { copied: { bytes: 10_000_000 } },
    });
    expect(recording?.derived[0]?.hash.value).toBe(recording?.derived[0]?.parentHash);
    const { events } = await rig.store.events({ transferId: row?.id ?? '', limit: 100 });
    const told = events.filter(({ data }) => 'derived' in data);
    expect(told.map(({ name }) => name)).toEqual(['observation.transfer.processing.completed']);
    expect(told[0]?.data).toMatchObject({
      ...{ metadata: { bytes: 10_000_000 }, xmpPath: null, thumbnailPath: null, passedOver: [] },
      derived: recording?.derived.map(({ role, path, hash }) => ({ role, path, hash })),
    });
    expect(await rig.store.documents('steps')).toEqual([]);
    expect(rig.runner.swept).toEqual([row?.id]);
  });

  it('in packs stays as it has arrived until it is processed; what no pipeline takes is complete at once', async () => {
    const rig = await open([{ ...pipeline(copying), files: ['*.JPG'] }]);
    const files = Array.from({ length: 60 }, (_, at) =>
      file(`DCIM/${at}.${at % 3 === 0 ? 'jpg' : 'txt'}`, 20_000 + at),
    );
    rig.devices.add('cam', files);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    const done = await rig.engine.settled(job.id);
    expect(done).toMatchObject({ state: 'completed', counts: { found: 60, completed: 60, skipped: 0 } });
    expect(done.counts.bytesCompleted).toBe(files.reduce((sum, { size }) => sum + size, 0));
    const recordings = (await rig.store.recordings({ jobId: job.id, limit: 100 })).rows;
    expect(recordings).toHaveLength(60);
    for (const { name, derived } of recordings) expect(derived).toHaveLength(name.endsWith('.jpg') ? 1 : 0);
    expect(new Set(rig.runner.begun).size).toBe(20);
    expect(rig.runner.begun).toHaveLength(20);
  });

  it('takes no more slots than it has, and none of those that move bytes', async () => {
    const rig = await open([pipeline(step('slow', 'while [ ! -e "$1.go" ]; do sleep 0.02; done; echo > "$2"'))]);
    rig.devices.add(
      'cam',
      Array.from({ length: 5 }, (_, at) => file(`${at}.mp4`, 9_000_000)),
    );
    const job = await rig.engine.queueBatch({ device: 'cam' });
    // All have arrived although nothing has been processed yet.
    for (let at = 0; at < 5; at++)
      await until(rig, ({ phase, source }) => phase === 'process' && source.path === `${at}.mp4`);
    const counts = await rig.store.countTransfers(job.id);
    expect(counts.processing).toBeLessThanOrEqual(2);
    expect(counts.processing + counts.transferred).toBe(5);
    for (let at = 0; at < 5; at++) writeFileSync(`${downloads(rig)}/${at}.mp4.go`, '');
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    const { events } = await rig.store.events({ jobId: job.id, limit: 1000 });
    let active = 0;
    for (const { name } of events) {
      if (name.endsWith('processing.started')) active += 1;
      if (name.endsWith('processing.completed')) active -= 1;
      expect(active).toBeLessThanOrEqual(2);
    }
  });

  it('counts as done for its job’s progress, which never falls back', async () => {
    const rig = await open([pipeline(step('slow', 'while [ ! -e "$1.go" ]; do sleep 0.02; done; echo > "$2"'))]);
    rig.devices.add('cam', [file('a.mp4', 9_000_000), file('b.mp4', 9_000_000)]);
    const heard: number[] = [];
    const arrived = Promise.withResolvers<void>();
    rig.engine.onJobProgress(({ bytesDone }) => {
      heard.push(bytesDone);
      if (bytesDone === 18_000_000) arrived.resolve();
    });
    const job = await rig.engine.queueBatch({ device: 'cam' });
    await arrived.promise;
    expect((await rig.store.countTransfers(job.id)).completed).toBe(0);
    for (const name of ['a', 'b']) writeFileSync(`${downloads(rig)}/${name}.mp4.go`, '');
    await rig.engine.settled(job.id);
    expect(heard).toEqual([...heard].sort((one, other) => one - other));
  });

  it('says how far its processing is, at last that it is done', async () => {
    const rig = await open([pipeline(copying, copying, step('third', 'echo > "$2"'))]);
    rig.devices.add('cam', [file('a.mp4', 9_000_000)]);
    const heard: { phase: string; bytesDone: number }[] = [];
    rig.engine.onTransferProgress(({ phase, bytesDone }) => void heard.push({ phase, bytesDone }));
    const job = await rig.engine.queueBatch({ device: 'cam' });
    await rig.engine.settled(job.id);
    const processed = heard.filter(({ phase }) => phase === 'process').map(({ bytesDone }) => bytesDone);
    expect(processed).toEqual([3_000_000, 6_000_000, 9_000_000]);
    expect(heard.filter(({ phase }) => phase === 'transfer').at(-1)?.bytesDone).toBe(9_000_000);
  });
});

describe('trouble', () => {
  it('that passes is tried again, without the download and without steps that are done', async () => {
    const script = 'if [ -e "$1.mended" ]; then echo > "$2"; else touch "$1.mended"; exit 75; fi';
    const rig = await open([pipeline(copying, step('second', script))]);
    rig.devices.add('cam', [file('a.mp4', 9_000_000)]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    const [row] = await rig.transfers(job.id);
    expect(await rig.facts(row?.id ?? '')).toEqual([
      ...['queued', 'download.started', 'download.completed', 'processing.started', 'retry_scheduled'],
      ...['queued', 'processing.started', 'processing.completed', 'completed'],
    ]);
    expect(rig.runner.begun.map((one) => one.split('/')[1])).toEqual(['0', '1', '1']);
    expect(rig.devices.reads).toHaveLength(1);
  });

  it('of a missing program waits for it, and goes on when it is there', async () => {
    const rig = await open([pipeline(step('tool', '[ -e "$1.tool" ] || exit 127; echo > "$2"'))]);
    rig.devices.add('cam', [file('a.mp4', 9_000_000)]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    const row = await until(rig, ({ state }) => state === 'waiting');
    expect(row).toMatchObject({ phase: 'process', waiting: { reason: 'tool' }, error: { code: 'tool_missing' } });
    writeFileSync(`${downloads(rig)}/a.mp4.tool`, '');
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
  });

  it('that is final fails the transfer and keeps the original; a retry by hand goes on from there', async () => {
    const rig = await open([pipeline(copying, step('second', '[ -e "$1.mended" ] || exit 1; echo > "$2"'))]);
    rig.devices.add('cam', [file('a.mp4', 9_000_000)]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'failed', error: { code: 'step_failed' } });
    const [row] = await rig.transfers(job.id);
    expect(row).toMatchObject({ state: 'failed', phase: 'process' });
    expect((await rig.facts(row?.id ?? '')).at(-1)).toBe('processing.failed');
    expect(existsSync(`${downloads(rig)}/a.mp4`)).toBe(true);
    writeFileSync(`${downloads(rig)}/a.mp4.mended`, '');
    await rig.engine.retry({ transferId: row?.id ?? '' });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 1, failed: 0 } });
    expect(rig.devices.reads).toHaveLength(1);
    expect(rig.runner.begun.map((one) => one.split('/')[1])).toEqual(['0', '1', '1']);
  });
});

describe('a step that runs', () => {
  const endless = pipeline(copying, step('endless', 'if [ -e "$1.go" ]; then echo > "$2"; else sleep 600 & wait; fi'));
  const running = async (options: Omit<RigOptions, 'devices'> = {}) => {
    const rig = await open([endless], options);
    rig.devices.add('cam', [file('a.mp4', 9_000_000)]);
    const job = await rig.engine.queueBatch({ device: 'cam' });
    const row = await until(rig, ({ state }) => state === 'processing');
    while (rig.runner.pids.length < 2) await new Promise((done) => setImmediate(done));
    return { rig, job, row, pid: rig.runner.pids.at(-1) ?? 0 };
  };

  it('is killed with its children when it is paused, within a second, and goes on', async () => {
    const { rig, job, row, pid } = await running();
    const begun = performance.now();
    await rig.engine.pause({ transferId: row.id });
    expect(performance.now() - begun).toBeLessThan(1_000);
    // Killed, and on a busy machine perhaps not gone yet.
    await vi.waitFor(() => expect(runs(pid)).toBe(false));
    expect(await rig.store.transfer(row.id)).toMatchObject({ state: 'paused', phase: 'process', lease: null });
    writeFileSync(`${downloads(rig)}/a.mp4.go`, '');
    await rig.engine.resume({ transferId: row.id });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    expect(rig.runner.begun.map((one) => one.split('/')[1])).toEqual(['0', '1', '1']);
  });

  it('is killed when it is cancelled; the original is kept, and a retry goes on with the processing', async () => {
    const { rig, job, row, pid } = await running();
    const begun = performance.now();
    await rig.engine.cancel({ transferId: row.id });
    expect(performance.now() - begun).toBeLessThan(1_000);
    // Killed, and on a busy machine perhaps not gone yet.
    await vi.waitFor(() => expect(runs(pid)).toBe(false));
    expect(rig.runner.swept).toEqual([row.id]);
    expect(await rig.engine.settled(job.id)).toMatchObject({ counts: { cancelled: 1 } });
    expect(readdirSync(downloads(rig))).toEqual(['a.mp4']);
    expect((await rig.store.receipts({ transferId: row.id })).length).toBe(1);
    writeFileSync(`${downloads(rig)}/a.mp4.go`, '');
    await rig.engine.retry({ transferId: row.id });
    await until(rig, ({ state }) => state === 'completed');
    expect(rig.devices.reads).toHaveLength(1);
  });

  it('is stopped with the job, whose pause holds what has not begun, too', async () => {
    const { rig, job, row } = await running();
    await rig.engine.pause({ jobId: job.id });
    expect(await rig.store.transfer(row.id)).toMatchObject({ state: 'paused', phase: 'process' });
    writeFileSync(`${downloads(rig)}/a.mp4.go`, '');
    await rig.engine.resume({ jobId: job.id });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { found: 1, completed: 1 } });
    expect(rig.devices.reads).toHaveLength(1);
  });

  it('that says nothing for long is no stall, and its holder is seen to live', async () => {
    const { rig, job, row } = await running({ limits: { stallSeconds: 0.2, heartbeatSeconds: 0.5, leaseSeconds: 1 } });
    const first = row.heartbeatAt ?? 0;
    const later = async () => ((await rig.store.transfer(row.id))?.heartbeatAt ?? 0) > first + 1_500;
    while (!(await later())) await new Promise((done) => setTimeout(done, 50));
    expect(await rig.store.transfer(row.id)).toMatchObject({ state: 'processing', fence: row.fence });
    await rig.engine.cancel({ jobId: job.id });
  });

  it('is taken up again after the engine was stopped, with what was done before it', async () => {
    const { rig, job, row } = await running();
    await rig.close();
    const devices = createMemoryDevices();
    devices.add('cam', rig.devices.filesOf('cam'));
    writeFileSync(`${downloads(rig)}/a.mp4.go`, '');
    const next = await open([endless], { folder: rig.folder, devices });
    expect(await next.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { found: 1, completed: 1 } });
    expect(next.runner.begun).toEqual([`${row.id}/1`]);
    expect(devices.reads).toEqual([]);
    expect((await next.store.recording(row.id))?.derived).toHaveLength(2);
  });
});
