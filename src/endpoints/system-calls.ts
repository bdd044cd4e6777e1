// System calls of Linux that Node has no names for: paths confined by the kernel, names below an open folder, attributes, one sync for a file system.

import { constants } from 'node:fs';
import { createRequire } from 'node:module';
import { getSystemErrorMap } from 'node:util';
import { pathBytes, pathFromBytes } from '../model/names.ts';

/**
 * Each throws an error of Node's shape (`code`, `errno`, `syscall`), and begins again where a signal interrupted it. Folders are open
 * descriptors, names are those of model/names.ts relative to them; one that holds NUL throws `EINVAL`. For worker threads: they block.
 */
export interface SystemCalls {
  /**
   * Opens a path of several parts below the folder as openat2(2) does with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and
   * RESOLVE_NO_MAGICLINKS: the kernel refuses whatever leads out of the folder (`EXDEV`) or through a symlink (`ELOOP`).
   * Undefined where the kernel lacks it (before Linux 5.6) or a container forbids it.
   */
  readonly openat2: ((folder: number, path: string, flags: number, mode: number) => number) | undefined;
  /** One part below the folder; O_NOFOLLOW belongs to `flags`. Programs that are started do not inherit the descriptor. */
  openat(folder: number, name: string, flags: number, mode: number): number;
  /** For what these calls opened: in a worker thread Node wants to close only what it opened itself, and warns of each other one. */
  close(fd: number): void;
  /** What has the name, itself and not what a symlink leads to; undefined where nothing has. A quarter of the time of `lstatSync` below an open folder. */
  statx(folder: number, name: string): FileFacts | undefined;
  mkdirat(folder: number, name: string, mode: number): void;
  unlinkat(folder: number, name: string): void;
  /** A second name for what has the first, also where that is a symlink. Throws `EEXIST` where the name is taken. */
  linkat(fromFolder: number, from: string, toFolder: number, to: string): void;
  /** Replaces what has the new name; with `keep` throws `EEXIST` there, and `EINVAL` where the file system cannot promise that. */
  renameat2(fromFolder: number, from: string, toFolder: number, to: string, options?: { keep?: boolean }): void;
  /** What stands open, told as `fstatSync` tells it. */
  fstat(fd: number): OpenFacts;
  /** Reads into `buffer` from `offset` on; returns how many bytes came, 0 at the file's end. */
  pread(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Returns how many of the bytes were written. */
  pwrite(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Sets both times of a file that stands open: whole seconds since 1970, and nanoseconds (0 to 999,999,999) after them. */
  futimens(fd: number, seconds: number, nanoseconds: number): void;
  /** Waits until the file system of `fd` is durable. Since Linux 5.8 it throws, once for each `fd`, what could not be written since that was opened. */
  syncfs(fd: number): void;
  /** Names of the extended attributes of an open file. */
  flistxattr(fd: number): string[];
  /** Undefined where there is no such attribute. */
  fgetxattr(fd: number, name: string): Buffer | undefined;
  fsetxattr(fd: number, name: string, value: Uint8Array): void;
  /** What is not there is removed already. */
  fremovexattr(fd: number, name: string): void;
}

/** What is asked of a file again and again; `Stats` of node:fs has it too. */
export interface FileFacts {
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Of a file that stands open. Numbers of inodes and devices that are too large for a double are not exact. */
export interface OpenFacts extends FileFacts {
  readonly dev: number;
  readonly ino: number;
  readonly uid: number;
  readonly gid: number;
  /** Of 512 bytes. */
  readonly blocks: number;
}

type Native = (...values: unknown[]) => number;
type Koffi = typeof import('koffi');

/** As openat2(2) numbers it on every architecture. */
const openat2Number = 437;
const resolve = { noMagiclinks: 0x02n, noSymlinks: 0x04n, beneath: 0x08n };
const openHowBytes = 24;
const closeOnExec = 0o2000000;
const renameNoReplace = 1;
/** The most that a value, or a list of names, may take up (xattr(7)). */
const attributeBytes = 65_536;
const eagainTries = 8;

const require = createRequire(import.meta.url);
let loaded: SystemCalls | null | undefined;

/**
 * Loaded when they are first asked for, which takes some 10 ms in each thread: for work on many files. Undefined where the system is
 * not Linux on x64 or arm64, or koffi, which calls them, does not load.
 */
export function systemCalls(): SystemCalls | undefined {
  if (loaded === undefined) loaded = load();
  return loaded ?? undefined;
}

function load(): SystemCalls | null {
  if (process.platform !== 'linux' || !architectures.has(process.arch)) return null;
  try {
    return callsOf(require('koffi') as Koffi);
  } catch {
    return null;
  }
}

/** Where the numbers and layouts below hold. */
const architectures = new Set<string>(['x64', 'arm64']);

function callsOf(koffi: Koffi): SystemCalls {
  const library = koffi.load(null);
  const find = (prototype: string): Native => library.func(prototype) as Native;
  const open = find('int openat(int, const char *, int, uint)');
  const open2 = find('long syscall(long, int, const char *, const uint8_t *, size_t)');
  const close = find('int close(int)');
  const stat = find('int statx(int, const char *, int, uint, uint8_t *)');
  const mkdir = find('int mkdirat(int, const char *, uint)');
  const unlink = find('int unlinkat(int, const char *, int)');
  const link = find('int linkat(int, const char *, int, const char *, int)');
  const rename = find('int renameat2(int, const char *, int, const char *, uint)');
  const read = find('int64_t pread(int, uint8_t *, size_t, int64_t)');
  const write = find('int64_t pwrite(int, const uint8_t *, size_t, int64_t)');
  const times = find('int futimens(int, const uint8_t *)');
  const sync = find('int syncfs(int)');
  const list = find('int64_t flistxattr(int, uint8_t *, size_t)');
  const get = find('int64_t fgetxattr(int, const char *, uint8_t *, size_t)');
  const set = find('int fsetxattr(int, const char *, const uint8_t *, size_t, int)');
  const remove = find('int fremovexattr(int, const char *)');

  /** What went wrong, for throwing; undefined where the call is to be made again. */
  const trouble = (syscall: string): Error | undefined => {
    const errno = koffi.errno();
    return errno === errnos.EINTR ? undefined : systemError(errno, syscall);
  };
  const how = Buffer.alloc(openHowBytes);
  const timespecs = new Uint32Array(8);
  const facts = new Uint32Array(statxWords);
  let values: Buffer | undefined;

  const openat2 = (folder: number, path: string, flags: number, mode: number): number => {
    const bytes = nameOf(path, 'openat2');
    how.writeBigUInt64LE(BigInt(flags | closeOnExec), 0);
    how.writeBigUInt64LE(BigInt(mode), 8);
    how.writeBigUInt64LE(resolve.beneath | resolve.noSymlinks | resolve.noMagiclinks, 16);
    for (let tries = 1; ; ) {
      const fd = open2(openat2Number, folder, bytes, how, openHowBytes);
      if (fd >= 0) return fd;
      const error = trouble('openat2');
      if (error === undefined) continue;
      // Something was renamed just then, so that the kernel could not be sure.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN' && tries++ < eagainTries) continue;
      throw error;
    }
  };

  const hasOpenat2 = (): boolean => {
    try {
      close(openat2(atWorkingFolder, '.', pathOnly, 0));
      return true;
    } catch {
      return false;
    }
  };

  return {
    openat2: hasOpenat2() ? openat2 : undefined,
    openat(folder, name, flags, mode) {
      const bytes = nameOf(name, 'openat');
      for (;;) {
        const fd = open(folder, bytes, flags | closeOnExec, mode);
        if (fd >= 0) return fd;
        const error = trouble('openat');
        if (error !== undefined) throw error;
      }
    },
    close(fd) {
      if (close(fd) >= 0) return;
      // An interrupted close has closed all the same.
      const error = trouble('close');
      if (error !== undefined) throw error;
    },
    statx(folder, name) {
      const bytes = nameOf(name, 'statx');
      for (;;) {
        if (stat(folder, bytes, statxFlags, statxMask, facts) >= 0) return new ReadFacts(facts);
        if (koffi.errno() === errnos.ENOENT) return undefined;
        const error = trouble('statx');
        if (error !== undefined) throw error;
      }
    },
    mkdirat(folder, name, mode) {
      const bytes = nameOf(name, 'mkdirat');
      while (mkdir(folder, bytes, mode) < 0) {
        const error = trouble('mkdirat');
        if (error !== undefined) throw error;
      }
    },
    unlinkat(folder, name) {
      const bytes = nameOf(name, 'unlinkat');
      while (unlink(folder, bytes, 0) < 0) {
        const error = trouble('unlinkat');
        if (error !== undefined) throw error;
      }
    },
    linkat(fromFolder, from, toFolder, to) {
      const before = nameOf(from, 'linkat');
      const after = nameOf(to, 'linkat');
      while (link(fromFolder, before, toFolder, after, 0) < 0) {
        const error = trouble('linkat');
        if (error !== undefined) throw error;
      }
    },
    renameat2(fromFolder, from, toFolder, to, options) {
      const before = nameOf(from, 'renameat2');
      const after = nameOf(to, 'renameat2');
      const flags = options?.keep === true ? renameNoReplace : 0;
      while (rename(fromFolder, before, toFolder, after, flags) < 0) {
        const error = trouble('renameat2');
        if (error !== undefined) throw error;
      }
    },
    fstat(fd) {
      while (stat(fd, '', openStatxFlags, basicStatxMask, facts) < 0) {
        const error = trouble('fstat');
        if (error !== undefined) throw error;
      }
      return new ReadOpenFacts(facts);
    },
    pread(fd, buffer, offset, length, position) {
      const into = offset === 0 ? buffer : buffer.subarray(offset);
      for (;;) {
        const count = read(fd, into, length, position);
        if (count >= 0) return count;
        const error = trouble('pread');
        if (error !== undefined) throw error;
      }
    },
    pwrite(fd, buffer, offset, length, position) {
      const from = offset === 0 ? buffer : buffer.subarray(offset);
      for (;;) {
        const count = write(fd, from, length, position);
        if (count >= 0) return count;
        const error = trouble('pwrite');
        if (error !== undefined) throw error;
      }
    },
    futimens(fd, seconds, nanoseconds) {
      for (const at of [0, 4]) {
        timespecs[at] = seconds;
        timespecs[at + 1] = Math.floor(seconds / 2 ** 32);
        timespecs[at + 2] = nanoseconds;
      }
      while (times(fd, timespecs) < 0) {
        const error = trouble('futimens');
        if (error !== undefined) throw error;
      }
    },
    syncfs(fd) {
      while (sync(fd) < 0) {
        const error = trouble('syncfs');
        if (error !== undefined) throw error;
      }
    },
    flistxattr(fd) {
      values ??= Buffer.allocUnsafeSlow(attributeBytes);
      for (;;) {
        const length = list(fd, values, attributeBytes);
        if (length >= 0) return namesIn(values.subarray(0, length));
        const error = trouble('flistxattr');
        if (error !== undefined) throw error;
      }
    },
    fgetxattr(fd, name) {
      const bytes = nameOf(name, 'fgetxattr');
      values ??= Buffer.allocUnsafeSlow(attributeBytes);
      for (;;) {
        const length = get(fd, bytes, values, attributeBytes);
        if (length >= 0) return Buffer.from(values.subarray(0, length));
        if (koffi.errno() === errnos.ENODATA) return undefined;
        const error = trouble('fgetxattr');
        if (error !== undefined) throw error;
      }
    },
    fsetxattr(fd, name, value) {
      const bytes = nameOf(name, 'fsetxattr');
      while (set(fd, bytes, value, value.length, 0) < 0) {
        const error = trouble('fsetxattr');
        if (error !== undefined) throw error;
      }
    },
    fremovexattr(fd, name) {
      const bytes = nameOf(name, 'fremovexattr');
      while (remove(fd, bytes) < 0) {
        if (koffi.errno() === errnos.ENODATA) return;
        const error = trouble('fremovexattr');
        if (error !== undefined) throw error;
      }
    },
  };
}

/** struct statx has 256 bytes; AT_SYMLINK_NOFOLLOW with AT_NO_AUTOMOUNT; type, mode, mtime and size are asked for. */
const statxWords = 64;
const statxFlags = 0x100 | 0x800;
const statxMask = 0x1 | 0x2 | 0x40 | 0x200;
/** AT_EMPTY_PATH: the descriptor itself; all that stat(2) tells. */
const openStatxFlags = 0x1000;
const basicStatxMask = 0x7ff;

/** Read out of struct statx: stx_mode at byte 28, stx_size at 40, stx_mtime at 112. */
class ReadFacts implements FileFacts {
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;

  constructor(words: Uint32Array) {
    this.mode = (words[7] ?? 0) & 0xffff;
    this.size = (words[10] ?? 0) + (words[11] ?? 0) * 2 ** 32;
    const seconds = (words[28] ?? 0) + ((words[29] ?? 0) | 0) * 2 ** 32;
    this.mtimeMs = seconds * 1000 + (words[30] ?? 0) / 1e6;
  }

  isFile(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFREG;
  }

  isDirectory(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFDIR;
  }

  isSymbolicLink(): boolean {
    return (this.mode & constants.S_IFMT) === constants.S_IFLNK;
  }
}

/** stx_uid at byte 20, stx_ino at 32, stx_blocks at 48, stx_dev at 136. */
class ReadOpenFacts extends ReadFacts implements OpenFacts {
  readonly dev: number;
  readonly ino: number;
  readonly uid: number;
  readonly gid: number;
  readonly blocks: number;

  constructor(words: Uint32Array) {
    super(words);
    this.uid = words[5] ?? 0;
    this.gid = words[6] ?? 0;
    this.ino = (words[8] ?? 0) + (words[9] ?? 0) * 2 ** 32;
    this.blocks = (words[12] ?? 0) + (words[13] ?? 0) * 2 ** 32;
    this.dev = deviceNumber(words[34] ?? 0, words[35] ?? 0);
  }
}

/** As makedev(3) joins them. */
function deviceNumber(major: number, minor: number): number {
  const low = ((major & 0xfff) << 8) | (minor & 0xff);
  return (major - (major & 0xfff)) * 2 ** 32 + (minor - (minor & 0xff)) * 2 ** 12 + low;
}

const atWorkingFolder = -100;
/** O_PATH: marks the place only. */
const pathOnly = 0o10000000;

/** What koffi takes for a C string: text as it is, other names as their bytes with a NUL behind them. */
function nameOf(name: string, syscall: string): string | Buffer {
  if (name.includes('\0')) throw systemError(errnos.EINVAL, syscall);
  return name.isWellFormed() ? name : Buffer.concat([pathBytes(name), nul]);
}

const nul = Buffer.alloc(1);

/** Each ends with a NUL. */
function namesIn(list: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at < list.length; ) {
    const end = list.indexOf(0, at);
    names.push(pathFromBytes(list.subarray(at, end)));
    at = end + 1;
  }
  return names;
}

/** Linux's numbers, as errno.h of those architectures lists them. */
const errnos = { ENOENT: 2, EINTR: 4, EINVAL: 22, ENODATA: 61 };

let errorNames: ReturnType<typeof getSystemErrorMap> | undefined;

function systemError(errno: number, syscall: string): NodeJS.ErrnoException {
  errorNames ??= getSystemErrorMap();
  const [code, text] = errorNames.get(-errno) ?? [`Unknown system error -${errno}`, 'unknown error'];
  return Object.assign(new Error(`${code}: ${text}, ${syscall}`), { errno: -errno, code, syscall });
}
