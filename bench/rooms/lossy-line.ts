// Puts a line that delays and loses between a namespace and the switch.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespaces } from '../../test/support/namespaces.ts';

export interface LossyLine {
  close(): Promise<void>;
}

/** Both ways alike: a round trip takes twice `delayMs`. */
export async function lossyLine(
  network: Namespaces,
  host: string,
  { delayMs, lossPerMillion }: { readonly delayMs: number; readonly lossPerMillion: number },
): Promise<LossyLine> {
  const program = join(tmpdir(), `wherry-lossy-line-${process.pid}`);
  const made = spawnSync('gcc', ['-O2', '-o', program, join(import.meta.dirname, 'lossy-line.c')]);
  if (made.status !== 0) throw new Error(`lossy-line.c: ${made.error?.message ?? made.stderr}`);
  const port = network.port(host);
  const names = { near: `${port}n`, far: `${port}f`, bridge: `${port}x` };
  const line = spawn(program, [names.near, names.far, String(delayMs), String(lossPerMillion)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(line.stdout, 'data');
  ip('link', 'add', names.bridge, 'type', 'bridge');
  ip('link', 'set', port, 'nomaster');
  for (const name of [port, names.far]) ip('link', 'set', name, 'master', names.bridge);
  ip('link', 'set', names.near, 'master', network.bridge);
  for (const name of [names.bridge, names.far, names.near]) ip('link', 'set', name, 'up');
  return {
    async close() {
      await ended(line);
      ip('link', 'set', port, 'nomaster');
      ip('link', 'set', port, 'master', network.bridge);
      ip('link', 'del', names.bridge);
      rmSync(program, { force: true });
    },
  };
}

async function ended(line: ChildProcess): Promise<void> {
  if (line.exitCode !== null || line.signalCode !== null) return;
  const end = once(line, 'exit');
  line.stdin?.end();
  await end;
}

function ip(...words: string[]): void {
  const done = spawnSync('ip', words, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`ip ${words.join(' ')}: ${done.stderr}`);
}
