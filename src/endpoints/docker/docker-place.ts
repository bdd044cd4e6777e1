// Places in containers, `docker://container/path`: programs that run in the container, over the socket of Docker or Podman.

import { type EndpointAddress, formatEndpoint } from '../../model/endpoint-url.ts';
import { asFault, Fault, type FaultCode } from '../../model/fault.ts';
import type { Entry, EntryKind } from '../../model/manifest.ts';
import { comparePaths, displayPath, pathBytes, pathFromBytes, safeRelativePath } from '../../model/names.ts';
import { hashStream } from '../content-hash.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { archivePlace } from './archive-place.ts';
import { encodeWord } from './container-script.ts';
import { type Answer, ContainerShell, orAborted, shellCommand } from './container-shell.ts';
import { type DockerEngine, dockerFault, openEngine } from './docker-engine.ts';
import { openExchange } from './docker-exchange.ts';
import { readListing } from './docker-listing.ts';
import { readManyOf } from './docker-many.ts';
import { type Alone, manyInto } from './docker-write-many.ts';

const meanings: Readonly<Record<string, readonly [FaultCode, string]>> = {
  missing: ['not_found', 'is not there'],
  symlink: ['name_unsafe', 'is a symlink or leads through one, which is not followed'],
  notfolder: ['exists', 'is a file, or leads through one, where a folder is needed'],
  isfolder: ['exists', 'is a folder, not a file'],
  notempty: ['exists', 'is not empty'],
  taken: ['exists', 'is taken already'],
  inside: ['unsupported', 'cannot be moved into itself'],
  short: ['invalid', 'is shorter than the offset to go on at'],
  permission: ['permission', 'may not be used so by the user that the container runs as'],
  space: ['space', 'does not fit: there is no room in the container'],
  io: ['io', 'cannot be read or written'],
};

/** What is no larger goes through the shell that is there already; a program of its own takes the engine a tenth of a second to start. */
const smallBytes = 192 * 1024;
/** Others wait for the shell meanwhile. */
const quicklyHashedBytes = 16 * 1024 * 1024;

/**
 * Where nothing can be run in the container, because it has no shell or is stopped, its files are reached through archives, which can do
 * less; a container that is stopped later is waited for. Does not reject for an engine that is away: the first call does.
 */
