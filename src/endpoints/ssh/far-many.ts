// Many files of the far side by one call, inside the thread: looked at, renamed, removed and hashed side by side, read as one archive.

import type { Client } from 'ssh2';
import { asFault, Fault, type FaultReport } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath, pathBytes, pathFromBytes } from '../../model/names.ts';
import type { ManyRead } from '../endpoint.ts';
import { readManyFromTar } from '../tar-reader.ts';
import { windowFor } from './far-channel.ts';
import { hashFile, readFile } from './far-files.ts';
import { commandLine, type FarAbilities, outputOf, runWhole } from './far-shell.ts';
import { entryAt, type FarRoot } from './far-tree.ts';

export interface FarParts {
  readonly client: Client;
  readonly abilities: FarAbilities;
  readonly signal: AbortSignal;
  readonly roundTripMs: number;
}

export type ManyFaults = readonly { readonly path: string; readonly report: FaultReport }[];

const requestsAtOnce = 256;
const readingsAtOnce = 16;

/** Each by itself, some at once; `act` rejects with that one's fault. What broke the connection rejects. */
export async function forEach<Item extends { readonly path: string }>(
  items: readonly Item[],
  signal: AbortSignal,
  act: (item: Item) => Promise<void>,
  atOnce = requestsAtOnce,
): Promise<ManyFaults> {
  const faults: { path: string; report: FaultReport }[] = [];
  const rest = items.values();
  let broken: unknown;
  const worker = async () => {
    for (const item of rest) {
      if (broken !== undefined) return;
      signal.throwIfAborted();
      try {
        await act(item);
      } catch (error) {
        const fault = asFault(error);
        if (fault.code === 'network' || fault.code === 'internal') {
          broken = error;
          throw error;
        }
        faults.push({ path: item.path, report: fault.report() });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return faults;
}

/** For a call about many files. */
export function withFolders(far: FarRoot): FarRoot {
  return { ...far, folders: new Map() };
}

/** As the contract has it; bodies are to be taken before the next file is asked for. */
export async function* readMany(far: FarRoot, paths: readonly string[], parts: FarParts): AsyncGenerator<ManyRead> {
  if (!parts.abilities.gnuTar) return yield* readEach(far, paths, parts);
  const names = Buffer.concat(paths.flatMap((path) => [Buffer.from('./'), pathBytes(path), Buffer.of(0)]));
  const command = commandLine([
    'cd',
    { word: far.root },
    '&& exec env LC_ALL=C tar -c -f - -b 512 --format=gnu --no-recursion --hard-dereference --ignore-failed-read --null -T -',
  ]);
  const missing: string[] = [];
  for await (const answer of readManyFromTar(wholeOutput(far, command, names, parts), { paths, place: far.place })) {
    if ('fault' in answer && answer.fault.code === 'not_found') missing.push(answer.path);
    else yield answer;
  }
  // What did not come is gone, or cannot be read; one by one it says which.
  yield* readEach(far, missing, parts);
}

/** Of a program that must have been there to be believed. */
async function* wholeOutput(
  far: FarRoot,
  command: Buffer,
  input: Uint8Array,
  { client, signal, roundTripMs }: FarParts,
): AsyncGenerator<Uint8Array> {
  const { code, said } = yield* outputOf(client, command, signal, input, windowFor(roundTripMs));
  // 1 and 2: some files changed, or could not be read; each is looked at by itself.
  if (code === null || code > 2) {
    const why = code === null ? 'the connection broke off' : `it ended with ${code}: ${said.split('\n')[0]}`;
    throw new Fault('network', `${displayPath(far.place)} did not send all files (${why}).`, {
      place: { endpoint: displayPath(far.place) },
    });
  }
}

/** By SFTP; each file is held in memory while it is read. */
async function* readEach(far: FarRoot, paths: readonly string[], parts: FarParts): AsyncGenerator<ManyRead> {
  const once = withFolders(far);
  const ahead: Promise<ManyRead>[] = [];
  const rest = paths.values();
  const more = () => {
    const { value: path, done } = rest.next();
    if (done) return;
    const reading = readOne(once, path, parts);
    reading.catch(() => undefined);
    ahead.push(reading);
  };
  for (let at = 0; at < readingsAtOnce; at++) more();
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    const answer = await next;
    if ('fault' in answer && answer.fault.code === 'network') throw answer.fault;
    more();
    yield answer;
  }
}

async function readOne(far: FarRoot, path: string, { signal }: FarParts): Promise<ManyRead> {
  try {
    const pieces: Uint8Array[] = [];
    const entry = await entryAt(far, path);
    await readFile(far, path, {
      from: 0,
      signal,
      opened: () => undefined,
      piece: (bytes) => void pieces.push(bytes),
    });
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const known: Entry = entry ?? { path, kind: 'file', sizeBytes, mtimeMs: 0 };
    return { path, entry: { ...known, sizeBytes }, body: chunksOf(pieces) };
  } catch (error) {
    signal.throwIfAborted();
    return { path, fault: asFault(error) };
  }
}

async function* chunksOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

const hashesAtOnce = 8;
const sumLine = /^([0-9a-f]{32,64}) [ *]\.\/([\s\S]*)$/;

/** By one program for all where the host has one that takes any name, else each by itself. What cannot be read is left out. */
export async function hashMany(
  far: FarRoot,
  paths: readonly string[],
  algorithm: HashAlgorithm,
  parts: FarParts,
): Promise<readonly (readonly [path: string, hash: string])[]> {
  const { client, abilities, signal } = parts;
  const found = new Map<string, string>();
  if (algorithm === 'sha256' && abilities.gnuSums && abilities.programs.has('xargs')) {
    const names = Buffer.concat(paths.flatMap((path) => [Buffer.from('./'), pathBytes(path), Buffer.of(0)]));
    const command = commandLine(['cd', { word: far.root }, '&& exec env LC_ALL=C xargs -0 sha256sum -z --']);
    const { code, output } = await runWhole(client, command, signal, names);
    if (code === null) throw new Fault('network', `${displayPath(far.place)} did not finish its hashes.`);
    const asked = new Set(paths);
    for (const line of splitAtNul(output)) {
      const [, hash, name] = sumLine.exec(pathFromBytes(line)) ?? [];
      if (hash !== undefined && name !== undefined && asked.has(name)) found.set(name, hash);
    }
    return [...found];
  }
  const once = withFolders(far);
  await forEach(
    paths.map((path) => ({ path })),
    signal,
    async ({ path }) => {
      found.set(path, await hashFile(once, path, algorithm, { client, abilities, signal, progress: () => undefined }));
    },
    hashesAtOnce,
  );
  return [...found];
}

function* splitAtNul(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0, from);
    if (end < 0) return;
    yield bytes.subarray(from, end);
    from = end + 1;
  }
}

/** Takes an archive apart below the root; the archive's own pieces are written by the caller. Resolves with the program's end. */
export function unpackCommand(far: FarRoot): Buffer {
  const script = 'cd "$1" && tar -x -f - -p --no-same-owner --overwrite; e=$?; sync -f . 2>/dev/null || sync; exit $e';
  return commandLine(['exec env LC_ALL=C sh -c', { word: script }, 'sh', { word: far.root }]);
}
