// `wherry serve` and the verbs that talk to it, as real processes.

import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, contents, objects, openBench, type Started } from './command.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

/** Resolves when it serves. */
async function serve(...words: string[]): Promise<{ daemon: Started; url: string; secret: string }> {
  const daemon = bench.start(['serve', '--data', 'data', '--listen', '127.0.0.1:0', ...words]);
  const [, url = '', secret = ''] = await daemon.said(/(http:\/\/127\.0\.0\.1:\d+)\/#secret=(\S+)\n[\s\S]*Ctrl-C\.\n/);
  return { daemon, url, secret };
}

async function stop({ daemon }: { daemon: Started }): Promise<number | null> {
  daemon.child.kill('SIGTERM');
  return (await daemon.ended).code;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((later) => setTimeout(later, 50));
}

describe('without a configuration', () => {
  test('a demo moves the first file that is dropped; the daemon tells of it and stops cleanly', async () => {
    const running = await serve();
    const card = JSON.parse(readFileSync(bench.path('data/daemon.json'), 'utf8')) as Record<string, unknown>;
    expect(card).toMatchObject({ url: running.url, pid: running.daemon.child.pid });
    expect(statSync(bench.path('data/daemon.json')).mode & 0o777).toBe(0o600);

    writeFileSync(bench.path('demo/in/first file.txt'), 'hello');
    await until(() => existsSync(bench.path('demo/out/first file.txt')));
    expect(contents(bench.path('demo/out'))).toEqual({ 'first file.txt': 'hello' });

    let transfer: Record<string, unknown> | undefined;
    await until(async () => {
      [transfer] = objects(await bench.run('transfers', 'ls', '--json', '--data', 'data', '--state', 'completed'));
      return transfer !== undefined;
    });
    expect(transfer).toMatchObject({ type: 'transfer', state: 'completed', sizeBytes: 5, mode: 'watch' });
    const shown = await bench.run('transfers', 'show', '--data', 'data', String(transfer?.id));
    expect(shown.out).toMatch(/^Receipt {3,}xxh128-8m [0-9a-f]{32}, read-back, /m);

    const [job] = objects(await bench.run('jobs', 'ls', '--json', '--data', 'data'));
    expect(job).toMatchObject({ kind: 'watch', state: 'running' });
    const job1 = await bench.run('jobs', 'show', '--data', 'data', String(job?.id));
    const logFile = /^Log +(.*)$/m.exec(job1.out)?.[1] ?? '';
    expect(logFile).toBe(bench.path('data/logs/jobs', `${String(job?.id)}.log`));

    const explained = await bench.run('explain', '--data', 'data', 'demo/in/first file.txt');
    expect(explained.out).toMatch(/demo\/out\/first file\.txt.*proven/);

    expect(await stop(running)).toBe(0);
    expect(existsSync(bench.path('data/daemon.json'))).toBe(false);
    const log = readFileSync(bench.path('data/logs/wherry.log'), 'utf8').trim().split('\n');
    expect(JSON.parse(log.at(-1) ?? '')).toMatchObject({ msg: 'Wherry has stopped' });
    expect((await bench.run('jobs', 'ls', '--data', 'data')).code).toBe(5);
  });
});

describe('cannot start', () => {
  test('where the port is taken: one sentence, exit 7, and no file is moved', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const ended = await bench.run('serve', '--data', 'data', '--listen', `127.0.0.1:${port}`);
    other.close();
    expect(ended.code).toBe(7);
    expect(ended.err).toMatch(new RegExp(`^wherry: Port ${port} on 127\\.0\\.0\\.1 is taken\\.$`, 'm'));
    expect(existsSync(bench.path('data/daemon.json'))).toBe(false);
  });

  test('where the data folder is in use, is a file, or the configuration is wrong', async () => {
    const running = await serve('--no-demo');
    const second = await bench.run('serve', '--data', 'data', '--listen', '127.0.0.1:0');
    expect(second.code).toBe(5);
    expect(second.err).toMatch(
      new RegExp(
        `^wherry: The data folder .*data is in use by another Wherry \\(process ${running.daemon.child.pid}\\)\\.$`,
        'm',
      ),
    );
    expect(existsSync(bench.path('data/daemon.json'))).toBe(true);
    expect(await stop(running)).toBe(0);

    writeFileSync(bench.path('plain'), '');
    expect(await bench.run('serve', '--data', 'plain')).toMatchObject({ code: 1, err: expect.stringMatching(/plain/) });
    expect(await bench.run('serve', '--listen', '0.0.0.0:0')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/without TLS/),
    });
    writeFileSync(bench.path('wherry.yaml'), 'watchs: []\n');
    expect(await bench.run('serve', '--config', 'wherry.yaml')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(
        /wherry\.yaml:1:1: "watchs" is no key of the configuration\. Did you mean "watches"\?/,
      ),
    });
  });
});

