// A device as a read-only place, `device://<id>/<path>`: it stays the same over reconnections, and believes nothing that can be checked.

import { join } from 'node:path';
import type { Call, Endpoint } from '../endpoints/endpoint.ts';
import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import { comparePaths, displayPath, joinPath, parentPath, safeRelativePath } from '../model/names.ts';
import { bounded, boundedItems, type Patience } from './bounded.ts';
import type { DeviceCall, DeviceConnection, RemoteFile } from './device.ts';
import { deviceStream, WrongSize } from './device-stream.ts';
import { checkedFile, judgeFile, type ListedFile } from './remote-file.ts';
import { skipped } from './skipped.ts';

/** The device behind an endpoint, whichever connection it has at the moment. */
export interface DeviceLink {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly clock: Clock;
  readonly patience: Patience;
  /** The connection, opened where there is none. Rejects with `device` while the device is away. */
  hold(call: Call): Promise<HeldConnection>;
  /** What to tell of an adapter's rejection, after a look at whether the device is still there. */
  failed(held: HeldConnection | undefined, error: unknown): Promise<Fault>;
}

/** A connection that is not closed under whoever holds it, unless the device goes away. */
export interface HeldConnection {
  readonly connection: DeviceConnection;
  /** Aborted, with what to tell, once the device has gone. */
  readonly gone: AbortSignal;
  release(): void;
}

/** More files than any device holds: a listing that does not end. */
const mostFiles = 1_000_000;
/** FAT keeps times to two seconds. */
const mtimePrecisionMs = 2_000;
/** A look that is no older than this stands for one of now. */
const lookedMs = 1_000;

interface Index {
  readonly begunAt: number;
  readonly files: ReadonlyMap<string, RemoteFile>;
  readonly refused: readonly Extract<ListedFile, { kind: 'refused' }>[];
}

/** What the device lists, each file as it may be used or with the reason why not. Rejects as `Endpoint.list` does. */
export async function* listDevice(link: DeviceLink, call: Call = {}): AsyncGenerator<ListedFile> {
  const held = await link.hold(call);
  const seen = new Set<string>();
  try {
    const signal = either(call.signal, held.gone);
    const bound = { clock: link.clock, ms: link.patience.listMs, what: `to list ${link.name}`, signal };
    for await (const given of boundedItems(bound, (own) => held.connection.list({ signal: own }))) {
      const listed = judgeFile(given);
      const path = listed.kind === 'file' ? listed.file.path : listed.path;
      if (seen.has(path)) continue;
      seen.add(path);
      if (seen.size > mostFiles) throw new Fault('io', `${link.name} lists more than ${mostFiles} files.`);
      yield listed;
    }
  } catch (error) {
    call.signal?.throwIfAborted();
    throw await link.failed(held, error);
  } finally {
    held.release();
  }
}

