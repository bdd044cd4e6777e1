// Writing a stream inside a worker: what was written is read back at once, and a bit that turned over in between is seen.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHasher } from '../../src/endpoints/content-hash.ts';
import { newControl, openControl } from '../../src/endpoints/control.ts';
import type { ProvedBlock } from '../../src/endpoints/endpoint.ts';
import { writeContent } from '../../src/endpoints/local-streams.ts';
import { newWriteRing, RingWriter } from '../../src/endpoints/write-ring.ts';
import { blockBytes } from '../../src/model/hash.ts';
import { content } from '../support/trees.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wherry-streams-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Written {
  readonly told: readonly ProvedBlock[];
  readonly sizeBytes: number;
}

/** `bend` is called before each system call and each look for more, as the control is. */
function written(bytes: Buffer, options: { from?: number; readBack?: boolean; bend?: () => void } = {}): Written {
  const { from = 0, readBack = true, bend } = options;
  const ring = newWriteRing();
  const writer = new RingWriter(ring);
  let put = 0;
  let isEnded = false;
  const feed = () => {
    while (put < bytes.length) {
      const count = writer.put(bytes.subarray(put));
      if (count === 0) return;
      put += count;
    }
    if (!isEnded) writer.end();
    isEnded = true;
  };
  const enter = () => {
    feed();
    bend?.();
  };
  const control = { ...openControl(newControl()), enter };
  const told: ProvedBlock[] = [];
  const emit = (block: unknown) => void told.push(block as ProvedBlock);
  const sizeBytes = writeContent({ root, path: 'film', from, ring, readBack }, { control, emit });
  return { told, sizeBytes };
}

const hashOf = (bytes: Uint8Array): string => {
  const hasher = createHasher('xxh128-8m');
  hasher.update(bytes);
  return hasher.digest();
};
const hex = ({ digest }: ProvedBlock) => Buffer.from(digest).toString('hex');

it('tells each block with its hash, the last one too, and from a block on', () => {
  const bytes = content(5, 2 * blockBytes + 77);
  const whole = written(bytes);
  expect(whole.sizeBytes).toBe(bytes.length);
  expect(readFileSync(join(root, 'film')).equals(bytes)).toBe(true);
  const leaves = [0, 1, 2].map((at) => hashOf(bytes.subarray(at * blockBytes, (at + 1) * blockBytes)));
  expect(whole.told.map((each) => [each.block, hex(each), each.isSame])).toEqual(
    leaves.map((leaf, block) => [block, leaf, true]),
  );
  const rest = written(bytes.subarray(blockBytes), { from: blockBytes });
  expect(rest.told.map((each) => [each.block, hex(each), each.isSame])).toEqual([
    [1, leaves[1], true],
    [2, leaves[2], true],
  ]);
  expect(readFileSync(join(root, 'film')).equals(bytes)).toBe(true);
  expect(written(bytes, { readBack: false }).told).toEqual([]);
});

it('sees what was not written as it came', () => {
  const bytes = content(6, blockBytes + 1000);
  const file = join(root, 'film');
  let isBent = false;
  const { told } = written(bytes, {
    bend: () => {
      // Between the writing of these bytes and their reading.
      const sizeBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      if (isBent || sizeBytes < 100_000) return;
      isBent = true;
      const fd = openSync(file, 'r+');
      writeSync(fd, Buffer.from([(bytes[sizeBytes - 10] ?? 0) ^ 1]), 0, 1, sizeBytes - 10);
      closeSync(fd);
    },
  });
  expect(isBent).toBe(true);
  expect(told.map(({ isSame }) => isSame)).toEqual([false, true]);
  expect(told.map(hex)).toEqual([hashOf(bytes.subarray(0, blockBytes)), hashOf(bytes.subarray(blockBytes))]);
  expect(readFileSync(file).equals(bytes)).toBe(false);
});
