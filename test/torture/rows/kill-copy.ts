// T1: `wherry copy` is killed with -9 at random moments and started again each time.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { compareTrees, filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { stopAndCount, writtenBytes } from '../written-bytes.ts';

const wherry = resolve(import.meta.dirname, '../../../bin/wherry');
const naiveCopy = resolve(import.meta.dirname, '../naive-copy.ts');
const blockBytes = 8 * 1024 * 1024;
const lanes = 2;
/** Small files travel in packs, two side by side, and a pack is proven as a whole. */
const packBytes = 2 * 64 * 1024 * 1024;
/** What a start writes beside content: the ledger taken up, journals, messages between threads. */
const startBytes = 16 * 1024 * 1024;

interface Copier {
  readonly command: (source: string, destination: string) => readonly string[];
}

const ours: Copier = { command: (source, destination) => [wherry, 'copy', '--quiet', source, destination] };
const naive: Copier = { command: (source, destination) => [process.execPath, naiveCopy, source, destination] };

/** Full form: 2,000 small files and one of 400 MB. */
async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const source = join(options.scratch, 'source');
  const destination = join(options.scratch, 'destination');
  const env = { ...process.env, XDG_STATE_HOME: join(options.scratch, 'state') };
  mkdirSync(source);
  const bigBytes = Math.round(400_000_000 * options.scale);
  writeSmallFiles(source, Math.max(50, Math.round(2_000 * options.scale)), 64 * 1024);
  writeContent(join(source, 'big.mov'), 99, bigBytes);
  const paths = filesBelow(source);
  const faults: string[] = [];
  const sum = { runs: 0, lost: 0, corrupt: 0, bytesAgain: 0 };
  // The first copy is left alone: it shows how long one takes, and how much it writes. Each of the others is killed and started again until
  // it comes to its end; then the next one begins on an empty destination.
  let typicalMs = 0;
  let usualBytes: number | undefined;
  while (sum.runs < options.runs) {
    mkdirSync(destination);
    const watcher = watchForHalfDone(source, destination, paths);
    let written = 0;
    let kills = 0;
    for (;;) {
      const child = start(copier.command(source, destination), env);
      const begun = performance.now();
      const mayDie = usualBytes !== undefined && sum.runs + kills < options.runs;
      const delay = mayDie ? 20 + random() * typicalMs : Number.POSITIVE_INFINITY;
      const end = await livedFor(child, delay);
      written += end.written;
      if (end.killed) {
        kills += 1;
        options.say(`kill ${sum.runs + kills} after ${delay.toFixed(0)} ms`);
        continue;
      }
      if (end.exitCode !== 0) faults.push(`ended with exit ${end.exitCode}: ${end.words.slice(-500)}`);
      if (kills === 0) typicalMs = performance.now() - begun;
      break;
    }
    const halfDone = watcher.stop();
    const difference = compareTrees(source, destination);
    for (const path of difference.extra) faults.push(`left behind: ${path}`);
    usualBytes ??= written;
    const again = Math.max(0, written - usualBytes);
    if (again > startBytes + kills * (lanes * blockBytes + packBytes + startBytes))
      faults.push(`${again} bytes moved again in ${kills} kills`);
    sum.runs += kills;
    sum.lost += difference.missing.length;
    sum.corrupt += difference.different.length + halfDone.length;
    sum.bytesAgain += again;
    rmSync(destination, { recursive: true, force: true });
    rmSync(env.XDG_STATE_HOME, { recursive: true, force: true });
  }
  return { ...sum, faults };
}

interface End {
  readonly killed: boolean;
  readonly exitCode: number | null;
  readonly words: string;
  /** What it handed to the kernel to write, its ledger and journals included. */
  readonly written: number;
}

/** Lets a copier live for so long at most, then stops it, counts what it wrote, and kills it with -9. */
async function livedFor(child: ChildProcess, ms: number): Promise<End> {
  let words = '';
  child.stderr?.on('data', (piece) => {
    words += piece;
  });
  let written = 0;
  const counter = setInterval(() => {
    written = writtenBytes(child) ?? written;
  }, 5);
  const ended = once(child, 'exit');
  const finished = await Promise.race([
    ended.then(() => true),
    ...(Number.isFinite(ms) ? [after(ms).then(() => false)] : []),
  ]);
  clearInterval(counter);
  if (finished) return { killed: false, exitCode: child.exitCode, words, written };
  written = Math.max(written, stopAndCount(child));
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // It came to its end at that very moment.
  }
  await ended;
  return { killed: child.signalCode !== null, exitCode: child.exitCode, words, written };
}

function start(command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(command[0] ?? '', command.slice(1), { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
}

export const killCopy: Row = {
  id: 'T1',
  title: 'kill -9 of `wherry copy` at random moments',
  runs: 200,
  run: (options) => torment(ours, options),
  control: (options) => torment(naive, options),
};
