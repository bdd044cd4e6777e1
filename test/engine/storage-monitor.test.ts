// Looks at the places of watches over a real engine: many at once, one that cannot be written to, one that goes away and comes back.

import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRig, type Rig } from '../support/engine-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.remove());

async function watch(name: string): Promise<void> {
  mkdirSync(rig.at(name), { recursive: true });
  await rig.engine.submit({
    kind: 'watch',
    source: rig.at(name),
    destinations: [rig.at('out', name)],
    scanSeconds: 60,
  });
}

const reportOf = async (role: string, endpoint: string) =>
  (await rig.engine.lookAtStorage()).find((report) => report.role === role && report.endpoint === endpoint);

test('many places are looked at together, and a look leaves nothing behind and makes no folder', async () => {
  const names = Array.from({ length: 10 }, (_, at) => `in-${at}`);
  for (const name of names) await watch(name);
  mkdirSync(rig.at('out', 'in-3'), { recursive: true });
  const reports = await rig.engine.lookAtStorage();
  expect(reports).toHaveLength(20);
  expect(reports.filter(({ state }) => state === 'unreachable')).toEqual([]);
  expect(reports.every(({ freeBytes }) => freeBytes !== null && freeBytes > 0)).toBe(true);
  expect(readdirSync(rig.at('out'))).toEqual(['in-3']);
  expect(readdirSync(rig.at('out', 'in-3'))).toEqual([]);
});

test('a folder that is away is told of, and of its return; the day before is remembered', async () => {
  await watch('in');
  const first = await reportOf('source', rig.at('in'));
  expect(first?.history).toHaveLength(1);
  renameSync(rig.at('in'), rig.at('elsewhere'));
  expect(await reportOf('source', rig.at('in'))).toMatchObject({
    state: 'unreachable',
    reason: 'The folder is not there.',
  });
  renameSync(rig.at('elsewhere'), rig.at('in'));
  const back = await reportOf('source', rig.at('in'));
  expect(back?.state).not.toBe('unreachable');
  expect(back?.history).toEqual(first?.history);
  const { events } = await rig.store.events({ limit: 500 });
  const told = events.filter(({ name, data }) => name === 'observation.storage.changed' && data.role === 'source');
  expect(told.map(({ data }) => data.state)).toContain('unreachable');
});

test('a destination that cannot be written to is critical and says why', async () => {
  mkdirSync(rig.at('in'));
  // Not even root makes files there.
  const destination = '/sys/kernel';
  await rig.engine.submit({ kind: 'watch', source: rig.at('in'), destinations: [destination] });
  const report = await reportOf('destination', destination);
  expect(report).toMatchObject({
    state: 'critical',
    writable: false,
    reason: expect.stringContaining('Could not write'),
  });
});
