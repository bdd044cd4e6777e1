// Runs Debian's gphoto2 program: one at a time for each port, its output as text or as a stream, its whole process group ended on abort.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Fault, type FaultCode } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export interface Gphoto2Program {
  /** Standard output, once it has ended well. Rejects with `tool_missing`, or with what its error number means. */
  text(port: string, args: readonly string[], signal: AbortSignal): Promise<string>;
  /** Standard output as it comes; empty chunks say that it is at work while nothing comes yet. */
  stream(
    port: string,
    args: readonly string[],
    signal: AbortSignal,
    /** Rejects with what to tell of what went wrong; the port is free again by then. */
    failed: (error: unknown) => Promise<never>,
  ): ReadableStream<Uint8Array>;
  /** True while a program of ours uses the port: nobody else can until it ends. */
  isBusy(port: string): boolean;
}

/** After a request to stop, how long until it is not asked any more. */
const patienceMs = 2_000;
const beatMs = 2_000;
const mostTextBytes = 64 * 2 ** 20;
const mostErrorBytes = 16 * 1024;

/*
 * Standard input is a pipe that nobody writes to: it ends when this process is gone, also by SIGKILL, and then the watcher ends the group.
 * A camera that an orphan holds on to could not be opened again.
 */
const leader = `
exec 4<&0 </dev/null
( trap '' HUP INT TERM; read -r nothing <&4; kill -s KILL 0 ) >/dev/null 2>&1 &
exec 4<&-
exec "$@"
`;
const notFound = 127;
const scratchName = 'gphoto2-';

/** `scratchFolder` is of this adapter alone, and made where it is missing: files lie there while they are read. */
export function gphoto2Program(program: string, scratchFolder: string): Gphoto2Program {
  // What a process that was killed has left.
  if (existsSync(scratchFolder)) {
    for (const name of readdirSync(scratchFolder)) {
      if (name.startsWith(scratchName)) rmSync(join(scratchFolder, name), { recursive: true, force: true });
    }
  }

  /** A camera can be claimed by one program at a time. */
  const lines = new Map<string, Promise<void>>();

  const inTurn = async (port: string, signal: AbortSignal): Promise<() => void> => {
    const before = lines.get(port);
    const mine = Promise.withResolvers<void>();
    const line = (before ?? Promise.resolve()).then(() => mine.promise);
    lines.set(port, line);
    const leave = () => {
      mine.resolve();
      if (lines.get(port) === line) lines.delete(port);
    };
    try {
      await untilAborted(before, signal);
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  };

  const start = (args: readonly string[], signal: AbortSignal): { child: Child; ended: Promise<void> } => {
    signal.throwIfAborted();
    // It writes a file down whole, wherever it is, before it gives it out.
    mkdirSync(scratchFolder, { recursive: true, mode: 0o700 });
    const cwd = mkdtempSync(join(scratchFolder, scratchName));
    const child = spawn('/bin/sh', ['-c', leader, 'sh', program, ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      // It would remember the last camera in the home folder, and take it up by itself the next time.
      env: { PATH: process.env.PATH, LANG: 'C', HOME: '/nonexistent' },
    });
    // Only its end is of meaning, and that comes by itself.
    child.stdin.on('error', () => undefined);
    let words = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (part: string) => {
      words = (words + part).slice(-mostErrorBytes);
    });
    let hardEnd: NodeJS.Timeout | undefined;
    const stop = () => {
      endGroup(child, 'SIGINT');
      hardEnd = setTimeout(() => endGroup(child, 'SIGKILL'), patienceMs);
    };
    signal.addEventListener('abort', stop, { once: true });
    const ended = new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(new Fault('permission', `/bin/sh cannot be started: ${error.message}.`)));
      child.once('close', (code) => {
        if (signal.aborted) reject(signal.reason);
        else if (code === notFound) reject(missing(program));
        else if (code === 0 && !/^\*\*\* Error/m.test(words)) resolve();
        else reject(programFault(words, code));
      });
    }).finally(() => {
      clearTimeout(hardEnd);
      signal.removeEventListener('abort', stop);
      // What it may have started itself.
      endGroup(child, 'SIGKILL');
      rmSync(cwd, { recursive: true, force: true });
    });
    ended.catch(() => undefined);
    return { child, ended };
  };

  return {
    isBusy: (port) => lines.has(port),
    async text(port, args, signal) {
      const leave = await inTurn(port, signal);
      try {
        const { child, ended } = start(args, signal);
        const parts: Buffer[] = [];
        let bytes = 0;
        child.stdout.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes <= mostTextBytes) parts.push(part);
          else endGroup(child, 'SIGKILL');
        });
        await untilAborted(ended, signal);
        return Buffer.concat(parts).toString('latin1');
      } finally {
        leave();
      }
    },
    stream(port, args, signal, failed) {
      const over = new AbortController();
      const own = AbortSignal.any([signal, over.signal]);
      const chunks = run(own);
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await chunks.next().catch(failed);
            if (done === true) controller.close();
            else controller.enqueue(value);
          },
          async cancel(reason) {
            over.abort(reason instanceof Error ? reason : new Fault('interrupted', 'It is not needed any more.'));
            await chunks.return(undefined).catch(() => undefined);
          },
        },
        { highWaterMark: 0 },
      );

      async function* run(stopped: AbortSignal): AsyncGenerator<Uint8Array> {
        let leave: (() => void) | undefined;
        const turn = inTurn(port, stopped).then((left) => {
          leave = left;
        });
        yield* beating(turn, () => true);
        try {
          const { child, ended } = start(args, stopped);
          const output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
          let seen = '';
          const isAtWork = () => {
            const now = workOf(child.pid);
            const moved = now !== seen;
            seen = now;
            return moved;
          };
          for (;;) {
            const next = output.next();
            yield* beating(next, isAtWork);
            const { done, value } = await next;
            if (done === true) break;
            yield value;
          }
          await ended;
        } finally {
          over.abort(new Fault('interrupted', 'It is not needed any more.'));
          leave?.();
        }
      }
    },
  };
}

