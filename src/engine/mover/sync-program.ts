// A small shell that stands by from the start and calls syncfs(2) for whoever asks, by `sync -f` of coreutils, since Node has no such call.
// It is started before any file is open: a process that is started later begins by closing copies of all descriptors, and closing one
// on a share that hangs hangs with it, so that packs between healthy disks would wait for a share that they have nothing to do with.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pathBytes } from '../../model/names.ts';

/** `none`: there is no such program here. */
export type SyncAnswer = { readonly kind: 'done' | 'none' } | { readonly kind: 'failed'; readonly why: string };

export interface SyncProgram {
  /** syncfs(2) of the file system that holds the folder. Several may be asked for at once; never rejects. */
  sync(folder: string): Promise<SyncAnswer>;
}

/** Each line is a number and a path as printf(1) escapes; each is answered by its number, the exit code, and what went wrong. */
const script = `while read -r number path; do
  (
    why=$(LC_ALL=C sync -f "$(printf %b "$path")" 2>&1)
    printf '%s %s %s\\n' "$number" "$?" "\${why##*: }"
  ) &
done`;

let program: SyncProgram | undefined;

/** One for the whole process. Keeps it alive only while something is asked for, and ends with it. */
export function openSyncProgram(): SyncProgram {
  program ??= start();
  return program;
}

function start(): SyncProgram {
  const asked = new Map<number, (answer: SyncAnswer) => void>();
  const none: SyncAnswer = { kind: 'none' };
  let last = 0;
  let isThere = process.platform === 'linux';
  const gone = () => {
    isThere = false;
    for (const answer of asked.values()) answer(none);
    asked.clear();
  };
  const child = isThere ? spawnShell() : undefined;
  child?.once('error', gone).once('exit', gone);
  // Closed while something is written to it: told by `exit` as well.
  child?.stdin.on('error', () => undefined);
  let rest = '';
  child?.stdout.setEncoding('latin1').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, number = '', code = '', why = ''] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
      const answer = asked.get(Number(number));
      asked.delete(Number(number));
      if (asked.size === 0) unref(child.stdout);
      answer?.(code === '0' ? { kind: 'done' } : code === '127' ? none : { kind: 'failed', why });
    }
  });
  return {
    sync: (folder) =>
      new Promise((resolve) => {
        if (!isThere || child === undefined) {
          resolve(none);
          return;
        }
        asked.set(++last, resolve);
        (child.stdout as Socket).ref();
        child.stdin.write(`${last} ${escaped(folder)}\n`);
      }),
  };
}

function spawnShell(): ChildProcessByStdio<Writable, Readable, null> {
  // In a session of its own: what a terminal sends to end us must not end it before us.
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'], detached: true, cwd: '/' });
  child.unref();
  for (const stream of [child.stdin, child.stdout]) unref(stream);
  return child;
}

/** The pipes are sockets, which the types do not tell. */
function unref(stream: Readable | Writable): void {
  (stream as Socket).unref();
}

/** As printf's %b reads it. The dot at the end keeps a line break at the end of a name from being cut off by the shell. */
function escaped(folder: string): string {
  const plain = /[A-Za-z0-9/._-]/;
  const bytes = Array.from(pathBytes(`${folder}/.`), (byte) => {
    const character = String.fromCharCode(byte);
    return plain.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
  });
  return bytes.join('');
}
