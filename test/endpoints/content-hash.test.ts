// Hashes agree with published values, with their own definition, and with themselves however the content is cut.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineLeaves, createHasher, createLeafHasher, hashStream } from '../../src/endpoints/content-hash.ts';
import { blockBytes, type HashAlgorithm, hashAlgorithms } from '../../src/model/hash.ts';
import { bodyOf } from '../support/bytes.ts';
import { content } from '../support/trees.ts';

const hashOf = (algorithm: HashAlgorithm, ...parts: Uint8Array[]) => {
  const hasher = createHasher(algorithm);
  for (const part of parts) hasher.update(part);
  return hasher.digest();
};
const leafOf = (bytes: Uint8Array) => {
  const hasher = createLeafHasher();
  hasher.update(bytes);
  return hasher.digest();
};

describe('published values', () => {
  // XXH3-128 of nothing is in xxHash's sanity tests; SHA-256 in FIPS 180-2; BLAKE3 in its test vectors.
  const values: Record<HashAlgorithm, readonly [string, string]> = {
    'xxh128-8m': ['99aa06d3014798d86001c324468d497f', '06b05ab6733a618578af5f94892f3950'],
    sha256: [
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    ],
    blake3: [
      'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
      '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
    ],
  };
  for (const algorithm of hashAlgorithms) {
    test(algorithm, () => {
      expect([hashOf(algorithm), hashOf(algorithm, Buffer.from('abc'))]).toEqual(values[algorithm]);
    });
  }
});

test('does not depend on how the content is cut', async () => {
  const bytes = content(1, 2 * blockBytes + 1_000);
  for (const algorithm of hashAlgorithms) {
    const whole = hashOf(algorithm, bytes);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 50_000, max: bytes.length }), async (chunkBytes) => {
        expect(await hashStream(bodyOf(bytes, { chunkBytes }), algorithm)).toBe(whole);
      }),
      { numRuns: 4 },
    );
  }
  expect(hashOf('sha256', bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('the tree is its leaf up to one leaf, and the hash of its leaves beyond', () => {
  for (const size of [1, blockBytes - 1, blockBytes]) {
    const bytes = content(2, size);
    expect(hashOf('xxh128-8m', bytes)).toBe(Buffer.from(leafOf(bytes)).toString('hex'));
  }
  for (const size of [blockBytes + 1, 2 * blockBytes, 2 * blockBytes + 5]) {
    const bytes = content(3, size);
    const leaves: Uint8Array[] = [];
    for (let at = 0; at < size; at += blockBytes) leaves.push(leafOf(bytes.subarray(at, at + blockBytes)));
    expect(hashOf('xxh128-8m', bytes)).toBe(combineLeaves(leaves));
    expect(combineLeaves(leaves)).toBe(Buffer.from(leafOf(Buffer.concat(leaves))).toString('hex'));
    expect(combineLeaves(leaves.toReversed())).not.toBe(combineLeaves(leaves));
  }
  expect(combineLeaves([])).toBe(hashOf('xxh128-8m'));
});

test('a leaf hasher is used again after a reset', () => {
  const hasher = createLeafHasher();
  hasher.update(content(4, 100));
  const first = hasher.digest();
  hasher.reset();
  hasher.update(content(5, 100));
  expect(hasher.digest()).toEqual(leafOf(content(5, 100)));
  expect(first).toEqual(leafOf(content(4, 100)));
});
