// Syncs under a name: when they are due, what is made of missed and skipped times, clock jumps and restarts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSyncs, type Syncs } from '../../../src/engine/sync/definitions.ts';
import { checkSchedule, nextTime } from '../../../src/engine/sync/schedule.ts';
import { Fault } from '../../../src/model/fault.ts';
import type { Job } from '../../../src/model/job.ts';
import { openRig, type Rig } from '../../support/engine-rig.ts';
import { type FakeClock, fakeClock } from '../../support/fake-clock.ts';
import { literalJob } from '../../support/literal-transfer.ts';

const minute = 60_000;
const start = Date.UTC(2026, 0, 5, 12);

describe('when a sync is due', () => {
  it('keeps its beat, however long nobody looked', () => {
    const every = { everyMinutes: 10 };
    expect(nextTime(every, start, null)).toBe(start + 10 * minute);
    expect(nextTime(every, start + 25 * minute, start)).toBe(start + 30 * minute);
    expect(nextTime(every, start + 30 * minute, start)).toBe(start + 40 * minute);
  });

  it('goes by cron in its own time zone, over the hour that does not exist', () => {
    const cron = { cron: '30 2 * * *', timezone: 'Europe/Berlin' };
    const before = Date.UTC(2026, 2, 28, 12);
    const first = nextTime(cron, before, null) ?? 0;
    expect(new Date(first).toISOString().slice(0, 10)).toBe('2026-03-29');
    expect(new Date(nextTime(cron, first, first) ?? 0).toISOString()).toBe('2026-03-30T00:30:00.000Z');
  });

  it.each([
    { cron: 'now and then', timezone: null },
    { cron: '* * * * *', timezone: 'Moon/Sea' },
    { cron: '0 0 31 2 *', timezone: null },
  ])('refuses %j', (schedule) => {
    expect(() => checkSchedule(schedule)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

describe('what is begun', () => {
  let rig: Rig;
  let clock: FakeClock;
  let syncs: Syncs;
  let begun: string[];
  let last: Job | undefined;
  let refusal: Fault | undefined;

  const open = async (): Promise<Syncs> => {
    const opened = createSyncs({
      store: rig.store,
      clock,
      newId: () => `id-${begun.length}-${Math.round(clock.now())}`,
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      write: (changes) => rig.store.apply(changes),
      submit: async (request) => {
        if (refusal !== undefined) throw refusal;
        begun.push(new Date(clock.now()).toISOString().slice(11, 16));
        const id = `job-${begun.length}`;
        const job = literalJob({ id, kind: 'sync', state: 'running', spec: request, createdAt: clock.now() });
        await rig.store.apply([{ kind: 'insert_job', job, events: [] }]);
        last = job;
        return job;
      },
    });
    await opened.configure([]);
    return opened;
  };
  const end = async () => {
    if (last !== undefined)
      await rig.store.apply([{ kind: 'update_job', job: { ...last, state: 'completed' }, events: [] }]);
  };
  const look = async (after: number) => {
    await clock.advance(after * minute);
    syncs.look();
    // The looking that was begun ends before the next one begins.
    await expect.poll(async () => syncs.idle()).toBe(true);
  };
  const body = (more: object = {}) => ({
    name: 'pictures',
    source: rig.at('in'),
    destinations: [rig.at('out')],
    schedule: { everyMinutes: 10 },
    ...more,
  });

  beforeEach(async () => {
    rig = await openRig();
    mkdirSync(rig.at('in'));
    writeFileSync(rig.at('in/a.txt'), 'a');
    clock = fakeClock(start);
    begun = [];
    last = undefined;
    refusal = undefined;
    syncs = await open();
  });
  afterEach(async () => {
    await syncs.stop();
    await rig.remove();
  });

  it('begins when it is due, and skips what is due while the last run goes on', async () => {
    const { id } = await syncs.create(body(), 'me');
    await look(9);
    expect(begun).toEqual([]);
    await look(1);
    expect(begun).toEqual(['12:10']);
    await look(10);
    expect(begun).toHaveLength(1);
    expect(syncs.state(id).skipped).toMatchObject({ reason: expect.stringMatching(/still under way/) });
    await end();
    await look(10);
    expect(begun).toEqual(['12:10', '12:30']);
    const { events } = await rig.store.events({ name: 'observation.sync.*' });
    expect(events.map(({ name }) => name)).toEqual(['observation.sync.created', 'observation.sync.skipped']);
  });

  it('makes up once for what was missed while nobody was there', async () => {
    const { id } = await syncs.create(body(), 'me');
    await syncs.stop();
    await clock.advance(55 * minute);
    syncs = await open();
    await look(0);
    expect(begun).toEqual(['12:55']);
    expect(syncs.state(id).nextAt).toBe(start + 60 * minute);
    await end();
    await look(4);
    expect(begun).toHaveLength(1);
  });

  it('does not wait for years where the clock was set back, nor begin twice', async () => {
    await syncs.create(body(), 'me');
    clock.setBack(3 * 24 * 60 * minute);
    await look(0);
    await look(10);
    expect(begun).toHaveLength(1);
    await end();
    clock.setBack(-3 * 24 * 60 * minute);
    await look(0);
    await end();
    await look(0);
    expect(begun).toHaveLength(2);
  });

  it('says why a run could not begin, and goes on with the next one', async () => {
    const { id } = await syncs.create(body(), 'me');
    refusal = new Fault('busy', 'Somebody else writes there.');
    await look(10);
    expect(syncs.state(id).skipped).toMatchObject({ reason: 'Somebody else writes there.' });
    refusal = undefined;
    await look(10);
    expect(begun).toHaveLength(1);
  });

  it('rests while it is disabled, and is known by its name alone', async () => {
    const { id } = await syncs.create(body({ enabled: false }), 'me');
    await look(30);
    expect(begun).toEqual([]);
    await expect(syncs.create(body(), 'me')).rejects.toMatchObject({ code: 'exists' });
    await syncs.edit(id, body({ schedule: { cron: '0 13 * * *', timezone: 'UTC' } }));
    expect(syncs.get('pictures')).toMatchObject({ id, enabled: true });
    await look(30);
    expect(begun).toEqual(['13:00']);
    await syncs.remove(id);
    expect(() => syncs.get(id)).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('takes those of the configuration in and out, and lets nobody else change them', async () => {
    await syncs.configure([body({ name: 'one' }), body({ name: 'two', schedule: null })]);
    const [one, two] = syncs.list();
    expect([one?.name, two?.name, one?.owner]).toEqual(['one', 'two', null]);
    await expect(syncs.remove(one?.id ?? '')).rejects.toMatchObject({ code: 'state_conflict' });
    await syncs.configure([body({ name: 'one' })]);
    expect(syncs.list()).toEqual([one]);
    await syncs.stop();
    syncs = await open();
    expect(syncs.list()).toEqual([]);
  });
});
