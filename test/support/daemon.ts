// A real daemon as a child process: started on a data folder and a configuration, killed or stopped, started again.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const wherry = resolve(import.meta.dirname, '../../bin/wherry');

export interface Daemon {
  readonly child: ChildProcess;
  /** All that it has said on stderr so far. */
  words(): string;
  /** SIGKILL to its whole group; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Begins with `wherry serve`; resolves when it answers `/readyz`, or rejects with what it said when it ended instead. */
export async function startDaemon(
  folder: string,
  options: { config: string; port: number; env?: NodeJS.ProcessEnv },
): Promise<Daemon> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'wherry.yaml');
  writeFileSync(config, options.config);
  const child = spawn(
    wherry,
    ['serve', '--data', join(folder, 'data'), '--config', config, '--listen', `127.0.0.1:${options.port}`],
    {
      cwd: folder,
      detached: true,
      env: { ...process.env, WHERRY_TOKEN: daemonToken, ...options.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let words = '';
  child.stderr?.on('data', (piece) => {
    words = (words + piece).slice(-200_000);
  });
  const ended = once(child, 'exit');
  const daemon: Daemon = {
    child,
    words: () => words,
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
  };
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The daemon ended with exit ${child.exitCode}: ${words.slice(-2000)}`);
    try {
      const answer = await fetch(`http://127.0.0.1:${options.port}/readyz`);
      if (answer.ok) return daemon;
    } catch {
      // It does not listen yet.
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** The admin token that daemons of tests are started with. */
export const daemonToken = 'wherry-test-token-0123456789abcdef0123456789abcdef';
