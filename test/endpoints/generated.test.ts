// Generated files are the same every time, wherever a reading begins, and differ from one another.

import { describe, expect, test } from 'vitest';
import { openGenerated } from '../../src/endpoints/generated.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { bytesOf } from '../support/bytes.ts';
import { readingSuite } from '../support/endpoint-suite.ts';

const open = (query: string) => openGenerated(parseEndpoint(`generated://test?${query}`));

readingSuite('generated', async () => open('files=40&folders=7&size=10..700KiB&seed=3'));
readingSuite('generated without folders', async () => open('files=3&size=2MiB'));

describe('generated', () => {
  test('has as many files and folders as asked for, of the sizes asked for', async () => {
    const sizes: number[] = [];
    let folders = 0;
    for await (const entry of open('files=500&folders=20&size=4KiB..64KiB').list('')) {
      if (entry.kind === 'folder') folders += 1;
      else sizes.push(entry.sizeBytes);
    }
    expect([sizes.length, folders]).toEqual([500, 20]);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(4096);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(65_536);
    expect(new Set(sizes).size).toBeGreaterThan(400);
  });

  test('no two files and no two blocks are alike', async () => {
    const seen = new Set<string>();
    for (const seed of [1, 2]) {
      const place = open(`files=2&size=64MiB&seed=${seed}`);
      for (const file of ['file-000001.bin', 'file-000002.bin']) {
        const reader = (await place.read(file, 0)).getReader();
        for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
          seen.add(Buffer.from(chunk.value.subarray(0, 64)).toString('hex'));
        }
      }
    }
    expect(seen.size).toBe(4 * 64 * 4);
  });

  test('reads far inside a file of 10 TB', async () => {
    const place = open('size=10TB');
    const [a, b] = await Promise.all([1, 2].map(() => place.read('file-000001.bin', 10e12 - 1_000_000)));
    if (a === undefined || b === undefined) throw new Error('unreachable');
    expect(Buffer.compare(await bytesOf(a), await bytesOf(b))).toBe(0);
  });

  test('refuses settings that make no sense, and writing', async () => {
    for (const query of ['files=-1', 'files=many', 'size=9..5', 'size=big', 'colour=red']) {
      expect(() => open(query)).toThrow();
    }
    await expect(open('').remove('file-000001.bin')).rejects.toMatchObject({ code: 'unsupported' });
  });
});
