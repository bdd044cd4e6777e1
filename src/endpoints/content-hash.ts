// Streaming hashes of content, one form for workers and streams.

import { createRequire } from 'node:module';
import { Fault } from '../model/fault.ts';
import type { HashAlgorithm } from '../model/hash.ts';
import { blockBytes } from '../model/hash.ts';

/** Takes content in order. `digest` may be called once, at the end. */
export interface ContentHasher {
  update(bytes: Uint8Array): void;
  /** Lower-case hexadecimal. */
  digest(): string;
}

/** Hashes one leaf (block) of the tree; used again after `reset`. */
export interface LeafHasher {
  update(bytes: Uint8Array): void;
  /** 16 bytes, the canonical form. */
  digest(): Uint8Array;
  reset(): void;
}

type Native128 = {
  new (seed: Buffer): { update(data: Uint8Array): void; digest(): Buffer; reset(): void };
  /** With seed 0. */
  hash(data: Buffer): Buffer;
};
type NativeBlake3 = new () => { update(data: Uint8Array): unknown; digest(format: 'hex'): string };

const require = createRequire(import.meta.url);
const natives = new Map<string, unknown>();

/** Throws `unsupported` where the algorithm's native part cannot be loaded on this machine. */
export function createHasher(algorithm: HashAlgorithm): ContentHasher {
  if (algorithm === 'xxh128-8m') return createTreeHasher();
  if (algorithm === 'blake3') {
    const { Blake3Hasher } = loadNative<{ Blake3Hasher: NativeBlake3 }>('@napi-rs/blake-hash', algorithm);
    const hasher = new Blake3Hasher();
    return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest('hex') };
  }
  // Node's own hashes take some milliseconds to load, which most threads never need.
  const hasher = process.getBuiltinModule('node:crypto').createHash('sha256');
  return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest('hex') };
}

/** XXH3-128 with seed 0. Throws `unsupported` where its native part cannot be loaded. */
export function createLeafHasher(): LeafHasher {
  const { XXHash128 } = loadNative<{ XXHash128: Native128 }>('xxhash-addon', 'xxh128-8m');
  return new XXHash128(Buffer.alloc(8));
}

/** `xxh128-8m` of content that is no longer than one block and stands in memory whole. Throws like `createLeafHasher`. */
export function hashBlock(bytes: Buffer): string {
  return loadNative<{ XXHash128: Native128 }>('xxhash-addon', 'xxh128-8m').XXHash128.hash(bytes).toString('hex');
}

/** The tree's hash from its leaves' digests in order, as model/hash.ts defines it; no leaves is the empty content. */
export function combineLeaves(leaves: readonly Uint8Array[]): string {
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) return Buffer.from(only).toString('hex');
  const top = createLeafHasher();
  for (const leaf of leaves) top.update(leaf);
  return Buffer.from(top.digest()).toString('hex');
}

function createTreeHasher(): ContentHasher {
  const leaf = createLeafHasher();
  const leaves: Uint8Array[] = [];
  let inLeaf = 0;
  const closeLeaf = () => {
    leaves.push(leaf.digest());
    leaf.reset();
    inLeaf = 0;
  };
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + blockBytes - inLeaf);
        leaf.update(part);
        at += part.length;
        inLeaf += part.length;
        if (inLeaf === blockBytes) closeLeaf();
      }
    },
    digest() {
      if (inLeaf > 0) closeLeaf();
      return combineLeaves(leaves);
    },
  };
}

/** A package with a native part. Throws `unsupported`, naming the algorithm that needs it. */
export function loadNative<Native>(name: string, algorithm: string): Native {
  try {
    if (!natives.has(name)) natives.set(name, require(name));
    return natives.get(name) as Native;
  } catch (cause) {
    throw new Fault('unsupported', `The hash ${algorithm} is not available here: ${name} could not be loaded.`, {
      cause,
    });
  }
}

/** The hash of a stream, which is read to its end. Rejects as the stream does. */
export async function hashStream(stream: ReadableStream<Uint8Array>, algorithm: HashAlgorithm): Promise<string> {
  const hasher = createHasher(algorithm);
  for await (const chunk of stream) hasher.update(chunk);
  return hasher.digest();
}
