// Folders of this machine, mounted shares included: every call goes through the mount's pool.

import { join } from 'node:path';
import type { FaultReport } from '../model/fault.ts';
import type { HashAlgorithm } from '../model/hash.ts';
import type { Entry } from '../model/manifest.ts';
import type { Call, Endpoint, Space, Traits } from './endpoint.ts';
import { type ListingStep, type ListingTask, troubleFault } from './local-listing.ts';
import { readManyLocal } from './local-many-read.ts';
import { readLocal } from './local-read.ts';
import { writeLocal } from './local-write.ts';
import { isLocalDisk } from './mount-table.ts';
import type { Mounts, RunOptions } from './mounts.ts';
import { unpackEntries } from './packed-entries.ts';

/** The worker module that the mount pools need for local endpoints. */
export const localOperations = new URL(
  import.meta.url.endsWith('.ts') ? './local-operations.ts' : './local-operations.js',
  import.meta.url,
);

/**
 * Opens a place by its absolute path, which need not exist yet. `mounts` must have been opened with `localOperations`.
 * Symlinks in the path itself are resolved now, so that each call is charged to the mount that it really touches.
 * Rejects with `unreachable` where that mount hangs, `permission`, `name_unsafe` (symlinks in a circle).
 */
export async function openLocal(path: string, parts: { mounts: Mounts }, call: Call = {}): Promise<Endpoint> {
  const { mounts } = parts;
  const root = await mounts.pool(path).run<string>('local.resolve', { root: path }, { ...signalOf(call), quick: true });
  const quickly = <Output>(operation: string, input: object, given: Call | undefined) =>
    mounts.pool(root).run<Output>(operation, { root, ...input }, { ...signalOf(given), quick: true });

  const { type } = mounts.mountOf(root);
  const writeProved: Endpoint['writeProved'] = (at, from, body, told, given = {}) =>
    writeLocal(mounts.pool(root), { root, path: at, from }, body, given, told);

  return {
    name: path,
    traits: traitsOf(type),
    list: (prefix, given = {}) => listTree(mounts, root, prefix, given),
    stat: (at, given) => quickly<Entry | undefined>('local.stat', { path: at }, given),
    read: (at, from, given = {}) => readLocal(mounts.pool(root), { root, path: at, from }, given),
    write: (at, from, body, given = {}) => writeLocal(mounts.pool(root), { root, path: at, from }, body, given),
    // Of a share it would show this machine's memory, and not what arrived there.
    ...(isLocalDisk(type) ? { writeProved } : {}),
    remove: (at, given) => quickly('local.remove', { path: at }, given),
    async close() {
      // Threads belong to the pools; nothing is kept open between calls.
    },
    hash: (at, algorithm: HashAlgorithm, given = {}) =>
      mounts
        .pool(root)
        .run(
          'local.hash',
          { root, path: at, algorithm },
          { ...signalOf(given), onMessage: (done) => given.progress?.(done as number) },
        ),
    copy: (from, to, given = {}) => mounts.pool(root).run('local.copy', { root, from, to }, signalOf(given)),
    rename: (from, to, options, given) => quickly('local.rename', { from, to, ...options }, given),
    link: (from, to, given) => quickly('local.link', { from, to }, given),
    makeFolder: (at, given) => quickly('local.makeFolder', { path: at }, given),
    makeSymlink: (at, target, given) => quickly('local.makeSymlink', { path: at, target }, given),
    setMetadata: (at, metadata, given) => quickly('local.setMetadata', { path: at, ...metadata }, given),
    space: (given) => quickly<Space>('local.space', {}, given),
    localPath: (at) => join(root, at),
    readMany: (paths, given = {}) => readManyLocal(mounts.pool(root), { root, paths }, given),
  };
}

const coarseMtimes: Readonly<Record<string, number>> = {
  vfat: 2_000,
  msdos: 2_000,
  exfat: 10,
  ext2: 1_000,
  ext3: 1_000,
  hfsplus: 1_000,
  'fuse.sshfs': 1_000,
};

const foldsCase = new Set(['vfat', 'msdos', 'exfat', 'hfsplus', 'ntfs', 'ntfs3', 'fuseblk', 'cifs', 'smb3']);

/** Their drivers refuse what Windows would. */
const windowsNames = new Set(['vfat', 'msdos', 'exfat', 'smb3', 'cifs']);

function traitsOf(type: string): Traits {
  return {
    atomicRename: true,
    // Doubles carry milliseconds to a quarter of a microsecond, systems keep nanoseconds: a millisecond is what all agree on.
    mtimePrecisionMs: coarseMtimes[type] ?? 1,
    resumableWrite: true,
    caseSensitive: process.platform === 'linux' && !foldsCase.has(type),
    ...(windowsNames.has(type) ? { windowsNames: true } : {}),
  };
}

function signalOf(call: Call | undefined): RunOptions {
  return call?.signal === undefined ? {} : { signal: call.signal };
}

async function* listTree(mounts: Mounts, root: string, prefix: string, call: Call): AsyncGenerator<Entry> {
  const waiting: ListingTask[] = [{ folder: prefix }];
  const troubles: FaultReport[] = [];
  const pool = mounts.pool(root);
  const take = (): Promise<ListingStep> | undefined => {
    if (waiting.length === 0) return undefined;
    const tasks = takeTasks(waiting);
    const step = pool.run<ListingStep>(
      'local.list',
      { root, start: prefix, tasks },
      { ...signalOf(call), quick: true },
    );
    // It is asked for ahead: where the listing is left before it is looked at, nobody else would hear of its failure.
    step.catch(() => undefined);
    return step;
  };
  call.signal?.throwIfAborted();
  for (let ahead = take(); ahead !== undefined; ) {
    const step = await ahead;
    waiting.push(...step.rest);
    troubles.push(...step.troubles);
    ahead = take();
    for (const entry of unpackEntries(step.entries)) {
      yield entry;
      call.signal?.throwIfAborted();
    }
  }
  const trouble = troubleFault(troubles);
  if (trouble !== undefined) throw trouble;
}

/** As many of the next tasks as make one step; a huge folder's names cross to the worker only once each. */
function takeTasks(waiting: ListingTask[]): ListingTask[] {
  let first = waiting.length;
  for (let weight = 0; first > 0 && weight < 500; first--) weight += 10 + (waiting[first - 1]?.names?.length ?? 0);
  return waiting.splice(first);
}
