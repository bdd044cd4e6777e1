// A pipeline that is killed at any system call, and at any moment, and run again: every result right, and once.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createHasher } from '../../../src/endpoints/content-hash.ts';
import type { StepRecord } from '../../../src/model/pipeline.ts';
import { contents } from '../../cli/command.ts';
import { endWithUs, killGroup, killingAt } from '../../support/children.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const original = 'what came off the card\n'.repeat(1_000);
const script =
  'echo "$0" >> ../../../../runs; mkdir "$1.part"; tr a-z A-Z < "$2" > "$1.part/one"; echo two > "$1.part/two"; mv "$1.part" "$1"';
const steps = [
  { step: 'checksum', algorithms: ['sha256', 'c4'], sidecar: true },
  { step: 'exec', argv: ['sh', '-c', script, 'folder', '{output}', '{input}'], output: '{name}.set', role: 'set' },
  {
    step: 'exec',
    argv: ['sh', '-c', 'echo copy >> ../../../../runs; cp "$1" "$2"', 'x', '{input}', '{output}'],
    output: '{name}.copy',
    role: 'copy',
  },
  { step: 'checksum', from: 'copy', algorithms: ['md5'] },
];

function prepare(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-process-'));
  folders.push(folder);
  mkdirSync(join(folder, 'downloads', 'DCIM'), { recursive: true });
  mkdirSync(join(folder, 'processed', 'DCIM', 'clip.mp4'), { recursive: true });
  writeFileSync(join(folder, 'downloads', 'DCIM', 'clip.mp4'), original);
  writeFileSync(join(folder, 'pipeline.json'), JSON.stringify({ name: 'test', steps }));
  // Somebody else's, under a name that a step will want.
  writeFileSync(join(folder, 'processed', 'DCIM', 'clip.mp4', 'clip.copy'), 'not ours');
  return folder;
}

const child = join(import.meta.dirname, '../../support/process-child.ts');

function start(folder: string, before: readonly string[] = []): { child: ChildProcess; ended: Promise<number | null> } {
  const [command = '', ...args] = [...before, process.execPath, child, folder];
  const started = endWithUs(spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], detached: true }));
  return { child: started, ended: new Promise((resolve) => started.once('exit', (code) => resolve(code))) };
}

function check(folder: string): void {
  const records = readFileSync(join(folder, 'records'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as StepRecord);
  // One record may be told twice where the kill came between its write and its answer; never two of different things.
  expect([...new Set(records.map(({ at }) => at))]).toEqual([0, 1, 2, 3]);
  const made = contents(join(folder, 'processed'));
  const at = 'DCIM/clip.mp4';
  expect(Object.keys(made).sort()).toEqual(
    [
      `${at}/clip (1).copy`,
      `${at}/clip.copy`,
      `${at}/clip.mp4.c4`,
      `${at}/clip.mp4.sha256`,
      `${at}/clip.set/one`,
      `${at}/clip.set/two`,
    ].sort(),
  );
  expect(made[`${at}/clip.copy`]).toBe('not ours');
  expect(made[`${at}/clip (1).copy`]).toBe(original);
  expect(made[`${at}/clip.set/one`]).toBe(original.toUpperCase());
  for (const { derived, at: place } of records) {
    for (const { path, hash, sizeBytes, parentHash } of derived) {
      expect(existsSync(path)).toBe(true);
      expect(parentHash).toBe('abc');
      if (place !== 2) continue;
      const hasher = createHasher('xxh128-8m');
      hasher.update(readFileSync(path));
      expect({ path, value: hash.value, sizeBytes }).toEqual({
        path: join(folder, 'processed', at, 'clip (1).copy'),
        value: hasher.digest(),
        sizeBytes: original.length,
      });
    }
  }
  expect(existsSync(join(folder, 'processed', '.wherry-work'))).toBe(false);
}

const calls = 'link,linkat,rename,renameat,renameat2,unlink,unlinkat,fsync,mkdir,mkdirat,rmdir';

test('killed at every call that changes what lies on the disk', { timeout: 280_000 }, async () => {
  let points = 0;
  for (let n = 1; ; n++) {
    const folder = prepare();
    await start(folder, ['strace', ...killingAt(calls, n)]).ended;
    const isWhole = existsSync(join(folder, 'ended'));
    if (!isWhole) {
      points += 1;
      expect(await start(folder).ended).toBe(0);
    }
    check(folder);
    rmSync(folder, { recursive: true, force: true });
    if (isWhole) break;
  }
  expect(points).toBeGreaterThan(20);
});

test('control: publishing without writing it down first makes a result twice', async () => {
  const folder = prepare();
  const naive = join(folder, 'naive.mjs');
  writeFileSync(
    naive,
    `import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
     const at = ${JSON.stringify(folder)};
     if (!existsSync(at + '/records')) {
       writeFileSync(at + '/made', 'a result');
       let n = 0;
       while (existsSync(at + '/processed/result-' + n)) n += 1;
       renameSync(at + '/made', at + '/processed/result-' + n);
       const fd = openSync(at + '/processed');
       fsyncSync(fd);
       closeSync(fd);
       appendFileSync(at + '/records', 'done');
     }`,
  );
  const run = (before: readonly string[]) =>
    new Promise((resolve) => {
      const [command = '', ...args] = [...before, process.execPath, naive];
      endWithUs(spawn(command, args, { stdio: 'ignore', detached: true })).once('exit', resolve);
    });
  await run(['strace', ...killingAt('fsync', 1)]);
  await run([]);
  expect(Object.keys(contents(join(folder, 'processed'))).filter((path) => path.startsWith('result'))).toHaveLength(2);
});

test('killed again and again at random moments', { timeout: 120_000 }, async () => {
  const folder = prepare();
  let seed = 12_345;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  let kills = 0;
  for (; kills < 25 && !existsSync(join(folder, 'ended')); kills++) {
    const { child: running, ended } = start(folder);
    const timer = setTimeout(() => killGroup(running), 150 + random() * 350);
    await ended;
    clearTimeout(timer);
  }
  if (!existsSync(join(folder, 'ended'))) expect(await start(folder).ended).toBe(0);
  expect(kills).toBeGreaterThan(1);
  check(folder);
});
