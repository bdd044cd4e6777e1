// What stands at the beginning of a partial far away, proved without bringing it here: the source is read again, and the place hashes as much of what it has.

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
