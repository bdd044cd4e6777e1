// A file that was found, as the row that is made of it.

import type { ComparedEntry } from '../compare-tree.ts';
import type { NewTransfer } from '../mode.ts';

/** `root` is the destination's address, `path` the file's name below it. */
export function newTransfer(root: string, { entry, root: source }: ComparedEntry, path: string): NewTransfer {
  return {
    source: { endpoint: source, path: entry.path },
    destination: { endpoint: root, path },
    sizeBytes: entry.sizeBytes,
    mtimeMs: entry.mtimeMs,
    fileMode: entry.mode ?? null,
  };
}
