// What stands at the beginning of a partial, proved against the journal: by reading it, or, far away, by a hash that the place makes while the source is read again.

import { BlockCutter } from '../../endpoints/block-cutter.ts';
import { type ContentHasher, createHasher } from '../../endpoints/content-hash.ts';
import type { Call, Endpoint } from '../../endpoints/endpoint.ts';
import { asFault } from '../../model/fault.ts';
import { blockBytes, type HashAlgorithm } from '../../model/hash.ts';

export interface FarStart {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly partial: string;
  /** Digests of the blocks, as the journal has them. */
  readonly blocks: ReadonlyMap<number, string>;
  /** So many of the first blocks are in the journal and at the destination. */
  readonly whole: number;
  /** Of the file in order; null where it is made of the blocks alone. */
  readonly algorithm: Exclude<HashAlgorithm, 'xxh128-8m'> | null;
  /** The source's content from its beginning, a little more than these blocks at most. */
  readonly read: () => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

export interface ProvedStart {
  readonly leaves: readonly Buffer[];
  /** Has been fed with these blocks; null where none was asked for. */
  readonly ordered: ContentHasher | null;
}

/** Undefined where it cannot be known without reading from the destination, or something differs: then that is to be read. */
export async function provedWhereItIs(start: FarStart, call: Call): Promise<ProvedStart | undefined> {
  const { source, destination, partial, blocks, whole, algorithm } = start;
  // From elsewhere the source would come over a line, too.
  if (destination.hashStart === undefined || source.localPath === undefined) return undefined;
  const farAlgorithm = algorithm ?? 'sha256';
  const bytes = whole * blockBytes;
  const asked = destination.hashStart(partial, bytes, farAlgorithm, call);
  asked.catch(() => undefined);
  const leaves: Buffer[] = [];
  const hasher = createHasher(farAlgorithm);
  // A hash gives its value once; the one that goes on is another.
  const ordered = algorithm === null ? null : createHasher(algorithm);
  let isSame = true;
  const cutter = new BlockCutter(0, (block, digest) => {
    if (block >= whole) return;
    leaves[block] = digest;
    isSame &&= digest.toString('hex') === blocks.get(block);
  });
  let left = bytes;
  for await (const chunk of await start.read()) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    cutter.update(part);
    hasher.update(part);
    ordered?.update(part);
    if (left === 0 || !isSame) break;
  }
  if (left > 0 || !isSame || leaves.length !== whole) return undefined;
  const value = hasher.digest();
  try {
    return (await asked) === value ? { leaves, ordered } : undefined;
  } catch (error) {
    if (asFault(error).code === 'unsupported') return undefined;
    throw error;
  }
}

/** Reads up to the first block that the journal does not have or that differs from it; resolves with how many were right. `ordered` is fed with those alone. */
export async function provedByReading(
  read: (look: (chunk: Uint8Array) => void) => Promise<AsyncIterable<Uint8Array>>,
  {
    blocks,
    ordered,
    counted,
  }: {
    readonly blocks: ReadonlyMap<number, string>;
    readonly ordered: ContentHasher | null;
    readonly counted: (block: number, digest: Buffer) => void;
  },
): Promise<number> {
  let proved = 0;
  let parts: Uint8Array[] = [];
  const take = (block: number, digest: Buffer) => {
    if (block === proved && digest.toString('hex') === blocks.get(block)) {
      proved++;
      counted(block, digest);
      for (const part of parts) ordered?.update(part);
    }
    parts = [];
  };
  // Only what has been proved goes into the hash, so a block is held until its end.
  const cutter = new BlockCutter(0, take, (part) => {
    if (ordered !== null) parts.push(part);
  });
  for await (const _chunk of await read((chunk) => cutter.update(chunk))) {
    if (proved < Math.floor(cutter.at / blockBytes)) break;
  }
  return proved;
}
