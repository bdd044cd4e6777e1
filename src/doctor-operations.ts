// What `wherry doctor` does inside of a folder, run in its mount's worker threads so that a share that hangs is told of instead of waited for.

import { randomUUID } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { pathBytes } from './model/names.ts';

export interface LookInput {
  /** Absolute. */
  readonly path: string;
  /** Try what the file system can do, in a hidden folder that is taken away again. */
  readonly tryOut: boolean;
}

export interface FolderLook {
  readonly kind: 'folder' | 'missing' | 'other';
  /** The nearest folder that is there: itself, or where it would be made. */
  readonly nearest: string;
  /** Why not, as the operating system says it; null where it can be. */
  readonly cannotRead: string | null;
  readonly cannotWrite: string | null;
  readonly freeBytes: number;
  /** Null where the file system does not count. */
  readonly freeFiles: number | null;
  /** Null where nothing was tried. */
  readonly abilities: Abilities | null;
}

export interface Abilities {
  readonly atomicRename: boolean;
  readonly hardLinks: boolean;
  readonly sync: boolean;
  /** Null where it cannot be told. */
  readonly xattrs: boolean | null;
  readonly caseSensitive: boolean;
  readonly timePrecisionMs: number;
  /** How far the file system's clock is ahead of this machine's. */
  readonly aheadMs: number;
}

interface CallContext {
  readonly control: { enter(side: 0 | 1): void };
}

export const operations = {
  'doctor.look_at_folder': ({ path, tryOut }: LookInput, { control }: CallContext): FolderLook => {
    control.enter(1);
    try {
      return look(bytesOf(path), path, tryOut);
    } finally {
      control.enter(0);
    }
  },
};

function look(bytes: Buffer, path: string, tryOut: boolean): FolderLook {
  const stat = statSync(bytes, { throwIfNoEntry: false });
  const kind = stat === undefined ? 'missing' : stat.isDirectory() ? 'folder' : 'other';
  let nearest = path;
  while (nearest !== '/' && !existsSync(bytesOf(nearest))) nearest = dirname(nearest);
  const here = bytesOf(nearest);
  const { bavail, bsize, files, ffree } = statfsSync(here);
  const cannotRead =
    kind === 'folder' ? refusal(() => closeSync(openSync(bytes, constants.O_RDONLY | constants.O_DIRECTORY))) : null;
  const cannotWrite = refusal(() => accessSync(here, constants.W_OK | constants.X_OK));
  let abilities: Abilities | null = null;
  let cannotTry: string | null = null;
  if (tryOut && kind === 'folder' && cannotWrite === null) {
    cannotTry = refusal(() => {
      abilities = tryOutFolder(bytes);
    });
  }
  return {
    kind,
    nearest,
    cannotRead,
    cannotWrite: cannotWrite ?? cannotTry,
    freeBytes: bavail * bsize,
    freeFiles: files === 0 ? null : ffree,
    abilities,
  };
}

/** Throws what the file system says of the first thing that every one can. */
function tryOutFolder(folder: Buffer): Abilities {
  const own = Buffer.concat([folder, Buffer.from(`/.wherry-doctor-${randomUUID()}`)]);
  mkdirSync(own, { mode: 0o700 });
  const at = (name: string) => Buffer.concat([own, Buffer.from(`/${name}`)]);
  try {
    const before = Date.now();
    writeFileSync(at('one'), '1');
    const { mtimeMs } = statSync(at('one'));
    const after = Date.now();
    const aheadMs = mtimeMs > after ? mtimeMs - after : Math.min(0, mtimeMs - before);
    writeFileSync(at('two'), '2');
    const atomicRename = can(() => renameSync(at('two'), at('one'))) && readFileSync(at('one'), 'utf8') === '2';
    return {
      atomicRename,
      hardLinks: can(() => linkSync(at('one'), at('linked'))) && statSync(at('linked')).nlink === 2,
      sync: can(() => writeAndSync(at('synced'))),
      xattrs: canKeepXattrs(at('one')),
      caseSensitive: !existsSync(at('ONE')),
      timePrecisionMs: timePrecisionMs(at('one')),
      aheadMs,
    };
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function writeAndSync(file: Buffer): void {
  const open = openSync(file, 'w');
  try {
    writeSync(open, 'text');
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
}

/** File systems of cameras keep even seconds, older ones whole seconds. */
function timePrecisionMs(file: Buffer): number {
  utimesSync(file, 1_600_000_001.123, 1_600_000_001.123);
  const kept = Math.floor(statSync(file).mtimeMs);
  if (kept === 1_600_000_001_123) return 1;
  return kept === 1_600_000_001_000 ? 1000 : 2000;
}

/** Node has no call for extended attributes; where the C library cannot be reached this stays unknown. */
function canKeepXattrs(file: Buffer): boolean | null {
  if (process.platform !== 'linux' || setXattr === undefined) return null;
  return setXattr(Buffer.concat([file, Buffer.from([0])]), 'user.wherry.doctor', Buffer.from('1'), 1, 0) === 0;
}

type SetXattr = (path: Buffer, name: string, value: Buffer, length: number, flags: number) => number;

const setXattr = await import('koffi').then(
  ({ default: koffi }): SetXattr =>
    koffi
      .load(null)
      .func('int setxattr(const void *path, const char *name, const void *value, size_t length, int flags)'),
  () => undefined,
);

function can(act: () => void): boolean {
  return refusal(act) === null;
}

/** The operating system's word for why not; null where it can be done. */
function refusal(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

function bytesOf(path: string): Buffer {
  return Buffer.from(pathBytes(path));
}
