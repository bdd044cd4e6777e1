// The mode sync on real folders: what is moved, what is known afterwards, what goes, and what is said.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { knownEntries } from '../../../src/engine/sync/known-entries.ts';
import type { Job } from '../../../src/model/job.ts';
import type { SyncRequest, SyncStatus } from '../../../src/model/sync-spec.ts';
import { openRig, type Rig } from '../../support/engine-rig.ts';
import { compareTrees, writeContent, writeSmallFiles } from '../../support/trees.ts';

const nothingDiffers = { missing: [], different: [], extra: [] };
let rig: Rig;
let round = 0;
let base: string;
const at = (...parts: string[]) => rig.at(base, ...parts);
const put = (path: string, text: string, mtime?: number) => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  if (mtime !== undefined) utimesSync(at(path), mtime, mtime);
};
type Wishes = Partial<Omit<SyncRequest, 'kind'>>;
const request = (given: Wishes = {}): SyncRequest => ({
  kind: 'sync',
  source: at('in'),
  destinations: [at('out')],
  ...given,
});
const sync = async (given: Wishes = {}): Promise<Job> => {
  const job = await rig.engine.submit(request(given));
  return rig.engine.settled(job.id);
};
const statusOf = async (job: Job): Promise<SyncStatus> => {
  const { events } = await rig.store.events({ jobId: job.id, name: 'observation.sync.finished', before: '', limit: 1 });
  return events[0]?.data.status as SyncStatus;
};
const plan = async (given: Wishes = {}) => {
  const items: string[] = [];
  for await (const { action, path, to } of rig.engine.plan(request(given))) {
    items.push([action, path, ...(to === undefined ? [] : [to])].join(' '));
  }
  return items.sort();
};
const known = async (given: Wishes = {}) => {
  const { source, destinations, folders = [] } = request(given);
  const paths: string[] = [];
  for await (const { entry } of knownEntries(rig.store, { source, destinations, folders })) paths.push(entry.path);
  return paths.sort();
};

beforeAll(async () => {
  rig = await openRig({ limits: { retry: { neverWait: ['permission', 'space'], firstDelayMs: 10, mostDelayMs: 20 } } });
});
afterAll(() => rig.remove());
beforeEach(() => {
  round += 1;
  base = `round-${round}`;
  mkdirSync(at('in'), { recursive: true });
});

describe('what is moved', () => {
  it('brings a tree over, each file with its receipt and in the manifest, and then nothing more', async () => {
    writeSmallFiles(at('in'), 300, 3_000);
    writeContent(at('in/large/film.mov'), 7, 20_000_000);
    mkdirSync(at('in/empty'));
    const job = await sync();
    expect(job).toMatchObject({ state: 'completed', counts: { found: 301, completed: 301, failed: 0, skipped: 0 } });
    expect(compareTrees(at('in'), at('out'))).toEqual(nothingDiffers);
    expect(existsSync(at('out/empty'))).toBe(true);
    expect(await known()).toHaveLength(301);
    expect(await statusOf(job)).toMatchObject({
      folders: [{ from: '', to: '', state: 'done', found: 301, transferred: 301, fault: null }],
    });
    expect(await sync()).toMatchObject({ state: 'completed', counts: { found: 301, skipped: 301, completed: 0 } });
  });

  it('moves what is new or changed, and nothing else', async () => {
    put('in/a.txt', 'a', 1_000);
    put('in/b.txt', 'b', 1_000);
    put('in/deep/c.txt', 'c', 1_000);
    await sync();
    put('in/b.txt', 'B', 2_000);
    put('in/deep/new.txt', 'n');
    expect(await sync()).toMatchObject({ counts: { found: 4, completed: 2, skipped: 2 } });
    expect(compareTrees(at('in'), at('out'))).toEqual(nothingDiffers);
    // An older time is a change as well.
    put('in/b.txt', 'b', 500);
    expect(await sync()).toMatchObject({ counts: { completed: 1 } });
    expect(readFileSync(at('out/b.txt'), 'utf8')).toBe('b');
  });

  it('keeps a manifest for each destination, and brings up to date whoever lags behind', async () => {
    put('in/a.txt', 'a');
    await sync();
    const both = { destinations: [at('out'), at('more')] };
    expect(await sync(both)).toMatchObject({ counts: { found: 2, completed: 1, skipped: 1 } });
    expect(compareTrees(at('in'), at('more'))).toEqual(nothingDiffers);
  });

  it('takes folders by name or pair, each with its own state', async () => {
    put('in/one/a.txt', 'a');
    put('in/two/deep/b.txt', 'b');
    put('in/three/c.txt', 'c');
    const folders = ['one', { from: 'two/deep', to: 'second' }, 'missing'];
    const job = await sync({ folders });
    expect(job.state).toBe('partial');
    expect(readdirSync(at('out')).sort()).toEqual(['one', 'second']);
    expect(readFileSync(at('out/second/b.txt'), 'utf8')).toBe('b');
    expect((await statusOf(job)).folders.map(({ from, state }) => [from, state])).toEqual([
      ['one', 'done'],
      ['two/deep', 'done'],
      ['missing', 'failed'],
    ]);
  });
});

