// What a job may be asked: the defaults that the guide promises, and wrong keys named.

import { describe, expect, test } from 'vitest';
import { formatSize, parseSize } from '../../src/model/size.ts';
import { copySpecSchema, jobSpecSchema, watchSpecSchema } from '../../src/model/specs.ts';

describe('a copy', () => {
  test('overwrites, proves by reading back and keeps times and modes unless told otherwise', () => {
    const spec = copySpecSchema.parse({ kind: 'copy', sources: ['/a'], destination: '/b' });
    expect(spec).toMatchObject({
      conflict: 'overwrite',
      verify: 'read-back',
      hash: null,
      checksum: false,
      move: false,
      copies: 1,
      dryRun: false,
      symlinks: 'skip',
      bandwidth: null,
      reserveBytes: 0,
      preserve: { mtime: true, mode: true, owner: false, xattrs: false, sparse: false },
    });
  });

  test('needs a source, and names a key that it does not know', () => {
    expect(copySpecSchema.safeParse({ kind: 'copy', sources: [], destination: '/b' }).success).toBe(false);
    const result = copySpecSchema.safeParse({ kind: 'copy', sources: ['/a'], destination: '/b', overwrite: true });
    expect(JSON.stringify(result.error?.issues)).toContain('overwrite');
  });

  test('what was checked once passes again unchanged', () => {
    const spec = copySpecSchema.parse({ kind: 'copy', sources: ['/a'], destination: '/b', reserveBytes: '1GB' });
    expect(spec.reserveBytes).toBe(1e9);
    expect(copySpecSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });
});

describe('a watch', () => {
  test('renames, keeps the source and waits until a file is stable unless told otherwise', () => {
    const spec = watchSpecSchema.parse({ kind: 'watch', source: '/in', destinations: ['/out'] });
    expect(spec).toMatchObject({ conflict: 'rename', after: 'keep', scanSeconds: 10, stableSeconds: 30, rules: [] });
    expect(watchSpecSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  test('refuses times that make no sense', () => {
    for (const change of [
      { scanSeconds: 0 },
      { stableSeconds: -1 },
      { scanSeconds: Number.NaN },
      { destinations: [] },
    ]) {
      const request = { kind: 'watch', source: '/in', destinations: ['/out'], ...change };
      expect(jobSpecSchema.safeParse(request).success).toBe(false);
    }
  });
});

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['4096', 4096],
    ['16MB', 16_000_000],
    ['16MiB', 16_777_216],
    ['1.5 GB', 1_500_000_000],
    ['2TiB', 2_199_023_255_552],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', '-1', 'MB', '16 mb', '1e9', '1,5GB', '99999999TB', 'constructor', '1 constructor'])(
    '%j is refused',
    (text) => {
      expect(() => parseSize(text)).toThrow(/is not a size/);
    },
  );

  test.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1500, '1.5 kB'],
    [340_000, '340 kB'],
    [999_999, '1.0 MB'],
    [1_500_000_000, '1.5 GB'],
  ])('%d bytes are shown as %j', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});
