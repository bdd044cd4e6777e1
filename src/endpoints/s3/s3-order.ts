// Puts keys, which a store lists by their bytes, into the order of listings: folders before what is in them, siblings by their bytes.

import type { Entry } from '../../model/manifest.ts';
import { comparePaths, parentPath, pathBytes } from '../../model/names.ts';

const slash = 0x2f;

interface Waiting {
  readonly entry: Entry;
  /** Whatever sorts before it has come once keys have reached this; null where it need not wait. */
  readonly until: Buffer | null;
}

/** Takes entries by the bytes of their keys (a folder's marker as the key with its slash) and gives them, with their folders, in order. */
export class TreeOrder {
  #waiting: Waiting[] = [];
  #open: string[] = [];
  #lastFile: string | undefined;
  /** What lies below an object and was left out. */
  readonly refused: string[] = [];
  readonly #folder: (path: string) => Entry;

  readonly #root: string;

  /** `folder` makes the entry of a folder that has no marker; those above `root`, and itself, are not given. */
  constructor(root: string, folder: (path: string) => Entry) {
    this.#root = root;
    this.#folder = folder;
  }

  add(entry: Entry): void {
    this.#waiting.push({ entry, until: waitsUntil(entry.path) });
  }

  /** What is certain to come before every key after `last`. Without `last`, everything. */
  *take(last?: string): Generator<Entry> {
    const reached = last === undefined ? null : Buffer.from(pathBytes(last));
    this.#waiting.sort((one, other) => comparePaths(one.entry.path, other.entry.path));
    let count = 0;
    for (const { until } of this.#waiting) {
      if (reached !== null && until !== null && Buffer.compare(reached, until) < 0) break;
      count++;
    }
    for (const { entry } of this.#waiting.splice(0, count)) yield* this.#withFolders(entry);
  }

  *#withFolders(entry: Entry): Generator<Entry> {
    const { path } = entry;
    while (this.#open.length > 0 && !path.startsWith(`${this.#open.at(-1)}/`)) this.#open.pop();
    const missing: string[] = [];
    const open = this.#open.at(-1) ?? this.#root;
    for (let folder = parentPath(path); folder !== open && folder !== ''; folder = parentPath(folder)) {
      missing.unshift(folder);
    }
    // A key may be an object and have others below it, which no tree can hold: the object stays.
    const blocked = [...missing, ...(entry.kind === 'folder' ? [path] : [])].find(
      (folder) => folder === this.#lastFile,
    );
    if (blocked !== undefined) {
      this.refused.push(path);
      return;
    }
    for (const folder of missing) yield this.#folder(folder);
    this.#open.push(...missing);
    if (entry.kind === 'folder') this.#open.push(path);
    else this.#lastFile = path;
    yield entry;
  }
}

/**
 * `a-b` sorts before `a/c` by bytes and after it in a tree. So it waits until keys are beyond all that begin with `a/`; and likewise
 * for each of its beginnings that a character below the slash follows. The shortest is reached last.
 */
function waitsUntil(path: string): Buffer | null {
  const bytes = pathBytes(path);
  for (let at = 1; at < bytes.length; at++) {
    if ((bytes[at] ?? 0) >= slash || bytes[at - 1] === slash) continue;
    return Buffer.concat([bytes.subarray(0, at), Uint8Array.of(slash + 1)]);
  }
  return null;
}
