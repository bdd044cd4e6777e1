// The mode copy on real folders: what is moved, what is left alone, and what is refused.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CopyRequest } from '../../src/model/specs.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';
import { compareTrees, writeContent, writeSmallFiles } from '../support/trees.ts';

const nothingDiffers = { missing: [], different: [], extra: [] };
let rig: Rig;
let round = 0;
let base: string;
const at = (...parts: string[]) => rig.at(base, ...parts);
const put = (path: string, text: string, mtime?: number) => {
  mkdirSync(at(path, '..'), { recursive: true });
  writeFileSync(at(path), text);
  if (mtime !== undefined) utimesSync(at(path), mtime, mtime);
};
const copy = (given: Partial<Omit<CopyRequest, 'kind'>> = {}) =>
  rig.copy({ sources: [at('in')], destination: at('out'), ...given });
const names = (path: string) => readdirSync(at(path), { recursive: true }).map(String).sort();

beforeAll(async () => {
  rig = await openRig({ limits: { retry: { neverWait: ['permission', 'space'] } } });
});
afterAll(() => rig.remove());
beforeEach(() => {
  round += 1;
  base = `round-${round}`;
  mkdirSync(at('in'), { recursive: true });
});

describe('what is moved', () => {
  it('takes a tree of small and large files, each with its receipt, and then nothing more', async () => {
    writeSmallFiles(at('in'), 700, 3_000);
    writeContent(at('in/large/film.mov'), 7, 20_000_000);
    const job = await copy();
    expect(job).toMatchObject({
      state: 'completed',
      planned: true,
      counts: { found: 701, completed: 701, failed: 0, skipped: 0 },
    });
    expect(job.counts.bytesCompleted).toBe(job.counts.bytesFound);
    expect(compareTrees(at('in'), at('out'))).toEqual(nothingDiffers);
    const receipts = await rig.store.receipts({ destination: { endpoint: at('out'), path: 'large/film.mov' } });
    expect(receipts).toMatchObject([{ sizeBytes: 20_000_000, verify: 'read-back', source: { endpoint: at('in') } }]);
    const [film] = (await rig.transfers(job.id)).filter((row) => row.source.path === 'large/film.mov');
    expect(await rig.facts(film?.id ?? '')).toEqual(['queued', 'download.started', 'download.completed', 'completed']);
    expect(await copy()).toMatchObject({ state: 'completed', counts: { found: 701, skipped: 701, completed: 0 } });
    expect(await rig.store.documents('packs')).toEqual([]);
  });

  it('keeps times and modes of files and folders, and makes empty folders', async () => {
    put('in/deep/er/file.txt', 'x', 1_000_000_000);
    mkdirSync(at('in/empty'));
    chmodSync(at('in/deep'), 0o750);
    chmodSync(at('in/deep/er/file.txt'), 0o640);
    for (const path of ['in/deep/er', 'in/deep', 'in/empty']) utimesSync(at(path), 1_100_000_000, 1_100_000_000.5);
    await copy();
    expect(statSync(at('out/deep/er/file.txt'))).toMatchObject({ mtimeMs: 1_000_000_000_000 });
    expect(statSync(at('out/deep/er/file.txt')).mode & 0o777).toBe(0o640);
    expect(statSync(at('out/deep')).mode & 0o777).toBe(0o750);
    for (const path of ['out/deep/er', 'out/deep', 'out/empty'])
      expect(statSync(at(path)).mtimeMs).toBe(1_100_000_000_500);
  });

  it('copies again only what differs by size or time', async () => {
    for (const name of ['same', 'longer', 'newer', 'gone']) put(`in/${name}`, 'content', 1_000_000_000);
    await copy();
    put('in/longer', 'content and more', 1_000_000_000);
    put('in/newer', 'CONTENT', 1_000_000_100);
    rmSync(at('out/gone'));
    expect(await copy()).toMatchObject({ counts: { found: 4, skipped: 1, completed: 3 } });
    expect(readFileSync(at('out/newer'), 'utf8')).toBe('CONTENT');
    expect(compareTrees(at('in'), at('out'))).toEqual(nothingDiffers);
  });

  it('compares content by hash where it is asked to', async () => {
    put('in/a', 'one', 1_000_000_000);
    put('in/b', 'same', 1_000_000_000);
    put('out/a', 'two', 1_000_000_000);
    put('out/b', 'same', 1_200_000_000);
    expect(await copy()).toMatchObject({ counts: { skipped: 1, completed: 1 } });
    put('out/a', 'two', 1_000_000_000);
    expect(await copy({ checksum: true })).toMatchObject({ counts: { skipped: 1, completed: 1 } });
    expect(readFileSync(at('out/a'), 'utf8')).toBe('one');
  });

  it('puts a file into a folder, or under the name that was given', async () => {
    put('in/file.txt', 'x');
    mkdirSync(at('there'));
    await copy({ sources: [at('in/file.txt')], destination: at('there') });
    await copy({ sources: [at('in/file.txt')], destination: at('new/') });
    await copy({ sources: [at('in/file.txt')], destination: at('other.txt') });
    put('old.txt', 'y');
    await copy({ sources: [at('in/file.txt')], destination: at('old.txt') });
    expect([
      names('there'),
      names('new'),
      readFileSync(at('other.txt'), 'utf8'),
      readFileSync(at('old.txt'), 'utf8'),
    ]).toEqual([['file.txt'], ['file.txt'], 'x', 'x']);
  });

  it('takes many sources into one folder', async () => {
    put('in/a/one', '1');
    put('in/b/two', '2');
    put('in/three', '3');
    const job = await copy({ sources: [at('in/a'), at('in/b'), at('in/three')] });
    expect(job.counts.completed).toBe(3);
    expect(names('out')).toEqual(['one', 'three', 'two']);
  });

  it('selects by include and exclude', async () => {
    for (const path of ['a.mxf', 'a.tmp', 'keep.tmp', 'cache/b.mxf', 'cache/deep/c.txt', '.hidden'])
      put(`in/${path}`, path);
    await copy({ exclude: ['*.tmp', 'cache/'], include: ['keep.tmp'] });
    expect(names('out').filter((name) => !statSync(at('out', name)).isDirectory())).toEqual([
      '.hidden',
      'a.mxf',
      'keep.tmp',
    ]);
    await copy({ destination: at('only'), include: ['*.mxf'] });
    expect(names('only').filter((name) => name.endsWith('mxf'))).toEqual(['a.mxf', 'cache/b.mxf']);
    expect(existsSync(at('only/a.tmp'))).toBe(false);
  });

  it('carries names that are hard to say', async () => {
    const odd = ['-rf', 'with space', 'quote\'"', 'new\nline', 'ünï©ode', 'n'.repeat(255), '*', '$(x)'];
    for (const name of odd) put(`in/${name}`, name);
    writeFileSync(Buffer.concat([Buffer.from(`${at('in')}/bad-`), Buffer.from([0xff, 0xfe])]), 'bytes');
    const job = await copy();
    expect(job).toMatchObject({ state: 'completed', counts: { completed: odd.length + 1 } });
    expect(readdirSync(at('out'), 'latin1').sort()).toEqual(readdirSync(at('in'), 'latin1').sort());
    expect(await copy()).toMatchObject({ counts: { skipped: odd.length + 1 } });
  });

  it('says what it would do and does nothing', async () => {
    put('in/new/file', 'x');
    put('in/same', 'y', 1_000_000_000);
    put('out/same', 'y', 1_000_000_000);
    symlinkSync('same', at('in/link'));
    const items = [];
    for await (const item of rig.engine.plan({ kind: 'copy', sources: [at('in')], destination: at('out') }))
      items.push(item);
    expect(items).toEqual([
      { action: 'make-folder', path: 'new', sizeBytes: 0 },
      { action: 'copy', path: 'new/file', sizeBytes: 1 },
      { action: 'skip', path: 'link', sizeBytes: 4, reason: 'is a symlink' },
    ]);
    expect(await copy({ dryRun: true })).toMatchObject({ state: 'completed', counts: { found: 2, completed: 0 } });
    expect(names('out')).toEqual(['same']);
  });
});

