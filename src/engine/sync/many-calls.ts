// Many questions to one place: in one call where it takes them so, else several side by side.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';

const sideBySide = 16;

/** Runs `work` for each, several at once; the first rejection ends it. */
export async function forEachSideBySide<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  most = sideBySide,
): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}

/** What is not there is left out. */
export async function statAll(
  endpoint: Endpoint,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Entry>> {
  if (endpoint.statMany !== undefined && paths.length > 1) return endpoint.statMany(paths, { signal });
  const found = new Map<string, Entry>();
  await forEachSideBySide(paths, async (path) => {
    const entry = await endpoint.stat(path, { signal });
    if (entry !== undefined) found.set(path, entry);
  });
  return found;
}

/** What cannot be read (any more) is left out; rejects where the place itself is away. */
export async function hashAll(
  endpoint: Endpoint,
  paths: readonly string[],
  algorithm: HashAlgorithm,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (endpoint.hashMany !== undefined && paths.length > 1) return endpoint.hashMany(paths, algorithm, { signal });
  const hashes = new Map<string, string>();
  await forEachSideBySide(
    paths,
    async (path) => {
      try {
        hashes.set(path, await contentHash(endpoint, path, algorithm, signal));
      } catch (error) {
        signal.throwIfAborted();
        const fault = asFault(error);
        if (fault.code !== 'not_found' && fault.code !== 'permission') throw fault;
      }
    },
    4,
  );
  return hashes;
}

/** Where the place cannot hash, its bytes are read here. */
export async function contentHash(
  endpoint: Endpoint,
  path: string,
  algorithm: HashAlgorithm,
  signal: AbortSignal,
): Promise<string> {
  if (endpoint.hash !== undefined) return endpoint.hash(path, algorithm, { signal });
  const { hashStream } = await import('../../endpoints/content-hash.ts');
  return hashStream(await endpoint.read(path, 0, { signal }), algorithm);
}
