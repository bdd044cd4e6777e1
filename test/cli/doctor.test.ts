// `wherry doctor` names what is wrong, says what to do, and leaves nothing behind.

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeClock, judgeNode, judgeOpenFiles, judgeTool, judgeWatches } from '../../src/doctor-machine.ts';
import { judgeCertificate } from '../../src/doctor-service.ts';
import { freePort } from '../support/daemon.ts';
import { type Bench, type Ended, objects, openBench, type StartOptions } from './command.ts';

let bench: Bench;
let port = 0;
beforeAll(async () => {
  bench = openBench();
  port = await freePort();
  for (const name of ['in', 'out', 'root']) mkdirSync(bench.path(name));
});
afterAll(() => bench.close());

const config = (text: string) =>
  writeFileSync(bench.path('wherry.yaml'), `data: data\nlisten: 127.0.0.1:${port}\n${text}`);
const ask = (options: StartOptions = {}): Promise<Ended> =>
  bench.start(['doctor', '--json', '--config', 'wherry.yaml'], options).ended;
const findings = (ended: Ended) => objects(ended).filter(({ type }) => type === 'finding');
const faulty = (ended: Ended) => findings(ended).filter(({ state }) => state !== 'ok');

test('all is well: exit 0, each folder with what its file system can do, and nothing left behind', async () => {
  config('roots: [root]\nwatches: [{ source: in, destination: out, after: delete }]\n');
  mkdirSync(bench.path('data'), { recursive: true });
  const ended = await ask();
  expect(faulty(ended)).toEqual([]);
  expect(ended.code).toBe(0);
  expect(objects(ended).at(-1)).toMatchObject({ type: 'summary', problem: 0, exitCode: 0 });
  const texts = findings(ended).map(({ text }) => String(text));
  for (const use of ['in (watched)', 'out (destination)', 'root (root)', 'data (data)'])
    expect(texts.join('\n')).toContain(use);
  expect(texts.find((text) => text.includes('out (destination)'))).toMatch(
    /free; atomic rename, hard links, (no )?xattrs, case counts\.$/,
  );
  for (const name of ['in', 'out', 'root', 'data']) expect(readdirSync(bench.path(name))).toEqual([]);

  const plain = await bench.run('doctor', '--config', 'wherry.yaml');
  expect(plain).toMatchObject({ code: 0, err: 'Everything is well.\n' });
  expect(plain.out).not.toContain('\u001b');
});

test('a wrong configuration is named by line; the machine is looked at all the same', async () => {
  config('wathces: []\n');
  const ended = await ask();
  expect(ended.code).toBe(1);
  expect(faulty(ended)).toMatchObject([
    { check: 'config', text: expect.stringMatching(/wherry\.yaml:3:1: .*"watches"/) },
  ]);
  expect(findings(ended).map(({ check }) => check)).toContain('node');
});

describe('folders', () => {
  test('that are missing, are files, or may not be written', async () => {
    writeFileSync(bench.path('file'), '');
    mkdirSync(bench.path('shut'));
    chmodSync(bench.path('shut'), 0o555);
    config('watches:\n  - { source: gone, destination: shut }\n  - { source: in, destination: file }\n');
    const ended = await ask({ plainUser: true });
    expect(ended.code).toBe(1);
    const said = faulty(ended).map(({ text }) => String(text));
    expect(said.find((text) => text.includes('gone (watched'))).toMatch(/is not there\.$/);
    expect(said.find((text) => text.includes('shut (destination'))).toMatch(/cannot be written \(EACCES\)\.$/);
    expect(said.find((text) => text.includes('file (destination'))).toMatch(/is no folder\.$/);
    for (const { remedy } of faulty(ended)) expect(remedy).toMatch(/\w/);
  });

  test('that are full, and names that would move the cursor', async () => {
    const place = bench.path('small\u001b[2Jdisk');
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place]);
    try {
      config('watches:\n  - source: in\n    destination: "small\\e[2Jdisk"\n');
      const ended = await bench.run('doctor', '--config', 'wherry.yaml');
      expect(ended.code).toBe(1);
      expect(ended.out).toMatch(
        /^problem {2}folder {3}.*small\\x1b\[2Jdisk \(destination, root\) has only 1\.0 MB free\.$/m,
      );
      expect(ended.out).not.toContain('\u001b');
    } finally {
      spawnSync('umount', ['-l', place]);
    }
  });
});

describe('the daemon', () => {
  test('that runs and answers, and an address that another program has', async () => {
    config('');
    const daemon = bench.start(['serve', '--config', 'wherry.yaml', '--no-demo']);
    await daemon.said(/Ctrl-C\.\n/);
    const ended = await ask();
    expect(faulty(ended)).toEqual([]);
    expect(findings(ended).find(({ check }) => check === 'daemon')?.text).toMatch(/is ready\.$/);

    // It stands still, so that it cannot answer.
    daemon.child.kill('SIGSTOP');
    const hung = await ask();
    daemon.child.kill('SIGCONT');
    expect(hung.code).toBe(1);
    expect(faulty(hung)).toMatchObject([
      { check: 'daemon', text: expect.stringMatching(/does not answer in time\.$/) },
    ]);
    daemon.child.kill('SIGTERM');
    await daemon.ended;

    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const taken = await ask();
    other.close();
    expect(taken.code).toBe(1);
    expect(faulty(taken)).toMatchObject([{ check: 'listen', text: `Something else listens at 127.0.0.1:${port}.` }]);
  });

  test('a certificate and its key', () => {
    const make = (name: string, days: string) =>
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x'].concat([
          '-days',
          days,
          '-keyout',
          bench.path(`${name}.key`),
          '-out',
          bench.path(`${name}.pem`),
        ]),
        { stdio: 'ignore' },
      );
    make('one', '30');
    make('two', '3');
    const judge = (certificate: string, key: string, now = Date.now()) =>
      judgeCertificate({ certificateFile: bench.path(certificate), keyFile: bench.path(key) }, now);
    expect(judge('one.pem', 'one.key').state).toBe('ok');
    expect(judge('two.pem', 'two.key')).toMatchObject({
      state: 'warning',
      text: expect.stringMatching(/ends in 3 days/),
    });
    expect(judge('one.pem', 'two.key')).toMatchObject({
      state: 'problem',
      text: expect.stringMatching(/is not the key/),
    });
    expect(judge('one.pem', 'one.key', Date.now() + 40 * 86_400_000)).toMatchObject({ state: 'problem' });
    expect(judge('none.pem', 'one.key').text).toMatch(/cannot be read \(ENOENT\)/);
  });
});

test('the machine', () => {
  expect(judgeNode('20.1.0')).toMatchObject({ state: 'problem', remedy: expect.stringMatching(/npm ci/) });
  expect(judgeNode('24.0.0').state).toBe('ok');
  expect(judgeTool({ program: 'dd', packageName: 'coreutils', use: 'x' }, '/nowhere')).toMatchObject({
    state: 'warning',
    remedy: 'Install the package coreutils.',
  });
  expect(judgeTool({ program: 'dd', packageName: 'coreutils', use: 'x' }, '/nowhere:/usr/bin:/bin').state).toBe('ok');
  expect(judgeWatches(8192).state).toBe('warning');
  expect(judgeOpenFiles(256).state).toBe('warning');
  expect(judgeClock(0).state).toBe('problem');
  expect(judgeClock(Date.now()).state).toBe('ok');
});