test('watches follow the configuration over restarts: kept, changed, removed', async () => {
  mkdirSync(bench.path('in'));
  const config = (text: string) => writeFileSync(bench.path('wherry.yaml'), text);
  const watches = async () =>
    objects(await bench.run('jobs', 'ls', '--json', '--data', 'data')).map(({ id, state, spec }) => ({
      id,
      state,
      scanSeconds: (spec as { scanSeconds: number }).scanSeconds,
    }));
  const watch = (seconds: number) =>
    `watches:\n  - { source: in, destination: out, scanSeconds: ${seconds}, stableSeconds: 0.2 }\n`;

  config(watch(1));
  let running = await serve('--config', 'wherry.yaml');
  const [first] = await watches();
  expect(first).toMatchObject({ state: 'running', scanSeconds: 1 });
  writeFileSync(bench.path('in/file'), 'x');
  await until(() => existsSync(bench.path('out/file')));
  await stop(running);

  running = await serve('--config', 'wherry.yaml');
  expect(await watches()).toEqual([first]);
  await stop(running);

  config(watch(2));
  running = await serve('--config', 'wherry.yaml');
  expect((await watches()).filter(({ state }) => state === 'running')).toMatchObject([{ scanSeconds: 2 }]);
  await stop(running);

  config('roots: [in]\n');
  running = await serve('--config', 'wherry.yaml');
  expect((await watches()).map(({ state }) => state)).not.toContain('running');
  expect(readdirSync(bench.path('out'))).toEqual(['file']);
  await stop(running);
});

test('a copy by the daemon that is named, inside its roots and not outside', async () => {
  mkdirSync(bench.path('root/src'), { recursive: true });
  writeFileSync(bench.path('root/src/a'), 'alpha');
  writeFileSync(bench.path('wherry.yaml'), 'roots: [root]\n');
  const running = await serve('--config', 'wherry.yaml');

  const plan = await bench.run('copy', '-n', '--data', 'data', 'root/src', 'root/dst');
  expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(/^copy +a {2}\(5 bytes\)$/m) });
  const copied = await bench.run('copy', '--data', 'data', 'root/src', 'root/dst');
  expect(copied).toMatchObject({ code: 0, err: expect.stringMatching(/^Copied 1 file, 5 bytes/m) });
  expect(contents(bench.path('root/dst'))).toEqual({ a: 'alpha' });
  expect(existsSync(bench.path('state'))).toBe(false);
  expect(await bench.run('verify', '--data', 'data', 'root/dst')).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^1 file \(5 bytes\) as they were copied/m),
  });

  mkdirSync(bench.path('elsewhere'));
  const outside = await bench.run('copy', '--data', 'data', 'elsewhere', 'root/dst');
  expect(outside).toMatchObject({
    code: 2,
    err: expect.stringMatching(/outside the folders that this daemon may use/),
  });
  await stop(running);
});

test('tokens are made, listed and ended; a wrong one is refused with 13', async () => {
  const running = await serve('--no-demo');
  const [token] = objects(
    await bench.run('token', 'create', '--json', '--data', 'data', '--scope', 'read', 'for', 'the', 'desk'),
  );
  expect(token).toMatchObject({ name: 'for the desk', scopes: ['read'] });
  const withToken = (secret: unknown) =>
    bench.start(['jobs', 'ls', '--data', 'data'], { env: { WHERRY_TOKEN: String(secret) } }).ended;
  expect((await withToken(token?.token)).code).toBe(0);
  expect((await bench.run('token', 'ls', '--data', 'data')).out).toMatch(/for the desk$/m);
  expect((await bench.run('token', 'revoke', '--data', 'data', String(token?.id))).code).toBe(0);
  expect(await withToken(token?.token)).toMatchObject({ code: 13 });
  expect((await bench.run('transfers', 'pause', '--data', 'data', '01J00000000000000000000000')).code).toBe(3);
  const link = await bench.run('console', '--data', 'data');
  expect(link.out).toMatch(new RegExp(`^${running.url}/#secret=\\S+$`, 'm'));
  await stop(running);
});
