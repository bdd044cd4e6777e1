// A ledger that cannot be written for a while: it is told, nothing fails for it, and everything goes on by itself.

import { mkdirSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { oneShotRetryRules } from '../../src/engine/retry.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Store } from '../../src/store/store.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';
import { compareTrees, writeContent, writeSmallFiles } from '../support/trees.ts';

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.remove();
});

/** Refuses from its nth call on, as a full disk does, until there is room. */
function refusing(after: number) {
  const disk = { isFull: false, calls: 0 };
  const wrap = (store: Store): Store => ({
    ...store,
    apply: async (changes) => {
      if (++disk.calls === after) disk.isFull = true;
      if (disk.isFull) throw new Fault('ledger', 'The ledger cannot grow: its disk is full.');
      return store.apply(changes);
    },
  });
  return { disk, wrap };
}

// From the first commit of the job itself to those of its last files.
it.each([3, 4, 5, 6, 8])('goes on where its %ith commit finds the disk full', { timeout: 60_000 }, async (after) => {
  const { disk, wrap } = refusing(after);
  rig = await openRig({ wrapStore: wrap, limits: { tickSeconds: 0.2 } });
  const { engine, at } = rig;
  writeSmallFiles(at('in'), 30, 5_000);
  for (const name of ['a', 'b']) writeContent(at('in', `${name}.mov`), 5, 9_000_000);
  mkdirSync(at('out'));
  expect(engine.snapshot().ledger).toBeNull();
  const job = await engine.submit({ kind: 'copy', sources: [at('in')], destination: at('out') });
  await vi.waitFor(() => expect(engine.snapshot().ledger?.fault.code).toBe('ledger'), { timeout: 20_000 });
  disk.isFull = false;
  expect(await engine.settled(job.id)).toMatchObject({ state: 'completed', error: null });
  expect(compareTrees(at('in'), at('out'))).toEqual({ missing: [], different: [], extra: [] });
  expect(engine.snapshot().ledger).toBeNull();
});

// A command does not wait for somebody to make room: it says so and ends, and the next one goes on.
it.each([3, 4, 5, 6, 8])(
  'ends a command where its %ith commit finds the disk full',
  { timeout: 60_000 },
  async (after) => {
    const { wrap } = refusing(after);
    rig = await openRig({ wrapStore: wrap, limits: { retry: oneShotRetryRules } });
    const { engine, at, folder } = rig;
    writeSmallFiles(at('in'), 30, 5_000);
    for (const name of ['a', 'b']) writeContent(at('in', `${name}.mov`), 5, 9_000_000);
    mkdirSync(at('out'));
    const job = await engine.submit({ kind: 'copy', sources: [at('in')], destination: at('out') });
    expect(await engine.settled(job.id)).toMatchObject({ state: 'failed', error: { code: 'ledger' } });
    expect(compareTrees(at('in'), at('out')).different).toEqual([]);
    await rig.close();
    rig = await openRig({ folder });
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', error: null });
    expect(compareTrees(at('in'), at('out'))).toEqual({ missing: [], different: [], extra: [] });
  },
);
