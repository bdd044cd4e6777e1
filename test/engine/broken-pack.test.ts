// A pack that breaks off gives its files back one lot after the other; those that are due again meanwhile are taken up while it is still at its end.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';
import { type TarPlace, tarPlace } from '../support/tar-place.ts';
import { compareTrees } from '../support/trees.ts';

const files = 1_100;

let rig: Rig;
let far: TarPlace | undefined;
/** Resolves when files of the broken pack have been read as work once more. */
let takenUp: PromiseWithResolvers<void>;
let lots: number;

/** Holds up each lot of files that are given back after the first one, until those of the first are taken up. */
function slowToGiveBack(store: Store): Store {
  return {
    ...store,
    apply: async (changes) => {
      if (changes.some((change) => change.kind === 'insert_transfer' && change.transfer.state === 'waiting')) {
        lots += 1;
        if (lots > 1) await takenUp.promise;
      }
      return store.apply(changes);
    },
    queued: async (question) => {
      const rows = await store.queued(question);
      // Once whoever asked has made work of them.
      if (rows.length > 0) setTimeout(takenUp.resolve, 50);
      return rows;
    },
  };
}

beforeEach(async () => {
  far = undefined;
  lots = 0;
  takenUp = Promise.withResolvers();
  rig = await openRig({
    wrapStore: slowToGiveBack,
    wrapEndpoint: (address, endpoint) => {
      if (!address.endsWith('/in')) return endpoint;
      far ??= tarPlace(endpoint, { breakAfterBytes: 100 });
      return far;
    },
    limits: { retry: { firstDelayMs: 1, mostDelayMs: 1, jitter: 0 }, tickSeconds: 0.2 },
  });
});
afterEach(() => rig.remove());

test('no file is left behind in the queue', { timeout: 120_000 }, async () => {
  mkdirSync(rig.at('in'));
  for (let at = 0; at < files; at++) writeFileSync(join(rig.at('in'), `${at}.txt`), `file ${at}`);
  const job = await rig.engine.submit({ kind: 'copy', sources: [`${rig.at('in')}/`], destination: rig.at('out') });
  await takenUp.promise;
  if (far !== undefined) far.trouble = {};
  expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: files } });
  expect(compareTrees(rig.at('in'), rig.at('out'))).toEqual({ missing: [], different: [], extra: [] });
  expect(lots).toBeGreaterThan(1);
  // A pack is told of once for each lot, not once for each file.
  expect(rig.said.filter((line) => line.includes('The link broke off')).length).toBeLessThan(20);
});
