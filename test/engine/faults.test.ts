// What the engine does about faults and time: back-off, waits that end by themselves, silence, hung calls.

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { openControl } from '../../src/endpoints/control.ts';
import { stopReasons } from '../../src/endpoints/mounts.ts';
import type { MoveOutcome, MoveRequest, Mover } from '../../src/engine/mover/move.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Transfer } from '../../src/model/transfer.ts';
import { openRig, type Rig, type RigOptions } from '../support/engine-rig.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { compareTrees, writeContent } from '../support/trees.ts';

const rigs: Rig[] = [];
const mounts: string[] = [];
const open = async (options: RigOptions = {}) => {
  const rig = await openRig(options);
  rigs.push(rig);
  mkdirSync(rig.at('in'), { recursive: true });
  return rig;
};
afterEach(async () => {
  for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount]);
  for (const rig of rigs.splice(0)) await rig.remove();
});

const film = (rig: Rig, name = 'film.mov', bytes = 9_000_000) => writeContent(rig.at('in', name), 5, bytes);
const submit = (rig: Rig, given: object = {}) =>
  rig.engine.submit({ kind: 'copy', sources: [rig.at('in')], destination: rig.at('out'), ...given });

/** Looks at the job's transfers after each fact until they are as wanted. */
const until = async (
  rig: Rig,
  jobId: string,
  wanted: (rows: readonly Transfer[]) => boolean,
): Promise<readonly Transfer[]> => {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = rig.store.onEvents(() => resolve());
    const rows = await rig.transfers(jobId);
    if (!wanted(rows)) await promise;
    stop();
    if (wanted(rows)) return rows;
  }
};
const allAre = (state: Transfer['state']) => (rows: readonly Transfer[]) =>
  rows.length > 0 && rows.every((row) => row.state === state);

/** Stands before the real mover: the first moves fail as said. */
const failing = (...faults: readonly (Fault | ((request: MoveRequest) => Promise<MoveOutcome>))[]) => {
  const left = [...faults];
  return (mover: Mover): Mover => ({
    ...mover,
    get reservedBytes() {
      return mover.reservedBytes;
    },
    move: async (request) => {
      const next = left.shift();
      if (next instanceof Fault) throw next;
      return next === undefined ? mover.move(request) : next(request);
    },
  });
};

describe('back-off', () => {
  it('waits 2, 4 and 8 seconds, keeps count, and then succeeds', async () => {
    const clock = fakeClock();
    const broken = () => new Fault('network', 'The connection broke.');
    const rig = await open({
      clock,
      wrapMover: failing(broken(), broken(), broken()),
      limits: { retry: { jitter: 0 } },
    });
    film(rig);
    const job = await submit(rig);
    for (const [at, seconds] of [2, 4, 8].entries()) {
      const [row] = await until(rig, job.id, (rows) => rows[0]?.state === 'waiting' && rows[0].attempts === at + 1);
      expect(row).toMatchObject({ waiting: { reason: 'backoff' }, error: { code: 'network' } });
      expect((row?.waiting?.until ?? 0) - (row?.updatedAt ?? 0)).toBe(seconds * 1_000);
      await clock.advance((row?.waiting?.until ?? 0) - clock.now() - 1);
      expect((await rig.store.transfer(row?.id ?? ''))?.state).toBe('waiting');
      await clock.advance(1);
    }
    expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({ state: 'completed' });
    const [row] = await rig.transfers(job.id);
    expect(row).toMatchObject({ attempts: 4, error: null });
    const { events } = await rig.store.events({ transferId: row?.id ?? '' });
    const scheduled = events.filter((event) => event.name === 'observation.transfer.retry_scheduled');
    expect(scheduled.map((event) => event.data.attempt)).toEqual([1, 2, 3]);
  });

  it('is not outwaited because somebody set the clock back', async () => {
    const clock = fakeClock();
    const rig = await open({ clock, wrapMover: failing(new Fault('network', 'The connection broke.')) });
    film(rig);
    const job = await submit(rig);
    await until(rig, job.id, allAre('waiting'));
    clock.setBack(3_600_000);
    expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({ state: 'completed' });
  });

  it('ends at once with a fault that no time mends', async () => {
    const rig = await open({ wrapMover: failing(new Fault('corrupt', 'What was written is not what was read.')) });
    film(rig);
    film(rig, 'other.mov');
    const job = await submit(rig);
    const done = await rig.engine.settled(job.id);
    expect(done).toMatchObject({ state: 'partial', counts: { failed: 1, completed: 1 }, error: { code: 'corrupt' } });
    const rows = await rig.transfers(job.id);
    const failed = rows.find((row) => row.state === 'failed');
    expect(await rig.facts(failed?.id ?? '')).toEqual(['queued', 'download.started', 'download.failed']);
  });

  it('is cleared by a start', async () => {
    const clock = fakeClock();
    const rig = await open({ clock, wrapMover: failing(new Fault('network', 'The connection broke.')) });
    film(rig);
    const job = await submit(rig);
    await until(rig, job.id, allAre('waiting'));
    await rig.close();
    const next = await open({ folder: rig.folder });
    expect(await next.engine.settled(job.id)).toMatchObject({ state: 'completed' });
  });
});

