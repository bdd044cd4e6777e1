// A batch that asks for it leaves an ASC MHL history of its folder, which grows with each batch and tells what is not as it was.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { checkHistory, type MhlFinding } from '../../../src/engine/mhl/asc-mhl.ts';
import { deviceFile as file, type OffloadRig, openOffloadRig } from '../../support/offload-rig.ts';

const rigs: OffloadRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.remove();
});

const told = async (rig: OffloadRig) =>
  (await rig.store.events({ limit: 1000 })).events
    .filter(({ name }) => name.startsWith('observation.job.history_'))
    .map(({ name, data }) => ({ name, ...data }));

test('two batches make two generations; a file that was changed between them is told, and stays what it was in the history', async () => {
  const rig = await openOffloadRig();
  rigs.push(rig);
  rig.devices.add('cam', [file('DCIM/a.jpg', 70_000), file('DCIM/b.jpg', 9_000_000), file('DCIM/c.jpg', 10)]);
  const batch = (files: string[]) => rig.engine.queueBatch({ device: 'cam', files, ascMhl: 'xxh128' });
  const first = await batch(['DCIM/a.jpg', 'DCIM/b.jpg']);
  expect(await rig.engine.settled(first.id)).toMatchObject({ state: 'completed' });
  expect(await told(rig)).toMatchObject([
    { name: 'observation.job.history_written', generation: 1, files: 2, failed: { count: 0 }, problems: [] },
  ]);
  writeFileSync(join(rig.downloads, 'DCIM/a.jpg'), Buffer.alloc(70_000, 1));
  const second = await batch(['DCIM/c.jpg']);
  expect(await rig.engine.settled(second.id)).toMatchObject({ state: 'completed' });
  expect((await told(rig))[1]).toMatchObject({ generation: 2, files: 3, failed: { count: 1, paths: ['DCIM/a.jpg'] } });
  const documents = readdirSync(join(rig.downloads, 'ascmhl')).sort();
  expect(documents).toEqual([
    expect.stringMatching(/^0001_downloads_/),
    expect.stringMatching(/^0002_downloads_/),
    'ascmhl_chain.xml',
  ]);
  const schema = join(import.meta.dirname, '../mhl/published/ASCMHL.xsd');
  for (const name of documents.slice(0, 2)) {
    execFileSync('xmllint', ['--nonet', '--noout', '--schema', schema, join(rig.downloads, 'ascmhl', name)], {
      stdio: 'pipe',
    });
  }
  const found: MhlFinding[] = [];
  expect(await checkHistory(rig.mounts, rig.downloads, (each) => void found.push(each))).toMatchObject({
    generations: 2,
    problems: [],
  });
  expect(found.map(({ path, verdict }) => `${path} ${verdict}`).sort()).toEqual([
    'DCIM/a.jpg changed',
    'DCIM/b.jpg ok',
    'DCIM/c.jpg ok',
  ]);
});

test('a history that cannot be gone on with is told, and the files have arrived all the same', async () => {
  const rig = await openOffloadRig();
  rigs.push(rig);
  rig.devices.add('cam', [file('a.jpg', 10), file('b.jpg', 10), file('c.jpg', 10)]);
  const batch = async (path: string, ascMhl: 'md5' | null) =>
    rig.engine.settled((await rig.engine.queueBatch({ device: 'cam', files: [path], ascMhl })).id);
  await batch('a.jpg', null);
  expect(existsSync(join(rig.downloads, 'ascmhl'))).toBe(false);
  await batch('b.jpg', 'md5');
  writeFileSync(join(rig.downloads, 'ascmhl', 'ascmhl_chain.xml'), 'broken');
  expect(await batch('c.jpg', 'md5')).toMatchObject({ state: 'completed', counts: { completed: 1 } });
  expect((await told(rig)).at(-1)).toMatchObject({
    name: 'observation.job.history_failed',
    error: { code: 'corrupt' },
  });
});
