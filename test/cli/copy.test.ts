// `wherry copy` as people call it: what arrives, what is said, and the exit code.

import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, contents, objects, openBench } from './command.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
  mkdirSync(bench.path('src/sub/deep'), { recursive: true });
  mkdirSync(bench.path('src/empty'));
  writeFileSync(bench.path('src/a.txt'), 'alpha');
  writeFileSync(bench.path('src/sub/b.tmp'), 'beta');
  writeFileSync(bench.path('src/sub/deep/c.txt'), '');
  utimesSync(bench.path('src/a.txt'), 1_600_000_000, 1_600_000_000);
});
afterEach(() => bench.close());

describe('a tree', () => {
  test('arrives whole with times and empty folders; again nothing is moved', async () => {
    const first = await bench.run('copy', 'src', 'new/dst');
    expect(first).toMatchObject({ code: 0, out: '' });
    expect(first.err).toMatch(/^Copied 3 files, 9 bytes in .*; each verified by reading it back\.$/m);
    expect(contents(bench.path('new/dst'))).toEqual(contents(bench.path('src')));
    expect(readdirSync(bench.path('new/dst')).sort()).toEqual(['a.txt', 'empty', 'sub']);
    expect(statSync(bench.path('new/dst/a.txt')).mtimeMs).toBe(1_600_000_000_000);

    const second = await bench.run('copy', 'src', 'new/dst');
    expect(second).toMatchObject({ code: 0, out: '' });
    expect(second.err).toMatch(/^Nothing to copy: 3 files unchanged/m);

    writeFileSync(bench.path('src/a.txt'), 'ALPHA, longer');
    const third = await bench.run('copy', 'src', 'new/dst');
    expect(third.err).toMatch(/^Copied 1 file, 13 bytes .*2 unchanged\.$/m);
    expect(contents(bench.path('new/dst'))).toEqual(contents(bench.path('src')));
  });

  test('--json tells the start, each file and the sum, one object a line', async () => {
    const ended = await bench.run('copy', '--json', 'src', 'dst');
    expect(ended.code).toBe(0);
    const [start, ...rest] = objects(ended);
    expect(start).toMatchObject({ type: 'started', resumed: false, jobId: expect.any(String) });
    const files = rest.filter(({ type }) => type === 'file');
    expect(files).toHaveLength(3);
    for (const file of files) {
      expect(file).toMatchObject({
        state: 'completed',
        source: { endpoint: bench.path('src') },
        hash: { algorithm: 'xxh128-8m', value: expect.stringMatching(/^[0-9a-f]{32}$/) },
        error: null,
      });
    }
    expect(rest.at(-1)).toMatchObject({
      type: 'summary',
      state: 'completed',
      files: 3,
      bytes: 9,
      unchanged: 0,
      failed: 0,
      verify: 'read-back',
      exitCode: 0,
    });
  });

  test('--dry-run says what would be done, and moves and writes nothing', async () => {
    const ended = await bench.run('copy', '-n', 'src', 'dst');
    expect(ended.code).toBe(0);
    expect(ended.out).toMatch(/^copy +a\.txt {2}\(5 bytes\)$/m);
    expect(ended.out).toMatch(/^make folder +empty$/m);
    expect(ended.err).toMatch(/^3 files \(9 bytes\) would be copied, .* Nothing was moved\.$/m);
    expect(readdirSync(bench.folder).sort()).toEqual(['src']);
    expect(objects(await bench.run('copy', '-n', '--json', 'src', 'dst'))).toContainEqual({
      type: 'plan',
      action: 'copy',
      path: 'sub/b.tmp',
      sizeBytes: 4,
    });
    expect(existsSync(bench.path('dst'))).toBe(false);
  });

  test('--exclude leaves out, --include wins', async () => {
    await bench.run('copy', '--exclude', '*.txt', '--include', 'a.txt', 'src', 'one');
    expect(Object.keys(contents(bench.path('one'))).sort()).toEqual(['a.txt', 'sub/b.tmp']);
    await bench.run('copy', '--include', '*.tmp', 'src', 'two');
    expect(Object.keys(contents(bench.path('two')))).toEqual(['sub/b.tmp']);
  });

  test('--checksum finds what size and time hide', async () => {
    await bench.run('copy', 'src', 'dst');
    writeFileSync(bench.path('dst/a.txt'), 'alphA');
    utimesSync(bench.path('dst/a.txt'), 1_600_000_000, 1_600_000_000);
    expect((await bench.run('copy', 'src', 'dst')).err).toMatch(/Nothing to copy/);
    expect((await bench.run('copy', '--checksum', 'src', 'dst')).err).toMatch(/^Copied 1 file/m);
    expect(contents(bench.path('dst'))).toEqual(contents(bench.path('src')));
  });

  test('--move empties the source of what is proven', async () => {
    const ended = await bench.run('copy', '--move', 'src', 'dst');
    expect(ended.code).toBe(0);
    expect(ended.err).toMatch(/^Moved 3 files/m);
    expect(contents(bench.path('src'))).toEqual({});
    expect(contents(bench.path('dst'))).toEqual({ 'a.txt': 'alpha', 'sub/b.tmp': 'beta', 'sub/deep/c.txt': '' });
  });
});