export async function openDocker(address: EndpointAddress): Promise<Endpoint> {
  const name = formatEndpoint(address);
  if (!/^[A-Za-z0-9][\w.-]*$/.test(address.authority)) {
    throw new Fault('invalid', `${displayPath(name)} names no container. Write docker://CONTAINER/PATH.`);
  }
  const engine: DockerEngine = await openEngine(address.authority);
  const root = encodeWord(pathBytes(`/${safeRelativePath(address.path)}`));
  const shell = new ContainerShell(engine, root, name);
  const why = await whyNothingRuns(engine, shell);
  if (why !== undefined) return archivePlace(engine, `/${safeRelativePath(address.path)}`, { name, why });
  const word = (path: string) => encodeWord(pathBytes(safeRelativePath(path))) || '.';

  const faultOf = (end: string, path: string): Fault => {
    const [, reason = ''] = end.split(' ');
    const [code, why] = meanings[reason] ?? (['io', `could not be used (${end})`] as const);
    const place = { path: displayPath(path), endpoint: displayPath(name) };
    return new Fault(code, `${path === '' ? place.endpoint : `${place.path} in ${place.endpoint}`} ${why}.`, { place });
  };
  const ask = async (
    path: string,
    words: readonly string[],
    call: Call | undefined,
    payload?: Uint8Array,
  ): Promise<Answer> => {
    call?.signal?.throwIfAborted();
    const answer = await shell.ask(words, call, payload);
    if (answer.end.startsWith('err')) throw faultOf(answer.end, path);
    return answer;
  };
  const exchange = (operation: string, path: string, words: readonly string[], call: Call | undefined) =>
    openExchange(engine, shellCommand(root, [operation, word(path), ...words]), {
      name,
      takesInput: operation === 'write' || operation === 'many',
      signal: call?.signal,
      fault: (end) => faultOf(end, path),
    });

  const entryOf = (path: string, line: string, target: string): Entry => {
    const { kind, sizeBytes, mtimeMs, mode, inode } = parseAttributes(line, name);
    return {
      path,
      kind,
      // What a folder takes up says nothing.
      sizeBytes: kind === 'folder' ? 0 : sizeBytes,
      mtimeMs,
      mode,
      device: `docker:${address.authority}`,
      inode,
      ...(kind === 'symlink' ? { linkTarget: target } : {}),
    };
  };

  const sha256In = (text: string): string => {
    const match = /^([0-9a-f]{64})\b/.exec(text);
    if (match?.[1] !== undefined) return match[1];
    throw new Fault('unsupported', `${displayPath(name)} has no sha256sum.`);
  };

  const endpoint: Endpoint & Alone = {
    name,
    traits: { atomicRename: true, mtimePrecisionMs: 1_000, resumableWrite: true, caseSensitive: true },
    async *list(path, call) {
      const safe = safeRelativePath(path);
      call?.signal?.throwIfAborted();
      const prefix = safe === '' ? '' : `${safe}/`;
      const found: Entry[] = [];
      let isWhole = true;
      const take = async (rows: AsyncIterable<Uint8Array>) => {
        for await (const { path: below, line, target } of readListing(rows, name)) {
          if (below === '/') isWhole = false;
          else found.push(entryOf(prefix + below, line, target));
        }
      };
      const { lines, end } = await ask(path, ['list', word(path)], call);
      if (end === 'ok') await take(bytesIn(lines));
      else {
        const running = await exchange('list', path, [], call);
        try {
          await orAborted(take(running.output), call?.signal);
          await running.finished();
        } finally {
          running.stop();
        }
      }
      found.sort((one, other) => comparePaths(one.path, other.path));
      for (const entry of found) {
        call?.signal?.throwIfAborted();
        yield entry;
      }
      call?.signal?.throwIfAborted();
      if (!isWhole) throw faultOf('err permission', path);
    },
    async stat(path, call) {
      const safe = safeRelativePath(path);
      const { lines, end } = await ask(path, ['stat', word(path)], call);
      const [line, target = ''] = lines;
      if (end === 'none' || line === undefined) return undefined;
      return entryOf(safe, line, pathFromBytes(Buffer.from(target, 'hex')));
    },
    async read(path, from, call) {
      safeRelativePath(path);
      call?.signal?.throwIfAborted();
      const { lines, end } = await ask(path, ['get', word(path), String(from), String(smallBytes)], call);
      if (end !== 'big') return wholeStream(lines, Number(end.split(' ')[1]), call);
      const running = await exchange('read', path, [String(from)], call);
      return running.stream(call);
    },
    async write(path, from, body, call) {
      const reader = body.getReader();
      try {
        call?.signal?.throwIfAborted();
        const { first, isWhole } = await beginning(reader, call);
        if (from === 0 && isWhole) {
          await ask(path, ['put', word(path), String(first.length)], call, first);
          call?.progress?.(first.length);
          return first.length;
        }
        const running = await exchange('write', path, [String(from)], call);
        return await running.send(first, reader, call);
      } catch (error) {
        await reader.cancel(error).catch(() => undefined);
        throw error;
      }
    },
    async remove(path, call) {
      if (safeRelativePath(path) === '') {
        throw new Fault('unsupported', `${displayPath(name)} is the root and is not removed.`);
      }
      await ask(path, ['remove', word(path)], call);
    },
    async close() {
      await shell.close();
    },
    async hash(path, algorithm, call) {
      if (algorithm !== 'sha256') return hashStream(await endpoint.read(path, 0, call), algorithm);
      const { lines, end } = await ask(path, ['hash', word(path), String(quicklyHashedBytes)], call);
      if (end !== 'big') return sha256In(lines[0] ?? '');
      const running = await exchange('hash', path, [], call);
      try {
        const hashing = async () => {
          let text = '';
          for await (const chunk of running.output) text += String(chunk);
          await running.finished();
          return text;
        };
        const text = await orAborted(hashing(), call?.signal);
        return sha256In(text);
      } finally {
        running.stop();
      }
    },
    async rename(from, to, { overwrite }, call) {
      const safe = safeRelativePath(to);
      await ask(from, ['rename', word(from), word(safe), overwrite ? '1' : '0'], call);
    },
    async makeFolder(path, call) {
      await ask(path, ['mkdir', word(path)], call);
    },
    async makeSymlink(path, target, call) {
      await ask(path, ['link', word(path), encodeWord(pathBytes(target))], call);
    },
    async setMetadata(path, { mtimeMs, mode }, call) {
      const time = mtimeMs === undefined ? '-' : (mtimeMs / 1000).toFixed(3);
      await ask(path, ['meta', word(path), time, mode === undefined ? '-' : mode.toString(8)], call);
    },
    async *readMany(paths, call) {
      for (const path of paths) safeRelativePath(path);
      call?.signal?.throwIfAborted();
      const running = await exchange('many', '', [], call);
      const entry = (path: string, line: string) => entryOf(path, line, '');
      yield* readManyOf(running, paths, { name, signal: call?.signal, word, entry, fault: faultOf });
    },
    async space(call) {
      const { lines } = await ask('', ['space'], call);
      const [, blocks = '0', , available = '0'] = (lines[0] ?? '').trim().split(/\s+/);
      return { freeBytes: Number(available) * 1024, totalBytes: Number(blocks) * 1024, freeInodes: null };
    },
  };
  return { ...endpoint, ...manyInto(engine, `/${safeRelativePath(address.path)}`, name, endpoint) };
}

