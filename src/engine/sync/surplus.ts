// What a destination has and the source has not: files that were renamed in the source, and files that went.

import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { collisionKey, joinPath } from '../../model/names.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import type { Selection } from '../selection.ts';
import type { KnownDiff } from './known-tree.ts';
import { destinationPath, type Leg, type LegFindings, type Rename, sourcePath } from './leg.ts';
import { hashAll } from './many-calls.ts';
import { fileAt, pathBelow, type TreeListing } from './tree-listing.ts';

type Gone = KnownDiff['gone'][number];

/** Of new files with the size of one that has gone, those that have its content, where the destination still has it as it was. */
export async function findRenames(
  leg: Leg,
  copies: readonly { readonly path: string; readonly found: ComparedEntry }[],
  gone: readonly Gone[],
  tree: TreeListing,
  precisionMs: number,
  signal: AbortSignal,
): Promise<readonly Rename[]> {
  const { source } = leg;
  // Reading a file to find that it need not be read would be no gain.
  if (source.hash === undefined && source.hashMany === undefined) return [];
  const bySize = new Map<number, Gone[]>();
  for (const one of gone) {
    const standing = fileAt(tree, one.path);
    const { sizeBytes, mtimeMs, hash } = one.known;
    if (hash === '' || sizeBytes === 0 || standing?.sizeBytes !== sizeBytes) continue;
    if (standing.mtimeUnknown !== true && Math.abs(standing.mtimeMs - mtimeMs) > precisionMs) continue;
    bySize.set(sizeBytes, [...(bySize.get(sizeBytes) ?? []), one]);
  }
  const candidates = copies.filter(({ found }) => found.existing === null && bySize.has(found.entry.sizeBytes));
  if (candidates.length === 0) return [];
  const algorithms = new Set([...bySize.values()].flat().map(({ known }) => known.hash.split(':')[0] ?? ''));
  const renames: Rename[] = [];
  const taken = new Set<string>();
  for (const algorithm of algorithms) {
    const paths = candidates.map(({ path }) => sourcePath(leg, path));
    const hashes = await hashAll(source, paths, algorithm as HashAlgorithm, signal);
    for (const { path, found } of candidates) {
      if (taken.has(path)) continue;
      const word = `${algorithm}:${hashes.get(sourcePath(leg, path)) ?? ''}`;
      const match = bySize.get(found.entry.sizeBytes)?.find((one) => one.known.hash === word && !taken.has(one.path));
      if (match === undefined) continue;
      taken.add(path);
      taken.add(match.path);
      renames.push({ from: match.path, path, entry: found.entry, known: match.known });
    }
  }
  return renames;
}

/** Files, and folders deepest first, that may be deleted; what was made here of others' files, and histories of them, may not. */
export async function findSurplus(
  leg: Leg,
  tree: TreeListing,
  listing: TreeListing,
  selection: Selection,
  vacated: ReadonlySet<string>,
  isDerived: (leg: Leg, path: string) => Promise<boolean>,
): Promise<{ readonly files: LegFindings['deletes']; readonly folders: readonly string[] }> {
  const { caseSensitive } = leg.destination.traits;
  const sourceHas = caseSensitive ? listing.there : new Set([...listing.there].map(collisionKey));
  const isKept = (path: string) => sourceHas.has(caseSensitive ? path : collisionKey(path)) || isHistory(path);
  const files: { path: string; entry: Entry }[] = [];
  const look = async (path: string, entry: Entry) => {
    if (isKept(path) || vacated.has(path) || !selection.takes(sourcePath(leg, path))) return;
    if (await isDerived(leg, destinationPath(leg, path))) return;
    files.push({ path, entry });
  };
  for (const [folder, entries] of tree.folders) {
    for (const [name, entry] of entries) await look(joinPath(folder, name), entry);
  }
  for (const entry of tree.symlinks) await look(pathBelow(leg.key.to, entry.path), entry);
  const folders = tree.folderEntries
    .map((entry) => pathBelow(leg.key.to, entry.path))
    .filter((path) => !isKept(path) && selection.enters(sourcePath(leg, path)))
    .sort((one, other) => other.split('/').length - one.split('/').length);
  return { files, folders };
}

/** ASC MHL keeps its generations in a folder of this name. */
function isHistory(path: string): boolean {
  return path.split('/').includes('ascmhl');
}
