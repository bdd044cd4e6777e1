// Pause, resume, cancel, retry and stop: of transfers and of jobs, while bytes move and while they do not.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/model/job.ts';
import type { Transfer } from '../../src/model/transfer.ts';
import { openRig, type Rig, type RigOptions } from '../support/engine-rig.ts';
import { compareTrees, writeContent, writeSmallFiles } from '../support/trees.ts';

const nothingDiffers = { missing: [], different: [], extra: [] };
const rigs: Rig[] = [];
const open = async (options: RigOptions = {}) => {
  const rig = await openRig(options);
  rigs.push(rig);
  mkdirSync(rig.at('in'), { recursive: true });
  return rig;
};
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.remove();
});

const submit = (rig: Rig, given: object = {}) =>
  rig.engine.submit({ kind: 'copy', sources: [rig.at('in')], destination: rig.at('out'), ...given });
const film = (rig: Rig, name = 'film.mov', bytes = 40_000_000) => writeContent(rig.at('in', name), 5, bytes);

/** Resolves with the transfer once it is in this state. */
const until = async (rig: Rig, jobId: string, state: Transfer['state'], path?: string): Promise<Transfer> => {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = rig.store.onEvents(() => resolve());
    const rows = await rig.transfers(jobId);
    const found = rows.find((row) => row.state === state && (path === undefined || row.source.path === path));
    if (found === undefined) await promise;
    stop();
    if (found !== undefined) return found;
  }
};
/** Resolves once a transfer is completed. */
const arrived = async (rig: Rig, id: string): Promise<void> => {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = rig.store.onEvents(() => resolve());
    const isThere = (await rig.store.transfer(id))?.state === 'completed';
    if (!isThere) await promise;
    stop();
    if (isThere) return;
  }
};
const moving = async (rig: Rig, atLeast = 1): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = rig.engine.onTransferProgress((progress) => {
    if (progress.bytesDone >= atLeast) resolve();
  });
  await promise;
  stop();
};
const partials = (rig: Rig) => {
  try {
    return readdirSync(rig.at('out'), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.partial'));
  } catch {
    return [];
  }
};

describe('one transfer', () => {
  it('pauses within a second, keeps what it has, and goes on from there', async () => {
    const rig = await open({ limits: { bandwidth: '20M' } });
    film(rig);
    const job = await submit(rig);
    await moving(rig, 26_000_000);
    const { id } = await until(rig, job.id, 'transferring');
    const begun = performance.now();
    await rig.engine.pause({ transferId: id });
    expect(performance.now() - begun).toBeLessThan(1_000);
    const paused = await rig.store.transfer(id);
    expect(paused).toMatchObject({ state: 'paused', lease: null });
    expect(partials(rig)).toHaveLength(1);
    await expect(rig.engine.pause({ transferId: id })).rejects.toMatchObject({ code: 'state_conflict' });
    rig.engine.setBandwidth(null);
    await rig.engine.resume({ transferId: id });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    expect(compareTrees(rig.at('in'), rig.at('out'))).toEqual(nothingDiffers);
    const { events } = await rig.store.events({ transferId: id });
    expect(events.map((event) => event.name.replace('observation.transfer.', ''))).toEqual([
      'queued',
      'download.started',
      'paused',
      'resumed',
      'download.started',
      'download.completed',
      'completed',
    ]);
    expect(events.find((event) => event.name.endsWith('download.completed'))?.data.resumedBytes).toBeGreaterThanOrEqual(
      8_388_608,
    );
  });

  it('is cancelled, leaves nothing behind, and can be retried', async () => {
    const rig = await open({ limits: { bandwidth: '20M' } });
    film(rig);
    const job = await submit(rig);
    await moving(rig);
    const { id } = await until(rig, job.id, 'transferring');
    await rig.engine.cancel({ transferId: id });
    expect(await rig.store.transfer(id)).toMatchObject({ state: 'cancelled', bytesDone: 0 });
    expect(readdirSync(rig.at('out'))).toEqual([]);
    expect(readdirSync(rig.at('data/journals'))).toEqual([]);
    expect(await rig.engine.settled(job.id)).toMatchObject({
      state: 'completed',
      counts: { cancelled: 1, completed: 0 },
    });
    rig.engine.setBandwidth('off');
    await rig.engine.retry({ transferId: id });
    await until(rig, job.id, 'completed');
    expect(compareTrees(rig.at('in'), rig.at('out'))).toEqual(nothingDiffers);
  });

  it('fails, and is retried by hand with a new window once the reason is gone', async () => {
    const rig = await open();
    film(rig);
    mkdirSync(rig.at('out/film.mov/in-the-way'), { recursive: true });
    const job = await rig.copy({ sources: [rig.at('in')], destination: rig.at('out') });
    expect(job).toMatchObject({ state: 'failed', error: { code: 'exists' } });
    const [row] = await rig.transfers(job.id);
    expect(row).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'exists' } });
    rmSync(rig.at('out/film.mov'), { recursive: true });
    await rig.engine.retry({ transferId: row?.id ?? '' });
    expect(await rig.engine.settled(job.id)).toMatchObject({
      state: 'completed',
      counts: { failed: 0, completed: 1 },
      error: null,
    });
  });

  it('says what it cannot do', async () => {
    const rig = await open();
    film(rig);
    const job = await rig.copy({ sources: [rig.at('in')], destination: rig.at('out') });
    const [row] = await rig.transfers(job.id);
    for (const verb of ['pause', 'resume', 'cancel', 'retry'] as const) {
      await expect(rig.engine[verb]({ transferId: row?.id ?? '' })).rejects.toMatchObject({ code: 'state_conflict' });
      await expect(rig.engine[verb]({ jobId: job.id })).rejects.toMatchObject({ code: 'state_conflict' });
      await expect(rig.engine[verb]({ transferId: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
      await expect(rig.engine[verb]({ jobId: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(rig.engine.settled('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a job', () => {
  const tree = (rig: Rig) => {
    writeSmallFiles(rig.at('in'), 1_500, 40_000);
    film(rig);
    film(rig, 'second.mov', 10_000_000);
  };

  it('pauses with all its transfers and goes on to a whole result', async () => {
    const rig = await open({ limits: { bandwidth: '20M' } });
    tree(rig);
    const job = await submit(rig);
    await moving(rig);
    const settled = rig.engine.settled(job.id);
    await rig.engine.pause({ jobId: job.id });
    expect(await settled).toMatchObject({ state: 'paused' });
    expect(rig.engine.snapshot().activeTransfers).toBe(0);
    for (const row of await rig.transfers(job.id)) expect(['paused', 'completed']).toContain(row.state);
    rig.engine.setBandwidth(null);
    await rig.engine.resume({ jobId: job.id });
    const done: Job = await rig.engine.settled(job.id);
    expect(done).toMatchObject({
      state: 'completed',
      counts: { found: 1_502, completed: 1_502, skipped: 0, failed: 0 },
    });
    expect(done.counts.bytesCompleted).toBe(done.counts.bytesFound);
    expect(compareTrees(rig.at('in'), rig.at('out'))).toEqual(nothingDiffers);
  });

  it('counts as completed what arrives before its file is looked at again', async () => {
    const gate = Promise.withResolvers<void>();
    let resumed = false;
    // What is open is read before anything moves; the reading comes to its end only when all of it has arrived.
    const rig = await open({
      limits: { bandwidth: '20M' },
      wrapStore: (store) => ({
        ...store,
        transfers: async (query) => {
          const page = await store.transfers(query);
          if (resumed && query.states?.includes('cancelled')) await gate.promise;
          return page;
        },
      }),
    });
    tree(rig);
    const job = await submit(rig);
    await moving(rig);
    await rig.engine.pause({ jobId: job.id });
    const stillOpen = (await rig.store.transfers({ jobId: job.id, states: ['paused'], limit: 10 })).rows;
    expect(stillOpen.length).toBeGreaterThan(0);
    rig.engine.setBandwidth(null);
    resumed = true;
    await rig.engine.resume({ jobId: job.id });
    for (const { id } of stillOpen) await arrived(rig, id);
    gate.resolve();
    expect(await rig.engine.settled(job.id)).toMatchObject({ counts: { found: 1_502, completed: 1_502, skipped: 0 } });
  });

  it('is cancelled, keeps what is proven, leaves no partial, and can be retried', async () => {
    const rig = await open({ limits: { bandwidth: '20M' } });
    tree(rig);
    const job = await submit(rig);
    await moving(rig);
    await rig.engine.cancel({ jobId: job.id });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'cancelled' });
    expect(partials(rig)).toEqual([]);
    rig.engine.setBandwidth(null);
    await rig.engine.retry({ jobId: job.id });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 1_502 } });
    expect(compareTrees(rig.at('in'), rig.at('out'))).toEqual(nothingDiffers);
  });

  it('refuses a second copy of the same pair while it runs, and takes it afterwards', async () => {
    const rig = await open({ limits: { bandwidth: '20M' } });
    film(rig);
    const job = await submit(rig);
    await expect(submit(rig)).rejects.toMatchObject({ code: 'busy' });
    await expect(submit(rig, { destination: `${rig.at('out')}/` })).rejects.toMatchObject({ code: 'busy' });
    await rig.engine.pause({ jobId: job.id });
    await rig.engine.resume({ jobId: job.id });
    await expect(submit(rig)).rejects.toMatchObject({ code: 'busy' });
    rig.engine.setBandwidth(null);
    await rig.engine.settled(job.id);
    expect(await rig.copy({ sources: [rig.at('in')], destination: rig.at('out') })).toMatchObject({
      counts: { skipped: 1 },
    });
  });

  it('is made once for one idempotency key', async () => {
    const rig = await open();
    film(rig);
    const request = { kind: 'copy' as const, sources: [rig.at('in')], destination: rig.at('out') };
    const first = await rig.engine.submit(request, { idempotencyKey: 'k', owner: 'me' });
    await rig.engine.settled(first.id);
    const second = await rig.engine.submit(request, { idempotencyKey: 'k' });
    expect(second).toMatchObject({ id: first.id, owner: 'me' });
  });
});

describe('stop', () => {
  it('ends within a second, and the next start goes on where it was', async () => {
    const rig = await open({ limits: { bandwidth: '20M' } });
    film(rig);
    writeSmallFiles(rig.at('in'), 600, 40_000);
    const job = await submit(rig);
    await moving(rig, 26_000_000);
    const begun = performance.now();
    expect(await rig.engine.stop()).toBe(true);
    expect(performance.now() - begun).toBeLessThan(1_500);
    await rig.close();
    const next = await open({ folder: rig.folder });
    const done = await next.engine.settled(job.id);
    expect(done).toMatchObject({ state: 'completed', counts: { found: 601, completed: 601, skipped: 0 } });
    expect(compareTrees(rig.at('in'), rig.at('out'))).toEqual(nothingDiffers);
    const [row] = (await next.transfers(job.id)).filter((one) => one.source.path === 'film.mov');
    const { events } = await next.store.events({ transferId: row?.id ?? '' });
    expect(events.find((event) => event.name.endsWith('download.completed'))?.data.resumedBytes).toBeGreaterThanOrEqual(
      8_388_608,
    );
    expect(readFileSync(rig.at('out/film.mov')).length).toBe(40_000_000);
  });
});

it('a cancelled file that is tried again goes on after a restart, although its job had been completed', async () => {
  const rig = await open();
  film(rig);
  const job = await submit(rig, { bandwidth: '4M' });
  await moving(rig);
  const { id } = await until(rig, job.id, 'transferring');
  await rig.engine.cancel({ transferId: id });
  expect((await rig.engine.settled(job.id)).state).toBe('completed');
  await rig.engine.retry({ transferId: id });
  await until(rig, job.id, 'transferring');
  await rig.close();
  const next = await open({ folder: rig.folder });
  await arrived(next, id);
  expect(compareTrees(next.at('in'), next.at('out'))).toEqual(nothingDiffers);
  expect((await next.store.job(job.id))?.state).toBe('completed');
}, 60_000);