describe('a place that is full', () => {
  it('lets what fits pass, and takes the rest when there is room again', async () => {
    const clock = fakeClock();
    const rig = await open({ clock });
    const small = rig.at('small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', small]);
    mounts.push(small);
    writeFileSync(rig.at('small/ballast'), Buffer.alloc(20_000_000));
    film(rig, 'large.mov', 15_000_000);
    film(rig, 'fits.mov', 9_000_000);
    for (const name of ['a', 'b']) writeFileSync(rig.at('in', name), name);
    const job = await submit(rig, { destination: rig.at('small/out') });
    const rows = await until(
      rig,
      job.id,
      (all) =>
        all.length === 4 &&
        all.every((row) => row.state === (row.source.path === 'large.mov' ? 'waiting' : 'completed')),
    );
    const waiting = rows.find((row) => row.state === 'waiting');
    expect(waiting).toMatchObject({ waiting: { reason: 'space' }, attempts: 0, error: { code: 'space' } });
    for (let look = 0; look < 3; look++) await clock.advance(40_000);
    expect(await rig.store.transfer(waiting?.id ?? '')).toMatchObject({ state: 'waiting', attempts: 0 });
    expect(await rig.facts(waiting?.id ?? '')).toEqual(['queued', 'download.started', 'waiting']);
    execFileSync('rm', [rig.at('small/ballast')]);
    expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({
      state: 'completed',
      counts: { completed: 4 },
    });
    expect(compareTrees(rig.at('in'), rig.at('small/out'))).toEqual({ missing: [], different: [], extra: [] });
  });
});

