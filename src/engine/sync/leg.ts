// One way of a sync: a folder of its source to one of its destinations, and what was found out about it.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { joinPath } from '../../model/names.ts';
import type { KnownFile } from '../../model/packed-entries.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { ManifestKey } from '../../store/store.ts';
import type { ComparedEntry, ComparedFolder } from '../compare-tree.ts';
import type { KnownTree } from './known-tree.ts';
import type { TreeListing } from './tree-listing.ts';

export interface Leg {
  readonly key: ManifestKey;
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** What is to be done, and what is known already. Paths named `path` are below the leg's folders, others below the roots. */
export interface LegFindings {
  readonly leg: Leg;
  readonly known: KnownTree;
  readonly listing: TreeListing;
  /** False where the destination's folder is yet to be made. */
  readonly destinationThere: boolean;
  readonly copies: readonly { readonly path: string; readonly found: ComparedEntry }[];
  /** Found at the destination, with the receipt that says so; they get into the manifest. */
  readonly proven: readonly { readonly path: string; readonly receipt: Receipt }[];
  /** Their time changed and their content did not. */
  readonly touched: readonly { readonly path: string; readonly entry: Entry }[];
  readonly unchanged: { readonly files: number; readonly bytes: number };
  readonly skipped: readonly { readonly found: ComparedEntry; readonly reason: string }[];
  readonly refused: readonly { readonly found: ComparedEntry; readonly fault: Fault }[];
  readonly renames: readonly Rename[];
  readonly deletes: readonly { readonly path: string; readonly entry: Entry }[];
  /** Folders that the source does not have, deepest first; those that are empty by then go. */
  readonly deleteFolders: readonly string[];
  /** Files at the destination before anything was done; null where nobody has looked. */
  readonly filesThere: number | null;
  readonly folders: readonly ComparedFolder[];
  readonly symlinks: readonly (ComparedEntry & { readonly same: boolean })[];
  /** In the manifest, and not in the source any more. */
  readonly gone: readonly string[];
}

export interface Rename {
  readonly from: string;
  readonly path: string;
  readonly entry: Entry;
  readonly known: KnownFile;
}

export function sourcePath({ key }: Pick<Leg, 'key'>, path: string): string {
  return joinPath(key.from, path);
}

export function destinationPath({ key }: Pick<Leg, 'key'>, path: string): string {
  return joinPath(key.to, path);
}
