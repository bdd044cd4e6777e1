// Runs one program for a step: in a process group of its own that ends with the step, with its canceller, and with Wherry itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

export interface ProgramLimits {
  /** Processor time. */
  readonly cpuSeconds?: number | undefined;
  /** Address space. */
  readonly memoryBytes?: number | undefined;
  /** The largest file that it may write. */
  readonly fileBytes?: number | undefined;
  readonly openFiles?: number | undefined;
}

export interface ProgramRequest {
  /** Looked up in PATH, unless it is an absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  /** The Debian package that brings it; named where it is missing. */
  readonly package?: string;
  /** Absolute. */
  readonly folder: string;
  /** All of its environment beside PATH, and LC_ALL=C.UTF-8. */
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: ProgramLimits;
  /** Each line of its standard output; what is not asked for is kept in `output`. */
  readonly onLine?: (line: string) => void;
}

export interface ProgramEnd {
  /** 128 and more: ended by the signal of that number less 128. */
  readonly code: number;
  /** Standard output, where nobody took its lines; at most 16 MiB. */
  readonly output: string;
  /** The end of its standard error. */
  readonly complaint: string;
}

const outputLimit = 16 * 1024 * 1024;
const complaintLimit = 8_192;
/** Between asking a group to end and ending it. */
const graceMs = 2_000;

/*
 * The leader of the group. Standard input is a pipe that nobody writes to: it ends when this process closes it, or is gone (also by
 * SIGKILL), and then the watcher ends the whole group. The program's code is told by descriptor 3; after it nothing of the group lives on.
 */
const leader = `
exec 4<&0 </dev/null
( trap '' HUP INT TERM; read -r nothing <&4; kill -s TERM 0; sleep 2; kill -s KILL 0 ) 3>&- >/dev/null 2>&1 &
cd "$1" || exit 126
shift
while [ "$1" != : ]; do ulimit "$1" "$2" || exit 125; shift 2; done
shift
"$@" 3>&- 4<&-
echo $? >&3
kill -s KILL 0
`;

/**
 * Rejects with `tool_missing`, with the signal's reason once the whole group has ended, and with `step_failed` where it could not be
 * started. Whatever code it ends with is for the caller to judge. To be called in a worker thread: starting a process can hang.
 */
export async function runProgram(request: ProgramRequest, signal: AbortSignal): Promise<ProgramEnd> {
  signal.throwIfAborted();
  const program = findProgram(request.program, request.package);
  const words = [request.folder, ...limitWords(request.limits ?? {}), ':', program, ...request.args];
  const child = spawn('/bin/sh', ['-c', leader, 'wherry-step', ...words], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...request.env },
  });
  const [input, output, errors, codes] = child.stdio as unknown as [Writable, Readable, Readable, Readable];
  input.on('error', () => undefined);
  const told = collect(codes, 64);
  const complained = collect(errors, complaintLimit);
  const said = request.onLine === undefined ? collect(output, outputLimit) : takeLines(output, request.onLine);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  let grace: NodeJS.Timeout | undefined;
  const stop = () => {
    killGroup(child, 'SIGTERM');
    grace = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await ended;
  } catch (error) {
    throw new Fault(
      'step_failed',
      `${displayPath(request.program)} could not be started: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  } finally {
    clearTimeout(grace);
    signal.removeEventListener('abort', stop);
    // The watcher is the last of a group that was asked to end; it keeps the group's number from being given to others.
    if (signal.aborted) killGroup(child, 'SIGKILL');
    input.destroy();
  }
  signal.throwIfAborted();
  const code = /^(\d+)\n$/.exec(told())?.[1];
  // Without a word of its leader the group was ended from outside; 137 is what a shell says of SIGKILL.
  return {
    code: code === undefined ? (child.exitCode ?? 137) : Number(code),
    output: said(),
    complaint: complained(),
  };
}

/** The program's absolute path. Throws `tool_missing`. */
export function findProgram(name: string, debianPackage?: string): string {
  const places = name.startsWith('/') ? [name] : (process.env.PATH ?? '').split(delimiter).map((at) => join(at, name));
  const found = places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  const remedy =
    debianPackage === undefined ? '' : ` Install the package ${debianPackage}: apt install ${debianPackage}.`;
  throw new Fault('tool_missing', `The program ${displayPath(name)} is not installed.${remedy}`);
}

/** The last line that says something, for people. */
export function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.trim());
  return displayPath(lines.findLast((line) => line !== '' && !/^conversion failed!?$/i.test(line)) ?? '');
}

/** How it ended, as the end of a sentence. */
export function endWords({ code, complaint }: ProgramEnd): string {
  if (code > 128 && code < 160) return `was ended by signal ${code - 128}`;
  const line = lastLine(complaint);
  return line === '' ? `ended with code ${code}` : `ended with code ${code}: ${line.replace(/\.$/, '')}`;
}

function limitWords({ cpuSeconds, memoryBytes, fileBytes, openFiles }: ProgramLimits): string[] {
  const words: string[] = [];
  if (cpuSeconds !== undefined) words.push('-t', String(Math.ceil(cpuSeconds)));
  if (memoryBytes !== undefined) words.push('-v', String(Math.ceil(memoryBytes / 1024)));
  // POSIX: in blocks of 512 bytes.
  if (fileBytes !== undefined) words.push('-f', String(Math.ceil(fileBytes / 512)));
  if (openFiles !== undefined) words.push('-n', String(openFiles));
  return words;
}

function killGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // None of it is left.
  }
}

/** The end of what comes, at most so many bytes of it. */
function collect(stream: Readable, most: number): () => string {
  let kept: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    kept.push(chunk);
    bytes += chunk.length;
    if (bytes > 2 * most) {
      kept = [Buffer.concat(kept).subarray(-most)];
      bytes = most;
    }
  });
  return () => Buffer.concat(kept).subarray(-most).toString('utf8');
}

function takeLines(stream: Readable, onLine: (line: string) => void): () => string {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = (lines.pop() ?? '').slice(-outputLimit);
    for (const line of lines) onLine(line);
  });
  return () => rest;
}
