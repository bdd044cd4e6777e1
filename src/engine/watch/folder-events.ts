// File-system events of one tree: a watcher per folder, tested before it is believed. Runs in the thread that looks at the folders.

import { closeSync, type FSWatcher, lstatSync, openSync, readdirSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../endpoints/errno.ts';
import type { EventsTest } from './watcher-messages.ts';

const testMs = 2_000;
/** Events come in bursts; they are handed on together after this long. */
const gatherMs = 200;
/** More names than this at once: the kernel's own queue (16,384 by default) may have overflowed, which libuv does not report. */
const overflowNames = 4_000;

/** A folder, and the names in it of which something was heard; null = look at the whole folder. */
export type Hints = ReadonlyMap<string, ReadonlySet<string> | null>;

export class FolderEvents {
  readonly #root: string;
  readonly #tell: (hints: Hints, overflow: boolean) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #pending = new Map<string, Set<string> | null>();
  #names = 0;
  #timer: NodeJS.Timeout | undefined;
  #broken: string | undefined;
  readonly #onBroken: (reason: string) => void;

  constructor(root: string, tell: (hints: Hints, overflow: boolean) => void, onBroken: (reason: string) => void) {
    this.#root = root;
    this.#tell = tell;
    this.#onBroken = onBroken;
  }

  /** Watches a folder as well, if it is not yet. */
  add(folder: string): void {
    if (this.#broken !== undefined || this.#watchers.has(folder)) return;
    try {
      const watcher = watch(folder === '' ? this.#root : join(this.#root, folder), { persistent: false }, (_, name) =>
        this.#hear(folder, name),
      );
      watcher.on('error', () => this.remove(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      // A folder that is gone again is found gone by the next scan; a limit of the system concerns all of them.
      const errno = errnoOf(error);
      if (errno === 'ENOSPC' || errno === 'EMFILE') {
        this.#break(`the system's limit of watched folders is reached (${errno}; raise fs.inotify.max_user_watches)`);
      }
    }
  }

  has(folder: string): boolean {
    return this.#watchers.has(folder);
  }

  remove(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.#pending.clear();
  }

  #hear(folder: string, name: string | null): void {
    if (name?.startsWith('.')) return;
    if (name === null || name.includes('\ufffd')) this.#pending.set(folder, null);
    else {
      const names = this.#pending.get(folder);
      if (names === undefined) this.#pending.set(folder, new Set([name]));
      else if (names !== null) names.add(name);
    }
    this.#names += 1;
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs);
  }

  #flush(): void {
    const hints = this.#pending;
    const overflow = this.#names > overflowNames;
    this.#pending = new Map();
    this.#names = 0;
    this.#timer = undefined;
    this.#tell(hints, overflow);
  }

  #break(reason: string): void {
    this.close();
    this.#broken = reason;
    this.#onBroken(reason);
  }
}

const testPrefix = '.wherry-events-';
/** A test file of this age was left behind by a process that died. */
const leftBehindMs = 60_000;

/** Makes a file of our own in the root, removes it at once, and says whether its event was heard. */
export function testEvents(root: string): Promise<EventsTest> {
  removeLeftBehind(root);
  const name = `${testPrefix}${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`;
  const path = join(root, name);
  return new Promise((resolve) => {
    let watcher: FSWatcher | undefined;
    const done = (test: EventsTest): void => {
      clearTimeout(timer);
      watcher?.close();
      resolve(test);
    };
    const timer = setTimeout(() => done({ inForce: false, reason: `no event came within ${testMs / 1000} s` }), testMs);
    try {
      watcher = watch(root, { persistent: true }, (_, heard) => {
        if (heard === name) done({ inForce: true, reason: 'a test file was heard of at once' });
      });
      watcher.on('error', (error) =>
        done({ inForce: false, reason: `watching failed (${errnoOf(error) ?? error.message})` }),
      );
      closeSync(openSync(path, 'wx'));
      // Its event is on its way: nothing that happens from here on can leave it behind.
      rmSync(path, { force: true });
    } catch (error) {
      done({ inForce: false, reason: `the test file could not be made (${errnoOf(error) ?? 'unknown'})` });
    }
  });
}

function removeLeftBehind(root: string): void {
  try {
    for (const name of readdirSync(root)) {
      const path = join(root, name);
      if (!name.startsWith(testPrefix)) continue;
      if (Date.now() - lstatSync(path).mtimeMs > leftBehindMs) rmSync(path, { force: true });
    }
  } catch {
    // A folder that cannot be read or written to is told of by the test itself.
  }
}

/** Types of file systems on which every change passes through this machine's kernel, so that events can be complete. */
const localTypes = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'f2fs',
  'zfs',
  'tmpfs',
  'ramfs',
  'overlay',
  'vfat',
  'exfat',
  'ntfs3',
  'hfsplus',
  'bcachefs',
  'jfs',
  'reiserfs',
]);

/** Undefined where events can be trusted in principle; else why not. */
export function eventsProblem(mountType: string): string | undefined {
  if (localTypes.has(mountType)) return undefined;
  return `a ${mountType} share tells only of changes made on this machine`;
}
