// What file systems call themselves, beside what blkid reads.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readVolumeId, volumeHeadBytes } from '../../src/devices/volume-id.ts';

const makers: readonly (readonly [string, number, readonly string[]])[] = [
  ['ext4', 16, ['mkfs.ext4', '-q', '-F']],
  ['FAT12', 2, ['mkfs.vfat', '-F', '12']],
  ['FAT16', 16, ['mkfs.vfat', '-F', '16']],
  ['FAT32', 64, ['mkfs.vfat', '-F', '32']],
  ['exFAT', 64, ['mkfs.exfat']],
  ['XFS', 320, ['mkfs.xfs', '-q']],
];

describe('the name of a volume', () => {
  test.each(makers)('of %s is what blkid says', (_, mebibytes, [program = '', ...args]) => {
    const folder = mkdtempSync(join(tmpdir(), 'wherry-volume-'));
    try {
      const image = join(folder, 'image');
      const ids = new Set<string | undefined>();
      for (let n = 0; n < 2; n++) {
        writeFileSync(image, '');
        truncateSync(image, mebibytes * 2 ** 20);
        execFileSync(program, [...args, image], { stdio: 'ignore' });
        const told = execFileSync('blkid', ['-p', '-o', 'value', '-s', 'UUID', image], { encoding: 'utf8' }).trim();
        const id = readVolumeId(readFileSync(image).subarray(0, volumeHeadBytes));
        expect(id).toBe(told);
        expect(id).toMatch(/^[0-9A-F]{4}-[0-9A-F]{4}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        ids.add(id);
      }
      // The serial number of FAT is the time of its making: two of one moment may be the same.
      if (program !== 'mkfs.vfat' && program !== 'mkfs.exfat') expect(ids.size).toBe(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is none where there is no file system, or one without a name', () => {
    expect(readVolumeId(Buffer.alloc(volumeHeadBytes))).toBeUndefined();
    expect(readVolumeId(Buffer.alloc(10))).toBeUndefined();
    const nameless = Buffer.alloc(volumeHeadBytes);
    nameless.write('EXFAT   ', 3, 'latin1');
    expect(readVolumeId(nameless)).toBeUndefined();
    for (let round = 0; round < 200; round++) {
      const noise = Buffer.from(Uint8Array.from({ length: volumeHeadBytes }, () => Math.floor(Math.random() * 256)));
      expect(() => readVolumeId(noise)).not.toThrow();
    }
  });
});
