// Programs of steps end with their step: when it is stopped, when Wherry is killed, and whatever they have started themselves.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram, runProgram } from '../../src/steps/program.ts';
import { endWithUs } from '../support/children.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-program-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const shell = (line: string, signal = never, more: object = {}) =>
  runProgram({ program: 'sh', args: ['-c', line], folder, ...more }, signal);

/** A process that writes down who it is, ignores SIGTERM if told so, and would live for a minute. */
const stays = (name: string, stubborn = false) =>
  `${stubborn ? "trap '' TERM; " : ''}echo $$ > ${name}.tmp; mv ${name}.tmp ${name}; sleep 61; sleep 62`;

async function pidIn(name: string): Promise<number> {
  const path = join(folder, name);
  const read = () => {
    try {
      return Number(readFileSync(path, 'utf8'));
    } catch {
      return 0;
    }
  };
  const watcher = watch(folder);
  try {
    for (;;) {
      const pid = read();
      if (pid > 0) return pid;
      await new Promise((resolve) => {
        watcher.once('change', resolve);
        if (read() > 0) resolve(undefined);
      });
    }
  } finally {
    watcher.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

async function gone(pid: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

describe('how a program ends', () => {
  test('its code, output and complaint are told; words are not looked at by a shell', async () => {
    const words = ['$HOME', '; touch x', "it's", '*', 'a\nb', '-n', ''];
    const printed = await runProgram({ program: 'printf', args: ['%s|', ...words], folder }, never);
    expect(printed).toMatchObject({ code: 0, output: words.map((word) => `${word}|`).join('') });
    expect(await shell('echo out; echo bad >&2; exit 3')).toEqual({ code: 3, output: 'out\n', complaint: 'bad\n' });
    expect((await shell('kill -9 $$')).code).toBe(137);
  });

  test('nothing of the environment is passed on but PATH', async () => {
    process.env.WHERRY_TEST_SECRET = 'x';
    try {
      const { output } = await shell('env', never, { env: { GIVEN: 'yes' } });
      const names = output.split('\n').map((line) => line.split('=')[0]);
      expect(names).toEqual(expect.arrayContaining(['GIVEN', 'PATH', 'LC_ALL']));
      expect(output).not.toContain('SECRET');
    } finally {
      delete process.env.WHERRY_TEST_SECRET;
    }
  });

  test('limits hold', async () => {
    const large = 'dd if=/dev/zero of=big bs=100k count=20';
    expect((await shell(large, never, { limits: { fileBytes: 512_000 } })).code).not.toBe(0);
    expect((await shell(large)).code).toBe(0);
    expect((await shell('while :; do :; done', never, { limits: { cpuSeconds: 1 } })).code).toBeGreaterThan(128);
    const greedy = ['-e', 'Buffer.alloc(3e9).fill(1)'];
    const held = await runProgram(
      { program: process.execPath, args: greedy, folder, limits: { memoryBytes: 500e6 } },
      never,
    );
    expect(held.code).not.toBe(0);
  });

  test('a program that is not there is named with its package', async () => {
    expect(() => findProgram('no-such-program', 'some-package')).toThrow(
      /no-such-program is not installed.*apt install some-package/,
    );
    await expect(runProgram({ program: 'no-such-program', args: [], folder }, never)).rejects.toMatchObject({
      code: 'tool_missing',
    });
  });

  test('what it left running ends with it', async () => {
    expect((await shell(`(${stays('left')}) >/dev/null 2>&1 & while [ ! -e left ]; do :; done`)).code).toBe(0);
    expect(await gone(await pidIn('left'), 1_000)).toBe(true);
  });
});

describe('being stopped', () => {
  test('ends the program and all that it has started', async () => {
    const stop = new AbortController();
    const running = shell(`sh -c '${stays('inner')}' & ${stays('outer')}`, stop.signal);
    const pids = [await pidIn('inner'), await pidIn('outer')];
    const startedAt = performance.now();
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    for (const pid of pids) expect(await gone(pid, 1_000)).toBe(true);
  });

  test('ends one that does not listen after two seconds', async () => {
    const stop = new AbortController();
    const running = shell(stays('stubborn', true), stop.signal);
    const pid = await pidIn('stubborn');
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
    expect(await gone(pid, 1_000)).toBe(true);
  });
});

describe('when the process that started it is killed', () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  const start = (line: string) => {
    const module = join(import.meta.dirname, '../../src/steps/program.ts');
    const file = join(folder, 'starter.mjs');
    writeFileSync(
      file,
      `import { spawn } from 'node:child_process';
       import { runProgram } from ${JSON.stringify(module)};
       ${line}`,
    );
    const child = endWithUs(spawn(process.execPath, [file], { stdio: 'ignore', detached: true }));
    started.push(child);
    return child;
  };
  const naive = (line: string) =>
    `spawn('sh', ['-c', ${JSON.stringify(line)}], { cwd: ${JSON.stringify(folder)}, stdio: 'ignore', detached: true });`;
  const ours = (line: string) =>
    `await runProgram({ program: 'sh', args: ['-c', ${JSON.stringify(line)}], folder: ${JSON.stringify(folder)} }, new AbortController().signal);`;

  test.each([
    ['a program', false, 1_000],
    ['one that does not listen', true, 4_000],
  ])('%s ends by itself', async (_, stubborn, withinMs) => {
    const child = start(ours(stays('orphan', stubborn)));
    const pid = await pidIn('orphan');
    child.kill('SIGKILL');
    expect(await gone(pid, withinMs)).toBe(true);
  });

  test('control: one that was started plainly lives on', async () => {
    const child = start(naive(stays('orphan')));
    const pid = await pidIn('orphan');
    child.kill('SIGKILL');
    expect(await gone(pid, 1_000)).toBe(false);
    process.kill(-pid, 'SIGKILL');
  });
});
