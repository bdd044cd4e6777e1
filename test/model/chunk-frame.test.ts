// Chunk frames: what is written is read again, a fixed example stays what it is, and no garbage gets through.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChunkHeader, chunkCount, chunkLength, decodeChunk, encodeChunk } from '../../src/model/chunk-frame.ts';
import { Fault } from '../../src/model/fault.ts';

const checksum = 'ab'.repeat(32);
const header: ChunkHeader = { transfer_id: 't1', chunk_index: 1, total_chunks: 2, chunk_size: 4, checksum };

const frames = fc
  .record({
    transfer_id: fc.string({ minLength: 1, maxLength: 100 }),
    total_chunks: fc.integer({ min: 1, max: 1_000_000 }),
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
    more: fc.integer({ min: 0, max: 100 }),
  })
  .map(({ transfer_id, total_chunks, at, bytes, more }) => {
    const chunk_index = Math.floor(at * total_chunks);
    const chunk_size = bytes.length + (chunk_index === total_chunks - 1 ? more : 0);
    return { header: { transfer_id, chunk_index, total_chunks, chunk_size, checksum }, bytes };
  });

function outcome(frame: Uint8Array): 'read' | string {
  try {
    decodeChunk(frame);
    return 'read';
  } catch (error) {
    return error instanceof Fault ? error.code : 'not a Fault';
  }
}

describe('a chunk frame', () => {
  test('is uint32 header length, JSON header, bytes', () => {
    const frame = Buffer.from(encodeChunk(header, Uint8Array.of(1, 2, 3)));
    const json = JSON.stringify(header);
    expect(frame.readUInt32BE(0)).toBe(json.length);
    expect(frame.subarray(4, 4 + json.length).toString()).toBe(json);
    expect([...frame.subarray(4 + json.length)]).toEqual([1, 2, 3]);
    expect(frame[0]).toBe(0);
  });

  test('is read as it was written, wherever it lies in a larger buffer', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 0, max: 9 }), (each, offset) => {
        const frame = encodeChunk(each.header, each.bytes);
        const within = new Uint8Array(frame.length + offset + 5);
        within.set(frame, offset);
        const read = decodeChunk(within.subarray(offset, offset + frame.length));
        expect(read.header).toEqual(each.header);
        expect([...read.bytes]).toEqual([...each.bytes]);
      }),
    );
  });

  test('that is cut anywhere is refused, and never read as another one of full length', () => {
    const frame = encodeChunk({ ...header, chunk_index: 0 }, Uint8Array.of(1, 2, 3, 4));
    for (let length = 0; length < frame.length; length++) expect(outcome(frame.subarray(0, length))).toBe('invalid');
    expect(outcome(frame)).toBe('read');
  });

  test('of garbage is refused by a Fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['read', 'invalid']).toContain(outcome(bytes));
      }),
    );
  });

  test.each([
    ['an index beyond the last', { ...header, chunk_index: 2 }, 4],
    ['a negative index', { ...header, chunk_index: -1 }, 4],
    ['half an index', { ...header, chunk_index: 0.5 }, 4],
    ['more bytes than a chunk has', header, 5],
    ['no bytes', header, 0],
    ['fewer bytes than a chunk has, in the middle', { ...header, chunk_index: 0 }, 3],
    ['a checksum in capitals', { ...header, checksum: 'AB'.repeat(32) }, 4],
    ['chunks of more than 1 MiB', { ...header, chunk_size: 1_048_577 }, 4],
  ])('with %s is refused', (_what, wrong, length) => {
    expect(outcome(encodeChunk(header, new Uint8Array(4)))).toBe('read');
    expect(outcome(encodeChunk(wrong, new Uint8Array(length)))).toBe('invalid');
  });
});

test('chunks cover the file: 10,485,760 bytes are 160 of 64 KiB, and the lengths add up', () => {
  expect(chunkCount(10_485_760, 65_536)).toBe(160);
  expect(chunkCount(0, 65_536)).toBe(0);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 1, max: 700 }), (size, chunk) => {
      const lengths = Array.from({ length: chunkCount(size, chunk) }, (_, index) => chunkLength(index, size, chunk));
      expect(lengths.reduce((sum, one) => sum + one, 0)).toBe(size);
      expect(lengths.every((one) => one > 0)).toBe(true);
    }),
  );
});
