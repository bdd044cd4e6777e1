// The manifest of one folder at one destination: read, held against a listing, and written as proof comes in.

import type { Entry } from '../../model/manifest.ts';
import { baseName, joinPath, parentPath } from '../../model/names.ts';
import { type KnownFile, packFolder, unpackFolder } from '../../model/packed-entries.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Change, ManifestKey, StoreReader } from '../../store/store.ts';
import type { TreeListing } from './tree-listing.ts';

/** What of a source has changed since the manifest. Paths are below the folder. */
export interface KnownDiff {
  /** Not in it. */
  readonly fresh: readonly { readonly path: string; readonly entry: Entry }[];
  readonly modified: readonly { readonly path: string; readonly entry: Entry; readonly known: KnownFile }[];
  /** In it, and not in the source any more. */
  readonly gone: readonly { readonly path: string; readonly known: KnownFile }[];
  readonly same: number;
  readonly sameBytes: number;
}

export interface KnownTree {
  /** False where nothing has ever been written, or all was cleared. */
  readonly isKnown: boolean;
  /** Folders that the destination is known to hold. */
  readonly folders: readonly string[];
  hasFolder(path: string): boolean;
  get(path: string): KnownFile | undefined;
  files(): Iterable<readonly [path: string, file: KnownFile]>;
  diff(listing: TreeListing, options: { readonly precisionMs: number; readonly sameHash?: SameHash }): KnownDiff;
  /** A copy is proven: it is in from now on. */
  proven(path: string, receipt: Receipt): void;
  /** Of a source whose time changed and whose content did not. */
  touched(path: string, entry: Entry): void;
  takeOut(path: string): void;
  /** The destination holds that folder. */
  addFolder(path: string): void;
  takeOutFolder(path: string): void;
  /** What has changed since the last time, as changes of the ledger; none where nothing has. */
  changes(at: number): readonly Change[];
  /** Changes that could not be written come again with the next ones. */
  putBack(changes: readonly Change[]): void;
}

/** By the path below the folder: whether a source with this very size still has the content that is known. */
export type SameHash = ReadonlyMap<string, boolean>;

export function hashWord({ algorithm, value }: Receipt['hash']): string {
  return `${algorithm}:${value}`;
}

/** True where a receipt is of just this version of a source. */
export function isOf(receipt: Receipt, entry: Entry, precisionMs: number): boolean {
  const { sourceIdentity: identity } = receipt;
  return (
    receipt.sizeBytes === entry.sizeBytes &&
    identity !== null &&
    Math.abs(identity.mtimeMs - entry.mtimeMs) <= precisionMs
  );
}

export async function readKnownTree(reader: Pick<StoreReader, 'manifest'>, key: ManifestKey): Promise<KnownTree> {
  const rows = await reader.manifest(key);
  const packed = new Map((rows ?? []).map(({ path, entries }) => [path, entries]));
  const unpacked = new Map<string, Map<string, KnownFile>>();
  const dirty = new Set<string>();

  const filesIn = (folder: string): Map<string, KnownFile> | undefined => {
    const known = unpacked.get(folder);
    if (known !== undefined) return known;
    const text = packed.get(folder);
    if (text === undefined) return undefined;
    const files = unpackFolder(text);
    unpacked.set(folder, files);
    packed.set(folder, '');
    return files;
  };

  const put = (path: string, file: KnownFile) => {
    const folder = parentPath(path);
    let files = filesIn(folder);
    if (files === undefined) {
      files = new Map();
      unpacked.set(folder, files);
      packed.set(folder, '');
    }
    files.set(baseName(path), file);
    dirty.add(folder);
  };

  return {
    isKnown: rows !== undefined,
    get folders() {
      return [...packed.keys()];
    },
    hasFolder: (path) => packed.has(path),
    get: (path) => filesIn(parentPath(path))?.get(baseName(path)),
    *files() {
      for (const folder of [...packed.keys()]) {
        for (const [name, file] of filesIn(folder) ?? []) yield [joinPath(folder, name), file] as const;
      }
    },

    diff: (listing, { precisionMs, sameHash }) => {
      const fresh: KnownDiff['fresh'][number][] = [];
      const modified: KnownDiff['modified'][number][] = [];
      const gone: KnownDiff['gone'][number][] = [];
      let same = 0;
      let sameBytes = 0;
      for (const [folder, entries] of listing.folders) {
        const files = filesIn(folder);
        for (const [name, entry] of entries) {
          const known = files?.get(name);
          const path = joinPath(folder, name);
          if (known === undefined) fresh.push({ path, entry });
          else if (isSame(entry, known, precisionMs, sameHash?.get(path))) {
            same += 1;
            sameBytes += entry.sizeBytes;
          } else modified.push({ path, entry, known });
        }
      }
      for (const folder of [...packed.keys()]) {
        const entries = listing.folders.get(folder);
        for (const [name, known] of filesIn(folder) ?? []) {
          if (entries?.has(name) !== true) gone.push({ path: joinPath(folder, name), known });
        }
      }
      return { fresh, modified, gone, same, sameBytes };
    },

    proven: (path, receipt) => {
      const { sourceIdentity: identity } = receipt;
      // Without it nobody could say whether the source has changed since.
      if (identity === null) return;
      put(path, { sizeBytes: receipt.sizeBytes, mtimeMs: identity.mtimeMs, hash: hashWord(receipt.hash) });
    },
    touched: (path, entry) => {
      const known = filesIn(parentPath(path))?.get(baseName(path));
      if (known !== undefined) put(path, { ...known, mtimeMs: entry.mtimeMs });
    },
    takeOut: (path) => {
      const folder = parentPath(path);
      if (filesIn(folder)?.delete(baseName(path)) === true) dirty.add(folder);
    },
    addFolder: (path) => {
      if (packed.has(path)) return;
      packed.set(path, '');
      unpacked.set(path, new Map());
      dirty.add(path);
    },
    takeOutFolder: (path) => {
      if (!packed.delete(path)) return;
      unpacked.delete(path);
      dirty.add(path);
    },
    changes: (at) => {
      if (dirty.size === 0) return [];
      const folders = [...dirty].map((path) => {
        const files = packed.has(path) ? (unpacked.get(path) ?? new Map()) : null;
        return { path, entries: files === null ? null : packFolder(files) };
      });
      dirty.clear();
      return [{ kind: 'put_manifest', key, folders, at }];
    },
    putBack: (changes) => {
      for (const change of changes) {
        if (change.kind !== 'put_manifest') continue;
        for (const { path } of change.folders) dirty.add(path);
      }
    },
  };
}

function isSame(entry: Entry, known: KnownFile, precisionMs: number, sameHash: boolean | undefined): boolean {
  if (entry.sizeBytes !== known.sizeBytes) return false;
  if (sameHash !== undefined) return sameHash;
  return Math.abs(entry.mtimeMs - known.mtimeMs) <= precisionMs;
}
