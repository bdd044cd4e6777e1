// Confined access below a root: no path, and no symlink that is swapped in, leads out of it.

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { dirname, sep } from 'node:path';
import { Fault } from '../model/fault.ts';
import { baseName, displayPath, isText, joinPath, parentPath, pathBytes, safeRelativePath } from '../model/names.ts';
import type { Attempt } from './errno.ts';
import { errnoFault, errnoOf } from './errno.ts';
import type { OpenFacts, SystemCalls } from './system-calls.ts';

/** A path that file calls take: text, or bytes where a name is not UTF-8. */
export type FilePath = string | Buffer;

export interface ConfinedOptions {
  /** Called before each system call (Control.enter of the right side); an fsync says how long it may take. */
  readonly beforeCall?: (patienceMs?: number) => void;
  /** Makes the root, and what leads to it, where it is missing. Default is `false`. */
  readonly create?: boolean;
  /** The calls that walk in one step and need no path through /proc (`systemCalls()`): for work on many files. Without them Node's are used. */
  readonly calls?: SystemCalls | undefined;
}

/** A folder that stands open. It stays the same folder whatever happens to its name. */
export interface ConfinedFolder {
  /** Relative to the root; '' is the root. */
  readonly path: string;
  /** The path for file calls on `name`, one part, inside this folder. Add O_NOFOLLOW, or use calls that do not follow (lstat, rename, unlink). */
  at(name: string): FilePath;
  /** The path for calls on the folder itself: readdir, statfs, utimes. */
  readonly self: FilePath;
  /** Opened for its place only (O_PATH); -1 where folders are named by their paths. */
  readonly fd: number;
  /** These three take names of one part inside this folder, follow no symlink, and throw the operating system's error. */
  unlink(name: string): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  /** A rename that throws `EEXIST` where the new name is taken, and `EINVAL` where the place cannot promise that. Absent where the system has none. */
  readonly renameToFree?: (from: string, to: string) => void;
}

/** Where a file lies: its folder, opened, and its name in there. Good as long as the folder is (`openFolder`). */
export interface Located {
  readonly folder: ConfinedFolder;
  readonly name: string;
}

/** O_PATH of Linux, which Node does not name: a descriptor that only marks the place, so that search permission is enough. */
const openPath = 0o10000000;
const walkFlags = openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const byDescriptor = process.platform === 'linux' && existsSync('/proc/self/fd');
/** The process by its number: `self` is a symlink, which costs a tenth of each look-up. A /proc of another PID namespace has other numbers. */
const descriptors =
  byDescriptor && readlinkSync('/proc/self') === String(process.pid) ? `/proc/${process.pid}/fd` : '/proc/self/fd';
const folderLimit = 64;
/** A folder's fsync may have to wait for the journal of a busy disk. */
const syncPatienceMs = 60_000;

/**
 * Meant for one operation: opened at its start, closed at its end. Folders that were walked to stay open (at most 64), so that many
 * files of a folder cost one walk. Every path is checked as model/names.ts says. All methods throw Faults: `not_found`, `exists` (a
 * file where a folder is needed), `name_unsafe` (a symlink in the way, a path that leads out), `permission` and what else errno.ts knows.
 *
 * On Linux each part is opened below the folder before it without following symlinks: by openat2(2) for a whole path where `calls` has
 * it, else part by part through /proc/self/fd. Elsewhere each part is looked at first and the real path is compared, which a very fast
 * attacker can get around.
 */
export class ConfinedRoot {
  readonly root: string;
  readonly #beforeCall: (patienceMs?: number) => void;
  /** What it was opened with. */
  readonly calls: SystemCalls | undefined;
  readonly #folders = new Map<string, ConfinedFolder>();
  /** Of the folders the one that was used last. */
  #last: ConfinedFolder | undefined;
  readonly #unsynced = new Set<string>();
  #top: ConfinedFolder;

  private constructor(
    root: string,
    top: ConfinedFolder,
    beforeCall: (patienceMs?: number) => void,
    calls: SystemCalls | undefined,
  ) {
    this.root = root;
    this.#top = top;
    this.#beforeCall = beforeCall;
    this.calls = calls;
  }

