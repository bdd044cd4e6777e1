// A daemon to be measured: started on a folder of its own, asked by its API, looked at in /proc.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Client, createClient } from '../src/api/client.ts';
import { wherry } from './stage.ts';

const token = 'wherry-bench-token-0123456789abcdef0123456789abcdef';

export interface Daemon {
  readonly client: Client;
  /** Seconds from the start of the process to the first answer of `/readyz`. */
  readonly startSeconds: number;
  /** Proportional set size of the process and its children: what they really take of the machine's memory. */
  memoryBytes(): number;
  /** The part of it that no file backs: what is left out is code, which other processes of the same program share or do not. */
  ownBytes(): number;
  stop(): Promise<void>;
}

export async function startDaemon(folder: string, config: string): Promise<Daemon> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'wherry.yaml');
  writeFileSync(file, config);
  const url = `http://127.0.0.1:${await freePort()}`;
  const begun = performance.now();
  const listen = url.slice('http://'.length);
  const child = spawn(wherry, ['serve', '--data', join(folder, 'data'), '--config', file, '--listen', listen], {
    env: { ...process.env, WHERRY_TOKEN: token },
    stdio: 'ignore',
  });
  while (!(await answers(`${url}/readyz`))) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with exit ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    client: createClient({ url, token }),
    startSeconds: (performance.now() - begun) / 1000,
    memoryBytes: () => familyOf(child).reduce((sum, pid) => sum + proportionalBytes(pid, 'Pss'), 0),
    ownBytes: () => familyOf(child).reduce((sum, pid) => sum + proportionalBytes(pid, 'Pss_Anon'), 0),
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(10_000) })).ok;
  } catch {
    return false;
  }
}

function familyOf({ pid }: ChildProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [pid ?? 0, ...children.split(' ').filter(Boolean).map(Number)];
}

function proportionalBytes(pid: number, part: 'Pss' | 'Pss_Anon'): number {
  try {
    const lines = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').split('\n');
    const line = lines.find((each) => each.startsWith(`${part}:`)) ?? '';
    return 1024 * Number(/\d+/.exec(line)?.[0] ?? 0);
  } catch {
    // A child that has just ended.
    return 0;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
