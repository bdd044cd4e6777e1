// Trees of files for tests: made from a seed, compared byte by byte, looked at while they change.

import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

/** Content that depends on seed and length only and does not compress. */
export function content(seed: number, bytes: number): Buffer {
  const block = Buffer.allocUnsafe(bytes);
  let state = (seed * 2654435761) | 1;
  let at = 0;
  for (; at + 4 <= bytes; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block.writeInt32LE(state, at);
  }
  for (; at < bytes; at++) block[at] = state >>> ((at & 3) * 8);
  return block;
}

export function writeContent(path: string, seed: number, bytes: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const piece = 4 * 1024 * 1024;
  if (bytes <= piece) {
    writeFileSync(path, content(seed, bytes));
    return;
  }
  const file = openSync(path, 'w');
  for (let done = 0; done < bytes; done += piece) {
    writeSync(file, content(seed + done / piece, Math.min(piece, bytes - done)));
  }
  closeSync(file);
}

/** `count` small files of up to `mostBytes` in folders of 100. */
export function writeSmallFiles(root: string, count: number, mostBytes: number): void {
  for (let at = 0; at < count; at++) {
    const folder = `part-${String(Math.floor(at / 100)).padStart(3, '0')}`;
    writeContent(join(root, folder, `file-${at}.bin`), at + 1, (at * 7919) % (mostBytes + 1));
  }
}

/** Relative paths of all files below a root, sorted; none where the root is not there. */
export function filesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

export function sha256Of(path: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const file = openSync(path, 'r');
  try {
    for (let got = readSync(file, buffer); got > 0; got = readSync(file, buffer)) hash.update(buffer.subarray(0, got));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

export interface TreeDifference {
  readonly missing: readonly string[];
  readonly different: readonly string[];
  /** At the destination and not at the source: partials, doubles. */
  readonly extra: readonly string[];
}

export function compareTrees(source: string, destination: string): TreeDifference {
  const wanted = filesBelow(source);
  const there = new Set(filesBelow(destination));
  const missing: string[] = [];
  const different: string[] = [];
  for (const path of wanted) {
    if (!there.delete(path)) missing.push(path);
    else if (!sameBytes(join(source, path), join(destination, path))) different.push(path);
  }
  return { missing, different, extra: [...there] };
}

function sameBytes(left: string, right: string): boolean {
  const size = statSync(left).size;
  if (size !== statSync(right).size) return false;
  if (size <= 16 * 1024 * 1024) return readFileSync(left).equals(readFileSync(right));
  return sha256Of(left) === sha256Of(right);
}

/** Files that were whole once are looked at again in turn, so many at a time. */
const wholeAtOnce = 100;

/**
 * A reader that looks every 10 ms at files under their final names and remembers those that were not whole
 * (their size differs from the source's). Ends with `stop`.
 */
export function watchForHalfDone(source: string, destination: string, paths: readonly string[]): { stop(): string[] } {
  const bad = new Set<string>();
  const whole: string[] = [];
  const folders = new Map<string, Map<string, number>>();
  for (const path of paths) {
    const folder = dirname(path);
    const sizes = folders.get(folder) ?? new Map<string, number>();
    folders.set(folder, sizes.set(basename(path), statSync(join(source, path)).size));
  }
  const isWhole = (path: string): boolean => {
    const seen = statSync(join(destination, path), { throwIfNoEntry: false });
    if (seen === undefined) return false;
    const size = folders.get(dirname(path))?.get(basename(path));
    if (seen.size !== size) bad.add(path);
    return seen.size === size;
  };
  const once = new Set<string>();
  let next = 0;
  const look = (most: number) => {
    for (const [folder, sizes] of folders) {
      for (const name of namesIn(join(destination, folder))) {
        const path = join(folder, name);
        if (!sizes.has(name) || once.has(path) || !isWhole(path)) continue;
        once.add(path);
        whole.push(path);
      }
    }
    for (let count = Math.min(most, whole.length); count > 0; count--) {
      next = (next + 1) % whole.length;
      isWhole(whole[next] ?? '');
    }
  };
  const timer = setInterval(() => look(wholeAtOnce), 10);
  return {
    stop: () => {
      clearInterval(timer);
      look(whole.length);
      return [...bad];
    },
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // It is not there yet, or the place is away.
    return [];
  }
}
