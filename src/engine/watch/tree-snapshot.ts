// What a watched tree held at the last scan, kept where the scanning is done so that only differences travel. Synchronous; runs in a worker.

import { Buffer } from 'node:buffer';
import { type Dirent, lstatSync, readdirSync, statSync } from 'node:fs';
import { errnoFault } from '../../endpoints/errno.ts';
import type { FaultReport } from '../../model/fault.ts';
import type { SymlinkPolicy } from '../../model/moving.ts';
import { isText, joinPath, pathBytes, pathFromBytes } from '../../model/names.ts';
import { createSelection } from '../selection.ts';

/** A file as it was seen. `identity` is device and inode. */
export interface SeenFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly mode: number;
  readonly identity: string;
}

export interface SnapshotOptions {
  readonly root: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly symlinks: SymlinkPolicy;
}

/** What a look at one folder found, against the snapshot. */
export interface FolderChanges {
  readonly changed: SeenFile[];
  readonly gone: string[];
  /** Folders directly below, so that the caller can go on into them. */
  readonly folders: readonly string[];
}

interface Kept {
  sizeBytes: number;
  mtimeMs: number;
  identity: string;
}

/** The snapshot of one tree. Paths are relative to the root, as model/names.ts holds them. */
export class TreeSnapshot {
  readonly #root: string;
  readonly #wanted: (path: string) => boolean;
  readonly #follow: boolean;
  readonly #folders = new Map<string, { files: Map<string, Kept>; below: readonly string[] }>();
  #count = 0;

  constructor(options: SnapshotOptions) {
    this.#root = options.root;
    this.#follow = options.symlinks === 'follow';
    this.#wanted = createSelection(options.include, options.exclude).takes;
  }

  get files(): number {
    return this.#count;
  }

  /** Throws a Fault where the folder cannot be read; the snapshot of it then stays as it was. */
  lookAtFolder(folder: string): FolderChanges {
    const before = this.#folders.get(folder);
    const files = new Map<string, Kept>();
    const changed: SeenFile[] = [];
    const folders: string[] = [];
    for (const { name, entry } of namesIn(this.#absolute(folder))) {
      if (name.startsWith('.')) continue;
      const path = joinPath(folder, name);
      if (entry.isDirectory()) {
        folders.push(path);
        continue;
      }
      if (!entry.isFile() && !(this.#follow && entry.isSymbolicLink())) continue;
      if (!this.#wanted(path)) continue;
      const seen = this.#see(path);
      if (seen === undefined) continue;
      const was = before?.files.get(name);
      if (was === undefined || differs(was, seen)) changed.push(seen);
      files.set(name, was !== undefined && !differs(was, seen) ? was : kept(seen));
    }
    const gone: string[] = [];
    for (const name of before?.files.keys() ?? []) if (!files.has(name)) gone.push(joinPath(folder, name));
    for (const below of before?.below ?? []) if (!folders.includes(below)) this.#forget(below, gone);
    this.#count += files.size - (before?.files.size ?? 0);
    this.#folders.set(folder, { files, below: folders });
    return { changed, gone, folders };
  }

  /** A fresh look at one file, whatever the snapshot says; undefined where it is gone or is none of ours. */
  lookAtFile(path: string): SeenFile | undefined {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    const folder = this.#folders.get(cut < 0 ? '' : path.slice(0, cut));
    const seen = name.startsWith('.') || !this.#wanted(path) ? undefined : this.#see(path);
    // What is gone stays in the snapshot until its folder is looked at: only that tells of it.
    if (folder !== undefined && seen !== undefined) {
      if (!folder.files.has(name)) this.#count += 1;
      folder.files.set(name, kept(seen));
    }
    return seen;
  }

  /** The absolute path for file calls; bytes where the name is not UTF-8. */
  #absolute(path: string): string | Buffer {
    const whole = path === '' ? this.#root : `${this.#root}/${path}`;
    return isText(whole) ? whole : Buffer.from(pathBytes(whole));
  }

  #see(path: string): SeenFile | undefined {
    const place = this.#absolute(path);
    const stat = this.#follow
      ? statSync(place, { throwIfNoEntry: false })
      : lstatSync(place, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return undefined;
    return {
      path,
      sizeBytes: stat.size,
      mtimeMs: stat.mtimeMs,
      mode: stat.mode & 0o7777,
      identity: `${stat.dev}:${stat.ino}`,
    };
  }

  #forget(folder: string, gone: string[]): void {
    const kept = this.#folders.get(folder);
    if (kept === undefined) return;
    this.#folders.delete(folder);
    this.#count -= kept.files.size;
    for (const name of kept.files.keys()) gone.push(joinPath(folder, name));
    for (const below of kept.below) this.#forget(below, gone);
  }
}

/** The report of what went wrong with one folder or file of a scan. */
export function scanFault(error: unknown, root: string, path: string): FaultReport {
  return errnoFault(error, { operation: 'read', path, place: root }).report();
}

function kept(seen: SeenFile): Kept {
  return { sizeBytes: seen.sizeBytes, mtimeMs: seen.mtimeMs, identity: seen.identity };
}

function differs(was: Kept, seen: SeenFile): boolean {
  return was.sizeBytes !== seen.sizeBytes || was.mtimeMs !== seen.mtimeMs || was.identity !== seen.identity;
}

/** Names as UTF-8 are much faster to read; bytes are asked for only where one of them was not. */
function namesIn(place: string | Buffer): { name: string; entry: Dirent | Dirent<Buffer> }[] {
  const entries = readdirSync(place, { withFileTypes: true });
  if (!entries.some((entry) => entry.name.includes('\ufffd')))
    return entries.map((entry) => ({ name: entry.name, entry }));
  return readdirSync(place, { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({
    name: pathFromBytes(entry.name),
    entry,
  }));
}
