// Extended attributes, as setfattr(1) sets them and getfattr(1) sees them, go with large files and with packs where they are asked for.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newControl } from '../../../src/endpoints/control.ts';
import { openMemory } from '../../../src/endpoints/memory.ts';
import type { PackFileResult } from '../../../src/engine/mover/move.ts';
import { parseEndpoint } from '../../../src/model/endpoint-url.ts';
import { mountFaultFs } from '../../support/fault-fs.ts';
import { writeContent } from '../../support/trees.ts';
import { newId, openRig, plainOptions, published, type Rig } from './mover-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const from = (path: string) => join(rig.from, path);
const to = (path: string) => join(rig.to, path);
const preserve = { ...plainOptions.preserve, xattrs: true };

function set(path: string, name: string, value: string): void {
  execFileSync('setfattr', ['-n', name, '-v', value, path]);
}

/** Name and value of each, as getfattr prints them. */
function attributes(path: string): string[] {
  const text = execFileSync('getfattr', ['-d', '-m', '-', '-e', 'hex', '--absolute-names', path], { encoding: 'utf8' });
  return text
    .split('\n')
    .filter((line) => line.includes('='))
    .sort();
}

async function pack(paths: readonly string[], xattrs = true): Promise<PackFileResult[]> {
  const results: PackFileResult[] = [];
  await rig.mover.movePack({
    packId: newId(),
    fence: 1,
    source: rig.source,
    destination: rig.destination,
    files: paths.map((path) => {
      const { size: sizeBytes, mtimeMs } = statSync(from(path));
      return {
        transferId: newId(),
        sourcePath: path,
        destinationPath: path,
        entry: { path, kind: 'file', sizeBytes, mtimeMs },
      };
    }),
    options: { ...plainOptions, preserve: { ...preserve, xattrs } },
    control: newControl(),
    finished: async (group) => void results.push(...group),
    checkFence: async () => undefined,
  });
  return results;
}

it('go with a large file, also with one that nobody may write to', async () => {
  writeContent(from('film'), 1, 20_000_000);
  set(from('film'), 'user.camera', 'left\tone');
  set(from('film'), 'user.empty', '');
  set(from('film'), 'trusted.place', 'vault');
  chmodSync(from('film'), 0o444);
  published(await rig.mover.move(rig.request('film', { options: { preserve } })));
  expect(attributes(from('film'))).toHaveLength(3);
  expect(attributes(to('film'))).toEqual(attributes(from('film')));
  expect(statSync(to('film'))).toMatchObject({ mode: 0o100444, mtimeMs: statSync(from('film')).mtimeMs });
});

it('go with the files of a pack, and only when asked for', async () => {
  for (let n = 0; n < 5; n++) {
    writeFileSync(from(`small${n}`), `content ${n}`);
    if (n > 0) set(from(`small${n}`), 'user.number', String(n));
  }
  const paths = readdirSync(rig.from).sort();
  expect((await pack(paths)).map(({ kind }) => kind)).toEqual(Array(5).fill('published'));
  expect(attributes(to('small0'))).toEqual([]);
  for (const path of paths) expect(attributes(to(path))).toEqual(attributes(from(path)));
  await pack(paths, false);
  for (const path of paths) expect(attributes(to(path))).toEqual([]);
});

it('that the place cannot hold fail the file that has them, by name, and no other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-attributes-'));
  const bare = await mountFaultFs(folder);
  await rig.close();
  rig = await openRig({ to: join(bare.mount, 'to') });
  try {
    for (const name of ['with', 'without', 'system']) writeFileSync(from(name), name);
    set(from('with'), 'user.camera', 'left');
    set(from('system'), 'trusted.place', 'vault');
    const results = await pack(['with', 'without', 'system']);
    const failed = results.filter(({ kind }) => kind === 'failed');
    expect(failed).toMatchObject([{ file: { sourcePath: 'with' }, fault: { code: 'unsupported' } }]);
    expect(results.filter(({ kind }) => kind === 'published')).toHaveLength(2);
    expect(readdirSync(rig.to).sort()).toEqual(['system', 'without']);
    const asked = rig.mover.move(rig.request('with', { options: { preserve } }));
    await expect(asked).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('user.camera') });
    rmSync(to('without'));
    published(await rig.mover.move(rig.request('without', { options: { preserve } })));
    expect(readdirSync(rig.to)).toContain('without');
  } finally {
    await bare.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('are refused at once where one side is no place of this machine', async () => {
  writeFileSync(from('a'), 'x');
  const destination = openMemory(parseEndpoint('mem://there', '/'));
  const asked = rig.mover.move(rig.request('a', { destination, options: { preserve } }));
  await expect(asked).rejects.toMatchObject({ code: 'unsupported' });
});
