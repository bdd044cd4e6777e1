// Watches of the configuration: one whose folder is not there is not lost, and begins when the folder comes.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openParts, type Parts } from '../../src/compose.ts';
import { applyWatches } from '../../src/config-watches.ts';
import type { WatchRequest } from '../../src/model/specs.ts';

let folder: string;
let parts: Parts;
const nowhere = () => undefined;
const errors: string[] = [];
const log = {
  debug: nowhere,
  info: nowhere,
  warn: nowhere,
  error: (_: object, text: string) => void errors.push(text),
};

const open = async () => {
  parts = await openParts({ dataFolder: join(folder, 'data'), limits: {}, log });
  await parts.engine.start();
};
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-config-watches-'));
  errors.length = 0;
  await open();
});
afterEach(async () => {
  await parts.close();
  rmSync(folder, { recursive: true, force: true });
});

const watchOf = (name: string): WatchRequest => ({
  kind: 'watch',
  source: join(folder, name),
  destinations: [join(folder, `${name}-out`)],
  scanSeconds: 0.1,
  stableSeconds: 0.1,
  growthPollSeconds: 0.1,
});

const liveWatches = async () =>
  (await parts.store.jobs({ kind: 'watch', states: ['pending', 'running', 'waiting', 'paused'], limit: 10 })).rows;

test('a folder that is not there is said once, tried again, and watched when it comes; the others begin at once', async () => {
  mkdirSync(join(folder, 'there'));
  const wanted = [watchOf('away'), watchOf('there')];
  const watches = await applyWatches(parts, wanted, log);
  expect((await liveWatches()).map(({ name }) => name)).toEqual([join(folder, 'there')]);
  expect(watches.unbegun).toMatchObject([{ spec: { source: join(folder, 'away') }, fault: { code: 'not_found' } }]);
  await watches.tryAgain();
  expect(errors).toHaveLength(1);
  const [first] = watches.unbegun;
  mkdirSync(join(folder, 'away'));
  await watches.tryAgain();
  expect(watches.unbegun).toEqual([]);
  writeFileSync(join(folder, 'away', 'a.txt'), 'text');
  await expect.poll(() => existsSync(join(folder, 'away-out', 'a.txt')), { timeout: 20_000 }).toBe(true);
  expect(first?.id).toMatch(/^config-/);
  await watches.close();

  // The same configuration again: the same two jobs go on.
  const before = (await liveWatches()).map(({ id }) => id);
  await parts.close();
  await open();
  await (await applyWatches(parts, wanted, log)).close();
  expect((await liveWatches()).map(({ id }) => id)).toEqual(before);
  // One is taken out: it ends.
  await (await applyWatches(parts, [watchOf('there')], log)).close();
  expect((await liveWatches()).map(({ name }) => name)).toEqual([join(folder, 'there')]);
}, 60_000);
