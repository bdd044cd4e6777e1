// Manifests of a sync without a daemon: read, cleared, and taken in from elsewhere where the destination proves them.

import { openParts, type PartsOptions } from './compose.ts';
import { checkSyncSpec } from './engine/sync/check-spec.ts';
import { clearManifests, knownEntries, manifestKeys } from './engine/sync/known-entries.ts';
import { hashAll } from './engine/sync/many-calls.ts';
import type { HashAlgorithm } from './model/hash.ts';
import { hashAlgorithms } from './model/hash.ts';
import { diff, type Entry } from './model/manifest.ts';
import { baseName, joinPath, parentPath, safeRelativePath } from './model/names.ts';
import { type KnownFile, packFolder } from './model/packed-entries.ts';
import type { SyncRequest } from './model/sync-spec.ts';
import type { ManifestKey, StoreReader } from './store/store.ts';

export interface ManifestChanges {
  readonly new: readonly Entry[];
  readonly modified: readonly Entry[];
  readonly deleted: readonly Entry[];
  readonly renamed: readonly { readonly from: Entry; readonly to: Entry }[];
}

export interface Manifests {
  /** Paths are below the folder's own place. */
  entries(): AsyncIterable<{ readonly key: ManifestKey; readonly entry: Entry }>;
  /** Resolves with how many files were known. */
  clear(): Promise<number>;
  /** Into the manifest of the first destination and folder: what stands there with that hash; all others are counted only. */
  takeIn(entries: readonly Entry[]): Promise<{ readonly known: number; readonly others: number }>;
  close(): Promise<boolean>;
}

/** Rejects with `invalid`, `data_in_use` and `ledger`. */
export async function openManifests(options: PartsOptions, request: SyncRequest): Promise<Manifests> {
  const spec = checkSyncSpec(request);
  const parts = await openParts(options);
  const { store } = parts;
  return {
    entries: () => knownEntries(store, spec),
    clear: () => clearManifests(store, spec, (changes) => store.apply(changes)),
    takeIn: async (entries) => {
      const [key] = manifestKeys(spec);
      if (key === undefined) return { known: 0, others: entries.length };
      const destination = await parts.open(key.destination);
      const signal = new AbortController().signal;
      const folders = new Map<string, Map<string, KnownFile>>();
      for (const algorithm of hashAlgorithms) {
        const some = entries.filter(({ hash }) => hash?.startsWith(`${algorithm}:`) === true);
        const paths = some.map(({ path }) => joinPath(key.to, safeRelativePath(path)));
        const hashes = await hashAll(destination, paths, algorithm satisfies HashAlgorithm, signal);
        for (const [at, { path, sizeBytes, mtimeMs, hash = '' }] of some.entries()) {
          if (`${algorithm}:${hashes.get(paths[at] ?? '')}` !== hash) continue;
          const files = folders.get(parentPath(path)) ?? new Map<string, KnownFile>();
          folders.set(parentPath(path), files);
          files.set(baseName(path), { sizeBytes, mtimeMs, hash });
        }
      }
      const rows = [...folders].map(([path, files]) => ({ path, entries: packFolder(files) }));
      await store.apply([{ kind: 'put_manifest', key, folders: rows, at: parts.clock.now() }]);
      const known = [...folders.values()].reduce((sum, { size }) => sum + size, 0);
      return { known, others: entries.length - known };
    },
    close: () => parts.close(),
  };
}

/** What has changed since the last sync: `entries` against what the first destination is known to hold. */
export async function changesSince(
  reader: Pick<StoreReader, 'manifest'>,
  entries: Iterable<Entry>,
  places: Pick<SyncRequest, 'source' | 'destinations' | 'folders'>,
): Promise<ManifestChanges> {
  const spec = checkSyncSpec({ kind: 'sync', ...places });
  const known: Entry[] = [];
  for await (const { key, entry } of knownEntries(reader, { ...spec, destinations: spec.destinations.slice(0, 1) })) {
    known.push({ ...entry, path: joinPath(key.from, entry.path) });
  }
  const { added, modified, deleted, renamed } = diff(known, entries, { mtimePrecisionMs: 1 });
  return {
    new: added,
    modified: modified.map(({ after }) => after),
    deleted,
    renamed: renamed.map(({ before, after }) => ({ from: before, to: after })),
  };
}
