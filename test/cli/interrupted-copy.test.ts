// A copy that is broken off loses nothing: the same command goes on, one at a time.

import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { content } from '../support/trees.ts';
import { type Bench, openBench } from './command.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
  mkdirSync(bench.path('src'));
  mkdirSync(bench.path('dst'));
});
afterEach(() => bench.close());

/** Resolves when the partial of a running copy has grown to `bytes`. */
async function partialOf(bytes: number): Promise<string> {
  for (;;) {
    const name = readdirSync(bench.path('dst')).find((one) => one.endsWith('.partial'));
    if (name !== undefined && statSync(bench.path('dst', name)).size >= bytes) return name;
    await new Promise((later) => setTimeout(later, 20));
  }
}

test('killed with -9, it goes on from the journal and leaves no partial', async () => {
  const bytes = content(1, 60_000_000);
  writeFileSync(bench.path('src/big'), bytes);
  const first = bench.start(['copy', '--bwlimit', '20M', 'src', 'dst']);
  await partialOf(30_000_000);
  first.child.kill('SIGKILL');
  expect((await first.ended).code).toBe(null);
  expect(readdirSync(bench.path('dst'))).not.toContain('big');

  const second = await bench.run('copy', 'src', 'dst');
  expect(second.code).toBe(0);
  expect(second.err).toMatch(/An earlier run of this copy did not complete; it goes on where it was\./);
  expect(readFileSync(bench.path('dst/big')).equals(bytes)).toBe(true);
  expect(readdirSync(bench.path('dst'))).toEqual(['big']);
});

test('killed with -9 after a file had failed, it tries that file again', async () => {
  writeFileSync(bench.path('src/big'), content(1, 60_000_000));
  writeFileSync(bench.path('src/small'), 'small');
  mkdirSync(bench.path('dst/small/in-the-way'), { recursive: true });
  const first = bench.start(['copy', '-P', '--bwlimit', '10M', 'src', 'dst']);
  await first.said(/small/);
  await partialOf(10_000_000);
  first.child.kill('SIGKILL');
  await first.ended;
  rmSync(bench.path('dst/small'), { recursive: true });

  const second = await bench.run('copy', 'src', 'dst');
  expect(second.err).toMatch(/An earlier run of this copy did not complete/);
  expect(second.code).toBe(0);
  expect(readdirSync(bench.path('dst')).sort()).toEqual(['big', 'small']);
  expect(readFileSync(bench.path('dst/small'), 'utf8')).toBe('small');
});

test('Ctrl-C stops within a second, says how to go on, and a second run at the same time is refused', async () => {
  writeFileSync(bench.path('src/big'), content(2, 40_000_000));
  const first = bench.start(['copy', '--bwlimit', '5M', 'src', 'dst']);
  await partialOf(1_000_000);

  const other = await bench.run('copy', 'src', 'dst/');
  expect(other.code).toBe(5);
  expect(other.err).toMatch(
    new RegExp(`^wherry: The same copy is running already \\(process ${first.child.pid}\\)\\.$`, 'm'),
  );

  const stoppedAt = performance.now();
  first.child.kill('SIGINT');
  const ended = await first.ended;
  expect(ended.code).toBe(130);
  // The promise is 1 s; what is above that is the starting of a process on a busy machine.
  expect(performance.now() - stoppedAt).toBeLessThan(3_000);
  expect(ended.err).toMatch(/interrupted\. What is done is kept: run the same command again to go on\./);

  const again = await bench.run('copy', 'src', 'dst');
  expect(again.code).toBe(0);
  expect(readFileSync(bench.path('dst/big')).equals(content(2, 40_000_000))).toBe(true);
  expect(readdirSync(bench.path('dst'))).toEqual(['big']);
});

test('SIGTERM ends it with 143', async () => {
  writeFileSync(bench.path('src/big'), content(3, 20_000_000));
  const run = bench.start(['copy', '--bwlimit', '2M', 'src', 'dst']);
  await partialOf(1);
  run.child.kill('SIGTERM');
  expect((await run.ended).code).toBe(143);
});

test.each([
  ['shrinks', (source: string) => truncateSync(source, 4_000_000)],
  ['grows', (source: string) => appendFileSync(source, 'more')],
])(
  'a source that %s while it is read starts again, and what arrives is what stands there at the end',
  async (_, change) => {
    const source = bench.path('src/big');
    writeFileSync(source, content(4, 12_000_000));
    const run = bench.start(['copy', '--bwlimit', '8M', 'src', 'dst']);
    await partialOf(5_000_000);
    change(source);
    expect((await run.ended).code).toBe(0);
    expect(readFileSync(bench.path('dst/big')).equals(readFileSync(source))).toBe(true);
    expect(readdirSync(bench.path('dst'))).toEqual(['big']);
  },
);