/** `root` is a path on the device; `folder` says whether the device's files lie in a folder of this machine. */
export function deviceEndpoint(link: DeviceLink, root: string, current: () => DeviceConnection | undefined): Endpoint {
  const { clock, patience, id } = link;
  const top = safeRelativePath(root);
  const name = `device://${id}/${top.split('/').map(encodeURIComponent).join('/')}`;
  const full = (path: string) => joinPath(top, safeRelativePath(path));
  const hasFolder = current()?.localFolder !== undefined;
  const readsFrom = current()?.readsFrom === true;
  const placeOf = (path: string) => ({ path: displayPath(path), endpoint: displayPath(name) });
  /** Ends of readings, by path: what was listed before does not tell what a file was after. */
  const readAt = new Map<string, number>();
  /** What was asked for last, for a reading that follows at once. */
  let looked: { readonly path: string; readonly file: RemoteFile; readonly at: number } | undefined;
  let index: Promise<Index> | undefined;
  let known: Index | undefined;

  const refuse = (what: string) => async (): Promise<never> => {
    throw new Fault('read_only', `${link.name} is a device: ${what} there is not possible.`, {
      place: { endpoint: displayPath(name) },
    });
  };

  const ask = async <Result>(
    what: string,
    call: Call,
    question: (connection: DeviceConnection, call: DeviceCall) => Promise<Result>,
  ): Promise<Result> => {
    const held = await link.hold(call);
    try {
      const bound = { clock, ms: patience.callMs, what, signal: either(call.signal, held.gone) };
      return await bounded(bound, (signal) => question(held.connection, { signal }));
    } catch (error) {
      call.signal?.throwIfAborted();
      throw await link.failed(held, error);
    } finally {
      held.release();
    }
  };

  const relist = (call: Call): Promise<Index> => {
    const begunAt = clock.monotonic();
    const listing = (async () => {
      const files = new Map<string, RemoteFile>();
      const refused: Index['refused'][number][] = [];
      for await (const listed of listDevice(link, call)) {
        if (listed.kind === 'file') files.set(listed.file.path, listed.file);
        else refused.push(listed);
      }
      known = { begunAt, files, refused };
      return known;
    })();
    index = listing;
    const forget = () => {
      if (index === listing) index = undefined;
    };
    listing.then(forget, forget);
    return listing;
  };

  /** One file as it is now: by a question where the device answers one, else by a listing that is not older than the last reading of it. */
  const look = async (path: string, call: Call): Promise<RemoteFile | undefined> => {
    const held = await link.hold(call);
    held.release();
    if (held.connection.stat === undefined) {
      const since = readAt.get(path) ?? Number.NEGATIVE_INFINITY;
      if (known !== undefined && known.begunAt > since) return known.files.get(path);
      return (await relist(call)).files.get(path);
    }
    const given = await ask(`to look at ${displayPath(path)} on ${link.name}`, call, (connection, own) =>
      connection.stat === undefined ? Promise.resolve(undefined) : connection.stat(path, own),
    );
    if (given === undefined) return undefined;
    const file = checkedFile(given);
    if (file.path === path) {
      looked = { path, file, at: clock.monotonic() };
      return file;
    }
    throw new Fault('io', `${link.name} was asked for ${displayPath(path)} and told of ${displayPath(file.path)}.`);
  };

  const justLooked = (path: string): RemoteFile | undefined =>
    looked?.path === path && clock.monotonic() - looked.at < lookedMs ? looked.file : undefined;

  const check = (call: Call): Promise<void> =>
    ask(`to see whether ${link.name} is still there`, call, async (connection, own) => connection.check?.(own));

  const entryOf = (file: RemoteFile): Entry => ({
    path: top === '' ? file.path : file.path.slice(top.length + 1),
    kind: 'file',
    sizeBytes: file.size,
    mtimeMs: file.mtime ?? 0,
    ...(file.mtime === undefined ? { mtimeUnknown: true } : {}),
    device: `device:${id}`,
  });
  const folderOf = (path: string): Entry => ({
    path: top === '' ? path : path.slice(top.length + 1),
    kind: 'folder',
    sizeBytes: 0,
    mtimeMs: 0,
    mtimeUnknown: true,
  });

  const explain = async (before: RemoteFile, held: HeldConnection, error: unknown): Promise<Fault> => {
    if (!(error instanceof WrongSize)) return link.failed(held, error);
    // It breaks off too where the device goes away, and where somebody writes to the file.
    const { path } = before;
    const now = await look(path, {}).catch((fault: unknown) => link.failed(held, fault));
    if (now instanceof Fault && now.code === 'device') return now;
    const changed = now === undefined || (!(now instanceof Fault) && now.size !== before.size);
    const code = changed ? 'source_changed' : error.more ? 'io' : 'network';
    return new Fault(code, error.message, { cause: error, place: placeOf(path) });
  };

  const endpoint: Endpoint = {
    name,
    traits: {
      atomicRename: false,
      mtimePrecisionMs,
      resumableWrite: false,
      caseSensitive: true,
      resumableRead: readsFrom,
    },
    async *list(prefix, call = {}) {
      const start = full(prefix);
      const { files, refused } = await relist(call);
      const below = [...files.values()].filter(({ path }) => start === '' || path.startsWith(`${start}/`));
      if (start !== '' && below.length === 0) {
        const what = files.has(start) ? 'is not a folder' : 'is not there';
        throw new Fault(files.has(start) ? 'exists' : 'not_found', `${displayPath(start)} ${what} (${link.name}).`);
      }
      const folders = new Set<string>();
      for (const { path } of below) {
        for (let up = parentPath(path); up !== start && up !== ''; up = parentPath(up)) folders.add(up);
      }
      const entries = [...below.map((file) => entryOf(file)), ...[...folders].map((path) => folderOf(path))];
      for (const entry of entries.sort((one, other) => comparePaths(one.path, other.path))) {
        call.signal?.throwIfAborted();
        yield entry;
      }
      const [first, ...more] = refused;
      if (first === undefined) return;
      const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
      throw new Fault(
        first.fault.code,
        `${first.fault.message.replace(/\.$/, '')}${rest}; the other files are listed.`,
        {
          place: { path: first.path, endpoint: displayPath(name) },
        },
      );
    },
    async stat(path, call = {}) {
      const whole = full(path);
      if (whole === top) {
        (await link.hold(call)).release();
        return folderOf(whole);
      }
      const file = await look(whole, call);
      if (file !== undefined) return entryOf(file);
      const { files } = known ?? (await relist(call));
      return [...files.keys()].some((other) => other.startsWith(`${whole}/`)) ? folderOf(whole) : undefined;
    },
    async read(path, from, call = {}) {
      const whole = full(path);
      if (from > 0) await check(call);
      const file = justLooked(whole) ?? (await look(whole, call));
      if (file === undefined) {
        throw new Fault('not_found', `${displayPath(whole)} is not on ${link.name}.`, { place: placeOf(whole) });
      }
      if (from > file.size) return new ReadableStream({ start: (controller) => controller.close() });
      const held = await link.hold(call);
      const start = held.connection.readsFrom === true ? from : 0;
      const stop = new AbortController();
      const outside = either(call.signal, held.gone);
      const what = `${displayPath(whole)} on ${link.name}`;
      const bound = { clock, ms: patience.chunkMs, what: `to open ${what}`, signal: outside };
      let opening: Promise<ReadableStream<Uint8Array>> | undefined;
      let source: ReadableStream<Uint8Array>;
      try {
        source = await bounded(bound, () => {
          opening = held.connection.read(whole, start, { signal: either(outside, stop.signal) });
          return opening;
        });
      } catch (error) {
        stop.abort(error);
        // What is opened too late is nobody's.
        opening?.then((late) => late.cancel(error)).catch(() => undefined);
        held.release();
        call.signal?.throwIfAborted();
        throw await link.failed(held, error);
      }
      const stream = deviceStream(source, {
        clock,
        expected: file.size - start,
        chunkMs: patience.chunkMs,
        what,
        signal: outside,
        progress: (done) => call.progress?.(Math.max(0, done - (from - start))),
        failed: (error) => explain(file, held, error),
        ended: () => {
          looked = undefined;
          readAt.set(whole, clock.monotonic());
          stop.abort(new Fault('interrupted', 'The reading is over.'));
          held.release();
        },
      });
      if (file.size - start > 0) return start === from ? stream : skipped(stream, from - start);
      // Nobody would read a byte of a file that is said to have none.
      for await (const _ of stream);
      return new ReadableStream({ start: (controller) => controller.close() });
    },
    write: refuse('writing'),
    async remove(path, call = {}) {
      const whole = full(path);
      await check(call);
      readAt.set(whole, clock.monotonic());
      await ask(`to remove ${displayPath(whole)} from ${link.name}`, call, async (connection, own) => {
        if (connection.remove === undefined) throw new Fault('unsupported', `${link.name} cannot remove files.`);
        await connection.remove(whole, own);
      });
    },
    async close() {
      // Connections belong to the registry.
    },
    async medium(call = {}) {
      await check(call);
      return `device:${id}`;
    },
  };
  if (!hasFolder) return endpoint;
  return {
    ...endpoint,
    localPath(path) {
      const folder = current()?.localFolder;
      if (folder !== undefined) return join(folder, full(path));
      throw new Fault('device', `${link.name} is away.`, { place: { endpoint: displayPath(name) } });
    },
  };
}

function either(one: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return one === undefined ? other : AbortSignal.any([one, other]);
}
