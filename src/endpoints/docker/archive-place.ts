// Places in containers in which nothing can be run: without a shell, or stopped. The engine itself hands files out and takes them, as archives.

import { Readable } from 'node:stream';
import { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { comparePaths, displayPath, isText, joinPath, parentPath, safeRelativePath } from '../../model/names.ts';
import type { Call, Endpoint, ManyWrite } from '../endpoint.ts';
import { readTar } from '../tar-reader.ts';
import { folderInTar, writeTar } from '../tar-writer.ts';
import { orAborted } from './container-shell.ts';
import type { DockerEngine, PathFacts } from './docker-engine.ts';

/** Of a file whose size nobody has told, so much is held in memory. */
const mostHeldBytes = 64 * 1024 * 1024;
const folderBit = 2 ** 31;
const symlinkBit = 2 ** 27;
/** Devices, pipes, sockets, and what else is no file. */
const otherBits = 2 ** 26 + 2 ** 25 + 2 ** 24 + 2 ** 21 + 2 ** 19;
/** Set-user-ID, set-group-ID and sticky, as Go and as POSIX have them. */
const highBits = [
  [2 ** 23, 0o4000],
  [2 ** 22, 0o2000],
  [2 ** 20, 0o1000],
] as const;

/** `root` is absolute; `why` says for people why nothing can be run there. */
export function archivePlace(
  engine: DockerEngine,
  root: string,
  { name, why }: { name: string; why: string },
): Endpoint {
  const place = (path: string) => ({ path: displayPath(path), endpoint: displayPath(name) });
  const refuse = (code: ConstructorParameters<typeof Fault>[0], path: string, text: string): Fault => {
    const at = place(path);
    return new Fault(code, `${path === '' ? at.endpoint : `${at.path} in ${at.endpoint}`} ${text}.`, { place: at });
  };
  const cannot = (path: string, what: string) => refuse('unsupported', path, `${what}: ${why}`);
  const full = (path: string) => joinPath(root === '/' ? '' : root, path) || '/';
  const absolute = (path: string) => (full(path).startsWith('/') ? full(path) : `/${full(path)}`);
  const checked = (path: string, call: Call | undefined): string => {
    const safe = safeRelativePath(path);
    call?.signal?.throwIfAborted();
    if (!isText(safe)) throw cannot(path, 'has a name that the engine cannot be told');
    return safe;
  };
  const look = async (path: string, call: Call | undefined): Promise<PathFacts | undefined> =>
    orAborted(engine.look(absolute(path), { name, signal: call?.signal }), call?.signal);

  /** What stands at a path, reached without following a symlink below the root. */
  const reach = async (path: string, call: Call | undefined): Promise<PathFacts | undefined> => {
    const above = path === '' ? [] : path.split('/').map((_, at, parts) => parts.slice(0, at).join('/'));
    for (const folder of above) {
      const facts = await look(folder, call);
      if (facts === undefined) return undefined;
      if (folder !== '' && has(facts, symlinkBit)) {
        throw refuse('name_unsafe', folder, 'is a symlink where a folder is needed; it is not followed');
      }
      if (!has(facts, folderBit) && !has(facts, symlinkBit)) return undefined;
    }
    return look(path, call);
  };

  const entryOf = (path: string, facts: PathFacts): Entry => {
    const kind = has(facts, folderBit)
      ? 'folder'
      : has(facts, symlinkBit)
        ? 'symlink'
        : (facts.mode & otherBits) !== 0
          ? 'other'
          : 'file';
    return {
      path,
      kind,
      sizeBytes: kind === 'folder' ? 0 : facts.size,
      mtimeMs: Math.floor(Date.parse(facts.mtime) / 1000) * 1000,
      mode: (facts.mode & 0o777) | highBits.reduce((mode, [go, posix]) => (has(facts, go) ? mode | posix : mode), 0),
      ...(kind === 'symlink' ? { linkTarget: facts.linkTarget } : {}),
    };
  };

  /** Where a file is to be put: the folder to unpack in, which is there, and the path below it. */
  const target = async (path: string, call: Call | undefined): Promise<{ folder: string; below: string }> => {
    for (let folder = parentPath(path); folder !== ''; folder = parentPath(folder)) {
      const there = await reach(folder, call);
      if (there !== undefined && !has(there, folderBit)) {
        if (has(there, symlinkBit)) throw refuse('name_unsafe', folder, 'is a symlink; it is not followed');
        throw refuse('exists', folder, 'is a file where a folder is needed');
      }
    }
    const top = await look('', call);
    if (top !== undefined) return { folder: absolute(''), below: path };
    return { folder: '/', below: absolute(path).slice(1) };
  };

  const unpack = async (folder: string, archive: AsyncIterable<Uint8Array>, call: Call | undefined): Promise<void> => {
    const stream = Readable.from(archive, { objectMode: false });
    try {
      await orAborted(engine.unpack(folder, stream, { name, signal: call?.signal }), call?.signal);
    } finally {
      stream.destroy();
    }
  };

  const stat: Endpoint['stat'] = async (path, call) => {
    const safe = checked(path, call);
    const facts = await reach(safe, call);
    return facts === undefined ? undefined : entryOf(safe, facts);
  };

  return {
    name,
    traits: {
      atomicRename: false,
      mtimePrecisionMs: 1_000,
      resumableWrite: false,
      resumableRead: false,
      caseSensitive: true,
    },
    transport: `archives that the engine packs and unpacks (${why}): nothing is renamed or removed there`,
    stat,
    async *list(path, call) {
      const safe = checked(path, call);
      const top = await reach(safe, call);
      if (top === undefined) throw refuse('not_found', path, 'is not there');
      if (safe !== '' && has(top, symlinkBit)) throw refuse('name_unsafe', path, 'is a symlink, which is not followed');
      if (!has(top, folderBit) && !has(top, symlinkBit)) throw refuse('exists', path, 'is not a folder');
      const found: Entry[] = [];
      const archive = await engine.pack(absolute(safe), { name, signal: call?.signal });
      try {
        for await (const { name: member, kind, sizeBytes, mtimeMs, mode } of readTar(archive)) {
          call?.signal?.throwIfAborted();
          const below = member.replace(/\/+$/, '').split('/').slice(1).join('/');
          if (below === '') continue;
          const at = joinPath(safe, below);
          if (safeRelativePath(at) !== at) throw refuse('name_unsafe', at, 'is a name that leads elsewhere');
          if (kind === 'link') {
            const facts = await look(at, call);
            if (facts !== undefined) found.push(entryOf(at, facts));
          } else {
            const isFile = kind === 'file';
            const seconds = Math.floor(mtimeMs / 1000) * 1000;
            found.push({ path: at, kind, sizeBytes: isFile ? sizeBytes : 0, mtimeMs: seconds, mode: mode & 0o7777 });
          }
        }
      } finally {
        archive.destroy();
      }
      found.sort((one, other) => comparePaths(one.path, other.path));
      for (const entry of found) {
        call?.signal?.throwIfAborted();
        yield entry;
      }
    },
    async read(path, from, call) {
      const safe = checked(path, call);
      const facts = await reach(safe, call);
      if (facts === undefined) throw refuse('not_found', path, 'is not there');
      const { kind } = entryOf(safe, facts);
      if (kind === 'symlink') throw refuse('name_unsafe', path, 'is a symlink, which is not followed');
      if (kind === 'folder') throw refuse('exists', path, 'is a folder, not a file');
      if (kind !== 'file') throw refuse('unsupported', path, 'is not a regular file');
      const archive = await orAborted(engine.pack(absolute(safe), { name, signal: call?.signal }), call?.signal);
      return streamOfFile(archive, from, call, () =>
        refuse('source_changed', path, 'became another while it was read'),
      );
    },
    async write(path, from, body, call) {
      const reader = body.getReader();
      try {
        const safe = checked(path, call);
        if (from > 0) throw cannot(path, 'cannot be gone on with: it is written as a whole');
        if (safe === '') throw refuse('exists', path, 'is the root, not a file');
        const there = await reach(safe, call);
        if (there !== undefined && has(there, folderBit)) throw refuse('exists', path, 'is a folder, not a file');
        if (there !== undefined && has(there, symlinkBit))
          throw refuse('name_unsafe', path, 'is a symlink, which is not followed');
        const { folder, below } = await target(safe, call);
        let bytes = 0;
        const chunks = async function* () {
          for (;;) {
            const { value } = await orAborted(reader.read(), call?.signal);
            if (value === undefined) return;
            // Its memory may be used again.
            yield Buffer.from(value);
            bytes += value.length;
            call?.progress?.(bytes);
          }
        };
        const about = call?.about;
        const held =
          about === undefined
            ? await heldInMemory(chunks(), () => cannot(path, 'is too large for a file whose size was not told'))
            : undefined;
        const sizeBytes = about?.sizeBytes ?? held?.length ?? 0;
        const failed = new Map<string, Fault>();
        const file: ManyWrite = {
          path: below,
          sizeBytes,
          mtimeMs: about?.mtimeMs ?? Date.now(),
          ...(about?.mode === undefined ? {} : { mode: about.mode }),
          body: held === undefined ? chunks() : ReadableStream.from([held]),
        };
        await unpack(folder, broken(writeTar(ReadableStream.from([file]), { failed }), failed), call);
        return sizeBytes;
      } catch (error) {
        await reader.cancel(error).catch(() => undefined);
        throw call?.signal?.aborted ? call.signal.reason : error;
      }
    },
    async remove(path, call) {
      const safe = checked(path, call);
      if (safe === '') throw refuse('unsupported', path, 'is the root and is not removed');
      if ((await reach(safe, call)) === undefined) return;
      throw cannot(path, 'cannot be removed');
    },
    async close() {
      // Nothing is kept open between calls.
    },
    async makeFolder(path, call) {
      const safe = checked(path, call);
      const there = await reach(safe, call);
      if (there !== undefined && (has(there, folderBit) || safe === '')) return;
      if (there !== undefined) throw refuse('exists', path, 'is not a folder, and a folder is needed there');
      const { folder, below } = await target(safe === '' ? '' : safe, call);
      await unpack(folder, ReadableStream.from([folderInTar(below)]), call);
    },
  };
}

function has({ mode }: PathFacts, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}

/** The archive breaks off where a file's content did: what follows would be zeros. */
async function* broken(
  archive: AsyncIterable<Uint8Array>,
  failed: ReadonlyMap<string, Fault>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of archive) {
    const [fault] = failed.values();
    if (fault !== undefined) throw fault;
    yield piece;
  }
}

async function heldInMemory(chunks: AsyncIterable<Uint8Array>, tooLarge: () => Fault): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostHeldBytes) throw tooLarge();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** The one file of an archive, from an offset on. */
function streamOfFile(
  archive: Readable,
  from: number,
  call: Call | undefined,
  changed: () => Fault,
): ReadableStream<Uint8Array> {
  const chunks = (async function* () {
    for await (const { kind, body } of readTar(archive)) {
      if (kind !== 'file') throw changed();
      let at = 0;
      let given = 0;
      for await (const chunk of body) {
        const part = chunk.subarray(Math.max(0, Math.min(chunk.length, from - at)));
        at += chunk.length;
        if (part.length === 0) continue;
        given += part.length;
        yield Uint8Array.from(part);
        call?.progress?.(given);
      }
    }
  })();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value } = await orAborted(chunks.next(), call?.signal);
          if (value === undefined) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          archive.destroy();
          controller.error(call?.signal?.aborted ? call.signal.reason : error);
        }
      },
      async cancel() {
        archive.destroy();
        await chunks.return(undefined).catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
