// What the block journal of a transfer says stands verified in its partial: as ranges of bytes, few however large the file is.

import type { OperationContext } from '../../endpoints/mounts.ts';
import { blockBytes } from '../../model/hash.ts';
import { readJournal } from './block-journal.ts';

export interface ByteRange {
  readonly from: number;
  /** The byte after its last one. */
  readonly to: number;
}

export interface VerifiedBlocks {
  /** The source's when the partial was last opened; one that grows may be larger by now. */
  readonly sizeBytes: number;
  /** Rising, and none touches the next. */
  readonly ranges: readonly ByteRange[];
}

/** Undefined where there is no journal. Throws `permission`, `io`. */
export function verifiedBlocks(
  { journal: path }: { journal: string },
  { control }: OperationContext,
): VerifiedBlocks | undefined {
  const journal = readJournal(path, control);
  if (journal === undefined) return undefined;
  const { sizeBytes } = journal.head.identity;
  return { sizeBytes, ranges: rangesOf(journal.blocks.keys(), sizeBytes) };
}

/** Blocks in any order; what lies behind the end counts for nothing. */
export function rangesOf(blocks: Iterable<number>, sizeBytes: number): ByteRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const block of [...blocks].sort((one, other) => one - other)) {
    const from = block * blockBytes;
    const to = Math.min(from + blockBytes, sizeBytes);
    if (to <= from) break;
    const last = ranges.at(-1);
    if (last?.to === from) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}
