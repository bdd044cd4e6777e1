// Content hashes: which there are, and how the block-tree form is put together.

/**
 * `xxh128-8m`: leaves of 8 MiB, each hashed by XXH3-128 (seed 0). A file of at most one leaf has its leaf's hash
 * (so `xxhsum -H2` gives the same); a longer one the XXH3-128 of its leaves' 16-byte canonical digests in order.
 * `sha256` and `blake3` are the plain hashes of the content.
 */
export type HashAlgorithm = 'xxh128-8m' | 'sha256' | 'blake3';

export interface ContentHash {
  readonly algorithm: HashAlgorithm;
  /** Lower-case hexadecimal. */
  readonly value: string;
}

/** Leaf of the block tree and block of the journal, in bytes. */
export const blockBytes = 8 * 1024 * 1024;

export const hashAlgorithms: readonly HashAlgorithm[] = ['xxh128-8m', 'sha256', 'blake3'];

/** Of ASC MHL 2.0, those that are written; the first is the fastest. */
export const mhlFormats = ['xxh128', 'xxh3', 'xxh64', 'md5', 'sha1', 'c4'] as const;
export type MhlFormat = (typeof mhlFormats)[number];

/** `verify` of a job: what a copy must pass before it takes its final name. */
export type Verify = 'read-back' | 'far-hash' | 'size';