  /** Opens an absolute path; symlinks in it are followed, for whoever named the root chose them. */
  static open(root: string, options: ConfinedOptions = {}): ConfinedRoot {
    const beforeCall = options.beforeCall ?? (() => undefined);
    const attempt: Attempt = { operation: 'open the folder', path: '', place: root };
    try {
      if (options.create) makeWithParents(root, beforeCall);
      beforeCall();
      if (!byDescriptor) return new ConfinedRoot(root, namedFolder('', realpathSync(root)), beforeCall, undefined);
      const fd = openSync(root, openPath | constants.O_DIRECTORY);
      return new ConfinedRoot(root, openedFolder('', fd, options.calls), beforeCall, options.calls);
    } catch (error) {
      throw errnoFault(error, attempt);
    }
  }

  /** The folder at a relative path; `create` makes what is missing on the way (see `syncMade`). It stays usable at least through the next call. */
  openFolder(path: string, options: { create?: boolean } = {}): ConfinedFolder {
    this.#trim();
    return this.#walk(path === '' ? '' : safeRelativePath(path), options.create === true);
  }

  /** The path for calls on one file. With `create` the folders that lead to it are made. */
  file(path: string, options: { create?: boolean } = {}): FilePath {
    const { folder, name } = this.locate(path, options);
    return folder.at(name);
  }

  /** The folder that a path lies in, opened, and its last part. */
  locate(path: string, options: { create?: boolean } = {}): Located {
    this.#trim();
    const last = this.#beside(path);
    if (last !== undefined) return last;
    const { folder, name } = this.#split(path) ?? splitSafely(path, this.root);
    return { folder: this.#walk(folder, options.create === true), name };
  }

  /** The quickest way, for a plain name in the folder that was used last. */
  #beside(path: string): Located | undefined {
    const folder = this.#last;
    if (folder === undefined || !path.startsWith(folder.path) || path.length > plainPathLength) return undefined;
    const cut = folder.path.length;
    if (path.charCodeAt(cut) !== slash) return undefined;
    const name = path.slice(cut + 1);
    return plainName.test(name) ? { folder, name } : undefined;
  }

