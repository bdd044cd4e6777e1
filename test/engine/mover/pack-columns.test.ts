// Files of a pack and their results come out of their columns as they went in, whatever their names hold.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PackFile } from '../../../src/engine/mover/move.ts';
import {
  fileColumns,
  filesFrom,
  type PublishedFile,
  publishedColumns,
  publishedFrom,
} from '../../../src/engine/mover/pack-columns.ts';
import { pathFromBytes } from '../../../src/model/names.ts';

const name = fc.uint8Array({ minLength: 1, maxLength: 12, min: 1 }).map((bytes) => pathFromBytes(bytes));
const time = fc.double({ min: -1e12, max: 1e13, noNaN: true });
const size = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

it('files, with and without a mode, under the same name or another', () => {
  const file = fc
    .record({ id: fc.uuid(), from: name, to: fc.option(name), size, time, mode: fc.option(fc.nat(0o7777)) })
    .map(({ id, from, to, size: sizeBytes, time: mtimeMs, mode }): PackFile => {
      const entry = { path: from, kind: 'file', sizeBytes, mtimeMs, ...(mode === null ? {} : { mode }) } as const;
      return { transferId: id, sourcePath: from, destinationPath: to ?? from, entry };
    });
  fc.assert(
    fc.property(fc.array(file), (files) => {
      expect(filesFrom(fileColumns(files))).toEqual(files);
    }),
  );
});

it('published files', () => {
  const inode = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
  const source = fc.record({ device: inode, inode, sizeBytes: size, mtimeMs: time });
  const file: fc.Arbitrary<PublishedFile> = fc.record({
    at: fc.nat(),
    finalPath: fc.oneof(fc.constant(''), name),
    source,
    hash: fc.stringMatching(/^[0-9a-f]{32}$/),
    alreadyThere: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(file), (files) => {
      expect(publishedFrom(publishedColumns(files))).toEqual(files);
    }),
  );
});
