// What a place holds below one of its folders, held in memory folder by folder; whole, or it is none.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { baseName, parentPath } from '../../model/names.ts';
import type { Selection } from '../selection.ts';

export interface TreeListing {
  /** Files by the folder that they lie in, below the listed one, and by name. Each folder that is taken has its map. */
  readonly folders: ReadonlyMap<string, ReadonlyMap<string, Entry>>;
  readonly folderEntries: readonly Entry[];
  readonly symlinks: readonly Entry[];
  /** Paths, below the listed folder, of FIFOs, sockets and devices. */
  readonly specials: readonly string[];
  /** Everything that is there, taken or not, by its path below the listed folder: nothing of it has gone. */
  readonly there: ReadonlySet<string>;
  readonly files: number;
  readonly bytes: number;
  /** Why some folders could not be read; what could be is here. Null where all was. */
  readonly fault: Fault | null;
}

/** Paths of entries are below the endpoint's root; those that this module makes are below `folder`. */
export function pathBelow(folder: string, path: string): string {
  return folder === '' ? path : path.slice(folder.length + 1);
}

/**
 * Rejects where the listing could not be finished, but for folders that may not be entered. `told` hears now and then how many files
 * there are so far.
 */
export async function listTree(
  endpoint: Endpoint,
  folder: string,
  selection: Selection,
  options: { readonly signal: AbortSignal; readonly told?: (files: number) => void },
): Promise<TreeListing> {
  const { signal, told } = options;
  const folders = new Map<string, Map<string, Entry>>([['', new Map()]]);
  const folderEntries: Entry[] = [];
  const symlinks: Entry[] = [];
  const specials: string[] = [];
  const there = new Set<string>();
  let files = 0;
  let bytes = 0;
  let fault: Fault | null = null;
  // Files of one folder come one after the other: its map need not be looked up for each.
  let inFolder = '';
  let names = folders.get('') as Map<string, Entry>;
  try {
    for await (const entry of endpoint.list(folder, { signal })) {
      const path = pathBelow(folder, entry.path);
      if (path === '') continue;
      there.add(path);
      if (entry.kind === 'folder') {
        if (!selection.enters(entry.path)) continue;
        folderEntries.push(entry);
        if (!folders.has(path)) folders.set(path, new Map());
        continue;
      }
      const name = baseName(path);
      if (!selection.takes(entry.path, name)) continue;
      if (entry.kind === 'symlink') symlinks.push(entry);
      else if (entry.kind !== 'file') specials.push(path);
      else {
        const parent = path.length === name.length ? '' : path.slice(0, path.length - name.length - 1);
        if (parent !== inFolder) {
          inFolder = parent;
          names = folders.get(parent) ?? new Map();
          folders.set(parent, names);
        }
        names.set(name, entry);
        files += 1;
        bytes += entry.sizeBytes;
        if (files % 10_000 === 0) told?.(files);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    const seen = asFault(error);
    // All else has been listed by then.
    if (seen.code !== 'permission') throw seen;
    fault = seen;
  }
  signal.throwIfAborted();
  return { folders, folderEntries, symlinks, specials, there, files, bytes, fault };
}

export const emptyTree: TreeListing = {
  folders: new Map(),
  folderEntries: [],
  symlinks: [],
  specials: [],
  there: new Set(),
  files: 0,
  bytes: 0,
  fault: null,
};

/** As `listTree`; a folder that is yet to be made holds nothing. */
export async function listDestination(
  endpoint: Endpoint,
  folder: string,
  selection: Selection,
  signal: AbortSignal,
): Promise<TreeListing> {
  const at = folder === '' ? undefined : await endpoint.stat(folder, { signal });
  if (folder !== '' && at === undefined) return emptyTree;
  if (at !== undefined && at.kind !== 'folder') {
    throw new Fault('exists', `${folder} in ${endpoint.name} is no folder, and one is needed there.`);
  }
  try {
    return await listTree(endpoint, folder, selection, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const fault = asFault(error);
    if (fault.code === 'not_found') return emptyTree;
    throw fault;
  }
}

/** The file with that path below the listed folder. */
export function fileAt(tree: TreeListing, path: string): Entry | undefined {
  return tree.folders.get(parentPath(path))?.get(baseName(path));
}
