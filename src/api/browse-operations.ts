// File calls of the API, run in the mounts' worker threads: where a path really leads, and one folder's entries.

import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { Fault } from '../model/fault.ts';
import { displayPath, joinPath, pathBytes, pathFromBytes } from '../model/names.ts';

export interface FolderInput {
  /** Absolute. */
  readonly path: string;
  /** Names up to and including this one, in the listing's order, are left out. */
  readonly after: { readonly folder: boolean; readonly name: string } | null;
  readonly limit: number;
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: 'folder' | 'file' | 'symlink' | 'other';
  /** Null where it could not be looked at. */
  readonly sizeBytes: number | null;
  readonly mtimeMs: number | null;
}

export interface FolderPage {
  readonly entries: readonly FolderEntry[];
  readonly more: boolean;
}

/** What an operation is given of its call (endpoints/mounts.ts); 1 marks a system call on the source side, 0 its end. */
interface CallContext {
  readonly control: { enter(side: 0 | 1): void };
}

export const operations = {
  /** The path without symlinks; of one that is not there yet, its deepest existing folder without symlinks and the rest as it is. */
  'api.real_path': (path: string, { control }: CallContext): string => {
    let rest = '';
    for (let folder = path; ; ) {
      try {
        control.enter(1);
        const real = pathFromBytes(realpathSync.native(bytesOf(folder), 'buffer'));
        return rest === '' ? real : `${real === '/' ? '' : real}/${rest}`;
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || folder === '/') throw faultOf(error, 'look at', path);
        // A symlink that leads nowhere could be made to lead anywhere once its target exists.
        if (isThere(folder))
          throw new Fault('outside_roots', `${displayPath(folder)} is a symlink that leads nowhere.`);
      } finally {
        control.enter(0);
      }
      const cut = folder.lastIndexOf('/');
      rest = joinPath(folder.slice(cut + 1), rest);
      folder = cut <= 0 ? '/' : folder.slice(0, cut);
    }
  },

  /** One page of a folder: folders first, each kind in order of the bytes of its names. */
  'api.list_folder': ({ path, after, limit }: FolderInput, { control }: CallContext): FolderPage => {
    let found: Dirent<Buffer>[];
    try {
      control.enter(1);
      found = readdirSync(bytesOf(path), { withFileTypes: true, encoding: 'buffer' });
    } catch (error) {
      throw faultOf(error, 'list', path);
    } finally {
      control.enter(0);
    }
    const last = after === null ? null : Buffer.from(pathBytes(after.name));
    const rest = found
      .filter((entry) => {
        if (after === null || last === null) return true;
        if (entry.isDirectory() !== after.folder) return after.folder;
        return Buffer.compare(entry.name, last) > 0;
      })
      .sort((a, b) => Number(b.isDirectory()) - Number(a.isDirectory()) || Buffer.compare(a.name, b.name));
    const entries = rest.slice(0, limit).map((entry): FolderEntry => {
      const name = pathFromBytes(entry.name);
      const kind = entry.isDirectory()
        ? 'folder'
        : entry.isFile()
          ? 'file'
          : entry.isSymbolicLink()
            ? 'symlink'
            : 'other';
      try {
        control.enter(1);
        const { size, mtimeMs } = lstatSync(bytesOf(`${path === '/' ? '' : path}/${name}`));
        return { name, kind, sizeBytes: kind === 'file' ? size : null, mtimeMs };
      } catch {
        // It went away after it was listed, or may not be looked at: its name is still of use.
        return { name, kind, sizeBytes: null, mtimeMs: null };
      } finally {
        control.enter(0);
      }
    });
    return { entries, more: rest.length > limit };
  },
};

function isThere(path: string): boolean {
  try {
    lstatSync(bytesOf(path));
    return true;
  } catch {
    return false;
  }
}

function bytesOf(path: string): Buffer {
  return Buffer.from(pathBytes(path));
}

function errnoOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}

function faultOf(error: unknown, verb: string, path: string): Fault {
  if (error instanceof Fault) return error;
  const errno = errnoOf(error);
  const [code, why] =
    errno === 'ENOENT'
      ? (['not_found', 'it is not there'] as const)
      : errno === 'ENOTDIR'
        ? (['unsupported', 'it is not a folder'] as const)
        : errno === 'EACCES' || errno === 'EPERM'
          ? (['permission', 'the operating system does not allow it'] as const)
          : errno === 'ELOOP' || errno === 'ENAMETOOLONG'
            ? (['name_unsafe', 'its name leads in a circle or is too long'] as const)
            : (['io', 'the disk or share failed'] as const);
  const shown = displayPath(path);
  return new Fault(code, `Could not ${verb} ${shown}: ${why}${errno === undefined ? '' : ` (${errno})`}.`, {
    cause: error,
    place: { path: shown, operation: verb },
  });
}
