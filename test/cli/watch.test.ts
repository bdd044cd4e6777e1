// `wherry watch` and `wherry watches` as a person uses them: a foreground watch that goes on where it was, and the daemon's watches.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, openBench } from './command.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const quick = ['--scan', '0.2', '--stable', '0.3', '--poll', '0.2'];

function folder(...parts: string[]): string {
  const path = bench.path(...parts);
  mkdirSync(path, { recursive: true });
  return path;
}

const objects = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('in the foreground: a line a file, by rules, to two places; what is proven is deleted; Ctrl-C keeps state', async () => {
  const source = folder('in');
  const words = ['watch', ...quick, '--after', 'delete', '--rule', '*.mxf=video/{name}', source, 'one', 'two'];
  const first = bench.start(words);
  await first.said(/Watching/);
  writeFileSync(bench.path('in', 'a.mxf'), 'pictures');
  await first.said(/arrived a\.mxf as .*one\/video\/a\.mxf/);
  await first.said(/arrived a\.mxf as .*two\/video\/a\.mxf/);
  expect(readFileSync(bench.path('two', 'video', 'a.mxf'), 'utf8')).toBe('pictures');
  first.child.kill('SIGINT');
  expect(await first.ended).toMatchObject({ code: 130 });
  expect(existsSync(bench.path('in', 'a.mxf'))).toBe(false);

  const second = bench.start([...words, '--json']);
  await second.said(/"resumed":true/);
  writeFileSync(bench.path('in', 'b.mxf'), 'more');
  await second.said(/"path":"video\/b\.mxf"[^\n]*\n[^\n]*"path":"video\/b\.mxf"/);
  second.child.kill('SIGTERM');
  const { code, out } = await second.ended;
  expect(code).toBe(143);
  const files = objects(out).filter(({ type }) => type === 'file');
  expect(files.map(({ state, sizeBytes }) => [state, sizeBytes])).toEqual([
    ['completed', 4],
    ['completed', 4],
  ]);
  const proof = await bench.run('verify', bench.path('two'));
  expect(proof).toMatchObject({ code: 0 });
}, 60_000);

test('the same watch twice at a time is refused with exit 5; what cannot be is refused before anything is done', async () => {
  const source = folder('in');
  const first = bench.start(['watch', source, 'out']);
  await first.said(/Watching/);
  const second = await bench.run('watch', `${source}/`, 'out');
  expect(second).toMatchObject({ code: 5, err: expect.stringContaining('running already') });
  first.child.kill('SIGINT');
  await first.ended;
  expect(await bench.run('watch', 'missing', 'out')).toMatchObject({ code: 3 });
  expect(await bench.run('watch', source)).toMatchObject({ code: 2 });
  expect(await bench.run('watch', source, `${source}/inside`)).toMatchObject({ code: 2 });
  expect(await bench.run('watch', '--rule', 'nothing', source, 'out')).toMatchObject({ code: 2 });
  expect(await bench.run('watch', '--stable', 'soon', source, 'out')).toMatchObject({ code: 2 });
}, 60_000);

test("the daemon's watches: add, list, show, test, pause, resume, explain, remove", async () => {
  const source = folder('in');
  writeFileSync(bench.path('wherry.yaml'), `roots: [${JSON.stringify(bench.folder)}]\n`);
  const daemon = bench.start(['serve', '--data', 'data', '--config', 'wherry.yaml', '--listen', '127.0.0.1:0']);
  await daemon.said(/Wherry serves/);
  const watches = (...words: string[]) => bench.run('watches', ...words, '--data', 'data');
  await expect.poll(async () => (await watches('ls')).code, { timeout: 20_000 }).toBe(0);
  expect((await watches('ls')).err).toContain('No folder is watched');
  const added = await watches('add', ...quick, '--exclude', '*.tmp', source, bench.path('out'));
  expect(added.code).toBe(0);
  const id = added.out.split(':')[0] ?? '';
  writeFileSync(bench.path('in', 'a.wav'), 'sound');
  writeFileSync(bench.path('in', 'b.tmp'), 'half');
  await expect.poll(() => existsSync(bench.path('out', 'a.wav')), { timeout: 20_000 }).toBe(true);
  expect((await watches('ls')).out).toMatch(new RegExp(`${id} +running`));
  expect((await watches('show', id)).out).toMatch(/Seen by +(events|scans)/);
  expect((await bench.run('explain', 'in/b.tmp', '--data', 'data')).out).toContain("ignored by exclude '*.tmp'");
  await expect
    .poll(async () => (await bench.run('explain', 'in/a.wav', '--data', 'data')).out, { timeout: 20_000 })
    .toMatch(/arrived as .*out\/a\.wav at /);
  expect((await watches('test', '--rule', '*.mxf=video/{name}', 'x.mxf', 'y.txt')).out).toMatch(
    /x\.mxf +video\/x\.mxf +rule 1\ny\.txt +OTHER\/.* +no rule/,
  );
  expect((await watches('pause', id)).err).toContain('paused');
  expect((await watches('resume', id)).err).toContain('running');
  expect((await watches('rm', id)).code).toBe(0);
  expect((await watches('show', id)).code).toBe(3);
  expect((await watches('show', 'x', '--json')).out).toContain('not_found');
  daemon.child.kill('SIGTERM');
  expect((await daemon.ended).code).toBe(0);
}, 90_000);