describe('what goes', () => {
  it('deletes nothing unless it is asked to', async () => {
    put('in/a.txt', 'a');
    put('in/b.txt', 'b');
    await sync();
    rmSync(at('in/b.txt'));
    await sync();
    expect(existsSync(at('out/b.txt'))).toBe(true);
    expect(await known()).toEqual(['a.txt']);
  });

  it('deletes what the source has no more, and the folders that are empty by that', async () => {
    put('in/a.txt', 'a');
    put('in/gone/deep/b.txt', 'b');
    await sync();
    rmSync(at('in/gone'), { recursive: true });
    const job = await sync({ delete: true });
    expect(job.state).toBe('completed');
    expect(readdirSync(at('out'))).toEqual(['a.txt']);
    expect(await statusOf(job)).toMatchObject({ deleted: 1 });
  });

  it('deletes nothing at all beyond its bound, and says so', async () => {
    for (let n = 0; n < 10; n++) put(`in/${n}.txt`, String(n));
    await sync();
    for (let n = 0; n < 3; n++) rmSync(at(`in/${n}.txt`));
    for (const maxDelete of [2, '20%']) {
      const job = await sync({ delete: true, maxDelete });
      expect(job).toMatchObject({ state: 'partial', error: { code: 'limit_reached' } });
      expect(readdirSync(at('out'))).toHaveLength(10);
    }
    expect(await sync({ delete: true, maxDelete: '30%' })).toMatchObject({ state: 'completed' });
    expect(readdirSync(at('out'))).toHaveLength(7);
  });

  it('renames at the destination what was renamed in the source, with a receipt, and moves nothing', async () => {
    writeContent(at('in/old/film.mov'), 3, 9_000_000);
    put('in/small.txt', 'small');
    await sync({ delete: true });
    mkdirSync(at('in/fresh'));
    renameSync(at('in/old/film.mov'), at('in/fresh/cut.mov'));
    const inode = statSync(at('out/old/film.mov')).ino;
    expect(await plan({ delete: true })).toContain('rename old/film.mov fresh/cut.mov');
    const job = await sync({ delete: true });
    expect(job).toMatchObject({ state: 'completed', counts: { completed: 0, bytesCompleted: 0, failed: 0 } });
    expect(statSync(at('out/fresh/cut.mov')).ino).toBe(inode);
    expect(existsSync(at('out/old/film.mov'))).toBe(false);
    expect(await statusOf(job)).toMatchObject({ renamed: 1, deleted: 0 });
    const [receipt] = await rig.store.receiptsAt(at('out'), ['fresh/cut.mov']);
    expect(receipt).toMatchObject({ jobId: job.id, source: { path: 'fresh/cut.mov' }, sizeBytes: 9_000_000 });
    expect(await sync({ delete: true })).toMatchObject({ counts: { skipped: 2, completed: 0 } });
  });

  it('spares what it leaves out, and what is in the source as something else', async () => {
    put('in/keep/a.txt', 'a');
    put('in/log/x.log', 'x');
    await sync();
    rmSync(at('in/log'), { recursive: true });
    symlinkSync('keep/a.txt', at('in/link'));
    put('out/link', 'was a file once');
    put('out/ascmhl/0001.mhl', 'history');
    put('out/surplus.txt', 's');
    const job = await sync({ delete: true, exclude: ['log/'] });
    expect(job.state).toBe('completed');
    expect(readdirSync(at('out')).sort()).toEqual(['ascmhl', 'keep', 'link', 'log']);
  });

  it('does not take a source that holds nothing for one whose files were deleted', async () => {
    put('in/a.txt', 'a');
    await sync();
    rmSync(at('in/a.txt'));
    expect(await sync({ delete: true })).toMatchObject({ state: 'failed', error: { code: 'limit_reached' } });
    expect(existsSync(at('out/a.txt'))).toBe(true);
    expect(await sync({ delete: true, maxDelete: '100%' })).toMatchObject({ state: 'completed' });
    expect(existsSync(at('out/a.txt'))).toBe(false);
  });
});