describe('a single file', () => {
  test('becomes the destination, or goes into it where that is a folder or ends with a slash', async () => {
    mkdirSync(bench.path('folder'));
    expect((await bench.run('copy', 'src/a.txt', 'renamed')).code).toBe(0);
    expect((await bench.run('copy', 'src/a.txt', 'folder')).code).toBe(0);
    expect((await bench.run('copy', 'src/a.txt', 'new/')).code).toBe(0);
    expect((await bench.run('copy', 'src/a.txt', 'src/sub/b.tmp', 'both')).code).toBe(0);
    expect(contents(bench.path('folder'))).toEqual({ 'a.txt': 'alpha' });
    expect(contents(bench.path('new'))).toEqual({ 'a.txt': 'alpha' });
    expect(contents(bench.path('both'))).toEqual({ 'a.txt': 'alpha', 'b.tmp': 'beta' });
    expect(statSync(bench.path('renamed')).size).toBe(5);
  });

  test.each([
    ['overwrite', { 'a.txt': 'alpha' }],
    ['skip', { 'a.txt': 'other' }],
    ['rename', { 'a.txt': 'other', 'a (1).txt': 'alpha' }],
  ])('--conflict %s', async (rule, after) => {
    mkdirSync(bench.path('dst'));
    writeFileSync(bench.path('dst/a.txt'), 'other');
    const ended = await bench.run('copy', '--conflict', rule, 'src/a.txt', 'dst');
    expect(ended.code).toBe(0);
    expect(contents(bench.path('dst'))).toEqual(after);
  });

  test('--conflict fail says what is in the way', async () => {
    mkdirSync(bench.path('dst'));
    writeFileSync(bench.path('dst/a.txt'), 'other');
    const ended = await bench.run('copy', '--conflict', 'fail', 'src/a.txt', 'dst');
    expect(ended.code).toBe(1);
    expect(ended.err).toMatch(/a\.txt/);
    expect(contents(bench.path('dst'))).toEqual({ 'a.txt': 'other' });
  });
});

describe('names', () => {
  test('control characters are shown as escapes', async () => {
    writeFileSync(bench.path('src/evil\u001b[31m\nname'), 'x');
    const ended = await bench.run('copy', '-P', 'src', 'dst');
    expect(ended.code).toBe(0);
    expect(ended.err).toContain('evil\\x1b[31m\\x0aname');
    expect(ended.err).not.toContain('\u001b');
    expect(contents(bench.path('dst'))['evil\u001b[31m\nname']).toBe('x');
  });

  test('that are not UTF-8 arrive, also where the command line names them', async () => {
    const name = Buffer.concat([Buffer.from(bench.path('src/n')), Buffer.from([0xff, 0xe9])]);
    writeFileSync(name, 'bytes');
    const ended = await bench.run('copy', '--json', 'src', 'dst');
    expect(ended.code).toBe(0);
    const file = objects(ended).find(({ source }) => (source as { pathBytes?: string } | undefined)?.pathBytes);
    expect(file?.source).toMatchObject({
      path: 'n\\xff\\xe9',
      pathBytes: Buffer.from([0x6e, 0xff, 0xe9]).toString('base64'),
    });
    const there = readdirSync(bench.path('dst'), { encoding: 'buffer' }).map((each) => each.toString('latin1'));
    expect(there).toContain('n\u00ff\u00e9');

    const byName = await bench.shell('"$NODE" "$ENTRY" copy "$(printf "src/n\\377\\351")" named/');
    expect(byName.code).toBe(0);
    expect(readdirSync(bench.path('named'), { encoding: 'latin1' })).toEqual(['n\u00ff\u00e9']);
  });
});
