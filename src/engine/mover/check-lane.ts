// A lane that only reads: compares the blocks of a partial, or of the source, with what was copied.

import { constants } from 'node:fs';
import { createHasher, createLeafHasher } from '../../endpoints/content-hash.ts';
import { type OperationContext, type Side, type StopReason, stopReasons } from '../../endpoints/mounts.ts';
import { blockBytes, type HashAlgorithm } from '../../model/hash.ts';
import { BlockTable, blockLength, blockStates } from './block-table.ts';
import { type At, LaneFile, within } from './lane-file.ts';

export interface CheckInput {
  readonly file: At;
  readonly side: Side;
  readonly endBytes: number;
  /** Its blocks that turn out to be different become `none`. */
  readonly table: SharedArrayBuffer;
  /** Computed over the content in order, which takes one lane alone; null: not wanted. */
  readonly algorithm: HashAlgorithm | null;
}

export interface CheckResult {
  readonly differentBlocks: readonly number[];
  readonly stopped: StopReason;
  /** Of `algorithm`, over what was read here. */
  readonly contentHash: string | null;
}

const bufferBytes = 256 * 1024;

/** Reads through a descriptor that is newly opened. Throws `not_found`, `io` and what else reading throws; a file that is too short is different. */
export function checkBlocks(input: CheckInput, { control }: OperationContext): CheckResult {
  const { file: at, side, endBytes, algorithm } = input;
  const table = new BlockTable(input.table);
  return within(control, side, at.root, (confined) => {
    const file = LaneFile.open(confined, at.path, constants.O_RDONLY, side, control);
    const hash = algorithm === null ? null : createHasher(algorithm);
    const leaf = createLeafHasher();
    const buffer = Buffer.allocUnsafeSlow(bufferBytes);
    const differentBlocks: number[] = [];
    try {
      for (;;) {
        const block = control.takeNext();
        if (block >= Math.ceil(endBytes / blockBytes)) break;
        if (hash === null && table.state(block) !== blockStates.done) continue;
        const end = block * blockBytes + blockLength(block, endBytes);
        leaf.reset();
        for (let from = block * blockBytes; from < end; ) {
          if (control.stop !== stopReasons.run) return { differentBlocks, stopped: control.stop, contentHash: null };
          const length = Math.min(bufferBytes, end - from);
          const count = file.read(buffer, length, from);
          leaf.update(buffer.subarray(0, count));
          hash?.update(buffer.subarray(0, count));
          from += length;
        }
        if (table.state(block) !== blockStates.done || Buffer.from(leaf.digest()).equals(table.digest(block))) continue;
        table.set(block, blockStates.none);
        differentBlocks.push(block);
      }
      return { differentBlocks, stopped: stopReasons.run, contentHash: hash?.digest() ?? null };
    } finally {
      file.release();
    }
  });
}
