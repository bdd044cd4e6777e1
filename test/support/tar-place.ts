// A place that is reached by streams only and has many files at once, over any endpoint: archives go through memory, where they can be cut, held up and falsified.

import type { Endpoint, ManyRead, ManyWrite } from '../../src/endpoints/endpoint.ts';
import { readManyFromTar, readTar } from '../../src/endpoints/tar-reader.ts';
import { writeTar } from '../../src/endpoints/tar-writer.ts';
import { asFault, Fault } from '../../src/model/fault.ts';

export interface TarPlaceTrouble {
  /** The archive breaks off after so many of its bytes. */
  breakAfterBytes?: number;
  /** Nothing more comes after so many of its bytes until the call is aborted. */
  stallAfterBytes?: number;
  /** Told that it holds its breath now. */
  stalled?: () => void;
  /** The name under which the archive gives a file. */
  name?: (path: string) => string;
  /** The size that the archive gives a file. */
  size?: (path: string, sizeBytes: number) => number;
  /** Called when a file's bytes have gone into the archive. */
  sent?: (path: string) => Promise<void>;
  /** What a look again says. Default is the truth. */
  looks?: 'as before';
  /** Flips a bit in the content of what is written, at each file's first byte. */
  corrupts?: (path: string) => boolean;
  /** Called before files take their final names. */
  renaming?: () => Promise<void>;
  /** A rename of many breaks off after so many. */
  breakAfterRenames?: number;
}

export interface TarPlace extends Endpoint {
  /** Settable between two moves. */
  trouble: TarPlaceTrouble;
  /** Bytes of content that were read or written, by path. */
  readonly bytesBy: Map<string, number>;
  /** How often each of its ways was used. */
  readonly calls: Map<string, number>;
}

export function tarPlace(inner: Endpoint, trouble: TarPlaceTrouble = {}): TarPlace {
  const { localPath: _, ...rest } = inner;
  const seen = new Map<string, Awaited<ReturnType<Endpoint['stat']>>>();
  const count = (what: string) => place.calls.set(what, (place.calls.get(what) ?? 0) + 1);
  const counted = (path: string, bytes: number) => place.bytesBy.set(path, (place.bytesBy.get(path) ?? 0) + bytes);

  async function* troubled(archive: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    const { breakAfterBytes = Infinity, stallAfterBytes = Infinity } = place.trouble;
    let done = 0;
    for await (const piece of archive) {
      for (let at = 0; at < piece.length; ) {
        const most = Math.min(breakAfterBytes, stallAfterBytes) - done;
        const part = piece.subarray(at, at + Math.min(most, 10_000));
        if (part.length > 0) yield part;
        at += part.length;
        done += part.length;
        if (done >= breakAfterBytes) throw new Fault('network', 'The link broke off.');
        if (done < stallAfterBytes) continue;
        place.trouble.stalled?.();
        await new Promise<never>((_, reject) => {
          if (signal?.aborted) reject(signal.reason);
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
    }
  }

  async function* files(paths: readonly string[], signal: AbortSignal | undefined): AsyncGenerator<ManyWrite> {
    // In an order of its own.
    for (const path of [...paths].reverse()) {
      const entry = await inner.stat(path);
      if (entry?.kind !== 'file') continue;
      seen.set(path, entry);
      const name = place.trouble.name?.(path) ?? path;
      const sizeBytes = place.trouble.size?.(path, entry.sizeBytes) ?? entry.sizeBytes;
      async function* body() {
        for await (const chunk of await inner.read(path, 0, signal === undefined ? {} : { signal })) {
          counted(path, chunk.length);
          yield chunk;
        }
        await place.trouble.sent?.(path);
      }
      yield {
        path: name,
        sizeBytes,
        mtimeMs: entry.mtimeMs,
        ...(entry.mode === undefined ? {} : { mode: entry.mode }),
        body: body(),
      };
    }
  }

  async function each<Item>(
    items: Iterable<Item>,
    key: (item: Item) => string,
    work: (item: Item) => Promise<unknown>,
  ) {
    const faults = new Map<string, Fault>();
    for (const item of items) await work(item).catch((error) => faults.set(key(item), asFault(error)));
    return faults;
  }

  const place: TarPlace = {
    ...rest,
    trouble,
    bytesBy: new Map(),
    calls: new Map(),
    async *readMany(paths, call): AsyncGenerator<ManyRead> {
      count('readMany');
      const archive = writeTar(files(paths, call?.signal), { failed: new Map() });
      yield* readManyFromTar(troubled(archive, call?.signal), { paths, place: inner.name });
    },
    async writeMany(given, call) {
      count('writeMany');
      const failed = new Map<string, Fault>();
      for await (const member of readTar(troubled(writeTar(given, { failed }), call?.signal))) {
        const { name, body, mtimeMs, mode } = member;
        async function* noted() {
          let flips = place.trouble.corrupts?.(name) === true;
          for await (const chunk of body) {
            counted(name, chunk.length);
            const own = Uint8Array.from(chunk);
            if (flips) own[0] = (own[0] ?? 0) ^ 1;
            flips = false;
            yield own;
          }
        }
        await inner.write(name, 0, ReadableStream.from(noted()));
        await inner.setMetadata?.(name, { mtimeMs, mode });
      }
      return failed;
    },
    async hashMany(paths, algorithm) {
      count('hashMany');
      const hashes = new Map<string, string>();
      for (const path of paths) {
        const value = await inner.hash?.(path, algorithm).catch(() => undefined);
        if (value !== undefined) hashes.set(path, value);
      }
      return hashes;
    },
    async renameMany(pairs, options) {
      count('renameMany');
      await place.trouble.renaming?.();
      let left = place.trouble.breakAfterRenames ?? Infinity;
      return await each(
        pairs,
        ({ from }) => from,
        async ({ from, to }) => {
          if (left-- <= 0) throw new Fault('network', 'The link broke off.');
          await inner.rename?.(from, to, options);
        },
      );
    },
    async removeMany(paths) {
      count('removeMany');
      return await each(
        paths,
        (path) => path,
        (path) => inner.remove(path),
      );
    },
    async statMany(paths) {
      count('statMany');
      const found = new Map();
      for (const path of paths) {
        const entry = place.trouble.looks === 'as before' ? seen.get(path) : await inner.stat(path);
        if (entry !== undefined) found.set(path, entry);
      }
      return found;
    },
  };
  return place;
}
