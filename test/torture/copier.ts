// Who copies in a row: `wherry copy`, or the naive copier that must fail.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { endWithUs, killGroup } from '../support/children.ts';
import { wherry } from '../support/daemon.ts';

export interface Copier {
  readonly isOurs: boolean;
  readonly command: (source: string, destination: string) => readonly string[];
}

export const ours: Copier = {
  isOurs: true,
  command: (source, destination) => [wherry, 'copy', '--quiet', source, destination],
};

/** `flags` as naive-copy.ts takes them. */
export function naive(...flags: string[]): Copier {
  const program = resolve(import.meta.dirname, 'naive-copy.ts');
  return {
    isOurs: false,
    command: (source, destination) => [process.execPath, program, ...flags, source, destination],
  };
}

export interface Copy {
  readonly child: ChildProcess;
  /** All that it has said so far, on stdout and stderr. */
  words(): string;
  kill(): void;
  readonly ended: Promise<EndedCopy>;
}

export interface EndedCopy {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly words: string;
  readonly ms: number;
  /** True where it had to be killed because it took too long. */
  readonly hung: boolean;
}

export interface CopyOptions {
  /** Holds its ledger; the same for runs that go on with one another. */
  readonly state: string;
  /** It is killed after so long. Default is two minutes. */
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export function startCopy(copier: Copier, source: string, destination: string, options: CopyOptions): Copy {
  const [program = '', ...words] = copier.command(source, destination);
  const env = { ...process.env, XDG_STATE_HOME: options.state, ...options.env };
  const child = endWithUs(spawn(program, words, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
  const begun = performance.now();
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece) => {
      said = (said + piece).slice(-1_000_000);
    });
  }
  const kill = (): void => killGroup(child);
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    kill();
  }, options.timeoutMs ?? 120_000);
  const ended = once(child, 'close').then(() => {
    clearTimeout(limit);
    return { exitCode: child.exitCode, words: said, ms: performance.now() - begun, hung };
  });
  return { child, words: () => said, kill, ended };
}

export async function runCopy(
  copier: Copier,
  source: string,
  destination: string,
  options: CopyOptions,
): Promise<EndedCopy> {
  return await startCopy(copier, source, destination, options).ended;
}

/** A folder for the ledger of one series of runs. */
export function stateIn(scratch: string, name = 'state'): string {
  return join(scratch, name);
}