describe('a place that is forbidden', () => {
  it('is waited for and shown, and goes on by itself', async () => {
    const clock = fakeClock();
    const rig = await open({ clock });
    film(rig);
    for (const path of ['.', 'data', 'data/journals', 'in']) chownSync(rig.at(path), 65534, 65534);
    chmodSync(rig.at('in/film.mov'), 0o600);
    process.seteuid?.(65534);
    try {
      const job = await submit(rig);
      const [row] = await until(rig, job.id, allAre('waiting'));
      expect(row).toMatchObject({ waiting: { reason: 'permission' }, attempts: 0, error: { code: 'permission' } });
      process.seteuid?.(0);
      chmodSync(rig.at('in/film.mov'), 0o644);
      expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({ state: 'completed' });
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('silence', () => {
  /** A move that never says anything, until it is told to stop. */
  const silent = (request: MoveRequest): Promise<MoveOutcome> =>
    new Promise((resolve) => {
      const control = openControl(request.control);
      const look = setInterval(() => {
        if (control.stop === stopReasons.run) return;
        clearInterval(look);
        resolve({ kind: 'stopped', reason: 'stall' });
      }, 5);
    });
  /** A move that does not even hear that it should stop: a call that hangs in the operating system. */
  const hung =
    (woken: Promise<void>) =>
    async (request: MoveRequest): Promise<MoveOutcome> => {
      await woken;
      await request.hooks.publishing({
        partialPath: 'x',
        finalPath: 'film.mov',
        device: '1',
        inode: '1',
        sizeBytes: 1,
        hash: { algorithm: 'sha256', value: '' },
      });
      throw new Error('It published after its lease was lost.');
    };

  it('of a minute ends the attempt as stalled, and it is tried again', async () => {
    const clock = fakeClock();
    const rig = await open({ clock, wrapMover: failing(silent) });
    film(rig);
    const job = await submit(rig);
    await until(rig, job.id, allAre('transferring'));
    await clock.advance(58_000);
    expect((await rig.transfers(job.id))[0]?.state).toBe('transferring');
    // A look that was still waiting for the ledger when its second came is made up for by the next.
    const [row] = await clock.advanceUntil(until(rig, job.id, allAre('waiting')));
    expect(row).toMatchObject({ waiting: { reason: 'backoff' }, error: { code: 'stalled' }, attempts: 1 });
    expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({ state: 'completed' });
  });

  it('is no stall while the bandwidth is limited: the workers still beat', async () => {
    const rig = await open({ limits: { stallSeconds: 0.6, bandwidth: '1M', hungSeconds: 1 } });
    film(rig);
    const job = await submit(rig);
    await until(rig, job.id, allAre('transferring'));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect((await rig.transfers(job.id))[0]).toMatchObject({ state: 'transferring', attempts: 1 });
    rig.engine.setBandwidth(null);
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
  });

  it('of a call that hangs gives the slot and the transfer away; when it wakes it can publish nothing', async () => {
    const clock = fakeClock();
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    let late: Promise<MoveOutcome> | undefined;
    const wrapMover = failing((request) => {
      late = hung(woken)(request);
      return late;
    });
    const rig = await open({ clock, wrapMover, limits: { slots: { global: 1 } } });
    film(rig);
    const job = await submit(rig);
    await until(rig, job.id, allAre('transferring'));
    expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({ state: 'completed' });
    wake();
    await expect(late).rejects.toMatchObject({ code: 'lease_lost' });
    const [row] = await rig.transfers(job.id);
    expect(row).toMatchObject({ state: 'completed', publishing: null });
    expect(await rig.facts(row?.id ?? '')).toContain('retry_scheduled');
  });

  it('of a holder is broken by heartbeats in the ledger', async () => {
    const clock = fakeClock();
    const alive = async (request: MoveRequest): Promise<MoveOutcome> => {
      const control = openControl(request.control);
      while (control.stop === stopReasons.run) {
        control.addBytes(1);
        await clock.sleep(1_000);
      }
      return { kind: 'stopped', reason: 'shutdown' };
    };
    const rig = await open({ clock, wrapMover: failing(alive) });
    film(rig);
    const job = await submit(rig);
    const [row] = await until(rig, job.id, allAre('transferring'));
    const begun = row?.heartbeatAt ?? 0;
    for (let step = 0; step < 8; step++) await clock.advance(20_000);
    const later = await rig.store.transfer(row?.id ?? '');
    expect(later?.state).toBe('transferring');
    expect((later?.heartbeatAt ?? 0) - begun).toBeGreaterThanOrEqual(120_000);
    const stopping = rig.engine.stop();
    await clock.advance(1_000);
    await stopping;
  });

  it('of another node for two minutes has its transfer taken back', async () => {
    const clock = fakeClock();
    const rig = await open({ clock });
    film(rig);
    const job = await submit(rig);
    await rig.engine.settled(job.id);
    const [done] = await rig.transfers(job.id);
    if (done === undefined) throw new Error('There is no transfer.');
    const row: Transfer = {
      ...done,
      id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      state: 'transferring',
      phase: 'transfer',
      lease: { node: 'elsewhere', fence: 3 },
      fence: 3,
      heartbeatAt: clock.now(),
    };
    await rig.store.apply([{ kind: 'insert_transfer', transfer: row, events: [] }]);
    await clock.advance(115_000);
    expect(await rig.store.transfer(row.id)).toMatchObject({ state: 'transferring' });
    await clock.advance(11_000);
    expect(await rig.store.transfer(row.id)).toMatchObject({ state: 'queued', lease: null });
    expect(await rig.facts(row.id)).toEqual(['queued']);
  });
});

describe('a source that goes', () => {
  it('is no removal of files: the job waits for a folder that is away, and goes on', async () => {
    const clock = fakeClock();
    const away = new Fault('unreachable', 'The share does not answer.');
    const rig = await open({ clock, wrapMover: failing(away) });
    film(rig);
    const job = await submit(rig);
    const [row] = await until(rig, job.id, allAre('waiting'));
    expect(row).toMatchObject({ waiting: { reason: 'network' }, attempts: 0 });
    expect(await clock.advanceUntil(rig.engine.settled(job.id))).toMatchObject({ state: 'completed' });
    expect(existsSync(rig.at('out/film.mov'))).toBe(true);
  });
});
