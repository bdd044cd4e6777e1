// Files that are made up as they are read, `generated://name?files=3&size=5GiB&seed=7`: any number and size, no disk.

import { type EndpointAddress, formatEndpoint } from '../model/endpoint-url.ts';
import { Fault } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import { displayPath, safeRelativePath } from '../model/names.ts';
import { parseSize } from '../model/size.ts';
import { hashStream } from './content-hash.ts';
import type { Call, Endpoint } from './endpoint.ts';

interface Settings {
  readonly files: number;
  readonly folders: number;
  readonly leastBytes: number;
  readonly mostBytes: number;
  readonly seed: number;
}

/** A prime, so that no two blocks, pages or files begin at the same place of the table. */
const tableBytes = 1_048_573;
const stampEvery = 4_096;
const chunkBytes = 256 * 1024;
/** 2020-01-01T00:00:00Z; each file is a second younger than the one before it. */
const firstMtimeMs = 1_577_836_800_000;

/**
 * Settings: `files` (default 1), `size` of each (`4096`, `64KiB`, or a range `4KiB..64KiB`; default 1MiB), `folders` that they are
 * spread over (default 0: all lie at the root), `seed` (default 1). The same address always has the same content. Reading only.
 * Files are named `file-000001.bin`, folders `folder-0001`. Throws `invalid` for settings that make no sense.
 */
export function openGenerated(address: EndpointAddress): Endpoint {
  const settings = readSettings(address);
  const name = formatEndpoint(address);
  const table = tableOf(settings.seed);
  const files = new Map<string, number>();
  const folders = new Set<string>(['']);
  for (let index = 0; index < settings.files; index++) files.set(pathOf(index, settings), index);
  for (let index = 0; index < settings.folders; index++) folders.add(folderOf(index));

  const folderEntry = (path: string): Entry => ({
    path,
    kind: 'folder',
    sizeBytes: 0,
    mtimeMs: firstMtimeMs,
    mode: 0o755,
  });
  const fileEntry = (path: string, index: number): Entry => ({
    path,
    kind: 'file',
    sizeBytes: sizeOf(index, settings),
    mtimeMs: firstMtimeMs + index * 1000,
    mode: 0o644,
    version: `${settings.seed}-${index}`,
  });
  const place = (path: string) => ({ place: { path: displayPath(path), endpoint: displayPath(name) } });
  const readOnly = () => Promise.reject(new Fault('unsupported', `${displayPath(name)} can only be read.`, place('')));

  const endpoint: Endpoint = {
    name,
    traits: { atomicRename: false, mtimePrecisionMs: 0, resumableWrite: false, caseSensitive: true },
    async *list(prefix, call) {
      const start = safeRelativePath(prefix);
      if (files.has(start))
        throw new Fault('exists', `${displayPath(start)} in ${displayPath(name)} is not a folder.`, place(start));
      if (!folders.has(start)) throw notThere(start, name);
      let last = start;
      for (const [path, index] of files) {
        call?.signal?.throwIfAborted();
        const cut = path.indexOf('/');
        const folder = cut < 0 ? '' : path.slice(0, cut);
        if (start !== '' && folder !== start) continue;
        if (folder !== last) yield folderEntry(folder);
        last = folder;
        yield fileEntry(path, index);
      }
      call?.signal?.throwIfAborted();
    },
    async stat(path, call) {
      call?.signal?.throwIfAborted();
      const safe = safeRelativePath(path);
      const index = files.get(safe);
      if (index !== undefined) return fileEntry(safe, index);
      return folders.has(safe) ? folderEntry(safe) : undefined;
    },
    async read(path, from, call: Call = {}) {
      call.signal?.throwIfAborted();
      const safe = safeRelativePath(path);
      const index = files.get(safe);
      if (index === undefined) {
        if (folders.has(safe))
          throw new Fault('exists', `${displayPath(safe)} in ${displayPath(name)} is a folder.`, place(safe));
        throw notThere(safe, name);
      }
      const sizeBytes = sizeOf(index, settings);
      let at = from;
      return new ReadableStream({
        pull(controller) {
          if (call.signal?.aborted) return controller.error(call.signal.reason);
          const count = Math.min(chunkBytes, sizeBytes - at);
          if (count <= 0) return controller.close();
          controller.enqueue(contentAt(table, index, at, count));
          at += count;
          call.progress?.(at - from);
        },
      });
    },
    write: readOnly,
    remove: readOnly,
    async close() {
      // Nothing is held.
    },
    async hash(path, algorithm, call) {
      return hashStream(await endpoint.read(path, 0, call), algorithm);
    },
  };
  return endpoint;
}

