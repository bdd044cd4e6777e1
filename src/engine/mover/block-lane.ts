// A lane: a worker that takes blocks of one file from a shared counter, copies each to its outputs, and reads back what it wrote.

import { constants } from 'node:fs';
import { type ContentHasher, createHasher, createLeafHasher } from '../../endpoints/content-hash.ts';
import { type Control, type OperationContext, sides, stopReasons } from '../../endpoints/mounts.ts';
import { blockBytes, type HashAlgorithm } from '../../model/hash.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { blockLength } from './block-table.ts';
import { type At, LaneFile, within } from './lane-file.ts';
import { type LaneOutput, type LaneOutputResult, LaneWriter } from './lane-writer.ts';
import { checkSource, identityOf, sourceChanged } from './source-identity.ts';

export interface LaneInput {
  readonly source: At;
  readonly identity: SourceIdentity;
  /** True where the source may be larger and newer by now. */
  readonly growing: boolean;
  /** Blocks are taken up to here. */
  readonly endBytes: number;
  readonly outputs: readonly LaneOutput[];
  /** Computed over the content in order, which takes one lane alone and blocks from the first to the last; null: not wanted. */
  readonly algorithm: HashAlgorithm | null;
}

export interface LaneResult {
  /** In the order of the outputs. */
  readonly outputs: readonly LaneOutputResult[];
  /** Of `algorithm`, where all of the content went by. */
  readonly contentHash: string | null;
}

const bufferBytes = 256 * 1024;
/** How often a block may come back from the destination other than it was written. */
const writesOfABlock = 3;

/** Throws what is wrong with the source: `source_changed`, `not_found`, `io`, …; what is wrong with an output stands in its result. */
export function copyBlocks(input: LaneInput, { control }: OperationContext): LaneResult {
  return within(control, sides.source, input.source.root, (confined) => {
    const source = LaneFile.open(confined, input.source.path, constants.O_RDONLY, sides.source, control);
    const outputs = input.outputs.map((given) => new LaneWriter(given, input.endBytes, control));
    try {
      checkSource(input.source, input, identityOf(source.stats, source.fd));
      const hash = input.algorithm === null ? null : createHasher(input.algorithm);
      for (const output of outputs) output.open();
      const whole = copyTakenBlocks(input, source, outputs, hash, control);
      checkSource(input.source, input, identityOf(source.statsNow(), source.fd));
      for (const output of outputs) output.finish();
      return {
        outputs: outputs.map((output) => output.result()),
        contentHash: whole && hash !== null ? hash.digest() : null,
      };
    } finally {
      source.release();
      for (const output of outputs) output.release();
    }
  });
}

/** True where every block of the file went by. */
function copyTakenBlocks(
  input: LaneInput,
  source: LaneFile,
  outputs: readonly LaneWriter[],
  hash: ContentHasher | null,
  control: Control,
): boolean {
  const blocks = Math.ceil(input.endBytes / blockBytes);
  const reader = new BlockReader(input, source, control);
  for (;;) {
    const active = outputs.filter((output) => output.isActive());
    if (active.length === 0) return false;
    const block = control.takeNext();
    if (block >= blocks) return true;
    let toHash = hash;
    for (const output of active) {
      // With one output a block that stands in the partial need not be read from the source again, not even for the hash.
      if (output.prove(block, active.length === 1 ? toHash : null) && active.length === 1) toHash = null;
    }
    const needing = active.filter((output) => output.needs(block));
    if (needing.length > 0 || toHash !== null) reader.copy(block, needing, toHash);
  }
}

/** Reads blocks of the source and hands them to the outputs that need them. */
class BlockReader {
  readonly #input: LaneInput;
  readonly #source: LaneFile;
  readonly #control: Control;
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  readonly #leaf = createLeafHasher();

  constructor(input: LaneInput, source: LaneFile, control: Control) {
    this.#input = input;
    this.#source = source;
    this.#control = control;
  }

  copy(block: number, outputs: readonly LaneWriter[], hash: ContentHasher | null): void {
    const { source } = this.#input;
    let needing = outputs;
    let first: Buffer | undefined;
    for (let pass = 0; pass === 0 || (pass < writesOfABlock && needing.length > 0); pass++) {
      for (const output of needing) output.begin(block, pass > 0);
      const digest = this.#pass(block, needing, pass === 0 ? hash : null);
      if (digest === undefined) return;
      first ??= digest;
      // Two readings of the source that differ: what was copied before may be a mixture too.
      if (!digest.equals(first)) throw sourceChanged(source);
      needing = needing.filter((output) => output.isActive() && !output.settle(block, digest));
    }
    for (const output of needing) output.refuse(block);
  }

  /** The block's digest as it was read; undefined where all outputs have stopped in the middle. */
  #pass(block: number, outputs: readonly LaneWriter[], hash: ContentHasher | null): Buffer | undefined {
    const { source, endBytes } = this.#input;
    const end = block * blockBytes + blockLength(block, endBytes);
    this.#leaf.reset();
    for (let from = block * blockBytes; from < end; ) {
      const active = outputs.filter((output) => output.isActive());
      if (active.length === 0 && (hash === null || this.#control.stop !== stopReasons.run)) return undefined;
      const length = Math.min(bufferBytes, end - from);
      this.#control.throttle(length);
      if (this.#source.read(this.#buffer, length, from) < length) throw sourceChanged(source);
      const chunk = this.#buffer.subarray(0, length);
      this.#leaf.update(chunk);
      hash?.update(chunk);
      for (const output of active) output.write(chunk, from);
      from += length;
    }
    return Buffer.from(this.#leaf.digest());
  }
}
