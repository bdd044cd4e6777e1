// `wherry verify` of a host over SSH: by receipts, and two trees against each other, hashed where the files are.

import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { linkTo, type TcpLink } from '../support/tcp-link.ts';
import { content } from '../support/trees.ts';
import { type Bench, objects, openBench } from './command.ts';

const large = 20_000_000;
const odd = "it's $(odd) 100% %41";
let bench: Bench;
let sshd: Sshd;
let link: TcpLink;
let there: string;
beforeAll(async () => {
  sshd = await startSshd();
  link = await linkTo(sshd.port);
  bench = openBench();
  there = `ssh://${sshd.user}@127.0.0.1:${link.port}${join(sshd.files, 'photos')}`;
  const { identityFile, knownHosts } = sshd;
  const host = JSON.stringify({ identityFile, knownHosts, agent: false });
  writeFileSync(bench.path('wherry.yaml'), `ssh: { hosts: { 127.0.0.1: ${host} } }\n`);
  mkdirSync(bench.path('src/sub'), { recursive: true });
  for (let index = 0; index < 40; index++)
    writeFileSync(bench.path('src/sub', `small ${index}`), content(index, 3_000));
  writeFileSync(bench.path('src', odd), 'odd');
  writeFileSync(bench.path('src/large'), content(99, large));
  expect(await run('copy', 'src', there)).toMatchObject({ code: 0 });
}, 60_000);
afterAll(async () => {
  bench.close();
  await link.close();
  await sshd.close();
});
const run = (...words: string[]) => bench.run(words[0] ?? '', '--config', 'wherry.yaml', ...words.slice(1));

test('what stands there as it was copied is ok, and is not read over the line', { timeout: 60_000 }, async () => {
  const before = link.bytes.down;
  const ended = await run('verify', '--json', there);
  expect(objects(ended).at(-1)).toMatchObject({ ok: 42, withoutReceipt: 0, changed: 0, missing: 0, exitCode: 0 });
  expect(link.bytes.down - before).toBeLessThan(large / 10);
  expect((await run('verify', `${there}/large`)).err).toMatch(/^1 file \(20\.0 MB\) as they were copied/m);
  const direct = await run('verify', '--direct', `${there}/large`);
  expect(direct.err).toContain('leave --direct out');
  expect(direct.code).not.toBe(0);
});

test('two trees, one here and one there, in both directions', { timeout: 60_000 }, async () => {
  expect(await run('verify', '--against', 'src', there)).toMatchObject({ code: 0 });
  expect(await run('verify', '--against', there, 'src')).toMatchObject({ code: 0 });
  expect(await run('verify', '--against', 'src/large', `${there}/large`)).toMatchObject({ code: 0 });
});

test('content that changed under the same size and time, and what is gone, are named: exit 11', {
  timeout: 60_000,
}, async () => {
  const changed = join(sshd.files, 'photos', odd);
  const { atime, mtime } = statSync(changed);
  writeFileSync(changed, 'ODD');
  utimesSync(changed, atime, mtime);
  rmSync(join(sshd.files, 'photos/sub/small 7'));
  const ended = await run('verify', '--json', there);
  const lines = objects(ended);
  const named = (verdict: string) => lines.filter((line) => line.verdict === verdict).map(({ path }) => path);
  expect(named('changed')).toEqual([`${there}/${encodeURIComponent(odd)}`]);
  expect(named('missing')).toEqual([`${there}/sub/small%207`]);
  expect(ended.code).toBe(11);
  const against = await run('verify', '--against', 'src', there);
  expect(against.code).toBe(11);
  expect(against.err).toMatch(/1 changed, 1 missing/);
  expect((await run('verify', `${there}/nowhere`)).code).toBe(3);
});
