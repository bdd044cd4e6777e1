// Who gets the slots: bursts of small files, many jobs beside each other, priorities and limits.

import { mkdirSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import type { Transfer } from '../../src/model/transfer.ts';
import type { Store } from '../../src/store/store.ts';
import { openRig, type Rig, type RigOptions } from '../support/engine-rig.ts';
import { compareTrees, filesBelow, writeContent, writeSmallFiles } from '../support/trees.ts';

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

const moving = async (rig: Rig, jobId: string): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = rig.engine.onJobProgress((progress) => {
    if (progress.jobId === jobId && progress.bytesDone > 0) resolve();
  });
  await promise;
  stop();
};

describe('queued rows', () => {
  it('of small files travel in packs, but for those that were paused or cancelled in line', async () => {
    const rig = await open({ limits: { bandwidth: '5M', tickSeconds: 0.2 } });
    writeContent(rig.at('in/film.mov'), 3, 30_000_000);
    writeSmallFiles(rig.at('burst'), 1_200, 8_000);
    const job = await rig.engine.submit({ kind: 'copy', sources: [rig.at('in')], destination: rig.at('out') });
    await moving(rig, job.id);
    const [film] = await rig.transfers(job.id);
    if (film === undefined) throw new Error('There is no transfer.');
    await rig.engine.pause({ transferId: film.id });
    const newId = idSource(systemClock, systemRandom);
    const rows = filesBelow(rig.at('burst')).map((path, at): Transfer => {
      const { size, mtimeMs } = statSync(rig.at('burst', path));
      return {
        ...film,
        id: newId(),
        source: { endpoint: rig.at('burst'), path },
        destination: { endpoint: rig.at('burst-out'), path },
        state: at === 7 ? 'paused' : 'queued',
        ...{ sizeBytes: size, mtimeMs, bytesDone: 0, attempts: 0, fence: 0, startedAt: null },
      };
    });
    await rig.store.apply(rows.map((transfer) => ({ kind: 'insert_transfer', transfer, events: [] })));
    const last = rows.at(-1)?.id ?? '';
    await rig.engine.pause({ transferId: last });
    rig.engine.setBandwidth(null);
    const done = async () => (await rig.store.countTransfers(job.id)).completed;
    while ((await done()) < 1_198) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = rig.store.onEvents(() => resolve());
      if ((await done()) < 1_198) await promise;
      stop();
    }
    const { missing, different, extra } = compareTrees(rig.at('burst'), rig.at('burst-out'));
    expect([missing.length, different, extra]).toEqual([2, [], []]);
    const middle = rows[600]?.id ?? '';
    expect(await rig.store.transfer(middle)).toMatchObject({ state: 'completed', attempts: 1, fence: 0 });
    expect(await rig.facts(middle)).toEqual(['download.started', 'download.completed', 'completed']);
    expect(await rig.store.receipts({ transferId: middle })).toHaveLength(1);
    expect(await rig.store.transfer(last)).toMatchObject({ state: 'paused' });
  });
});

describe('a slot', () => {
  it('is handed on in the commit that says its file has arrived', async () => {
    let completing = 0;
    let handedOn = 0;
    let most = 0;
    const wrapStore = (store: Store): Store => ({
      ...store,
      apply: async (changes) => {
        const states = changes.flatMap((change) => (change.kind === 'update_transfer' ? [change.transfer] : []));
        const begins = states.some(
          ({ state, publishing, fence }) => state === 'transferring' && !publishing && fence > 0,
        );
        const ends = states.some(({ state }) => state === 'completed');
        if (begins && completing > 0) handedOn += 1;
        if (ends) completing += 1;
        const results = await store.apply(changes);
        if (ends) completing -= 1;
        most = Math.max(most, (await store.countTransfers()).transferring);
        return results;
      },
    });
    const rig = await open({ limits: { slots: { global: 1 } }, wrapStore });
    for (const name of ['a', 'b', 'c', 'd']) writeContent(rig.at('in', name), 1, 9_000_000);
    const job = await rig.copy({ sources: [rig.at('in')], destination: rig.at('out') });
    expect(job).toMatchObject({ state: 'completed', counts: { completed: 4 } });
    expect([handedOn, most]).toEqual([3, 1]);
  });
});

describe('jobs beside each other', () => {
  it('a job of one file is done while a job of thousands still runs', async () => {
    const rig = await open({ limits: { bandwidth: '10M' } });
    writeSmallFiles(rig.at('in'), 4_000, 20_000);
    writeContent(rig.at('single/one'), 1, 1_000);
    const many = await rig.engine.submit({ kind: 'copy', sources: [rig.at('in')], destination: rig.at('out') });
    await moving(rig, many.id);
    const one = await rig.engine.submit({ kind: 'copy', sources: [rig.at('single')], destination: rig.at('out1') });
    expect(await rig.engine.settled(one.id)).toMatchObject({ state: 'completed' });
    const state = await rig.store.job(many.id);
    expect(state).toMatchObject({ state: 'running' });
    expect(state?.counts.completed).toBeLessThan(4_000);
    rig.engine.setBandwidth(null);
    expect(await rig.engine.settled(many.id)).toMatchObject({ counts: { completed: 4_000 } });
  });

  it('priority goes first', async () => {
    const rig = await open({ limits: { slots: { global: 1 }, bandwidth: '20M' } });
    const order: string[] = [];
    const names = ['first', 'low', 'high'];
    for (const name of names) writeContent(rig.at(name, `${name}.mov`), 1, name === 'first' ? 60_000_000 : 9_000_000);
    const submit = (name: string, priority: number) =>
      rig.engine.submit({ kind: 'copy', sources: [rig.at(name)], destination: rig.at('out'), priority });
    const jobs = [await submit('first', 0)];
    await moving(rig, jobs[0]?.id ?? '');
    jobs.push(await submit('low', -1), await submit('high', 1));
    await Promise.all(
      jobs.map(async (job, at) => {
        await rig.engine.settled(job.id);
        order.push(names[at] ?? '');
      }),
    );
    expect(order).toEqual(['first', 'high', 'low']);
  });

  it('a job keeps to its own number of files and its own bandwidth', async () => {
    const rig = await open();
    for (const name of ['a', 'b', 'c']) writeContent(rig.at('in', name), 1, 9_000_000);
    let most = 0;
    const stop = rig.engine.onTransferProgress(() => {
      most = Math.max(most, rig.engine.snapshot().activeTransfers);
    });
    const begun = performance.now();
    await rig.copy({ sources: [rig.at('in')], destination: rig.at('out'), transfers: 1, bandwidth: '20M' });
    stop();
    expect(most).toBe(1);
    expect(performance.now() - begun).toBeGreaterThan(1_000);
  });
});
