// Entries as columns: they cross from a worker in a third of the time that objects take.

import type { Entry, EntryKind } from '../model/manifest.ts';

export interface PackedEntries {
  readonly paths: readonly string[];
  readonly kinds: Uint8Array<ArrayBuffer>;
  /** Three numbers an entry: size, mtime, mode (-1 where there is none). */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Devices are few: each entry's is an index into `devices`. */
  readonly devices: readonly (string | undefined)[];
  readonly deviceIndexes: Uint32Array<ArrayBuffer>;
  readonly inodes: Float64Array<ArrayBuffer>;
  /** What few entries have, by their place. */
  readonly rare: readonly { readonly at: number; readonly linkTarget?: string; readonly inode?: string }[];
}

const kinds: readonly EntryKind[] = ['file', 'folder', 'symlink', 'other'];

export function packEntries(entries: readonly Entry[]): PackedEntries {
  const count = entries.length;
  const devices: (string | undefined)[] = [];
  const rare: { at: number; linkTarget?: string; inode?: string }[] = [];
  const packed = {
    paths: entries.map((entry) => entry.path),
    kinds: new Uint8Array(count),
    numbers: new Float64Array(count * 3),
    devices,
    deviceIndexes: new Uint32Array(count),
    inodes: new Float64Array(count),
    rare,
  };
  for (const [at, entry] of entries.entries()) {
    packed.kinds[at] = kinds.indexOf(entry.kind);
    packed.numbers[at * 3] = entry.sizeBytes;
    packed.numbers[at * 3 + 1] = entry.mtimeMs;
    packed.numbers[at * 3 + 2] = entry.mode ?? -1;
    let device = devices.lastIndexOf(entry.device);
    if (device < 0) device = devices.push(entry.device) - 1;
    packed.deviceIndexes[at] = device;
    const inode = Number(entry.inode);
    const exact = String(inode) === entry.inode;
    packed.inodes[at] = exact ? inode : -1;
    if (entry.linkTarget !== undefined || (!exact && entry.inode !== undefined)) {
      rare.push({
        at,
        ...(entry.linkTarget === undefined ? {} : { linkTarget: entry.linkTarget }),
        ...(exact || entry.inode === undefined ? {} : { inode: entry.inode }),
      });
    }
  }
  return packed;
}

/** Inverse of `packEntries` for entries without version and hash. */
export function* unpackEntries(packed: PackedEntries): Generator<Entry> {
  const rare = packed.rare.values();
  let next = rare.next();
  for (const [at, path] of packed.paths.entries()) {
    const special = next.value?.at === at ? next.value : undefined;
    if (special !== undefined) next = rare.next();
    const mode = packed.numbers[at * 3 + 2] ?? -1;
    const device = packed.devices[packed.deviceIndexes[at] ?? 0];
    const number = packed.inodes[at] ?? -1;
    const inode = number >= 0 ? String(number) : special?.inode;
    yield {
      path,
      kind: kinds[packed.kinds[at] ?? 0] ?? 'other',
      sizeBytes: packed.numbers[at * 3] ?? 0,
      mtimeMs: packed.numbers[at * 3 + 1] ?? 0,
      ...(mode < 0 ? {} : { mode }),
      ...(device === undefined ? {} : { device }),
      ...(inode === undefined ? {} : { inode }),
      ...(special?.linkTarget === undefined ? {} : { linkTarget: special.linkTarget }),
    };
  }
}