describe('symlinks and special files', () => {
  it('passes over both and says so', async () => {
    put('in/file', 'x');
    symlinkSync('file', at('in/link'));
    execFileSync('mkfifo', [at('in/pipe')]);
    expect(await copy()).toMatchObject({ state: 'completed', counts: { found: 1, completed: 1 } });
    expect(names('out')).toEqual(['file']);
    expect(rig.said.join('\n')).toMatch(/it is a FIFO, socket or device/);
  });

  it('keeps symlinks, dangling ones too', async () => {
    put('in/file', 'x');
    symlinkSync('file', at('in/link'));
    symlinkSync('../nowhere', at('in/dangling'));
    put('out/link', 'in the way');
    expect(await copy({ symlinks: 'keep' })).toMatchObject({ state: 'completed' });
    expect([readlinkSync(at('out/link')), readlinkSync(at('out/dangling'))]).toEqual(['file', '../nowhere']);
  });

  it('follows symlinks, but never in a circle', async () => {
    put('in/file', 'x');
    put('elsewhere/deep/other', 'y');
    symlinkSync('file', at('in/link'));
    symlinkSync(at('elsewhere'), at('in/folder'));
    symlinkSync('..', at('elsewhere/deep/up'));
    const job = await copy({ symlinks: 'follow' });
    expect(readFileSync(at('out/link'), 'utf8')).toBe('x');
    expect(readFileSync(at('out/folder/deep/other'), 'utf8')).toBe('y');
    expect(lstatSync(at('out/folder')).isDirectory()).toBe(true);
    expect(job).toMatchObject({ state: 'partial', counts: { failed: 1 }, error: { code: 'name_unsafe' } });
  });
});

