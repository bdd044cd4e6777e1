// `wherry verify` of folders with an ASC MHL history.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { appendGeneration, mhlOperations } from '../../src/engine/mhl/asc-mhl.ts';
import { type Bench, objects, openBench } from './command.ts';

let bench: Bench;
beforeAll(async () => {
  bench = openBench();
  mkdirSync(bench.path('card/DCIM'), { recursive: true });
  for (const name of ['a', 'b', 'c']) writeFileSync(bench.path(`card/DCIM/${name}.jpg`), name.repeat(1_000));
  const mounts = openMounts({ modules: [mhlOperations] });
  await appendGeneration(mounts, {
    folder: bench.path('card'),
    process: 'transfer',
    host: 'box',
    version: '1',
    now: Date.now(),
  });
  await mounts.close();
});
afterAll(() => bench.close());

test('says that all is as the history says, and what is not', async () => {
  expect(await bench.run('verify', 'card')).toMatchObject({
    code: 0,
    out: '',
    err: expect.stringMatching(/^3 files \(3\.0 kB\) as the history says; 1 generation, the chain is whole; in /),
  });
  writeFileSync(bench.path('card/DCIM/b.jpg'), 'c'.repeat(1_000));
  rmSync(bench.path('card/DCIM/c.jpg'));
  writeFileSync(bench.path('card/DCIM/d.jpg'), 'd');
  const plain = await bench.run('verify', 'card');
  expect(plain.code).toBe(11);
  expect(plain.out).toMatch(/changed +.*b\.jpg: its xxh128 is/);
  expect(plain.out).toMatch(/missing +.*c\.jpg/);
  expect(plain.out).toMatch(/new +.*d\.jpg/);
  const told = objects(await bench.run('verify', '--json', 'card'));
  expect(told.at(-1)).toMatchObject({
    type: 'summary',
    ok: 1,
    changed: 1,
    missing: 1,
    new: 1,
    generations: 1,
    problems: 0,
    exitCode: 11,
  });
  expect((await bench.run('verify', '--direct', 'card')).code).toBe(2);
});

test('a chain that was tampered with ends with 11 although every file is well', async () => {
  const chain = bench.path('card/ascmhl/ascmhl_chain.xml');
  writeFileSync(bench.path('card/DCIM/b.jpg'), 'b'.repeat(1_000));
  writeFileSync(bench.path('card/DCIM/c.jpg'), 'c'.repeat(1_000));
  expect((await bench.run('verify', 'card')).code).toBe(0);
  writeFileSync(
    chain,
    readFileSync(chain, 'utf8').replace(/<c4>c4(.)/, (_, digit) => `<c4>c4${digit === '2' ? '3' : '2'}`),
  );
  expect(await bench.run('verify', 'card')).toMatchObject({
    code: 11,
    out: expect.stringMatching(/history +.*is not what the chain says/),
    err: expect.stringContaining('not to be trusted'),
  });
});
