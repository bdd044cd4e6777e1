// Cleanup on real files, by the receipts that a copy has left in the ledger.

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openRig, type Rig } from '../../support/engine-rig.ts';

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.remove();
  rig = undefined;
});

const days = (count: number) => new Date(Date.now() - count * 86_400_000);

function put(path: string, text: string, at: Date): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  utimesSync(path, at, at);
}

test('of 400 files that came in packs those go that are still what was proven, and whose copies are there', async () => {
  rig = await openRig();
  const { engine, store, at } = rig;
  for (let n = 0; n < 400; n++)
    put(at('out', 'txt2img', `2026-11-0${(n % 4) + 1}`, `${n}.png`), `picture ${n}`, days(3));
  put(at('out', 'big.mp4'), 'x'.repeat(3_000_000), days(3));
  put(at('out', 'new.png'), 'new', days(0));
  expect((await rig.copy({ sources: [at('out')], destination: at('home') })).state).toBe('completed');
  const folder = (n: number) => `txt2img/2026-11-0${(n % 4) + 1}`;
  // What may not go: changed, replaced by another of its size and time, its copy lost or another.
  put(at('out', folder(0), '0.png'), 'picture!', days(2));
  rmSync(at('out', folder(1), '1.png'));
  writeFileSync(at('out', folder(1), 'x'), 'PICTURE 1');
  const was = days(3);
  put(at('home', folder(2), '2.png'), 'PICTURE 2', was);
  rmSync(at('home', folder(6), '6.png'));
  put(at('out', folder(10), 'late.png'), 'never copied', days(9));
  utimesSync(at('home', folder(2), '2.png'), days(4), days(4));
  const since = await store.eventCursor();
  const dry = await engine.cleanUp({ endpoint: at('out'), dryRun: true });
  const wet = await engine.cleanUp({ endpoint: at('out') });
  expect(wet).toEqual({ ...dry, dryRun: false });
  expect(wet).toMatchObject({
    filesScanned: 403,
    filesDeleted: 397,
    errors: [],
    kept: { young: 2, unproven: 1, changed: 1, copyMissing: 2, failed: 0, preserved: 0 },
    foldersRemoved: 1,
  });
  expect(existsSync(at('out', 'txt2img', '2026-11-04'))).toBe(false);
  expect(readdirSync(at('out')).sort()).toEqual(['new.png', 'txt2img']);
  const left = readdirSync(at('out', 'txt2img'), { recursive: true, withFileTypes: true });
  expect(left.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()).toEqual(
    ['0.png', '2.png', '6.png', 'late.png', 'x'].sort(),
  );
  const { events } = await store.events({ since, limit: 1000 });
  expect(events.filter(({ name }) => name === 'observation.sync.file_deleted')).toHaveLength(397);
  expect(events.at(-1)).toMatchObject({ name: 'observation.sync.cleaned', data: { filesDeleted: 397 } });
});

test('a place may be named by another way, through a symlink or from a folder above', async () => {
  rig = await openRig();
  const { engine, at } = rig;
  for (const name of ['a', 'b']) put(at('out', 'WAN', `${name}.mp4`), name, days(3));
  await rig.copy({ sources: [at('out')], destination: at('home') });
  symlinkSync(at('out'), at('link'));
  expect(await engine.cleanUp({ endpoint: at('link'), preservePatterns: ['b*'] })).toMatchObject({ filesDeleted: 1 });
  expect(await engine.cleanUp({ endpoint: rig.folder, path: 'out', folders: ['WAN'] })).toMatchObject({
    filesDeleted: 1,
  });
});

test('what was copied without being read again is not proven', async () => {
  rig = await openRig();
  const { engine, at } = rig;
  put(at('out', 'a.png'), 'a', days(3));
  await rig.copy({ sources: [at('out')], destination: at('home'), verify: 'size' });
  expect(await engine.cleanUp({ endpoint: at('out') })).toMatchObject({ filesDeleted: 0, kept: { unproven: 1 } });
});