describe('conflicts', () => {
  const prepare = () => {
    put('in/file.txt', 'mine', 1_000_000_000);
    put('out/file.txt', 'theirs!', 1_200_000_000);
  };
  const there = () => Object.fromEntries(names('out').map((name) => [name, readFileSync(at('out', name), 'utf8')]));

  it('overwrites unless told otherwise', async () => {
    prepare();
    await copy();
    expect(there()).toEqual({ 'file.txt': 'mine' });
  });
  it('skips', async () => {
    prepare();
    expect(await copy({ conflict: 'skip' })).toMatchObject({
      state: 'completed',
      counts: { skipped: 1, completed: 0 },
    });
    expect(there()).toEqual({ 'file.txt': 'theirs!' });
  });
  it('renames, and does not do it again when nothing has changed', async () => {
    prepare();
    await copy({ conflict: 'rename' });
    expect(there()).toEqual({ 'file.txt': 'theirs!', 'file (1).txt': 'mine' });
    expect(await copy({ conflict: 'rename' })).toMatchObject({ counts: { skipped: 1, completed: 0 } });
    expect(there()).toEqual({ 'file.txt': 'theirs!', 'file (1).txt': 'mine' });
  });
  it('keeps what is newer', async () => {
    prepare();
    await copy({ conflict: 'newer' });
    expect(there()).toEqual({ 'file.txt': 'theirs!' });
    put('in/file.txt', 'newest', 1_300_000_000);
    await copy({ conflict: 'newer' });
    expect(there()).toEqual({ 'file.txt': 'newest' });
  });
  it('fails', async () => {
    prepare();
    expect(await copy({ conflict: 'fail' })).toMatchObject({
      state: 'failed',
      counts: { failed: 1 },
      error: { code: 'exists' },
    });
    expect(there()).toEqual({ 'file.txt': 'theirs!' });
  });
  it('never lets two sources of one copy write one file', async () => {
    put('in/a/file', 'a');
    put('in/b/file', 'b');
    const job = await copy({ sources: [at('in/a'), at('in/b')] });
    expect(job).toMatchObject({ state: 'partial', counts: { completed: 1, failed: 1 }, error: { code: 'exists' } });
    expect(there()).toEqual({ file: 'a' });
    await copy({ sources: [at('in/a'), at('in/b')], destination: at('both'), conflict: 'rename' });
    expect(names('both')).toEqual(['file', 'file (1)']);
  });
});

describe('move', () => {
  it('deletes a source once its copy is proven, and only then', async () => {
    writeSmallFiles(at('in'), 20, 500);
    writeContent(at('in/film.mov'), 3, 9_000_000);
    put('out/part-000/file-3.bin/x', 'a folder stands where a file would go');
    const job = await copy({ move: true });
    expect(job).toMatchObject({ state: 'partial', counts: { completed: 20, failed: 1 } });
    expect(names('in')).toEqual(['part-000', 'part-000/file-3.bin']);
  });

  it('deletes what is there already only after it has been proven', async () => {
    put('in/a', 'same', 1_000_000_000);
    put('out/a', 'same', 1_000_000_000);
    put('in/b', 'mine', 1_000_000_000);
    put('out/b', 'thei', 1_000_000_000);
    expect(await copy({ move: true })).toMatchObject({ state: 'completed' });
    expect(names('in')).toEqual([]);
    expect([readFileSync(at('out/a'), 'utf8'), readFileSync(at('out/b'), 'utf8')]).toEqual(['same', 'mine']);
  });

  it('waits for as many copies as were asked for', async () => {
    put('in/a', 'x');
    await copy({ move: true, copies: 2, destination: at('first') });
    expect(names('in')).toEqual(['a']);
    await copy({ move: true, copies: 2, destination: at('second') });
    expect(names('in')).toEqual([]);
  });
});

