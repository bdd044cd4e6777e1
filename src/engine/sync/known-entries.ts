// What the manifests of a sync hold, file by file; and how they are cleared, so that everything is looked at again.

import { folderPairs } from '../../model/folder-pairs.ts';
import type { Entry } from '../../model/manifest.ts';
import { joinPath } from '../../model/names.ts';
import { entryOf, unpackFolder } from '../../model/packed-entries.ts';
import type { SyncSpec } from '../../model/sync-spec.ts';
import type { Change, ManifestKey, StoreReader } from '../../store/store.ts';

type Places = Pick<SyncSpec, 'source' | 'destinations' | 'folders'>;

/** One for each destination and folder. */
export function manifestKeys({ source, destinations, folders }: Places): ManifestKey[] {
  return destinations.flatMap((destination) =>
    folderPairs({ folders }).map(({ from, to }) => ({ source, from, destination, to })),
  );
}

/** Paths are below the folder's own place. */
export async function* knownEntries(
  reader: Pick<StoreReader, 'manifest'>,
  places: Places,
): AsyncGenerator<{ readonly key: ManifestKey; readonly entry: Entry }> {
  for (const key of manifestKeys(places)) {
    for (const { path, entries } of (await reader.manifest(key)) ?? []) {
      for (const [name, file] of unpackFolder(entries)) yield { key, entry: entryOf(joinPath(path, name), file) };
    }
  }
}

/** Resolves with how many files were in them. Receipts stay. */
export async function clearManifests(
  reader: Pick<StoreReader, 'manifest'>,
  places: Places,
  write: (changes: readonly Change[]) => Promise<unknown>,
): Promise<number> {
  let files = 0;
  for await (const _ of knownEntries(reader, places)) files += 1;
  await write(manifestKeys(places).map((key) => ({ kind: 'delete_manifest', key })));
  return files;
}
