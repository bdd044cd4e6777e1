// The quick reading of a copy's request says what the schema says, or nothing.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainCopySpec } from '../../src/model/plain-copy.ts';
import { copySpecSchema } from '../../src/model/specs.ts';

const plain = { kind: 'copy', sources: ['/a'], destination: '/b' };

test('a request without any wish has the defaults of the schema', () => {
  expect(plainCopySpec(plain)).toEqual(copySpecSchema.parse(plain));
});

const some = fc.oneof(
  fc.boolean(),
  fc.integer({ min: -200, max: 200 }),
  fc.double(),
  fc.constantFrom(null, undefined, '', '2M', 'skip', 'rename', 'size', 'far-hash', 'sha256', 'keep', 'copy', 'watch'),
  fc.array(fc.constantFrom('*.tmp', '', 3)),
  fc.record({ mtime: fc.boolean(), xattrs: fc.boolean() }, { requiredKeys: [] }),
  fc.constant({ strange: true }),
);
const names = [...Object.keys(copySpecSchema.shape), 'strange'];

test('whatever is asked for, it agrees with the schema or leaves it to it', () => {
  let agreed = 0;
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), some, { maxKeys: 4 }), (wishes) => {
      const request = { ...plain, ...wishes };
      const read = plainCopySpec(request);
      if (read === null) return;
      agreed += 1;
      expect(read).toEqual(copySpecSchema.parse(request));
    }),
    { numRuns: 5000 },
  );
  expect(agreed).toBeGreaterThan(100);
});

test('each wish with each value that the command line can give is read', () => {
  const wishes = [
    { conflict: 'newer' },
    { verify: 'size' },
    { hash: 'blake3' },
    { symlinks: 'keep' },
    { include: ['*.mov'], exclude: ['cache/**'] },
    { bandwidth: '08:00,2M 19:00,off' },
    { reserveBytes: 1_000_000 },
    { transfers: 4 },
    { preserve: { owner: true } },
    { checksum: true, move: true },
  ];
  for (const wish of wishes) {
    const request = { ...plain, ...wish };
    expect(plainCopySpec(request)).toEqual(copySpecSchema.parse(request));
  }
});

test('what is out of order is left to the schema, which says why', () => {
  for (const wrong of [
    { sources: [] },
    { sources: [''] },
    { destination: '' },
    { transfers: 65 },
    { priority: 1.5 },
    { preserve: { mtime: 'yes' } },
    { preserve: null },
    { strange: 1 },
    { reserveBytes: '1GB' },
  ]) {
    expect(plainCopySpec({ ...plain, ...wrong })).toBeNull();
  }
  expect(plainCopySpec(null)).toBeNull();
});
