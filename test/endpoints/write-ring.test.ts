// The memory between a stream and its writer: what comes out is what went in, in order, whatever the sizes and whoever is slow.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newWriteRing, pieceBytes, RingWriter, ringPieces } from '../../src/endpoints/write-ring.ts';

const pattern = Buffer.from(Array.from({ length: 2 * 251 }, (_, at) => (at * 31) % 251));

function bytes(length: number, seed: number): Uint8Array {
  return Buffer.alloc(length, pattern.subarray(seed % 251, (seed % 251) + 251));
}

it('gives what was put, in order, and all of it before the end', () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: pieceBytes - 2, max: pieceBytes + 2 }));
  fc.assert(
    // Chunks come in groups: each group while the worker looks once.
    fc.property(fc.array(fc.array(size, { minLength: 1, maxLength: 5 }), { maxLength: 8 }), (groups) => {
      const ring = newWriteRing();
      const writer = new RingWriter(ring);
      const put: Uint8Array[] = [];
      const waiting: Uint8Array[] = [];
      let seed = 0;
      const feed = () => {
        for (const length of groups.shift() ?? []) {
          const chunk = bytes(length, seed++);
          put.push(chunk);
          waiting.push(chunk);
        }
        for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
          const rest = chunk.subarray(writer.put(chunk));
          if (rest.length > 0) waiting.unshift(rest);
          if (rest.length === chunk.length) return;
        }
        if (groups.length === 0) writer.end();
      };
      const out = Array.from(ringPieces(ring, feed), (piece) => piece.slice());
      expect(Buffer.concat(out).equals(Buffer.concat(put))).toBe(true);
      expect(writer.writtenBytes).toBe(Buffer.concat(put).length);
    }),
    { numRuns: 60 },
  );
});

it('is not at its end while a piece stands in it that was handed over in the same moment', () => {
  const ring = newWriteRing();
  const writer = new RingWriter(ring);
  let looks = 0;
  // Everything comes between two looks of the worker.
  const pieces = ringPieces(ring, () => {
    looks += 1;
    if (looks !== 1) return;
    writer.put(bytes(10, 1));
    writer.put(bytes(20, 2));
    writer.end();
  });
  expect(Array.from(pieces, (piece) => piece.length)).toEqual([10, 20]);
  expect(writer.writtenBytes).toBe(30);
});
