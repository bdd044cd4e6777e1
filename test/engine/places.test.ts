// Copies between places that are no local folders, and what is told while they run.

import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobProgress } from '../../src/engine/engine.ts';
import type { TransferProgress } from '../../src/model/event.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await openRig({ limits: { retry: { checkMs: 200 } } });
});
afterAll(() => rig.remove());

const made = 'generated://made?files=40&folders=4&size=1KiB..200KiB';

describe('places without a local path', () => {
  it('are copied from, to and between, and found unchanged afterwards', async () => {
    const counts = { found: 40, completed: 40, failed: 0 };
    expect(await rig.copy({ sources: [made], destination: rig.at('here') })).toMatchObject({
      state: 'completed',
      counts,
    });
    expect(await rig.copy({ sources: [rig.at('here')], destination: 'mem://m/there' })).toMatchObject({ counts });
    expect(await rig.copy({ sources: ['mem://m/there'], destination: 'mem://m/again' })).toMatchObject({ counts });
    expect(await rig.copy({ sources: ['mem://m/again'], destination: rig.at('back') })).toMatchObject({ counts });
    expect(await rig.copy({ sources: ['mem://m/again'], destination: rig.at('back') })).toMatchObject({
      counts: { skipped: 40, completed: 0 },
    });
    expect(await rig.copy({ sources: [made], destination: 'mem://m/there' })).toMatchObject({
      counts: { skipped: 40 },
    });
    const [name = ''] = readdirSync(rig.at('back/folder-0001'));
    expect(readFileSync(rig.at('back/folder-0001', name))).toEqual(readFileSync(rig.at('here/folder-0001', name)));
  });

  it('take single files under their own and under new names', async () => {
    await rig.copy({ sources: ['mem://m/there/folder-0001'], destination: 'mem://n/' });
    const [file = ''] = readdirSync(rig.at('here/folder-0002'));
    expect(
      await rig.copy({ sources: [`mem://m/there/folder-0002/${file}`], destination: 'mem://n/new name' }),
    ).toMatchObject({
      state: 'completed',
      counts: { completed: 1 },
    });
    expect(await rig.copy({ sources: ['mem://n/new name'], destination: rig.at('single/') })).toMatchObject({
      state: 'completed',
    });
    expect(readFileSync(rig.at('single/new name'))).toEqual(readFileSync(rig.at('here/folder-0002', file)));
  });

  it('refuse what makes no sense', async () => {
    const refused = (sources: string[], destination: string) => expect(rig.copy({ sources, destination })).rejects;
    await refused(['mem://m/nowhere'], 'mem://x/').toMatchObject({ code: 'not_found' });
    await refused(['mem://m/there'], 'mem://m/there').toMatchObject({ code: 'invalid' });
    await refused(['mem://m/there'], 'mem://m/there/below/it').toMatchObject({ code: 'invalid' });
    await refused(['mem://m/there'], 'mem://n/new name').toMatchObject({ code: 'exists' });
    await refused(['device://camera/x'], rig.at('y')).toMatchObject({ code: 'unsupported' });
  });

  it('wait when they are full, while the rest goes on', async () => {
    const job = await rig.engine.submit({
      kind: 'copy',
      sources: ['generated://large?files=1&size=20MiB'],
      destination: 'mem://tight/x?capacity=12MiB',
    });
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = rig.store.onEvents(() => resolve());
      const [row] = await rig.transfers(job.id);
      if (row?.state === 'waiting') {
        expect(row).toMatchObject({ waiting: { reason: 'space' }, attempts: 0 });
        stop();
        break;
      }
      await promise;
      stop();
    }
    await rig.engine.cancel({ jobId: job.id });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'cancelled' });
  });
});

describe('progress', () => {
  it('rises to 100 % for a transfer and to the whole for its job, with rates and a cause', async () => {
    const transfers: TransferProgress[] = [];
    const jobs: JobProgress[] = [];
    const stops = [
      rig.engine.onTransferProgress((one) => transfers.push(one)),
      rig.engine.onJobProgress((one) => jobs.push(one)),
    ];
    rig.engine.setBandwidth('40M');
    const size = 60 * 1024 ** 2;
    const job = await rig.copy({ sources: ['generated://film?files=1&size=60MiB'], destination: rig.at('film') });
    rig.engine.setBandwidth(null);
    for (const stop of stops) stop();
    const own = transfers.filter((one) => one.jobId === job.id);
    expect(own.length).toBeGreaterThan(2);
    for (const [at, one] of own.entries()) expect(one.bytesDone).toBeGreaterThanOrEqual(own[at - 1]?.bytesDone ?? 0);
    expect(own.at(-1)).toMatchObject({ bytesDone: size, sizeBytes: size });
    expect(own.filter((one) => one.bytesDone === size)).toHaveLength(1);
    expect(own.some((one) => one.eta?.cause === 'limited to 42 MB/s')).toBe(true);
    const [last] = jobs.filter((one) => one.jobId === job.id).slice(-1);
    expect(last).toMatchObject({ filesFound: 1, filesDone: 1, bytesDone: size, bytesFound: size, planning: false });
    expect(rig.engine.progressOf([own[0]?.transferId ?? ''])).toEqual([]);
  });
});

describe('explain', () => {
  it('says where a path is, and that nobody knows another', async () => {
    const [name = ''] = readdirSync(rig.at('here/folder-0001'));
    const there = await rig.engine.explain(rig.at('here/folder-0001', name));
    expect(there.transfers.length).toBeGreaterThan(0);
    expect(there.summary).toMatch(/proven/);
    expect(there.facts.map((fact) => fact.text).join('\n')).toMatch(/Receipt: \d+ bytes at .* proven by/);
    expect((await rig.engine.explain('/nobody/knows')).summary).toMatch(/No transfer has ever touched/);
  });
});
