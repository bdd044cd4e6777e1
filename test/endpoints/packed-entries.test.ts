// Entries come out of their columns as they went in.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packEntries, unpackEntries } from '../../src/endpoints/packed-entries.ts';
import type { Entry } from '../../src/model/manifest.ts';

test('every entry comes back as it was, in its order', () => {
  const number = fc.oneof(
    fc.nat(),
    fc.double({ min: 0, max: 2 ** 53, noNaN: true }).map((value) => value + 0),
  );
  const entry = fc.record(
    {
      path: fc.string({ unit: 'binary' }),
      kind: fc.constantFrom('file', 'folder', 'symlink', 'other'),
      sizeBytes: number,
      mtimeMs: fc.oneof(
        number,
        number.map((value) => 0 - value),
      ),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      device: fc.constantFrom('0', '27', '18446744073709551615', 'mem:x'),
      inode: fc.oneof(fc.nat().map(String), fc.constantFrom('18446744073709551615', '9007199254740993', '007', 'x')),
      linkTarget: fc.string(),
    },
    { requiredKeys: ['path', 'kind', 'sizeBytes', 'mtimeMs'] },
  );
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const packed = structuredClone(packEntries(entries as Entry[]));
      expect([...unpackEntries(packed)]).toEqual(entries.map((each) => ({ ...each })));
    }),
  );
});
