// The rsync of this machine: which one there is, and its run with the connection that we hold in place of an `ssh` of its own.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { Fault } from '../../model/fault.ts';

/** Both sides must be of this version or a later one. */
export const oldestRsync = 3;

/** Of the first line of `rsync --version`; undefined where that is no rsync. */
export function rsyncVersion(said: string): number | undefined {
  const major = /^rsync\s+version v?(\d+)\./m.exec(said)?.[1];
  return major === undefined ? undefined : Number(major);
}

let found: Promise<boolean> | undefined;

/** Whether this machine has one that is new enough. One that is missing is looked for again the next time. */
export function hasRsyncHere(): Promise<boolean> {
  found ??= promisify(execFile)('rsync', ['--version'], { env: environment(), timeout: lookMs }).then(
    ({ stdout }) => (rsyncVersion(stdout) ?? 0) >= oldestRsync,
    () => false,
  );
  void found.then((isThere) => {
    if (!isThere) found = undefined;
  });
  return found;
}

const lookMs = 10_000;

/** No variable or alias of the user's changes what rsync does. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', HOME: '/' };
}

/*
 * rsync starts what `-e` names to reach the other side. Ours says first what rsync wants to have run there, and then only passes bytes
 * between rsync and descriptor 3, which leads to us, until we say that the other side has ended; rsync waits for that. What it says
 * first: how many words, and the words, each ended by a zero byte.
 */
const shell = `sh -c 'exec 5<&0; printf "%s\\0" "$#" "$@" >&3; cat <&5 >&3 & exec cat <&3' sh`;
const line = 3;

export interface RsyncRun {
  readonly child: ChildProcess;
  /** To and from what rsync takes for the other side; `far` is what it wants to have run there, without the path at the end. */
  readonly line: Duplex;
}

/** `here` is absolute, and `there` a name that rsync writes as it is; `way` says which of the two is brought up to date. */
export function startRsync(
  options: readonly string[],
  { here, there, way }: { readonly here: string; readonly there: string; readonly way: 'fetch' | 'send' },
): RsyncRun {
  const places = way === 'fetch' ? [`there:${there}`, here] : [here, `there:${there}`];
  const child = spawn('rsync', ['-e', shell, ...options, '--', ...places], {
    env: environment(),
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  return { child, line: child.stdio[line] as Duplex };
}

/** The words that rsync's helper said, and what followed them; undefined while they are not all there. */
export function wordsOf(bytes: Buffer): { readonly far: readonly string[]; readonly rest: Buffer } | undefined {
  const next = (from: number) => {
    const end = bytes.indexOf(0, from);
    return end < 0 ? undefined : { text: bytes.toString('utf8', from, end), end: end + 1 };
  };
  const count = next(0);
  if (count === undefined) return undefined;
  const words: string[] = [];
  let at = count.end;
  while (words.length < Number(count.text)) {
    const word = next(at);
    if (word === undefined) return undefined;
    words.push(word.text);
    at = word.end;
  }
  // Host, then the program; at the end `.` and the path.
  const far = words.slice(1, -1);
  const isPlain = far.every((word) => /^[-A-Za-z0-9.,=_:]+$/.test(word));
  if (far[0] !== 'rsync' || far[1] !== '--server' || far.at(-1) !== '.' || !isPlain) {
    throw new Fault('unsupported', 'The rsync of this machine asks the other side in a way that is not known.');
  }
  return { far, rest: bytes.subarray(at) };
}