/** Undefined also where that cannot be told now. */
async function whyNothingRuns(engine: DockerEngine, shell: ContainerShell): Promise<string | undefined> {
  try {
    await shell.ask(['abilities']);
    return undefined;
  } catch (error) {
    const { code } = asFault(error);
    if (code === 'unsupported') return 'the container has no shell';
    if (code === 'unreachable' && (await engine.isStopped())) return 'the container does not run';
    return undefined;
  }
}

/** The first of a body, up to where a program of its own is worth it. */
async function beginning(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  call: Call | undefined,
): Promise<{ first: Uint8Array; isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  for (let bytes = 0; bytes <= smallBytes; ) {
    const { value } = await orAborted(reader.read(), call?.signal);
    if (value === undefined) return { first: Buffer.concat(parts), isWhole: true };
    parts.push(value);
    bytes += value.length;
  }
  return { first: Buffer.concat(parts), isWhole: false };
}

/** Rejects with `source_changed` where the file became shorter while it was read. */
function wholeStream(lines: readonly string[], sizeBytes: number, call: Call | undefined): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(lines.join(''), 'base64');
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (call?.signal?.aborted) return controller.error(call.signal.reason);
        if (bytes.length !== sizeBytes) {
          return controller.error(new Fault('source_changed', 'The file became another while it was read.'));
        }
        if (bytes.length > 0) controller.enqueue(bytes);
        call?.progress?.(bytes.length);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* bytesIn(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(lines.join(''), 'base64');
}

interface Attributes {
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly mode: number;
  readonly inode: string;
}

const kinds: Readonly<Record<number, EntryKind>> = { 8: 'file', 4: 'folder', 10: 'symlink' };

/** `%f %s %Y %i %y`: raw mode in hexadecimal, size, seconds, inode, and the time for people, of which the fraction is of interest. */
function parseAttributes(line: string, name: string): Attributes {
  const match = /^([0-9a-f]+) (\d+) (-?\d+) (\d+)(?: [\d-]+ [\d:]+(\.\d{1,9}))?/.exec(line);
  if (match === null) throw dockerFault('unsupported', name, `its stat is not one that Wherry understands`);
  const [, raw = '0', size = '0', seconds = '0', inode = '', fraction = '.0'] = match;
  const bits = Number.parseInt(raw, 16);
  return {
    kind: kinds[bits >> 12] ?? 'other',
    sizeBytes: Number(size),
    mtimeMs: Number(seconds) * 1000 + Number(`0${fraction}`) * 1000,
    mode: bits & 0o7777,
    inode,
  };
}
