// A real daemon as a child process: started on a data folder and a configuration, killed or stopped, started again.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { endWithUs, killGroup } from './children.ts';

export const wherry = resolve(import.meta.dirname, '../../bin/wherry');

/** The admin token that daemons of tests are started with. */
export const daemonToken = 'wherry-test-token-0123456789abcdef0123456789abcdef';

export interface Daemon {
  readonly child: ChildProcess;
  readonly url: string;
  /** Its API, with the admin token. */
  readonly client: Client;
  /** All that it has said on stderr so far. */
  words(): string;
  /** SIGKILL to its whole group; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>;
}

export interface DaemonOptions {
  readonly config: string;
  /** Default is one that is free. */
  readonly port?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** How long it may take to answer `/readyz`. Default is 60 s. */
  readonly readyMs?: number;
}

/** Begins with `wherry serve`; resolves when it answers `/readyz`, or rejects with what it said when it ended instead. */
export async function startDaemon(folder: string, options: DaemonOptions): Promise<Daemon> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'wherry.yaml');
  writeFileSync(config, options.config);
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const child = endWithUs(
    spawn(wherry, ['serve', '--data', join(folder, 'data'), '--config', config, '--listen', `127.0.0.1:${port}`], {
      cwd: folder,
      detached: true,
      env: { ...process.env, WHERRY_TOKEN: daemonToken, ...options.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
  let words = '';
  child.stderr?.on('data', (piece) => {
    words = (words + piece).slice(-200_000);
  });
  const ended = once(child, 'exit');
  const daemon: Daemon = {
    child,
    url,
    client: createClient({ url, token: daemonToken }),
    words: () => words,
    kill: async () => {
      killGroup(child);
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
  };
  const deadline = performance.now() + (options.readyMs ?? 60_000);
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The daemon ended with exit ${child.exitCode}: ${words.slice(-2000)}`);
    if (performance.now() > deadline) {
      await daemon.kill();
      throw new Error(`The daemon does not answer: ${words.slice(-2000)}`);
    }
    try {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
      if (answer.ok) return daemon;
    } catch {
      // It does not listen yet.
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
