// What a sync must be like before it is taken: read by its schema, places absolute, folders safe and apart from each other.

import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import { Fault } from '../../model/fault.ts';
import { folderPairs } from '../../model/folder-pairs.ts';
import { displayPath, safeRelativePath } from '../../model/names.ts';
import { type SyncDefinitionBody, type SyncSpec, syncSpecSchema } from '../../model/sync-spec.ts';
import { parseBandwidth } from '../bandwidth-plan.ts';
import { createSelection } from '../selection.ts';

/** Looks at no place. Rejects with `invalid`, `name_unsafe` (a folder) and `unsupported` (following symlinks). */
export function checkSyncSpec(request: unknown): SyncSpec {
  const read = syncSpecSchema.safeParse(request);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new Fault(
      'invalid',
      `The sync cannot be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    );
  }
  const spec = read.data;
  createSelection(spec.include, spec.exclude);
  if (spec.cleanup !== null) createSelection([], spec.cleanup.preservePatterns);
  if (spec.bandwidth !== null) parseBandwidth(spec.bandwidth);
  if (spec.symlinks === 'follow') {
    const text = 'A sync does not follow symlinks: what they lead to could not be told from what lies in the folder.';
    throw new Fault('unsupported', `${text} Use "keep" or "skip".`);
  }
  if (spec.delete && (spec.conflict === 'rename' || spec.conflict === 'fail')) {
    const text = `With the conflict rule "${spec.conflict}" the destination comes to hold names that the source has not`;
    throw new Fault('invalid', `${text}, which "delete" would delete. Choose "overwrite", "newer" or "skip".`);
  }
  const source = whole(spec.source);
  const destinations = spec.destinations.map(whole);
  if (new Set(destinations).size < destinations.length) {
    throw new Fault('invalid', 'The same destination is named twice.');
  }
  for (const destination of destinations) refuseOverlap(source, destination);
  const folders = folderPairs(spec).map(({ from, to }) => ({ from: safeRelativePath(from), to: safeRelativePath(to) }));
  refuseNested(folders.map(({ to }) => to));
  return { ...spec, source, destinations, folders: spec.folders.length === 0 ? [] : folders };
}

/** What each run of a definition asks for. */
export function requestOf(body: SyncDefinitionBody, definition: string | null): SyncSpec {
  const known = new Set(Object.keys(syncSpecSchema.shape));
  const wishes = Object.fromEntries(Object.entries(body).filter(([key]) => known.has(key)));
  return checkSyncSpec({ ...wishes, kind: 'sync', definition });
}

/** Absolute from here on: a daemon has no folder of its own that could be meant. Each place has one address alone. */
function whole(place: string): string {
  const address = parseEndpoint(place, process.cwd());
  const path = address.scheme === 'file' ? address.path : address.path.replace(/\/+$/, '');
  return formatEndpoint({ ...address, path });
}

function refuseOverlap(source: string, destination: string): void {
  const below = (one: string, other: string) => one === other || one.startsWith(`${other.replace(/\/$/, '')}/`);
  if (source === destination) {
    throw new Fault('invalid', `${displayPath(source)} cannot be synced with itself.`);
  }
  if (below(destination, source) || below(source, destination)) {
    throw new Fault(
      'invalid',
      `${displayPath(source)} and ${displayPath(destination)} lie in each other; a sync needs two places apart.`,
    );
  }
}

/** Two folders that share a place at the destination would undo each other's work. */
function refuseNested(folders: readonly string[]): void {
  for (const [at, folder] of folders.entries()) {
    for (const other of folders.slice(at + 1)) {
      if (!isWithin(folder, other) && !isWithin(other, folder)) continue;
      throw new Fault(
        'invalid',
        `The folders ${shown(folder)} and ${shown(other)} would share a place at the destination.`,
      );
    }
  }
}

function isWithin(path: string, folder: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

function shown(folder: string): string {
  return folder === '' ? '"" (all)' : displayPath(folder);
}
