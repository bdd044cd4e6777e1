// `wherry cleanup` as a person uses it: by the ledgers of copies made without a daemon, by a daemon's, and where there are none.

import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, objects, openBench } from './command.ts';

let bench: Bench;
beforeAll(() => {
  bench = openBench();
});
afterAll(() => bench.close());

function put(path: string, text: string, hours: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  const at = new Date(Date.now() - hours * 3_600_000);
  utimesSync(path, at, at);
}

test('what was copied without a daemon goes by the receipts of that copy, after a dry run has said the same', async () => {
  for (const [name, hours] of [
    ['2026-11-01/old.png', 50],
    ['2026-11-01/older\n.png', 500],
    ['best/kept.png', 50],
    ['new.png', 1],
  ] as const)
    put(bench.path('out', name), name, hours);
  expect((await bench.run('copy', 'out', 'home')).code).toBe(0);
  put(bench.path('out', 'stranger.png'), 'never copied', 50);
  const asked = ['cleanup', '--age', '2d', '--preserve', 'best', 'out'];
  const dry = await bench.run(...asked, '--dry-run');
  expect(dry, dry.err).toMatchObject({ code: 0, out: '2026-11-01/old.png\n2026-11-01/older\\x0a.png\n' });
  expect(dry.err).toMatch(
    /^2 files would be deleted, 39 bytes; would stay: 1 too young, 1 preserved, 1 not proven elsewhere\.$/m,
  );
  const wet = await bench.run(...asked, '--json');
  expect(wet.code, wet.err).toBe(0);
  expect(objects(wet).at(-1)).toMatchObject({
    ...{ type: 'summary', filesScanned: 5, filesDeleted: 2, spaceFreedBytes: 39, errors: [], dryRun: false },
    foldersRemoved: 1,
  });
  expect(readdirSync(bench.path('out'), { recursive: true }).sort()).toEqual(
    ['best', 'best/kept.png', 'new.png', 'stranger.png'].sort(),
  );
  expect(objects(await bench.run('cleanup', '--age', '1h', '--json', 'out/best')).at(-1)).toMatchObject({
    filesDeleted: 1,
  });
});

test('where no ledger knows of copies nothing goes, and it is said', async () => {
  put(bench.path('unknown', 'a.png'), 'a', 90);
  put(bench.path('unknown-home', 'a.png'), 'a', 90);
  const ended = await bench.run('cleanup', 'unknown');
  expect(ended).toMatchObject({ code: 1, err: expect.stringContaining('No ledger knows of copies from') });
  expect(existsSync(bench.path('unknown/a.png'))).toBe(true);
  expect(await bench.run('cleanup', '--age', '1 day', 'unknown')).toMatchObject({
    code: 2,
    err: expect.stringContaining('24h'),
  });
  expect(await bench.run('cleanup')).toMatchObject({ code: 2 });
});

test('a daemon’s receipts count, while it runs and when it rests', async () => {
  for (const name of ['a', 'b', 'c']) put(bench.path('far', `${name}.png`), name, 50);
  writeFileSync(bench.path('wherry.yaml'), `roots: [${JSON.stringify(bench.folder)}]\n`);
  const data = bench.path('daemon');
  const words = [
    'serve',
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
    '--config',
    bench.path('wherry.yaml'),
    '--no-demo',
  ];
  const daemon = bench.start(words);
  await daemon.said(/http:\/\/127\.0\.0\.1:\d+/);
  expect((await bench.run('copy', '--data', data, 'far', 'far-home')).code).toBe(0);
  const one = await bench.run('cleanup', '--data', data, '--preserve', 'b*', '--preserve', 'c*', '--json', 'far');
  expect(objects(one).at(-1), one.err).toMatchObject({ filesScanned: 3, filesDeleted: 1, kept: { preserved: 2 } });
  const outside = await bench.run('cleanup', '--data', data, '/etc');
  expect(outside).toMatchObject({ code: 2, err: expect.stringContaining('outside') });
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  const two = await bench.run('cleanup', '--data', data, '--json', 'far');
  expect(objects(two).at(-1), two.err).toMatchObject({ filesDeleted: 2, spaceFreedBytes: 2 });
  expect(readdirSync(bench.path('far'))).toEqual([]);
  expect(readdirSync(bench.path('far-home'))).toHaveLength(3);
});
