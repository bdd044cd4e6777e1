// T1: `wherry copy` is killed with -9 at random moments and started again each time.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { compareTrees, filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';

const wherry = resolve(import.meta.dirname, '../../../bin/wherry');
const naiveCopy = resolve(import.meta.dirname, '../naive-copy.ts');
const blockBytes = 8 * 1024 * 1024;
const lanes = 2;

interface Copier {
  readonly command: (source: string, destination: string) => readonly string[];
}

const ours: Copier = { command: (source, destination) => [wherry, 'copy', '--quiet', source, destination] };
const naive: Copier = { command: (source, destination) => [process.execPath, naiveCopy, source, destination] };

/** Full form: 5,000 small files and one of 5 GB. */
async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const source = join(options.scratch, 'source');
  const destination = join(options.scratch, 'destination');
  const env = { ...process.env, XDG_STATE_HOME: join(options.scratch, 'state') };
  mkdirSync(source);
  mkdirSync(destination);
  const bigBytes = Math.round(5_000_000_000 * options.scale);
  writeSmallFiles(source, Math.max(50, Math.round(5_000 * options.scale)), 64 * 1024);
  writeContent(join(source, 'big.mov'), 99, bigBytes);
  const paths = filesBelow(source);
  const watcher = watchForHalfDone(source, destination, paths);
  const faults: string[] = [];
  let written = 0;
  let kills = 0;
  let typicalMs = 1_200 + 5_000 * options.scale;
  for (; kills < options.runs; ) {
    const child = start(copier.command(source, destination), env);
    const ended = once(child, 'exit');
    const begun = performance.now();
    const delay = 20 + random() * typicalMs;
    const finished = await Promise.race([ended.then(() => true), after(delay).then(() => false)]);
    if (finished) {
      // It came to its end before the kill: shorter waits hit the middle again, on a destination that is taken away.
      typicalMs = Math.max(50, (performance.now() - begun) * 0.9);
      if (child.exitCode !== 0) faults.push(`ended by itself with exit ${child.exitCode}`);
      break;
    }
    kills += 1;
    written += stopAndCount(child);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    options.say(`kill ${kills} after ${delay.toFixed(0)} ms`);
  }
  const last = start(copier.command(source, destination), env, 'pipe');
  let words = '';
  last.stderr?.on('data', (piece) => {
    words += piece;
  });
  const counter = setInterval(() => {
    const seen = bytesWritten(last);
    if (seen !== undefined) lastWritten = seen;
  }, 5);
  let lastWritten = 0;
  await once(last, 'exit');
  clearInterval(counter);
  written += lastWritten;
  if (last.exitCode !== 0) faults.push(`the last run ended with exit ${last.exitCode}: ${words.slice(-500)}`);
  const halfDone = watcher.stop();
  const difference = compareTrees(source, destination);
  for (const path of difference.extra) faults.push(`left behind: ${path}`);
  const bytesAgain = Math.max(0, written - totalBytes(source, paths));
  const allowed = kills * (lanes * blockBytes + overheadBytes(paths.length));
  if (bytesAgain > allowed + overheadBytes(paths.length))
    faults.push(`${bytesAgain} bytes moved again, ${allowed} allowed`);
  return {
    runs: kills,
    lost: difference.missing.length,
    corrupt: difference.different.length + halfDone.length,
    bytesAgain,
    faults,
  };
}

/** Ledger, journals and messages: some kilobytes a file, and one pack that had not been committed. */
function overheadBytes(files: number): number {
  return files * 4096 + 64 * 1024 * 1024;
}

function start(command: readonly string[], env: NodeJS.ProcessEnv, stderr: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  return spawn(command[0] ?? '', command.slice(1), { env, detached: true, stdio: ['ignore', 'ignore', stderr] });
}

/** Stopped first, so that what it wrote can be read from the kernel's accounting before it is killed. */
function stopAndCount(child: ChildProcess): number {
  try {
    process.kill(-(child.pid ?? 0), 'SIGSTOP');
  } catch {
    return 0;
  }
  return bytesWritten(child) ?? 0;
}

function bytesWritten(child: ChildProcess): number | undefined {
  const path = `/proc/${child.pid}/io`;
  if (!existsSync(path)) return undefined;
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    return undefined;
  }
}

function totalBytes(root: string, paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + sizeOf(join(root, path)), 0);
}

function sizeOf(path: string): number {
  return statSync(path).size;
}

export const killCopy: Row = {
  id: 'T1',
  title: 'kill -9 of `wherry copy` at random moments',
  runs: 30,
  run: (options) => torment(ours, options),
  control: (options) => torment(naive, options),
};
