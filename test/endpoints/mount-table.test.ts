// Which mount holds a path, by text alone.

import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openMountTable, parseMountInfo } from '../../src/endpoints/mount-table.ts';

const line = (mountPoint: string, type: string, optional = 'shared:1 ') =>
  `36 35 98:0 / ${mountPoint} rw,noatime ${optional}- ${type} source rw,errors=continue\n`;

test('reads the lines of proc_pid_mountinfo(5), with optional fields and without', () => {
  const text = line('/', 'ext4') + line('/mnt/nas', 'nfs4', '') + line('/mnt', 'tmpfs', 'master:1 propagate_from:2 ');
  expect(parseMountInfo(text)).toEqual([
    { mountPoint: '/mnt/nas', type: 'nfs4' },
    { mountPoint: '/mnt', type: 'tmpfs' },
    { mountPoint: '/', type: 'ext4' },
  ]);
  expect(parseMountInfo('')).toEqual([]);
  expect(parseMountInfo('nonsense\n\n- -\n')).toEqual([]);
});

test('what is mounted later over the same place hides what was there', () => {
  expect(parseMountInfo(line('/a', 'ext4') + line('/a', 'nfs4'))).toEqual([{ mountPoint: '/a', type: 'nfs4' }]);
});

test('undoes the escapes of any name', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\\', '0', '4', 'a', '/', 'é', '-') }), (name) => {
      const escaped = name.replace(
        /[ \t\n\\]/g,
        (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
      );
      expect(parseMountInfo(line(`/${escaped}`, 'cifs'))).toEqual([{ mountPoint: `/${name}`, type: 'cifs' }]);
    }),
  );
});

test('finds the longest mount point that is a whole prefix, and sees new mounts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-table-'));
  const source = join(folder, 'mountinfo');
  try {
    writeFileSync(source, line('/', 'ext4') + line('/mnt/nas', 'nfs4') + line('/mnt/nas/deep\\040er', 'cifs'));
    const table = openMountTable(source);
    expect(table.find('/mnt/nas/file').type).toBe('nfs4');
    expect(table.find('/mnt/nas').type).toBe('nfs4');
    expect(table.find('/mnt/nas2/file').type).toBe('ext4');
    expect(table.find('/mnt/nas/deep er/file').type).toBe('cifs');
    expect(table.find('/other').type).toBe('ext4');
    appendFileSync(source, line('/other', 'xfs'));
    await expect.poll(() => table.find('/other').type, { timeout: 15_000 }).toBe('xfs');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('where there is no such file, everything is one mount', () => {
  expect(openMountTable('/no/such/file').find('/a/b')).toEqual({ mountPoint: '/', type: 'unknown' });
});
