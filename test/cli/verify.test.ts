// `wherry verify` finds every file that is no longer what was copied, and says honestly what it knows.

import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, objects, openBench } from './command.ts';

let bench: Bench;
beforeAll(async () => {
  bench = openBench();
  mkdirSync(bench.path('src/sub'), { recursive: true });
  for (const name of ['one', 'two', 'sub/three']) writeFileSync(bench.path('src', name), `content of ${name}`);
  writeFileSync(bench.path('src/large'), Buffer.alloc(20_000_000, 7));
  expect((await bench.run('copy', 'src', 'dst')).code).toBe(0);
});
afterAll(() => bench.close());

test('what stands as it was copied is ok: a folder, a part of it, a single file', async () => {
  const all = await bench.run('verify', 'dst');
  expect(all).toMatchObject({ code: 0, out: '' });
  expect(all.err).toMatch(/^4 files \(20\.0 MB\) as they were copied, in /m);
  expect((await bench.run('verify', 'dst/sub')).err).toMatch(/^1 file \(/m);
  expect((await bench.run('verify', 'dst/one', 'dst/two')).err).toMatch(/^2 files \(/m);
});

test('--direct reads past the page cache, with the same hashes', async () => {
  const ended = await bench.run('verify', '--direct', '-v', 'dst');
  expect(ended.code).toBe(0);
  expect(ended.err).toMatch(/^4 files .*read from the medium\.$/m);
  expect(ended.out).toMatch(/^ok +.*dst\/large$/m);
});

test('changed content under the same size and time, changed size and missing files are named: exit 11', async () => {
  const { atime, mtime } = statSync(bench.path('dst/one'));
  writeFileSync(bench.path('dst/one'), 'CONTENT of one');
  utimesSync(bench.path('dst/one'), atime, mtime);
  writeFileSync(bench.path('dst/two'), 'shorter');
  rmSync(bench.path('dst/sub'), { recursive: true });
  writeFileSync(bench.path('dst/stranger'), 'nobody copied this');
  const ended = await bench.run('verify', 'dst');
  expect(ended.code).toBe(11);
  expect(ended.out).toMatch(/^changed +.*dst\/one: its xxh128-8m is [0-9a-f]{32} and was [0-9a-f]{32}$/m);
  expect(ended.out).toMatch(/^changed +.*dst\/two: it has 7 bytes and had 14 bytes$/m);
  expect(ended.out).toMatch(/^missing +.*dst\/sub\/three$/m);
  expect(ended.err).toMatch(/^1 file \(20\.0 MB\) as they were copied, 2 changed, 1 missing, 1 without a receipt/m);

  const lines = objects(await bench.run('verify', '--json', 'dst'));
  expect(
    lines
      .filter(({ verdict }) => verdict === 'changed')
      .map(({ path }) => path)
      .sort(),
  ).toEqual([bench.path('dst/one'), bench.path('dst/two')]);
  expect(lines.at(-1)).toMatchObject({
    type: 'summary',
    ok: 1,
    changed: 2,
    missing: 1,
    withoutReceipt: 1,
    exitCode: 11,
  });
});

test('--against compares two trees by hash', async () => {
  expect((await bench.run('verify', '--against', 'src', 'src')).code).toBe(0);
  const ended = await bench.run('verify', '--against', 'src', '--hash', 'sha256', 'dst');
  expect(ended.code).toBe(11);
  expect(ended.out).toMatch(/^changed +.*dst\/one: its sha256 is/m);
  expect(ended.out).toMatch(/^missing +.*dst\/sub\/three$/m);
  expect(ended.err).toMatch(/1 only at the destination/);
});

test('where nothing is known it proves nothing and says so', async () => {
  mkdirSync(bench.path('unknown'));
  writeFileSync(bench.path('unknown/file'), 'x');
  const ended = await bench.run('verify', 'unknown');
  expect(ended.code).toBe(1);
  expect(ended.err).toMatch(/there is no receipt of anything in .*unknown; --against compares with a source/);
  expect((await bench.run('verify', 'nowhere')).code).toBe(3);
});