  /** The quick way for the many files of a folder that stands open: its path has been checked, and the name is a plain one. */
  #split(path: string): { folder: string; name: string } | undefined {
    const cut = path.lastIndexOf('/');
    const name = path.slice(cut + 1);
    const folder = cut < 0 ? '' : path.slice(0, cut);
    if (cut === 0 || path.length > plainPathLength || !plainName.test(name)) return undefined;
    return folder === '' || this.#folders.has(folder) ? { folder, name } : undefined;
  }

  /**
   * Opens a regular file; never follows a symlink, never waits for a FIFO. `flags` are those of open(2). The caller closes it.
   * Throws `unsupported` for what is neither file nor folder, `exists` for a folder. With `calls` it is to be closed by them (`closeFile`).
   * `at` is where `locate` found the path.
   */
  openFile(
    path: string,
    flags: number,
    options: { mode?: number; create?: boolean; at?: Located } = {},
  ): { fd: number; stats: OpenFacts } {
    const attempt: Attempt = { operation: 'open', path, place: this.root };
    const { folder, name } = options.at ?? this.locate(path, options);
    let fd: number;
    this.#beforeCall();
    if (!byDescriptor && lstatSync(folder.at(name), { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw errnoFault(Object.assign(new Error('symlink'), { code: 'ELOOP' }), attempt);
    }
    try {
      fd = this.#openIn(folder, name, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, options.mode ?? 0o666);
    } catch (error) {
      // ENXIO: a FIFO without a reader, or a socket.
      if (errnoOf(error) === 'ENXIO') throw this.#notAFile(path);
      throw errnoFault(error, attempt);
    }
    try {
      this.#beforeCall();
      const stats = this.calls === undefined ? fstatSync(fd) : this.calls.fstat(fd);
      if (stats.isDirectory())
        throw new Fault('exists', `${displayPath(path)} in ${displayPath(this.root)} is a folder, not a file.`);
      if (!stats.isFile()) throw this.#notAFile(path);
      if (!byDescriptor) this.#checkStillInside(path);
      return { fd, stats };
    } catch (error) {
      this.closeFile(fd);
      throw errnoFault(error, attempt);
    }
  }

  /** Opens once more for reading what `openFile` has made, without a look at what it is. */
  openAgain(path: string, at?: Located): number {
    if (!byDescriptor) return this.openFile(path, constants.O_RDONLY).fd;
    const { folder, name } = at ?? this.locate(path);
    this.#beforeCall();
    try {
      return this.#openIn(folder, name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0);
    } catch (error) {
      throw errnoFault(error, { operation: 'open', path, place: this.root });
    }
  }

  /** Closes what `openFile` and `openAgain` opened; throws the operating system's error. */
  closeFile(fd: number): void {
    if (this.calls === undefined) closeSync(fd);
    else this.calls.close(fd);
  }

  /** Makes the entries of a folder durable. What cannot sync folders is let pass. */
  syncFolder(path: string): void {
    const folder = this.#walk(path === '' ? '' : safeRelativePath(path), false);
    this.#sync(folder);
    this.#unsynced.delete(folder.path);
  }

  /** Makes the folders durable that this root has made since the last time. */
  syncMade(): void {
    for (const path of this.#unsynced) this.syncFolder(path);
  }

  close(): void {
    for (const folder of this.#folders.values()) if (folder.fd >= 0) this.closeFile(folder.fd);
    this.#forget();
    if (this.#top.fd >= 0) closeSync(this.#top.fd);
    this.#top = { ...this.#top, fd: -1 };
  }

  #walk(path: string, create: boolean): ConfinedFolder {
    return this.#known(path) ?? this.#atOnce(path) ?? this.#partByPart(path, create);
  }

  #known(path: string): ConfinedFolder | undefined {
    if (path === '') return this.#top;
    if (path === this.#last?.path) return this.#last;
    const known = this.#folders.get(path);
    if (known === undefined) return undefined;
    this.#folders.delete(path);
    return this.#keep(known);
  }

  /** Undefined where the path has one part to go, and where the kernel refuses it: the walk part by part then makes what is missing, or says what is wrong. */
  #atOnce(path: string): ConfinedFolder | undefined {
    const openat2 = this.calls?.openat2;
    if (openat2 === undefined || !path.includes('/') || this.#folders.has(parentPath(path))) return undefined;
    this.#beforeCall();
    try {
      return this.#keep(openedFolder(path, openat2(this.#top.fd, path, walkFlags, 0), this.calls));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return undefined;
    }
  }

  #partByPart(path: string, create: boolean): ConfinedFolder {
    const known = this.#known(path);
    if (known !== undefined) return known;
    const above = this.#partByPart(parentPath(path), create);
    return this.#keep(this.#open(above, baseName(path), create));
  }

  #keep(folder: ConfinedFolder): ConfinedFolder {
    this.#folders.set(folder.path, folder);
    this.#last = folder;
    return folder;
  }

  #openIn(folder: ConfinedFolder, name: string, flags: number, mode: number): number {
    return this.calls === undefined
      ? openSync(folder.at(name), flags, mode)
      : this.calls.openat(folder.fd, name, flags, mode);
  }

  #open(above: ConfinedFolder, name: string, create: boolean): ConfinedFolder {
    const path = joinPath(above.path, name);
    for (let made = false; ; ) {
      this.#beforeCall();
      try {
        if (byDescriptor) return openedFolder(path, this.#openIn(above, name, walkFlags, 0), this.calls);
        return this.#openNamed(above, name, path);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'ENOENT' && create && !made) {
          this.#make(above, name, path);
          made = true;
          continue;
        }
        if (errno === 'ENOTDIR' || errno === 'ELOOP') throw this.#inTheWay(above, name, path);
        throw errnoFault(error, { operation: 'open the folder', path, place: this.root });
      }
    }
  }

  #openNamed(above: ConfinedFolder, name: string, path: string): ConfinedFolder {
    const full = above.at(name);
    if (!lstatSync(full).isDirectory()) throw this.#inTheWay(above, name, path);
    const real = realpathSync(full, 'buffer');
    const inside = Buffer.from(this.#top.self.toString().endsWith(sep) ? this.#top.self : this.#top.self + sep);
    if (!real.subarray(0, inside.length).equals(inside)) {
      throw new Fault('name_unsafe', `${displayPath(path)} leads out of ${displayPath(this.root)}.`);
    }
    return namedFolder(path, full);
  }

  #make(above: ConfinedFolder, name: string, path: string): void {
    this.#beforeCall();
    try {
      if (this.calls === undefined) mkdirSync(above.at(name));
      else this.calls.mkdirat(above.fd, name, 0o777);
      this.#unsynced.add(above.path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST')
        throw errnoFault(error, { operation: 'make the folder', path, place: this.root });
    }
  }

  #inTheWay(above: ConfinedFolder, name: string, path: string): Fault {
    const place = { path: displayPath(path), endpoint: displayPath(this.root) };
    this.#beforeCall();
    const stats = lstatSync(above.at(name), { throwIfNoEntry: false });
    return stats?.isSymbolicLink()
      ? new Fault(
          'name_unsafe',
          `${place.path} in ${place.endpoint} is a symlink where a folder is needed; it is not followed.`,
          { place },
        )
      : new Fault('exists', `${place.path} in ${place.endpoint} is not a folder, and a folder is needed there.`, {
          place,
        });
  }

  #notAFile(path: string): Fault {
    return new Fault('unsupported', `${displayPath(path)} in ${displayPath(this.root)} is not a regular file.`, {
      place: { path: displayPath(path), endpoint: displayPath(this.root) },
    });
  }

  #checkStillInside(path: string): void {
    const cut = path.lastIndexOf('/');
    if (cut < 0) return;
    this.#forget();
    this.#walk(safeRelativePath(path.slice(0, cut)), false);
  }

  #sync(folder: ConfinedFolder): void {
    this.#beforeCall();
    let fd: number | undefined;
    try {
      fd = openSync(folder.self, constants.O_RDONLY | constants.O_DIRECTORY);
      this.#beforeCall(syncPatienceMs);
      fsyncSync(fd);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== undefined && unsyncable.has(errno)) return;
      throw errnoFault(error, { operation: 'make durable the folder', path: folder.path, place: this.root });
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  #forget(): void {
    this.#folders.clear();
    this.#last = undefined;
  }

  /** Closes what was used longest ago. Before a walk, never within one: what the last call returned must outlive the next. */
  #trim(): void {
    // Without descriptors what was looked at before proves nothing now.
    if (!byDescriptor) this.#forget();
    if (this.#folders.size <= folderLimit) return;
    for (const [path, folder] of this.#folders) {
      if (this.#folders.size <= folderLimit) return;
      this.#folders.delete(path);
      if (folder.fd >= 0) this.closeFile(folder.fd);
    }
  }
}

