// Content that is at the destination already under another name: linked there or left out, on real file systems, and never relied upon in vain.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../../src/model/job.ts';
import type { SyncRequest } from '../../../src/model/sync-spec.ts';
import { openRig, type Rig } from '../../support/engine-rig.ts';

let rig: Rig;
let round = 0;
const at = (...parts: string[]) => rig.at(`round-${round}`, ...parts);
beforeAll(async () => {
  rig = await openRig({ limits: { retry: { firstDelayMs: 10, mostDelayMs: 20 } } });
});
afterAll(() => rig.remove());
beforeEach(() => {
  round += 1;
  mkdirSync(at('in'), { recursive: true });
});

let time = 1_000_000;
function put(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  time += 10;
  utimesSync(at(path), time, time);
}

async function sync(dedup: 'off' | 'hardlink' | 'skip', given: Partial<SyncRequest> = {}): Promise<Job> {
  const request = { kind: 'sync' as const, source: at('in'), destinations: [at('out')], media: { dedup }, ...given };
  return rig.engine.settled((await rig.engine.submit(request)).id);
}
const text = (path: string) => readFileSync(at(path), 'utf8');
const inode = (path: string) => statSync(at(path)).ino;
const receiptsOf = (path: string) => rig.store.receipts({ source: { endpoint: at('in'), path } });
const castle = 'a castle in the mist'.repeat(1_000);

describe('hardlink', () => {
  test('a twin of what is there becomes another name of it, with its receipt, and stays so', async () => {
    put('in/a.png', castle);
    await sync('hardlink');
    put('in/deep/b.png', castle);
    put('in/c.png', castle.toUpperCase());
    expect(await sync('hardlink')).toMatchObject({
      state: 'completed',
      counts: { found: 3, completed: 1, skipped: 2 },
    });
    expect(text('out/deep/b.png')).toBe(castle);
    expect([inode('out/deep/b.png'), statSync(at('out/a.png')).nlink]).toEqual([inode('out/a.png'), 2]);
    expect(inode('out/c.png')).not.toBe(inode('out/a.png'));
    expect(await receiptsOf('deep/b.png')).toMatchObject([
      { destination: { endpoint: at('out'), path: 'deep/b.png' }, sizeBytes: castle.length },
    ]);
    // Nothing more to do, whether the destination is looked through or not.
    expect(await sync('hardlink')).toMatchObject({ counts: { found: 3, completed: 0, skipped: 3 } });
    expect(await sync('hardlink', { delete: true })).toMatchObject({ counts: { found: 3, completed: 0, skipped: 3 } });
    expect(await receiptsOf('deep/b.png')).toHaveLength(1);
    // A change of one is none of the other.
    put('in/a.png', 'another picture');
    await sync('hardlink');
    expect([text('out/a.png'), text('out/deep/b.png')]).toEqual(['another picture', castle]);
  });

  test('twins that come at the same time are moved once', async () => {
    for (const name of ['1', '2', '3']) put(`in/${name}.png`, castle);
    put('in/large-1.mov', 'x'.repeat(5_000_000));
    put('in/large-2.mov', 'x'.repeat(5_000_000));
    expect(await sync('hardlink')).toMatchObject({
      state: 'completed',
      counts: { found: 5, completed: 2, skipped: 3 },
    });
    expect(statSync(at('out/2.png')).nlink).toBe(3);
    expect(inode('out/large-1.mov')).toBe(inode('out/large-2.mov'));
    expect(await sync('hardlink')).toMatchObject({ counts: { completed: 0, skipped: 5 } });
  });

  test('what is no longer what was copied is no twin, nor is what lies on another file system', async () => {
    put('in/a.png', castle);
    await sync('hardlink');
    const { mtime } = statSync(at('out/a.png'));
    writeFileSync(at('out/a.png'), castle.replace('castle', 'Castle'));
    utimesSync(at('out/a.png'), mtime, mtime);
    put('in/b.png', castle);
    expect(await sync('hardlink')).toMatchObject({ state: 'completed', counts: { completed: 1 } });
    expect([text('out/b.png') === castle, inode('out/b.png') === inode('out/a.png')]).toEqual([true, false]);
    mkdirSync(at('out/far'));
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', at('out/far')]);
    try {
      put('in/far/c.png', castle);
      expect(await sync('hardlink')).toMatchObject({ state: 'completed', counts: { completed: 1 } });
      expect([text('out/far/c.png') === castle, statSync(at('out/far/c.png')).nlink]).toEqual([true, 1]);
    } finally {
      execFileSync('umount', [at('out/far')]);
    }
  });
});

describe('skip', () => {
  test('a twin is left out, its receipt points to what stands, and it comes as soon as that changes or goes', async () => {
    put('in/a.png', castle);
    await sync('skip');
    put('in/b.png', castle);
    expect(await sync('skip')).toMatchObject({ state: 'completed', counts: { found: 2, completed: 0, skipped: 2 } });
    expect(existsSync(at('out/b.png'))).toBe(false);
    expect(await receiptsOf('b.png')).toMatchObject([{ destination: { endpoint: at('out'), path: 'a.png' } }]);
    for (const given of [{}, { delete: true }]) {
      expect(await sync('skip', given)).toMatchObject({ counts: { completed: 0, skipped: 2 } });
      expect(existsSync(at('out/b.png'))).toBe(false);
    }
    // It is proven to stand at home, and may be cleaned away, as long as it does.
    expect(await rig.engine.cleanUp({ endpoint: at('in'), dryRun: true })).toMatchObject({
      filesDeleted: 2,
      errors: [],
    });
    // The twin changes: what relied on it comes in the same run.
    put('in/a.png', 'another picture');
    expect(await sync('skip')).toMatchObject({ state: 'completed', counts: { completed: 2 } });
    expect([text('out/a.png'), text('out/b.png') === castle]).toEqual(['another picture', true]);
  });

  test('what relied on a twin that went, or is not to be left out any more, is copied', async () => {
    put('in/a.png', castle);
    await sync('skip');
    put('in/b.png', castle);
    await sync('skip');
    rmSync(at('out/a.png'));
    expect(await rig.engine.cleanUp({ endpoint: at('in'), dryRun: true })).toMatchObject({ filesDeleted: 0 });
    expect(await sync('skip')).toMatchObject({ state: 'completed', counts: { completed: 1 } });
    expect(text('out/b.png')).toBe(castle);
    put('in/c.png', castle);
    await sync('skip');
    expect(existsSync(at('out/c.png'))).toBe(false);
    await sync('off');
    expect(text('out/c.png')).toBe(castle);
  });
});

test('control: without a rule each name has a copy of its own', async () => {
  for (const name of ['1', '2']) put(`in/${name}.png`, castle);
  expect(await sync('off')).toMatchObject({ counts: { completed: 2 } });
  expect(inode('out/1.png')).not.toBe(inode('out/2.png'));
});