describe('what it is told by', () => {
  it('compares in full where a folder of the destination is gone, and where the manifest was cleared', async () => {
    put('in/one/a.txt', 'a');
    put('in/two/b.txt', 'b');
    await sync();
    rmSync(at('out/two'), { recursive: true });
    expect(await sync()).toMatchObject({ counts: { completed: 1, skipped: 1 } });
    rmSync(at('out'), { recursive: true });
    expect(await sync()).toMatchObject({ counts: { completed: 2 } });
    const key = { source: at('in'), from: '', destination: at('out'), to: '' };
    await rig.store.apply([{ kind: 'delete_manifest', key }]);
    rmSync(at('out/one/a.txt'));
    expect(await sync()).toMatchObject({ counts: { completed: 1, skipped: 1 } });
    expect(await known()).toEqual(['one/a.txt', 'two/b.txt']);
  });

  it('takes files into the manifest by their receipt only', async () => {
    put('in/a.txt', 'a', 1_000);
    put('out/a.txt', 'a', 1_000);
    expect(await sync()).toMatchObject({ counts: { skipped: 1, completed: 0 } });
    expect(await known()).toEqual([]);
  });

  it('sees with checksum what times do not tell, and sends nothing again for a time alone', async () => {
    put('in/a.txt', 'aaaa', 1_000);
    put('in/b.txt', 'bbbb', 1_000);
    await sync();
    put('in/a.txt', 'AAAA', 1_000);
    put('in/b.txt', 'bbbb', 2_000);
    expect(await sync()).toMatchObject({ counts: { completed: 1 } });
    put('in/b.txt', 'bbbb', 3_000);
    expect(await sync({ checksum: true })).toMatchObject({ counts: { completed: 1, skipped: 1 } });
    expect(readFileSync(at('out/a.txt'), 'utf8')).toBe('AAAA');
    expect(await sync()).toMatchObject({ counts: { completed: 0 } });
  });

  it('plans without touching anything', async () => {
    put('in/a.txt', 'a');
    put('in/deep/b.txt', 'b');
    put('out/surplus.txt', 's');
    expect(await plan({ delete: true })).toEqual([
      'copy a.txt',
      'copy deep/b.txt',
      'delete surplus.txt',
      'make-folder deep',
    ]);
    expect(readdirSync(at('out'))).toEqual(['surplus.txt']);
  });
});

describe('what is refused', () => {
  it('begins no second sync into the same place, or within it', async () => {
    writeSmallFiles(at('in'), 50, 100);
    mkdirSync(at('other'));
    const first = await rig.engine.submit(request());
    const others = [at('out'), at('out/part-000'), at('.')].map((destination) =>
      rig.engine.submit(request({ source: at('other'), destinations: [destination] })).then(
        () => 'begun',
        (error) => error.code,
      ),
    );
    expect(await Promise.all(others)).toEqual(['busy', 'busy', 'invalid']);
    await rig.engine.settled(first.id);
  });

  it.each([
    ['the place itself', { destinations: ['in'] }],
    ['a place within it', { destinations: ['in/deep'] }],
    ['folders that share a place', { folders: ['a', { from: 'b', to: 'a/c' }] }],
    ['a folder that leads out', { folders: ['../other'] }],
  ])(
    'refuses %s',
    async (_, { destinations, folders }: { destinations?: string[]; folders?: SyncRequest['folders'] }) => {
      const wishes = {
        ...(destinations === undefined ? {} : { destinations: destinations.map((path) => at(path)) }),
        ...(folders === undefined ? {} : { folders }),
      };
      await expect(sync(wishes)).rejects.toMatchObject({ code: expect.stringMatching(/invalid|name_unsafe/) });
    },
  );

  it('fails where the source is not there, and does not delete', async () => {
    put('in/a.txt', 'a');
    await sync();
    renameSync(at('in'), at('away'));
    expect(await sync({ delete: true })).toMatchObject({ state: 'failed', error: { code: 'not_found' } });
    expect(existsSync(at('out/a.txt'))).toBe(true);
    renameSync(at('away'), at('in'));
    expect(await sync({ delete: true })).toMatchObject({ state: 'completed', counts: { skipped: 1 } });
  });
});