/** Folders of some file systems (FUSE, SMB) and of Windows take no fsync. */
const unsyncable = new Set([
  'EINVAL',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EBADF',
  ...(process.platform === 'win32' ? ['EPERM', 'EISDIR'] : []),
]);

/** ASCII without what safeRelativePath looks at more closely. */
const plainName = /^(?!\.\.?$)[ -.0-9;-[\]-~]{1,255}$/;
const plainPathLength = 1_000;
const slash = '/'.charCodeAt(0);

function splitSafely(path: string, root: string): { folder: string; name: string } {
  const safe = safeRelativePath(path);
  if (safe === '') throw new Fault('exists', `${displayPath(root)} is the root itself, not something in it.`);
  return { folder: parentPath(safe), name: baseName(safe) };
}

function openedFolder(path: string, fd: number, calls: SystemCalls | undefined): ConfinedFolder {
  const self = `${descriptors}/${fd}`;
  const at = (name: string) => below(`${self}/`, name);
  if (calls === undefined) return { path, fd, self, at, ...namedCalls(at) };
  return {
    path,
    fd,
    self,
    at,
    unlink: (name) => calls.unlinkat(fd, name),
    rename: (from, to) => calls.renameat2(fd, from, fd, to),
    link: (from, to) => calls.linkat(fd, from, fd, to),
    renameToFree: (from, to) => calls.renameat2(fd, from, fd, to, { keep: true }),
  };
}

function namedFolder(path: string, full: FilePath): ConfinedFolder {
  const at = (name: string) =>
    typeof full === 'string' ? below(full + sep, name) : Buffer.concat([full, Buffer.from(sep), pathBytes(name)]);
  return { path, fd: -1, self: full, at, ...namedCalls(at) };
}

function namedCalls(at: (name: string) => FilePath): Pick<ConfinedFolder, 'unlink' | 'rename' | 'link'> {
  return {
    unlink: (name) => unlinkSync(at(name)),
    rename: (from, to) => renameSync(at(from), at(to)),
    link: (from, to) => linkSync(at(from), at(to)),
  };
}

function below(start: string, name: string): FilePath {
  return isText(name) ? start + name : Buffer.concat([Buffer.from(start), pathBytes(name)]);
}

/** Like `mkdir -p`, and each new folder's entry made durable. */
function makeWithParents(root: string, beforeCall: (patienceMs?: number) => void): void {
  const missing: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    beforeCall();
    if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined || folder === dirname(folder)) break;
    missing.push(folder);
  }
  for (const folder of missing.reverse()) {
    beforeCall();
    try {
      mkdirSync(folder);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    const fd = openSync(dirname(folder), constants.O_RDONLY);
    try {
      beforeCall(syncPatienceMs);
      fsyncSync(fd);
    } catch (error) {
      if (!unsyncable.has(errnoOf(error) ?? '')) throw error;
    } finally {
      closeSync(fd);
    }
  }
}