/** An empty chunk every few seconds until the promise is settled, as long as something goes on. Rejects as the promise does. */
async function* beating(promise: Promise<unknown>, isAtWork: () => boolean): AsyncGenerator<Uint8Array> {
  let isSettled = false;
  const settled = promise.then(
    () => {
      isSettled = true;
    },
    () => {
      isSettled = true;
    },
  );
  while (!isSettled) {
    let timer: NodeJS.Timeout | undefined;
    const beat = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, beatMs);
    });
    await Promise.race([settled, beat]);
    clearTimeout(timer);
    if (!isSettled && isAtWork()) yield new Uint8Array(0);
  }
  await promise;
}

/** What a process has used up so far, processor and memory; it changes as long as it does something. */
function workOf(pid: number | undefined): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')')).split(' ');
    return [fields[12], fields[13], fields[22]].join(' ');
  } catch {
    return '';
  }
}

function endGroup({ pid }: Child, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

function missing(program: string): Fault {
  return new Fault('tool_missing', `${displayPath(program)} is not installed; on Debian: apt-get install gphoto2.`);
}

/** Numbers of libgphoto2 (gphoto2-result.h, gphoto2-port-result.h). */
const meanings: Readonly<Record<number, FaultCode>> = {
  [-5]: 'device',
  [-6]: 'unsupported',
  [-7]: 'network',
  [-10]: 'timeout',
  [-34]: 'device',
  [-35]: 'device',
  [-52]: 'device',
  [-53]: 'busy',
  [-60]: 'busy',
  [-105]: 'device',
  [-107]: 'not_found',
  [-108]: 'not_found',
  [-110]: 'busy',
  [-114]: 'permission',
};

function programFault(words: string, exitCode: number | null): Fault {
  const match = /^\*\*\* Error \((-?\d+): '(.*)'\)/m.exec(words);
  const code = match === null ? 'device' : (meanings[Number(match[1])] ?? 'device');
  const why = match === null ? `it ended with ${exitCode}` : `${match[2]} (${match[1]})`;
  return new Fault(code, `gphoto2 could not do it: ${displayPath(why)}.`);
}

async function untilAborted(promise: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (promise === undefined) return;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
