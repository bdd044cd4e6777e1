// A short form of torture row T35: a listing that fails at any entry, at either place; nothing is deleted, cleaned away, or taken for unchanged.

import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { openLocal } from '../../../src/endpoints/local.ts';
import { knownEntries } from '../../../src/engine/sync/known-entries.ts';
import { Fault } from '../../../src/model/fault.ts';
import { comparePaths } from '../../../src/model/names.ts';
import type { SyncRequest } from '../../../src/model/sync-spec.ts';
import { openRig, type Rig } from '../../support/engine-rig.ts';

const files = ['a.txt', 'deep/b.txt', 'deep/er/c.txt', 'z.txt'];
/** With the folders. */
const entries = 6;

let rig: Rig;
let round = 0;
/** After so many entries a listing of this place breaks. */
let breaks:
  | { readonly place: string; readonly after: number; readonly code: 'network' | 'io' | 'permission' }
  | undefined;
let broken: number;

const at = (...parts: string[]) => rig.at(`round-${round}`, ...parts);
const put = (path: string, text: string) => {
  mkdirSync(join(at(path), '..'), { recursive: true });
  writeFileSync(at(path), text);
};

function breaking(address: string, endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    async *list(prefix, call) {
      let count = 0;
      for await (const entry of endpoint.list(prefix, call)) {
        if (breaks?.place === address && count >= breaks.after) break;
        count += 1;
        yield entry;
      }
      if (breaks?.place !== address) return;
      broken += 1;
      throw new Fault(breaks.code, 'The listing broke off.');
    },
  };
}

beforeAll(async () => {
  rig = await openRig({
    wrapEndpoint: breaking,
    limits: { retry: { firstDelayMs: 1, mostDelayMs: 1, jitter: 0 } },
  });
});
afterAll(() => rig.remove());
beforeEach(() => {
  round += 1;
  breaks = undefined;
  broken = 0;
  for (const file of files) put(`in/${file}`, file);
});

const request = (given: Partial<SyncRequest> = {}): SyncRequest => ({
  kind: 'sync',
  source: at('in'),
  destinations: [at('out')],
  delete: true,
  cleanup: { ageHours: 0 },
  retry: { attempts: 1, delaySeconds: 0.001 },
  ...given,
});
const sync = async (given: Partial<SyncRequest> = {}) => {
  const { engine } = rig;
  return engine.settled((await engine.submit(request(given))).id);
};
const all = (path: string) =>
  readdirSync(at(path), { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
const known = async () => {
  const paths: string[] = [];
  const places = { source: at('in'), destinations: [at('out')], folders: [] };
  for await (const { entry } of knownEntries(rig.store, places)) paths.push(entry.path);
  return paths.sort(comparePaths);
};

describe.each([
  ['network', [0, 1, 2, 3, 4, 5, entries]],
  ['permission', [0, 3, entries]],
] as const)('a listing of the source that ends with "%s"', (code, ends) => {
  it.each(ends)('after %i entries takes nothing away, and takes nothing for unchanged', async (after) => {
    await sync({ cleanup: null });
    put('out/surplus.txt', 's');
    put('in/deep/b.txt', 'changed');
    utimesSync(at('in/deep/b.txt'), 1_000, 1_000);
    breaks = { place: at('in'), after, code };
    const job = await sync();
    expect(broken).toBeGreaterThan(0);
    expect(job.state).toMatch(/failed|partial/);
    expect(job.error).toMatchObject({ code });
    expect(all('out')).toHaveLength(files.length + 1);
    // Cleanup, which may take all that is proven, has taken nothing.
    expect(all('in')).toHaveLength(files.length);
    breaks = undefined;
    expect(await sync({ cleanup: null })).toMatchObject({ state: 'completed' });
    expect(all('out')).toHaveLength(files.length);
    expect(await known()).toEqual(files);
  });
});

it.each([0, 3, entries])('a listing of the destination that breaks after %i entries deletes nothing', async (after) => {
  await sync({ cleanup: null });
  put('out/surplus.txt', 's');
  breaks = { place: at('out'), after, code: 'network' };
  expect(await sync()).toMatchObject({ state: 'failed', error: { code: 'network' } });
  expect(all('out')).toHaveLength(files.length + 1);
  expect(all('in')).toHaveLength(files.length);
});

it('holds one folder up, and neither the others nor what they have to move', async () => {
  await sync({ folders: ['deep', { from: '', to: 'whole' }], cleanup: null });
  rmSync(at('out'), { recursive: true });
  const whole = { from: '', to: 'whole' };
  breaks = { place: at('in'), after: 0, code: 'io' };
  await expect(sync({ folders: [whole] })).resolves.toMatchObject({ state: 'failed' });
  breaks = undefined;
  rmSync(at('in/deep'), { recursive: true });
  expect(await sync({ folders: ['deep', whole] })).toMatchObject({ state: 'partial' });
  expect(existsSync(at('out/whole/a.txt'))).toBe(true);
});

it('a naive sync, which takes what came for all there is, deletes', async () => {
  await sync({ cleanup: null });
  breaks = { place: at('in'), after: 2, code: 'network' };
  const source = breaking(at('in'), await openLocal(at('in'), rig));
  const came = new Set<string>();
  try {
    for await (const entry of source.list('')) came.add(entry.path);
  } catch {
    // What came is taken for all.
  }
  for (const file of files) if (!came.has(file)) rmSync(at('out', file));
  expect(all('out').length).toBeLessThan(files.length);
});
