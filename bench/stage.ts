// What the races run on: trees of files made from a seed, and places in memory and on disk.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

export const wherry = resolve(import.meta.dirname, '../bin/wherry');

/** A small deterministic generator (xorshift32), so that every machine races on the same tree. */
export function numbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

export function noise(bytes: number, next: () => number): Buffer {
  const block = Buffer.allocUnsafe(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) block.writeUInt32LE((next() * 4294967296) >>> 0, at);
  return block;
}

/** One file of `bytes`, of content that does not compress. */
export function makeFile(path: string, bytes: number): void {
  const next = numbers(7);
  const block = noise(8 * 1024 * 1024, next);
  const file = openSync(path, 'w');
  for (let done = 0; done < bytes; done += block.length) {
    block.writeDoubleLE(done, 0);
    writeSync(file, block, 0, Math.min(block.length, bytes - done));
  }
  closeSync(file);
}

/** `files` files of 4–64 KiB (log-uniform) in `folders` folders. Returns the bytes. */
export function makeTree(root: string, files: number, folders: number): number {
  const next = numbers(11);
  const block = noise(64 * 1024, next);
  let total = 0;
  for (let folder = 0; folder < folders; folder++)
    mkdirSync(join(root, `folder-${String(folder).padStart(3, '0')}`), { recursive: true });
  for (let at = 0; at < files; at++) {
    const bytes = Math.round(4096 * 16 ** next());
    block.writeUInt32LE(at, 0);
    writeFileSync(
      join(root, `folder-${String(at % folders).padStart(3, '0')}`, `file-${at}.bin`),
      block.subarray(0, bytes),
    );
    total += bytes;
  }
  return total;
}

export interface Stage {
  readonly name: string;
  readonly folder: string;
  close(): void;
}

/** Backed by memory. The memory is touched first: a machine that gave its pages back pays for the first use. */
export function memoryStage(touchBytes: number): Stage {
  const folder = mkdtempSync('/dev/shm/wherry-bench-');
  const warm = join(folder, 'warm');
  makeFile(warm, touchBytes);
  rmSync(warm);
  return { name: 'memory', folder, close: () => removeStage(folder) };
}

/** A fresh ext4 in a loop-mounted image on the disk; where that may not be mounted, a plain folder on the disk. */
export function diskStage(bytes: number): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-bench-disk-'));
  if (process.getuid?.() !== 0) {
    return { name: 'plain disk', folder, close: () => removeStage(folder) };
  }
  const image = `${folder}.img`;
  execFileSync('truncate', ['-s', String(bytes), image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  execFileSync('mount', ['-o', 'loop', image, folder]);
  return {
    name: 'ext4 on disk',
    folder,
    close: () => {
      execFileSync('umount', ['-l', folder]);
      rmSync(image, { force: true });
      removeStage(folder);
    },
  };
}

/** With what one-shot copies kept beside it. */
function removeStage(folder: string): void {
  for (const name of readdirSync(dirname(folder))) {
    if (name === basename(folder) || name.startsWith(`${basename(folder)}-state`)) empty(join(dirname(folder), name));
  }
}

export function empty(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Symlinks are compared as symlinks. */
export function sameTree(left: string, right: string): void {
  const result = spawnSync('diff', ['-rq', '--no-dereference', left, right]);
  if (result.status !== 0) throw new Error(`${left} and ${right} differ: ${result.stdout?.toString().slice(0, 500)}`);
}

export function sameSize(left: string, right: string): void {
  if (!existsSync(right) || statSync(left).size !== statSync(right).size) throw new Error(`${right} is not whole`);
}

export function need(program: string, debianPackage: string): void {
  const found = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
  if (!found && !existsSync(join('/usr/bin', program)) && !existsSync(join('/usr/sbin', program))) {
    throw new Error(`${program} is needed for this race: apt-get install ${debianPackage}`);
  }
}

/** The state folder of one-shot copies, apart from the user's own. */
export function stateOf(stage: Stage): { readonly XDG_STATE_HOME: string; forget(): void } {
  const folder = `${stage.folder}-state`;
  return { XDG_STATE_HOME: folder, forget: () => rmSync(folder, { recursive: true, force: true }) };
}
