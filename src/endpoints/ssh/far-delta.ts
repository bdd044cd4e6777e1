// A large file brought up to date by what differs, inside the thread: rsync here and rsync there, over the connection that is open.

import { Fault } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import { displayPath, isText, parentPath } from '../../model/names.ts';
import { awaitBandwidth } from '../bandwidth.ts';
import { errnoFault } from '../errno.ts';
import { hashProgram } from './far-files.ts';
import type { FarParts } from './far-many.ts';
import { commandLine, type FarAbilities, run, runWhole } from './far-shell.ts';
import { type FarRoot, fullPath, makeFolders, reach, refuse } from './far-tree.ts';
import { hasRsyncHere, oldestRsync, type RsyncRun, startRsync, wordsOf } from './rsync-here.ts';
import { kindOf } from './sftp-packets.ts';

export interface DeltaInput {
  readonly path: string;
  /** Absolute, on this machine. */
  readonly file: string;
  /** `fetch` changes the file here, `send` the one there. */
  readonly way: 'fetch' | 'send';
  readonly limits: readonly SharedArrayBuffer[];
}

export interface DeltaProgress {
  /** Of the file, from its beginning. */
  readonly fileBytes: number;
  /** On the line so far, both ways. */
  readonly lineBytes: number;
}

/** Why nothing can be brought by what differs, as the end of a sentence; undefined where it can. */
export async function deltaObstacle(abilities: FarAbilities, algorithm?: HashAlgorithm): Promise<string | undefined> {
  const { exec, system, rsync } = abilities;
  if (!exec) return 'the host runs no commands for us';
  if (rsync === undefined) return 'the host has no rsync';
  if (rsync < oldestRsync) return `the host's rsync is older than version ${oldestRsync}`;
  if (system !== 'Linux') return 'the host is not known to show open files by their descriptors';
  if (!(await hasRsyncHere())) return `this machine has no rsync of version ${oldestRsync} or later`;
  if (algorithm !== undefined && hashProgram(algorithm, abilities, Number.MAX_SAFE_INTEGER) === undefined)
    return `the host has no program for ${algorithm}, and the whole file would have to be read back`;
  return undefined;
}

/** Of the far file a copy with the same content, in place of what has that name; at once where the file system can. */
export async function copyThere(far: FarRoot, from: string, to: string, parts: FarParts): Promise<void> {
  await requireFile(far, from);
  const there = await reach(far, to, { strict: true });
  if (there !== undefined && kindOf(there.mode) === 'folder') throw refuse(far, 'exists', to, 'is a folder');
  await makeFolders(far, parentPath(to));
  const script = [
    'rm -f -- "$2" || exit',
    '(cp --reflink=auto -- "$1" "$2" 2>/dev/null || cp -- "$1" "$2") && chmod u+rw -- "$2"',
  ].join('; ');
  const words = [{ word: fullPath(far, from) }, { word: fullPath(far, to) }];
  const command = commandLine(['exec env LC_ALL=C sh -c', { word: script }, 'sh', ...words]);
  const { code, said } = await runWhole(parts.client, command, parts.signal);
  if (code !== 0) throw failed(far, from, said, code);
}

async function requireFile(far: FarRoot, path: string): Promise<void> {
  const there = await reach(far, path);
  if (there === undefined) throw refuse(far, 'not_found', path, 'is not there');
  if (kindOf(there.mode) !== 'file') throw refuse(far, 'unsupported', path, 'is not a regular file');
}

/** rsync's own: what it hears nothing for so long is over. */
const silentSeconds = 60;
const tellMs = 500;
/** The name under which the far file lies open, so that no character of its own name is read as anything else. */
const farDescriptor = 9;
const farName = `/proc/self/fd/${farDescriptor}`;
const options = [
  '--inplace',
  '--blocking-io',
  '--no-whole-file',
  '--ignore-times',
  '--progress',
  `--timeout=${silentSeconds}`,
];

