// Places in memory, `mem://name/path`: shared by all who open the same name in this process; for tests and demos.

import { type EndpointAddress, formatEndpoint } from '../model/endpoint-url.ts';
import { Fault } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import { comparePaths, displayPath, joinPath, parentPath, safeRelativePath } from '../model/names.ts';
import { parseSize } from '../model/size.ts';
import { hashStream } from './content-hash.ts';
import type { Call, Endpoint } from './endpoint.ts';

interface Node {
  readonly kind: 'file' | 'folder' | 'symlink';
  readonly inode: string;
  /** Pages of `pageBytes`; the last one is used up to the file's size. */
  readonly pages: Uint8Array[];
  sizeBytes: number;
  mtimeMs: number;
  mode: number;
  readonly linkTarget: string | undefined;
}

interface MemoryPlace {
  /** By path; folders always have their parents in here too. */
  readonly nodes: Map<string, Node>;
  nextInode: number;
  usedBytes: number;
}

const pageBytes = 256 * 1024;
const usualCapacityBytes = 2 ** 30;
const places = new Map<string, MemoryPlace>();

/** `?capacity=64MiB` sets the room that the place has (default 1 GiB), counted over everything under its name. */
export function openMemory(address: EndpointAddress): Endpoint {
  const place = placeOf(address.authority);
  const capacityBytes = address.query.capacity === undefined ? usualCapacityBytes : parseSize(address.query.capacity);
  const name = formatEndpoint(address);
  const top = safeRelativePath(address.path);
  const full = (path: string) => joinPath(top, safeRelativePath(path));
  const fault = (code: ConstructorParameters<typeof Fault>[0], path: string, why: string) =>
    new Fault(code, `${displayPath(path === '' ? name : path)} ${why} (${displayPath(name)}).`, {
      place: { path: displayPath(path), endpoint: displayPath(name) },
    });

  /** The node at a path, whose folders are not symlinks; undefined where it, or a folder on the way, is missing. */
  const find = (path: string): Node | undefined => {
    const whole = full(path);
    for (let cut = whole.indexOf('/'); cut >= 0; cut = whole.indexOf('/', cut + 1)) {
      const folder = place.nodes.get(whole.slice(0, cut));
      if (folder?.kind === 'symlink')
        throw fault('name_unsafe', path, 'leads through a symlink, which is not followed');
      if (folder?.kind !== 'folder') return undefined;
    }
    return place.nodes.get(whole);
  };
  const file = (path: string): Node => {
    const node = find(path);
    if (node === undefined) throw fault('not_found', path, 'is not there');
    if (node.kind === 'symlink') throw fault('name_unsafe', path, 'is a symlink, which is not followed');
    if (node.kind === 'folder') throw fault('exists', path, 'is a folder, not a file');
    return node;
  };
  const makeFolders = (whole: string) => {
    if (whole === '') return;
    makeFolders(parentPath(whole));
    const node = place.nodes.get(whole);
    if (node?.kind === 'symlink') throw fault('name_unsafe', whole, 'is a symlink where a folder is needed');
    if (node?.kind === 'file') throw fault('exists', whole, 'is a file where a folder is needed');
    if (node === undefined) place.nodes.set(whole, newNode(place, 'folder'));
  };
  /** The file to write to, cut at `from`. */
  const startFile = (path: string, from: number): Node => {
    const whole = full(path);
    if (whole === top) throw fault('exists', path, 'is the root, not a file');
    if (from === 0) makeFolders(parentPath(whole));
    if (from === 0 && find(path) === undefined) place.nodes.set(whole, newNode(place, 'file'));
    const node = file(path);
    if (node.sizeBytes < from) {
      throw fault('invalid', path, `has ${node.sizeBytes} bytes and cannot be gone on with at ${from}`);
    }
    place.usedBytes -= node.sizeBytes - from;
    node.pages.length = Math.ceil(from / pageBytes);
    node.sizeBytes = from;
    node.mtimeMs = Date.now();
    return node;
  };
  const entryOf = (path: string, node: Node): Entry => ({
    path,
    kind: node.kind,
    sizeBytes: node.sizeBytes,
    mtimeMs: node.mtimeMs,
    mode: node.mode,
    device: `mem:${address.authority}`,
    inode: node.inode,
    ...(node.linkTarget === undefined ? {} : { linkTarget: node.linkTarget }),
  });
  const begin = (call: Call | undefined) => call?.signal?.throwIfAborted();
  const isEmpty = (whole: string) => [...place.nodes.keys()].every((path) => !path.startsWith(`${whole}/`));

  const endpoint: Endpoint = {
    name,
    traits: { atomicRename: true, mtimePrecisionMs: 0, resumableWrite: true, caseSensitive: true },
    async *list(prefix, call) {
      const start = find(prefix);
      if (start === undefined) throw fault('not_found', prefix, 'is not there');
      if (start.kind !== 'folder') throw fault('exists', prefix, 'is not a folder');
      const whole = full(prefix);
      const below = [...place.nodes.keys()].filter(
        (path) => path !== '' && (whole === '' || path.startsWith(`${whole}/`)),
      );
      for (const path of below.sort(comparePaths)) {
        begin(call);
        const node = place.nodes.get(path);
        if (node !== undefined) yield entryOf(top === '' ? path : path.slice(top.length + 1), node);
      }
      begin(call);
    },
    async stat(path, call) {
      begin(call);
      const node = find(path);
      return node === undefined ? undefined : entryOf(safeRelativePath(path), node);
    },
    async read(path, from, call) {
      begin(call);
      const node = file(path);
      let at = from;
      return new ReadableStream({
        pull(controller) {
          if (call?.signal?.aborted) return controller.error(call.signal.reason);
          const inPage = at % pageBytes;
          const count = Math.min(pageBytes - inPage, node.sizeBytes - at);
          if (count <= 0) return controller.close();
          const page = node.pages[Math.floor(at / pageBytes)] ?? new Uint8Array(pageBytes);
          controller.enqueue(page.slice(inPage, inPage + count));
          at += count;
          call?.progress?.(at - from);
        },
      });
    },
    async write(path, from, body, call) {
      const reader = body.getReader();
      const stop = () => void reader.cancel(call?.signal?.reason).catch(() => undefined);
      call?.signal?.addEventListener('abort', stop, { once: true });
      try {
        begin(call);
        const node = startFile(path, from);
        for (;;) {
          const { done, value } = await reader.read();
          begin(call);
          if (done) return node.sizeBytes;
          if (place.usedBytes + value.length > capacityBytes) throw fault('space', path, 'does not fit in');
          append(node, value);
          place.usedBytes += value.length;
          node.mtimeMs = Date.now();
          call?.progress?.(node.sizeBytes - from);
        }
      } catch (error) {
        await reader.cancel(error).catch(() => undefined);
        throw error;
      } finally {
        call?.signal?.removeEventListener('abort', stop);
      }
    },
    async remove(path, call) {
      begin(call);
      const node = find(path);
      const whole = full(path);
      if (node === undefined) return;
      if (whole === '' || whole === top) throw fault('unsupported', path, 'is the root and is not removed');
      if (node.kind === 'folder' && !isEmpty(whole)) throw fault('exists', path, 'is not empty');
      place.nodes.delete(whole);
      place.usedBytes -= node.sizeBytes;
    },
    async close() {
      // The place lives as long as the process.
    },
    async hash(path, algorithm, call) {
      return hashStream(await endpoint.read(path, 0, call), algorithm);
    },
    async rename(from, to, options, call) {
      begin(call);
      const node = find(from);
      if (node === undefined) throw fault('not_found', from, 'is not there');
      const old = full(from);
      const fresh = full(to);
      if (fresh === old) return;
      if (fresh.startsWith(`${old}/`)) throw fault('unsupported', from, 'cannot be moved into itself');
      makeFolders(parentPath(fresh));
      const taken = place.nodes.get(fresh);
      if (taken !== undefined && (!options.overwrite || taken.kind === 'folder' || node.kind === 'folder')) {
        throw fault('exists', to, 'is taken already');
      }
      place.usedBytes -= taken?.sizeBytes ?? 0;
      for (const [path, moved] of [...place.nodes]) {
        if (path !== old && !path.startsWith(`${old}/`)) continue;
        place.nodes.delete(path);
        place.nodes.set(fresh + path.slice(old.length), moved);
      }
    },
    async makeFolder(path, call) {
      begin(call);
      makeFolders(full(path));
    },
    async makeSymlink(path, target, call) {
      begin(call);
      const whole = full(path);
      makeFolders(parentPath(whole));
      if (place.nodes.has(whole)) throw fault('exists', path, 'is taken already');
      place.nodes.set(whole, newNode(place, 'symlink', target));
    },
    async setMetadata(path, metadata, call) {
      begin(call);
      const node = find(path);
      if (node === undefined) throw fault('not_found', path, 'is not there');
      node.mtimeMs = metadata.mtimeMs ?? node.mtimeMs;
      if (node.kind !== 'symlink') node.mode = metadata.mode ?? node.mode;
    },
    async space(call) {
      begin(call);
      return { freeBytes: Math.max(0, capacityBytes - place.usedBytes), totalBytes: capacityBytes, freeInodes: null };
    },
  };
  return endpoint;
}

function placeOf(name: string): MemoryPlace {
  const known = places.get(name);
  if (known !== undefined) return known;
  const place: MemoryPlace = { nodes: new Map(), nextInode: 1, usedBytes: 0 };
  place.nodes.set('', newNode(place, 'folder'));
  places.set(name, place);
  return place;
}

function newNode(place: MemoryPlace, kind: Node['kind'], linkTarget?: string): Node {
  const mode = kind === 'folder' ? 0o755 : kind === 'symlink' ? 0o777 : 0o644;
  const inode = String(place.nextInode++);
  return { kind, inode, pages: [], sizeBytes: 0, mtimeMs: Date.now(), mode, linkTarget };
}

function append(node: Node, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const index = Math.floor(node.sizeBytes / pageBytes);
    const inPage = node.sizeBytes % pageBytes;
    node.pages[index] ??= new Uint8Array(pageBytes);
    const part = bytes.subarray(done, done + pageBytes - inPage);
    node.pages[index].set(part, inPage);
    done += part.length;
    node.sizeBytes += part.length;
  }
}