/** `count` bytes of file `index` from offset `from`: parts of the table, each page begun by a stamp of file and page. */
function contentAt(table: Uint8Array, index: number, from: number, count: number): Uint8Array {
  // Whole pages first, for a stamp must be the same wherever a reading begins.
  const firstPage = Math.floor(from / stampEvery);
  const pages = Math.ceil((from + count) / stampEvery) - firstPage;
  const bytes = new Uint8Array(pages * stampEvery);
  const start = (firstPage * stampEvery + (index % tableBytes) * 7_919) % tableBytes;
  for (let done = 0; done < bytes.length; ) {
    const at = (start + done) % tableBytes;
    const part = table.subarray(at, at + bytes.length - done);
    bytes.set(part, done);
    done += part.length;
  }
  const view = new DataView(bytes.buffer);
  for (let page = 0; page < pages; page++) {
    view.setUint32(page * stampEvery, index, true);
    view.setUint32(page * stampEvery + 4, firstPage + page, true);
  }
  const skip = from - firstPage * stampEvery;
  return bytes.subarray(skip, skip + count);
}

function tableOf(seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(tableBytes / 4));
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  for (let at = 0; at < words.length; at++) {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, tableBytes);
}

function sizeOf(index: number, { leastBytes, mostBytes, seed }: Settings): number {
  const spread = mostBytes - leastBytes + 1;
  // Multiplicative hashing (Knuth, TAOCP 6.4) with two rounds: neighbours get sizes that look unrelated.
  let mixed = Math.imul(index + seed, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0;
  return leastBytes + Math.floor((mixed / 2 ** 32) * spread);
}

function pathOf(index: number, { files, folders }: Settings): string {
  const file = `file-${String(index + 1).padStart(6, '0')}.bin`;
  return folders === 0 ? file : `${folderOf(Math.floor((index * folders) / files))}/${file}`;
}

function folderOf(index: number): string {
  return `folder-${String(index + 1).padStart(4, '0')}`;
}

function readSettings({ query }: EndpointAddress): Settings {
  const known = new Set(['files', 'size', 'folders', 'seed']);
  const strange = Object.keys(query).find((key) => !known.has(key));
  if (strange !== undefined)
    throw new Fault(
      'invalid',
      `generated:// has no setting "${displayPath(strange)}"; there are files, size, folders and seed.`,
    );
  const whole = (key: string, usual: number, least: number): number => {
    const value = query[key] === undefined ? usual : Number(query[key]);
    if (!Number.isSafeInteger(value) || value < least || value > 10_000_000) {
      throw new Fault('invalid', `generated:// needs a whole number from ${least} to 10,000,000 for "${key}".`);
    }
    return value;
  };
  const [least = '1MiB', most = least] = (query.size ?? '1MiB').split('..');
  const files = whole('files', 1, 0);
  const settings = {
    files,
    folders: Math.min(whole('folders', 0, 0), files),
    leastBytes: parseSize(least),
    mostBytes: parseSize(most),
    seed: whole('seed', 1, 0),
  };
  if (settings.mostBytes < settings.leastBytes)
    throw new Fault('invalid', 'generated:// needs the smaller size first.');
  return settings;
}

function notThere(path: string, name: string): Fault {
  return new Fault('not_found', `${displayPath(path)} is not in ${displayPath(name)}.`, {
    place: { path: displayPath(path), endpoint: displayPath(name) },
  });
}