/** Resolves with the bytes on the line, once both files have the same content as far as rsync can tell. */
export async function moveDelta(
  far: FarRoot,
  { path, file, way, limits }: DeltaInput,
  parts: FarParts & { readonly told: (progress: DeltaProgress) => void },
): Promise<number> {
  const { client, signal } = parts;
  const obstacle = await deltaObstacle(parts.abilities);
  if (obstacle !== undefined) throw refuse(far, 'unsupported', path, `cannot go by rsync: ${obstacle}`);
  await requireFile(far, path);
  const full = fullPath(far, path);
  const { child, line } = start(file, way);
  const exit = new Promise<{ readonly code: number | null; readonly error?: Error }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, error }));
    child.once('close', (code) => resolve({ code }));
  });
  let said = '';
  const hear = (data: Buffer) => {
    if (said.length < mostSaid) said += data.toString('utf8').slice(0, mostSaid - said.length);
  };
  child.stderr?.on('data', hear);
  const progress = { fileBytes: 0, lineBytes: 0 };
  child.stdout?.on('data', (data: Buffer) => {
    const done = /([\d,]+)\s+\d+%[^%]*$/.exec(data.toString('latin1'))?.[1];
    if (done !== undefined) progress.fileBytes = Number(done.replaceAll(',', ''));
  });
  const telling = setInterval(() => parts.told({ ...progress }), tellMs);
  const end = new AbortController();
  const stop = () => {
    end.abort();
    child.kill('SIGKILL');
    line.destroy();
  };
  line.on('error', () => undefined);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const pass = async (bytes: number) => {
    progress.lineBytes += bytes;
    for (const limit of limits) await awaitBandwidth(limit, bytes, end.signal);
  };
  try {
    const { far: words, rest } = await firstWords(line, exit);
    const command =
      way === 'fetch'
        ? [`exec env LC_ALL=C ${words.join(' ')} ${farName} ${farDescriptor}<`, { word: full }]
        : [`exec env LC_ALL=C ${words.join(' ')}`, { word: full }];
    let arrivals: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    const { channel, ended, kill } = await run(
      client,
      commandLine(command),
      (data) => {
        if (data === null) return;
        const piece = Buffer.from(data);
        waiting += piece.length;
        if (waiting > aheadBytes) channelOf().paused = true;
        arrivals = arrivals
          .then(() => pass(piece.length))
          .then(() => written(line, piece))
          .then(() => {
            waiting -= piece.length;
            if (waiting === 0) channelOf().paused = false;
          })
          .catch(() => undefined);
      },
      end.signal,
    );
    function channelOf() {
      return channel;
    }
    void exit.then(({ code }) => {
      line.destroy();
      if (code !== 0) end.abort();
    });
    const sending = (async () => {
      for await (const piece of from(rest, line)) {
        await pass(piece.length);
        await channel.write(piece);
      }
    })().catch(() => undefined);
    const over = await ended;
    await arrivals;
    line.end();
    const here = await exit;
    await sending;
    signal.throwIfAborted();
    if (over.code === null)
      throw new Fault(
        'network',
        `${displayPath(far.place)} broke off while ${displayPath(path)} was brought up to date.`,
      );
    if (here.error !== undefined) throw errnoFault(here.error, { operation: 'run rsync for', path, place: far.place });
    if (over.code !== 0 || here.code !== 0) {
      kill();
      throw failed(far, path, `${over.said}\n${said}`, over.code === 0 ? here.code : over.code);
    }
    parts.told({ ...progress });
    return progress.lineBytes;
  } finally {
    signal.removeEventListener('abort', stop);
    clearInterval(telling);
    stop();
  }
}

const mostSaid = 4096;
const aheadBytes = 4 * 1024 * 1024;

function start(file: string, way: DeltaInput['way']): RsyncRun {
  if (!isText(file)) throw new Fault('unsupported', `rsync cannot be told the name ${displayPath(file)}.`);
  return way === 'fetch'
    ? startRsync([...options, '--copy-links'], { here: file, there: farName, way })
    : startRsync(options, { here: file, there: 'file', way });
}

/** What rsync wants to have run there, and what it has already said to it. */
async function firstWords(
  line: NodeJS.ReadableStream,
  exit: Promise<{ readonly code: number | null; readonly error?: Error }>,
): Promise<{ readonly far: readonly string[]; readonly rest: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ far: readonly string[]; rest: Buffer }>();
  let came = Buffer.alloc(0);
  const take = (data: Buffer) => {
    came = Buffer.concat([came, data]);
    try {
      const words = wordsOf(came);
      if (words === undefined) return;
      line.off('data', take);
      line.pause();
      resolve(words);
    } catch (error) {
      reject(error);
    }
  };
  line.on('data', take);
  void exit.then(({ code, error }) =>
    reject(new Fault('unsupported', `The rsync of this machine did not begin (${error?.message ?? `code ${code}`}).`)),
  );
  return promise;
}

async function* from(first: Buffer, line: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for await (const piece of line) yield piece as Buffer;
}

function written(line: NodeJS.WritableStream, piece: Buffer): Promise<void> {
  return new Promise((resolve) => void line.write(piece, () => resolve()));
}

function failed(far: FarRoot, path: string, said: string, code: number | null): Fault {
  const [why = ''] = said.trim().split('\n');
  const text = `could not be brought up to date: ${displayPath(why) || `it ended with ${code}`}`;
  if (/no space left|quota exceeded/i.test(said)) return refuse(far, 'space', path, text);
  if (/permission denied/i.test(said)) return refuse(far, 'permission', path, text);
  return refuse(far, lineCodes.has(code ?? 0) ? 'network' : 'io', path, text);
}

/** Of rsync's: socket, protocol, received a signal, a time-out. */
const lineCodes: ReadonlySet<number> = new Set([10, 12, 20, 30, 35, 255]);
