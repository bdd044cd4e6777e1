// The manifest: what a tree held at a time, and what changed between two of them.

export type EntryKind = 'file' | 'folder' | 'symlink' | 'other';

/** One thing found in a place. Times are milliseconds since 1970, sizes bytes, `mode` the POSIX permission bits. */
export interface Entry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** True where the place does not say when it was written; `mtimeMs` is 0 then. */
  readonly mtimeUnknown?: boolean;
  readonly mode?: number;
  readonly device?: string;
  readonly inode?: string;
  readonly version?: string;
  readonly hash?: string;
  readonly linkTarget?: string;
}

export interface ManifestDiff {
  readonly added: readonly Entry[];
  readonly modified: readonly { readonly before: Entry; readonly after: Entry }[];
  readonly deleted: readonly Entry[];
  /** Same hash and size under another path; those are in neither `added` nor `deleted`. */
  readonly renamed: readonly { readonly before: Entry; readonly after: Entry }[];
}

export interface DiffOptions {
  /** Differences of mtime up to this are none (the coarser endpoint's precision). Default is 0. */
  readonly mtimePrecisionMs?: number;
  /** Compare hashes, where both sides have them, instead of mtimes. Default is `false`. */
  readonly checksum?: boolean;
}

/** True where the two say the same content. */
export function sameContent(before: Entry, after: Entry, options: DiffOptions = {}): boolean {
  if (before.kind !== after.kind) return false;
  if (before.kind === 'symlink') return before.linkTarget === after.linkTarget;
  if (before.kind !== 'file') return true;
  if (before.sizeBytes !== after.sizeBytes) return false;
  if (options.checksum && before.hash !== undefined && after.hash !== undefined) return before.hash === after.hash;
  return Math.abs(before.mtimeMs - after.mtimeMs) <= (options.mtimePrecisionMs ?? 0);
}

/** True where `now` is the file that was known: neither device nor inode is known of what comes by a stream. */
export function sameVersion(
  before: Pick<Entry, 'sizeBytes' | 'mtimeMs'>,
  now: Entry | undefined,
  precisionMs: number,
): boolean {
  return (
    now?.kind === 'file' && now.sizeBytes === before.sizeBytes && Math.abs(now.mtimeMs - before.mtimeMs) <= precisionMs
  );
}

/** What must happen to `before` to make it `after`. Each path stands in at most one list; order is that of the inputs. */
export function diff(before: Iterable<Entry>, after: Iterable<Entry>, options: DiffOptions = {}): ManifestDiff {
  const old = new Map<string, Entry>();
  for (const entry of before) old.set(entry.path, entry);
  const added: Entry[] = [];
  const modified: { before: Entry; after: Entry }[] = [];
  const seen = new Set<string>();
  for (const entry of after) {
    if (seen.has(entry.path)) continue;
    seen.add(entry.path);
    const was = old.get(entry.path);
    if (was === undefined) added.push(entry);
    else if (!sameContent(was, entry, options)) modified.push({ before: was, after: entry });
  }
  const gone = [...old.values()].filter((entry) => !seen.has(entry.path));
  const goneByContent = new Map<string, Entry[]>();
  for (const entry of gone) {
    const key = contentKey(entry);
    if (key === undefined) continue;
    const group = goneByContent.get(key);
    if (group === undefined) goneByContent.set(key, [entry]);
    else group.push(entry);
  }
  const renamed: { before: Entry; after: Entry }[] = [];
  const moved = new Set<Entry>();
  for (const entry of added) {
    const key = contentKey(entry);
    const source = key === undefined ? undefined : goneByContent.get(key)?.shift();
    if (source === undefined) continue;
    renamed.push({ before: source, after: entry });
    moved.add(source);
    moved.add(entry);
  }
  return {
    added: added.filter((entry) => !moved.has(entry)),
    modified,
    deleted: gone.filter((entry) => !moved.has(entry)),
    renamed,
  };
}

function contentKey(entry: Entry): string | undefined {
  if (entry.kind !== 'file' || entry.hash === undefined) return undefined;
  return `${entry.sizeBytes}:${entry.hash}`;
}
