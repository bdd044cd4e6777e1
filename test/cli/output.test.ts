// What every verb prints: hostile names only as escapes, plain lines off a terminal, no colour where NO_COLOR is set.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verbs } from '../../src/cli/verbs.ts';
import { type Bench, type Ended, objects, openBench, type Started } from './command.ts';

/** Clears the screen, rings, is a C1 control, turns the direction of text, and has a line of its own. */
const hostile = 'evil\u001b[2J\u0007\u009b31m\u202e\nname';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that colour
const colours = /\u001b\[[\d;]*m/;

let bench: Bench;
let daemon: Started;
const ids: Record<string, string> = {};
beforeAll(async () => {
  bench = openBench();
  mkdirSync(bench.path(`in ${hostile}`));
  mkdirSync(bench.path('root'));
  writeFileSync(bench.path('root', hostile), 'text');
  const folder = JSON.stringify(`in ${hostile}`);
  writeFileSync(
    bench.path('wherry.yaml'),
    `roots: [root]\nwatches:\n  - { source: ${folder}, destination: out, scanSeconds: 0.2, stableSeconds: 0.1 }\n`,
  );
  writeFileSync(bench.path('bad.yaml'), `${JSON.stringify(hostile)}: 1\n`);
  daemon = bench.start(['serve', '--data', 'data', '--listen', '127.0.0.1:0', '--config', 'wherry.yaml']);
  await daemon.said(/Ctrl-C\.\n/);
  writeFileSync(bench.path(`in ${hostile}`, hostile), 'text');
  while (!existsSync(bench.path('out', hostile))) await new Promise((later) => setTimeout(later, 50));
  await bench.run('token', 'create', '--data', 'data', hostile);
  await bench.run('webhooks', 'add', '--data', 'data', '--name', hostile, 'https://x.example/');
  for (const list of ['jobs', 'transfers', 'watches', 'webhooks']) {
    ids[list] = String(objects(await bench.run(list, 'ls', '--json', '--data', 'data'))[0]?.id);
  }
}, 60_000);
afterAll(() => bench.close());

/** A call of each verb in which the hostile name has to be said. */
const calls: Readonly<Record<string, readonly (() => readonly string[])[]>> = {
  copy: [
    () => ['copy', '-n', 'root', 'new'],
    () => ['copy', '-P', 'root', 'dst'],
    () => ['copy', '-n', '--data', 'data', `root/${hostile}`, 'root/copied/'],
    () => ['copy', hostile, 'dst'],
  ],
  sync: [
    () => ['sync', '-n', 'root', 'mirror'],
    () => ['sync', '-P', 'root', 'mirror'],
    () => ['sync', hostile, 'dst'],
  ],
  syncs: [
    () => ['syncs', 'add', '--data', 'data', 'mirror', 'root', hostile],
    () => ['syncs', 'show', '--data', 'data', hostile],
  ],
  manifest: [() => ['manifest', 'export', 'root', 'mirror'], () => ['manifest', 'diff', hostile, hostile]],
  room: [() => ['room', hostile]],
  sinks: [() => ['sinks', 'retry', '--data', 'data', hostile], () => ['sinks', hostile]],
  watch: [() => ['watch', hostile, 'dst']],
  verify: [() => ['verify', '-v', `out/${hostile}`], () => ['verify', '--against', 'root', hostile]],
  cleanup: [() => ['cleanup', '--data', 'nowhere', hostile], () => ['cleanup', '--age', hostile, 'root']],
  serve: [() => ['serve', hostile]],
  watches: [
    () => ['watches', 'ls', '--data', 'data'],
    () => ['watches', 'show', '--data', 'data', ids.watches ?? ''],
    () => ['watches', 'test', '--data', 'data', '--rule', '*=a/{name}', hostile],
  ],
  offload: [() => ['offload', '--data', 'data', `./${hostile}`], () => ['offload', '--data', 'nowhere', hostile]],
  process: [() => ['process', 'mounted', hostile, 'dst']],
  devices: [() => ['devices', hostile]],
  recordings: [() => ['recordings', hostile], () => ['recordings', 'show', '--data', 'data', hostile]],
  jobs: [() => ['jobs', 'ls', '--data', 'data'], () => ['jobs', 'show', '--data', 'data', ids.jobs ?? '']],
  transfers: [
    () => ['transfers', 'ls', '--data', 'data'],
    () => ['transfers', 'show', '--data', 'data', ids.transfers ?? ''],
    () => ['transfers', 'pause', '--data', 'data', hostile],
    () => ['transfers', 'ls', '--data', 'data', '--state', hostile],
  ],
  explain: [() => ['explain', '--data', 'data', `out/${hostile}`]],
  token: [() => ['token', 'ls', '--data', 'data'], () => ['token', 'revoke', '--data', 'data', hostile]],
  webhooks: [() => ['webhooks', 'ls', '--data', 'data'], () => ['webhooks', 'messages', '--data', 'data', hostile]],
  console: [() => ['console', '--data', hostile]],
  config: [() => ['config', 'check', 'bad.yaml'], () => ['config', 'check', hostile]],
  doctor: [() => ['doctor', '--config', 'wherry.yaml'], () => ['doctor', hostile]],
  completion: [() => ['completion', hostile]],
  'no verb': [() => [hostile], () => ['copy', `--${hostile}`], () => ['help', hostile]],
};

test('each verb is among them', () => {
  expect(
    Object.keys(calls)
      .filter((name) => name !== 'no verb')
      .sort(),
  ).toEqual(verbs.map(({ name }) => name).sort());
});

const said = ({ out, err }: Ended) => out + err;

describe.each(Object.entries(calls))('%s', (_, lines) => {
  test('says hostile names as escapes, with and without --json', async () => {
    for (const line of lines) {
      const words = line();
      const ended = await bench.run(...words);
      expect(said(ended), words.join(' ')).not.toMatch(raw);
      expect(said(ended), words.join(' ')).toMatch(/evil|\bconsole\b/);
      const json = await bench.run(...words, '--json');
      expect(said(json), words.join(' ')).not.toMatch(raw);
      expect(objects(json).length).toBeGreaterThan(0);
    }
  });
});

describe('colours', () => {
  const entry = resolve(import.meta.dirname, '../../src/cli/main.ts');
  /** On a pseudo-terminal. */
  const onTerminal = (words: string, env: Record<string, string> = {}) => {
    const command = `${process.execPath} ${entry} ${words}`;
    const ran = spawnSync('script', ['-qec', command, '/dev/null'], {
      cwd: bench.folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: bench.folder, TERM: 'xterm', ...env },
    });
    return ran.stdout;
  };

  test('on a terminal, but not with NO_COLOR; elsewhere not, unless FORCE_COLOR says so', async () => {
    expect(onTerminal('doctor --config wherry.yaml')).toMatch(colours);
    expect(onTerminal('doctor --config wherry.yaml', { NO_COLOR: '1' })).not.toMatch(colours);
    expect(onTerminal('copy -P root on-terminal', { NO_COLOR: '1' })).not.toMatch(colours);
    const doctor = (env: Record<string, string>) => bench.start(['doctor', '--config', 'wherry.yaml'], { env }).ended;
    expect((await doctor({})).out).not.toMatch(colours);
    expect((await doctor({ FORCE_COLOR: '1' })).out).toMatch(colours);
    expect((await doctor({ FORCE_COLOR: '1', NO_COLOR: '1' })).out).not.toMatch(colours);
  });
});
