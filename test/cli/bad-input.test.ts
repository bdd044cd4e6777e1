// What cannot be done is said in one clear sentence, with the right exit code, and nothing is lost.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, contents, objects, openBench } from './command.ts';

let bench: Bench;
beforeAll(() => {
  bench = openBench();
  mkdirSync(bench.path('src/sub'), { recursive: true });
  writeFileSync(bench.path('src/a.txt'), 'alpha');
  writeFileSync(bench.path('src/sub/b.txt'), 'beta');
  writeFileSync(bench.path('file'), 'a file');
  mkdirSync(bench.path('holds/a.txt'), { recursive: true });
  writeFileSync(bench.path('bad.yaml'), 'watches:\n  - source: /a\n    destination: /b\n    scanSecond: 3\n');
});
afterAll(() => bench.close());

test.each([
  ['no words', ['copy'], 2, /needs a source and a destination/],
  ['onto itself', ['copy', 'src', 'src'], 2, /src are the same folder; it cannot be copied onto itself/],
  ['onto itself by another spelling', ['copy', 'src/a.txt', './src/../src/a.txt'], 2, /onto itself/],
  ['into its own subfolder', ['copy', 'src', 'src/sub/new'], 2, /a folder cannot be copied into its own subfolder/],
  ['a missing source', ['copy', 'nowhere', 'dst'], 3, /nowhere is not there/],
  ['onto a file where a folder is needed', ['copy', 'src', 'file'], 1, /file is a file, and a folder is needed there/],
  ['below a file', ['copy', 'src', 'file/below'], 1, /file is a file, and a folder is needed there/],
  ['two of one name', ['copy', 'src/a.txt', 'holds/../src/a.txt', 'dst/'], 1, /a\.txt/],
  ['a host that is an option', ['copy', 'src', 'ssh://-oProxyCommand=id/there'], 2, /user that begins with "-"/],
  ['an option that is none', ['copy', '--checksm', 'src', 'dst'], 2, /no option --checksm\. Did you mean --checksum\?/],
  ['a wrong choice', ['copy', '--conflict', 'overwrit', 'src', 'dst'], 2, /Did you mean overwrite\?/],
  ['a bandwidth that is none', ['copy', '--bwlimit', 'fast', 'src', 'dst'], 2, /"fast" is neither a rate/],
  [
    'a number that is none',
    ['copy', '--transfers', '99', 'src', 'dst'],
    2,
    /--transfers takes a whole number from 1 to 64/,
  ],
  ['a verb that is none', ['cpoy'], 2, /There is no verb "cpoy"\. Did you mean "copy"\?/],
  [
    'a config with a wrong key',
    ['copy', '--config', 'bad.yaml', 'src', 'dst'],
    2,
    /bad\.yaml:4:5: "scanSecond" is no key of watches\[0\]\. Did you mean "scanSeconds"\?/,
  ],
  ['a config that is not there', ['copy', '--config', 'none.yaml', 'src', 'dst'], 3, /none\.yaml is not there/],
  ['no daemon', ['jobs', 'ls'], 5, /No daemon runs on the data folder .*wherry serve/],
])('%s', async (_, words, code, sentence) => {
  const ended = await bench.run(...words);
  expect(ended).toMatchObject({ code, out: '' });
  expect(ended.err).toMatch(sentence);
  expect(ended.err.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(2);
  expect(ended.err).not.toMatch(/ at .*\.ts|Error:/);
  expect(existsSync(bench.path('dst'))).toBe(false);
  expect(contents(bench.path('src'))).toEqual({ 'a.txt': 'alpha', 'sub/b.txt': 'beta' });
});

test('a fault is an object with --json, too', async () => {
  const ended = await bench.run('copy', '--json', 'nowhere', 'dst');
  expect(objects(ended)).toEqual([expect.objectContaining({ type: 'error', code: 'not_found', exitCode: 3 })]);
});

test('a folder stands where a file would go: the others arrive', async () => {
  const ended = await bench.run('copy', 'src', 'holds');
  expect(ended.code).toBe(1);
  expect(ended.err).toMatch(/^failed: .*a\.txt/m);
  expect(ended.err).toMatch(/1 failed\.$/m);
  expect(contents(bench.path('holds'))).toEqual({ 'sub/b.txt': 'beta' });
});

describe('as a user who may not everything', () => {
  test('unreadable files fail alone and are named; --move leaves them; mended, the same command completes', async () => {
    mkdirSync(bench.path('mixed'));
    for (const name of ['one', 'two', 'three']) writeFileSync(bench.path('mixed', name), name);
    chmodSync(bench.path('mixed/two'), 0o000);
    const ended = await bench.start(['copy', '--move', 'mixed', 'readable'], { plainUser: true }).ended;
    expect(ended.code).toBe(1);
    expect(ended.err).toMatch(/^failed: .*two.*EACCES/m);
    expect(ended.err).toMatch(/^Moved 2 files, .*; 1 failed\.$/m);
    expect(contents(bench.path('readable'))).toEqual({ one: 'one', three: 'three' });
    expect(readdirSync(bench.path('mixed'))).toEqual(['two']);

    chmodSync(bench.path('mixed/two'), 0o600);
    const again = await bench.start(['copy', '--move', 'mixed', 'readable'], { plainUser: true }).ended;
    expect(again).toMatchObject({ code: 0 });
    expect(contents(bench.path('readable'))).toEqual({ one: 'one', two: 'two', three: 'three' });
    expect(contents(bench.path('mixed'))).toEqual({});
  });

  test('a folder that cannot be listed does not keep the others from arriving', async () => {
    mkdirSync(bench.path('shut/locked'), { recursive: true });
    writeFileSync(bench.path('shut/open'), 'open');
    chmodSync(bench.path('shut/locked'), 0o000);
    const ended = await bench.start(['copy', 'shut', 'opened'], { plainUser: true }).ended;
    expect(ended.code).toBe(1);
    expect(ended.err).toMatch(/^failed: .*locked.*EACCES/m);
    expect(contents(bench.path('opened'))).toEqual({ open: 'open' });
  });

  test('a destination that may not be written', async () => {
    mkdirSync(bench.path('closed'));
    chmodSync(bench.path('closed'), 0o555);
    const ended = await bench.start(['copy', 'src', 'closed'], { plainUser: true }).ended;
    expect(ended.code).toBe(1);
    expect(ended.err).toMatch(/closed.*EACCES/);
    expect(readdirSync(bench.path('closed'))).toEqual([]);
  });
});

describe('a destination', () => {
  function onSmallDisk<T>(options: string, use: (place: string) => Promise<T>): Promise<T> {
    const place = bench.path(`disk-${options.replaceAll(/[^a-z0-9]/g, '-')}`);
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place]);
    return use(place).finally(() => spawnSync('umount', ['-l', place]));
  }

  test('that is read-only', () =>
    onSmallDisk('ro', async (place) => {
      const ended = await bench.run('copy', 'src', place);
      expect(ended.code).toBe(1);
      expect(ended.err).toMatch(/EROFS/);
    }));

  test('that is full: what fits arrives, the rest is named, and goes on when there is room', () =>
    onSmallDisk('size=3m', async (place) => {
      mkdirSync(bench.path('large'));
      writeFileSync(bench.path('large/fits'), Buffer.alloc(1_000_000, 1));
      writeFileSync(bench.path('large/too-large'), Buffer.alloc(5_000_000, 2));
      const ended = await bench.run('copy', 'large', place);
      expect(ended.code).toBe(5);
      expect(ended.err).toMatch(/too-large/);
      expect(ended.err).toMatch(/room/);
      expect(Object.keys(contents(place)).filter((name) => !name.startsWith('.'))).toEqual(['fits']);
      execFileSync('mount', ['-o', 'remount,size=20m', place]);
      const again = await bench.run('copy', 'large', place);
      expect(again.code).toBe(0);
      expect(contents(place)).toEqual(contents(bench.path('large')));
    }));
});
