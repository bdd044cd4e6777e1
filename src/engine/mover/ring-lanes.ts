// The two ends of the ring in their workers: one reads the source, each of the others writes to the destinations of one mount.

import { constants } from 'node:fs';
import { createHasher, createLeafHasher } from '../../endpoints/content-hash.ts';
import { type OperationContext, sides, stopReasons } from '../../endpoints/mounts.ts';
import { blockBytes, type HashAlgorithm } from '../../model/hash.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { type At, LaneFile, within } from './lane-file.ts';
import { type LaneOutput, type LaneOutputResult, LaneWriter } from './lane-writer.ts';
import { ReadingRing, type RingSetup, writerStates } from './reading-ring.ts';
import { checkSource, identityOf, sourceChanged } from './source-identity.ts';

const lookAgainMs = 100;
/** A writer that is a whole ring behind while another has nothing to do leaves after this. */
const patienceMs = 100;

export interface RingReadInput {
  readonly ring: RingSetup;
  readonly source: At;
  readonly identity: SourceIdentity;
  readonly growing: boolean;
  /** Computed over the content, where all blocks go through; null: not wanted. */
  readonly algorithm: HashAlgorithm | null;
}

/** Returns the content's hash. Throws `source_changed` and what reading throws. */
export function readIntoRing(input: RingReadInput, { control }: OperationContext): string | null {
  const { source: at, algorithm } = input;
  const ring = new ReadingRing(input.ring);
  try {
    return within(control, sides.source, at.root, (confined) => {
      const source = LaneFile.open(confined, at.path, constants.O_RDONLY, sides.source, control);
      try {
        checkSource(at, input, identityOf(source.stats, source.fd));
        const hash = algorithm === null ? null : createHasher(algorithm);
        const leaf = createLeafHasher();
        let n = 0;
        for (const chunk of ring.chunks()) {
          if (!waitForRoom(ring, () => control.enter(sides.none)) || control.stop !== stopReasons.run) return null;
          control.throttle(chunk.length);
          const bytes = ring.slot(n++, chunk.length);
          if (source.read(bytes, chunk.length, chunk.from) < chunk.length) throw sourceChanged(at);
          leaf.update(bytes);
          hash?.update(bytes);
          if (chunk.isLast) {
            ring.setDigest(chunk.place, leaf.digest());
            leaf.reset();
          }
          ring.produce();
        }
        checkSource(at, input, identityOf(source.statsNow(), source.fd));
        return hash?.digest() ?? null;
      } finally {
        source.release();
      }
    });
  } finally {
    ring.end();
  }
}

/** False where nobody takes anything any more. Writers that keep others waiting are left behind. */
function waitForRoom(ring: ReadingRing, beat: () => void): boolean {
  let waitingSince: number | undefined;
  for (;;) {
    const { bell, taking, produced } = ring;
    if (taking.length === 0) return false;
    const behind = taking.filter((writer) => ring.isBehind(writer));
    if (behind.length === 0) return true;
    const isHoldingUp = taking.some((writer) => ring.consumed(writer) === produced);
    const now = performance.now();
    waitingSince = isHoldingUp ? (waitingSince ?? now) : undefined;
    if (waitingSince !== undefined && now - waitingSince >= patienceMs) {
      for (const writer of behind) ring.setState(writer, writerStates.left);
      continue;
    }
    beat();
    ring.wait(bell, waitingSince === undefined ? lookAgainMs : patienceMs - (now - waitingSince) + 1);
  }
}

export interface RingWriteInput {
  readonly ring: RingSetup;
  /** Which of the ring's writers this is. */
  readonly writer: number;
  /** Destinations on one mount. */
  readonly outputs: readonly LaneOutput[];
}

/** One result for each output; blocks that it did not get, or that did not read back as they were read, are not done. */
export function writeFromRing(
  { ring: setup, writer, outputs }: RingWriteInput,
  { control }: OperationContext,
): readonly LaneOutputResult[] {
  const ring = new ReadingRing(setup);
  const writers = outputs.map((output) => new LaneWriter(output, setup.endBytes, control));
  try {
    for (const each of writers) each.open();
    takeChunks(ring, writer, writers);
    for (const each of writers) each.finish();
    return writers.map((each) => each.result());
  } finally {
    for (const each of writers) each.release();
    ring.setState(writer, writerStates.gone);
    control.enter(sides.none);
  }
}

function takeChunks(ring: ReadingRing, writer: number, writers: readonly LaneWriter[]): void {
  let needing: readonly LaneWriter[] = [];
  let n = 0;
  for (const chunk of ring.chunks()) {
    for (;;) {
      const { bell } = ring;
      if (ring.state(writer) !== writerStates.taking) return;
      if (!writers.some((each) => each.isActive())) return;
      if (ring.produced > n) break;
      if (ring.ended) return;
      for (const each of writers) each.beat();
      ring.wait(bell, lookAgainMs);
    }
    if (chunk.from % blockBytes === 0) {
      needing = writers.filter((each) => each.isActive() && each.needs(chunk.block));
      for (const each of needing) each.begin(chunk.block, false);
    }
    const bytes = ring.slot(n, chunk.length);
    for (const each of needing) if (each.isActive()) each.write(bytes, chunk.from);
    // A writer that has been left reads what the reader has put there since: nothing of this block counts then.
    if (ring.state(writer) !== writerStates.taking) return;
    if (chunk.isLast) {
      const digest = ring.digest(chunk.place);
      for (const each of needing) if (each.isActive()) each.settle(chunk.block, digest);
    }
    n++;
    ring.consume(writer);
  }
}