describe('bad input', () => {
  const refused = async (given: Partial<Omit<CopyRequest, 'kind'>>) => {
    try {
      await copy(given);
    } catch (error) {
      return error;
    }
    throw new Error('It was not refused.');
  };

  it('refuses a folder onto itself, also by a symlink', async () => {
    put('in/file', 'x');
    symlinkSync(at('in'), at('alias'));
    expect(await refused({ destination: at('in') })).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/onto itself/),
    });
    expect(await refused({ destination: `${at('in')}/` })).toMatchObject({ code: 'invalid' });
    expect(await refused({ destination: at('alias') })).toMatchObject({ code: 'invalid' });
  });

  it('refuses a folder into its own subfolder, there or not, also by a symlink', async () => {
    mkdirSync(at('in/sub'));
    symlinkSync(at('in/sub'), at('alias'));
    for (const destination of [at('in/sub'), at('in/new/deep'), at('alias'), at('alias/new')]) {
      expect(await refused({ destination })).toMatchObject({
        code: 'invalid',
        message: expect.stringMatching(/own subfolder/),
      });
    }
    expect(names('in')).toEqual(['sub']);
  });

  it('refuses a file onto itself, also by a hard link', async () => {
    put('in/file', 'x');
    linkSync(at('in/file'), at('linked'));
    for (const destination of [at('in/file'), at('in'), at('linked')]) {
      expect(await refused({ sources: [at('in/file')], destination })).toMatchObject({ code: 'invalid' });
    }
    expect(readFileSync(at('in/file'), 'utf8')).toBe('x');
  });

  it('does not write over its own source from above', async () => {
    put('in/file', 'precious', 1_000_000_000);
    put('in/in/file', 'other', 1_200_000_000);
    const job = await copy({ destination: at('.') });
    expect(job).toMatchObject({ state: 'partial', counts: { failed: 1 } });
    expect(readFileSync(at('in/file'), 'utf8')).toBe('precious');
  });

  it('says which source is missing', async () => {
    expect(await refused({ sources: [at('in'), at('nowhere')] })).toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/nowhere is not there/),
    });
  });

  it('refuses a file where a folder is needed', async () => {
    put('in/file', 'x');
    put('taken', 'y');
    for (const destination of [at('taken'), at('taken/below'), `${at('taken')}/`]) {
      expect(await refused({ destination })).toMatchObject({
        code: 'exists',
        message: expect.stringMatching(/a folder is needed/),
      });
    }
    expect(readFileSync(at('taken'), 'utf8')).toBe('y');
  });

  it('fails one folder alone whose name a file has at the destination', async () => {
    put('in/good', 'x');
    put('in/bad/file', 'y');
    put('out/bad', 'a file');
    const job = await copy();
    expect(job).toMatchObject({ state: 'partial', counts: { completed: 1, failed: 1 }, error: { code: 'exists' } });
    expect(readFileSync(at('out/bad'), 'utf8')).toBe('a file');
    const [refused] = (await rig.transfers(job.id)).filter((row) => row.state === 'failed');
    await expect(rig.engine.retry({ transferId: refused?.id ?? '' })).rejects.toMatchObject({ code: 'state_conflict' });
    rmSync(at('out/bad'));
    await rig.engine.retry({ jobId: job.id });
    expect(await rig.engine.settled(job.id)).toMatchObject({
      state: 'completed',
      counts: { found: 2, completed: 2, failed: 0 },
    });
    expect(readFileSync(at('out/bad/file'), 'utf8')).toBe('y');
  });

  it('never writes through a symlink at the destination', async () => {
    put('in/sub/file', 'x');
    mkdirSync(at('outside'));
    mkdirSync(at('out'));
    symlinkSync(at('outside'), at('out/sub'));
    expect(await copy()).toMatchObject({ state: 'failed', error: { code: 'name_unsafe' } });
    expect(names('outside')).toEqual([]);
  });

  it('lets unreadable files fail alone', async () => {
    for (const name of ['a', 'secret', 'z', 'closed/file']) put(`in/${name}`, name);
    writeContent(at('in/film.mov'), 1, 9_000_000);
    for (const path of ['.', 'in', 'in/a', 'in/z', 'in/film.mov']) chownSync(at(path), 65534, 65534);
    for (const path of ['.', 'data', 'data/journals']) chownSync(rig.at(path), 65534, 65534);
    chmodSync(at('in/secret'), 0o600);
    chmodSync(at('in/closed'), 0o700);
    process.seteuid?.(65534);
    let job: Awaited<ReturnType<typeof copy>>;
    try {
      job = await copy();
    } finally {
      process.seteuid?.(0);
    }
    expect(job).toMatchObject({ state: 'partial', counts: { completed: 3, failed: 2 }, error: { code: 'permission' } });
    expect(names('out')).toEqual(['a', 'closed', 'film.mov', 'z']);
  });

  it('refuses what is not a copy at all', async () => {
    expect(await refused({ sources: [] })).toMatchObject({ code: 'invalid' });
    expect(await refused({ bandwidth: 'fast' })).toMatchObject({ code: 'invalid' });
  });
});
