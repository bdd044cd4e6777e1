// A sync of generated pictures from end to end: they come home, get sidecars and thumbnails, are cleaned away at the source, and stay at home.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWherry, type StoredEvent, type Wherry } from '../../../src/main.ts';
import type { SyncRequest } from '../../../src/model/sync-spec.ts';
import { makePng, tEXt } from '../../support/png.ts';

let folder = '';
let wherry: Wherry;
const at = (...parts: string[]) => join(folder, ...parts);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-sync-media-'));
  wherry = await openWherry({ dataFolder: at('data'), adapters: [] });
});
afterEach(async () => {
  await wherry.close();
  rmSync(folder, { recursive: true, force: true });
});

function put(path: string, content: Uint8Array | string, hours: number): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
  const time = new Date(Date.now() - hours * 3_600_000);
  utimesSync(at(path), time, time);
}

const picture = (seed: number) =>
  makePng([tEXt('parameters', `castle ${seed}\nSteps: 3, Sampler: Euler, Seed: ${seed}`)]);

async function sync(given: Partial<SyncRequest> = {}): Promise<readonly StoredEvent[]> {
  const since = await wherry.reader.eventCursor();
  const media = { metadata: true, xmp: true, thumbnails: true, hashes: true };
  const cleanup = { ageHours: 24, preservePatterns: ['best'] };
  const request = { kind: 'sync' as const, source: at('out'), destinations: [at('home')], media, cleanup, ...given };
  const job = await (await wherry.submit(request)).done;
  expect(job, JSON.stringify(job.error)).toMatchObject({ state: 'completed' });
  return (await wherry.reader.events({ since, limit: 1000 })).events;
}

const files = (root: string) =>
  readdirSync(at(root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(at(root).length + 1))
    .sort();
const named = (events: readonly StoredEvent[], name: string) => events.filter((event) => event.name.endsWith(name));

test('pictures come home with sidecars, old ones go at the source, and a sync that deletes leaves them at home', async () => {
  for (const seed of [1, 2, 3]) put(`out/txt2img/2026-11-0${seed}/${seed}.png`, picture(seed), seed === 3 ? 1 : 40);
  put('out/best/4.png', picture(4), 40);
  put('out/notes.txt', 'no picture', 40);
  const first = await sync();
  const derived = (path: string) => [path, `${path}.thumbnail.jpg`, `${path}.xmp`];
  const home = [
    'notes.txt',
    ...['best/4.png', ...[1, 2, 3].map((seed) => `txt2img/2026-11-0${seed}/${seed}.png`)].flatMap(derived),
  ].sort();
  expect(files('home')).toEqual(home);
  expect(files('out')).toEqual(['best/4.png', 'txt2img/2026-11-03/3.png']);
  expect(existsSync(at('out/txt2img/2026-11-01'))).toBe(false);
  expect(readFileSync(at('home/txt2img/2026-11-01/1.png')).equals(picture(1))).toBe(true);
  expect(readFileSync(at('home/txt2img/2026-11-01/1.png.xmp'), 'utf8')).toContain('>castle 1<');
  const told = named(first, 'processing.completed');
  expect(told).toHaveLength(5);
  const one = told.find(({ transfer }) => transfer?.source.path.endsWith('/1.png'));
  expect(one?.data).toMatchObject({
    metadata: { width: 64, generation: { prompt: 'castle 1', seed: '1' }, checksums: { sha256: expect.any(String) } },
    xmpPath: at('home/txt2img/2026-11-01/1.png.xmp'),
    thumbnailPath: at('home/txt2img/2026-11-01/1.png.thumbnail.jpg'),
  });
  expect(named(first, 'sync.file_deleted').map(({ data, jobId }) => [data.path, jobId === null])).toEqual(
    expect.arrayContaining([['notes.txt', false]]),
  );
  expect(await wherry.reader.recording(one?.transferId ?? '')).toMatchObject({
    name: '1.png',
    derived: [{ role: 'xmp' }, { role: 'thumbnail' }],
  });

  // The source has not what was cleaned away, and has the same picture under another name: neither is a delete or a rename at home.
  put('out/again.png', picture(1), 1);
  put('home/surplus.txt', 'of nobody', 1);
  const second = await sync({ delete: true });
  expect(files('home')).toEqual([...home, ...derived('again.png')].sort());
  expect(named(second, 'processing.completed')).toHaveLength(1);
  // What somebody deletes at the source goes at home, with what is not registered.
  rmSync(at('out/best/4.png'));
  await sync({ delete: true });
  expect(files('home')).not.toContain('best/4.png');
  expect(files('home')).toContain('txt2img/2026-11-01/1.png');
});

test('control: a sync that deletes by the source alone would take home what was cleaned away', async () => {
  put('out/1.png', picture(1), 40);
  await sync({ media: {} });
  const gone = files('home').filter((path) => !files('out').includes(path));
  expect(gone).toEqual(['1.png']);
  await sync({ media: {}, delete: true });
  expect(files('home')).toEqual(['1.png']);
});
