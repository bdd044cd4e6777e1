// The verified blocks of a file that is under way: as cells of a strip, and as a sentence.

import type { TransferBlocksView } from '../../src/model/views.ts';
import { count, size } from './amounts.ts';

/** A strip has no more cells than can be told apart; each then stands for several blocks. */
const mostCells = 96;

/** How much of each cell stands verified, 0 to 1. A file whose size nobody knows has one empty cell. */
export function cellsOf({ sizeBytes, blockBytes, ranges }: TransferBlocksView): number[] {
  const blocks = sizeBytes === null ? 1 : Math.max(1, Math.ceil(sizeBytes / blockBytes));
  const cells = Math.min(mostCells, blocks);
  const cellBytes = (blocks / cells) * blockBytes;
  return Array.from({ length: cells }, (_, cell) => {
    const from = cell * cellBytes;
    const to = Math.min(from + cellBytes, sizeBytes ?? 0);
    let verified = 0;
    for (const range of ranges) verified += Math.max(0, Math.min(to, range.to) - Math.max(from, range.from));
    return to <= from ? 0 : Math.min(1, verified / (to - from));
  });
}

/** `5 of 12 blocks verified`. */
export function blockWords({ sizeBytes, blockBytes, ranges }: TransferBlocksView): string {
  const done = ranges.reduce((sum, { from, to }) => sum + Math.ceil((to - from) / blockBytes), 0);
  if (sizeBytes === null) return `${count(done)} blocks verified`;
  return `${count(done)} of ${count(Math.ceil(sizeBytes / blockBytes))} blocks verified`;
}

/** For those who do not see the strip: the sentence, and where the first gap begins. */
export function stripWords(blocks: TransferBlocksView): string {
  const { ranges, sizeBytes } = blocks;
  const [first] = ranges;
  const gap = first === undefined || first.from > 0 ? 0 : first.to;
  const isWhole = sizeBytes !== null && gap >= sizeBytes;
  const islands = ranges.filter(({ from }) => from > gap).length;
  return [
    blockWords(blocks),
    isWhole ? 'all is there' : `whole up to ${size(gap)}`,
    ...(islands === 0 ? [] : [`${count(islands)} ${islands === 1 ? 'piece' : 'pieces'} more behind that`]),
  ].join(', ');
}
