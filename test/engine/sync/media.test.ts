// The media options of a sync: which steps they mean, and that sidecars and thumbnails stand beside originals that nothing alters.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import type { Mounts } from '../../../src/endpoints/mounts.ts';
import { createProcessRunner, processOperations } from '../../../src/engine/process/process-runner.ts';
import { openWorkNotes } from '../../../src/engine/process/work-notes.ts';
import { processedFacts } from '../../../src/engine/processing.ts';
import { mediaPipeline, mediaProcessing } from '../../../src/engine/sync/media-pipeline.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { parentPath } from '../../../src/model/names.ts';
import { type SyncMedia, syncMediaSchema } from '../../../src/model/sync-spec.ts';
import { createStepThreads, type StepThreads } from '../../../src/steps/step-threads.ts';
import { contents } from '../../cli/command.ts';
import { localFile } from '../../support/media.ts';
import { makePng, tEXt } from '../../support/png.ts';

let folder = '';
let mounts: Mounts;
let threads: StepThreads;
beforeAll(() => {
  mounts = openMounts({ modules: [processOperations] });
  threads = createStepThreads();
});
afterAll(async () => {
  await threads.close();
  await mounts.close();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-media-'));
  mkdirSync(join(folder, 'notes'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const all: SyncMedia = { hashes: true, metadata: true, xmp: true, overwriteXmp: false, thumbnails: true, dedup: 'off' };
const home = () => join(folder, 'home');

function put(path: string, content: Uint8Array | string): string {
  const whole = join(home(), path);
  mkdirSync(parentPath(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

async function processed(path: string, media: SyncMedia, { id = 'ID1', received = [] as string[] } = {}) {
  const processing = mediaProcessing(media, home(), path);
  if (processing === null) throw new Error('nothing is to be done');
  const notes = openWorkNotes(join(folder, 'notes'), mounts);
  const runner = createProcessRunner({ mounts, threads, clock: systemClock, notes });
  const hooks = { stepDone: async () => undefined, progress: () => undefined, beat: () => undefined };
  const records = await runner.run(
    {
      ...{ id, file: localFile(join(home(), path)), done: [], ...processing },
      ...{ resultFolder: parentPath(path), wholeNames: true, isReceived: async (one) => received.includes(one) },
    },
    hooks,
    new AbortController().signal,
  );
  await runner.sweep(id);
  return processedFacts(records);
}

test('options become steps in order, each of which may fail without keeping the original from counting', () => {
  expect(mediaPipeline(all)?.steps).toMatchObject(
    ['checksum', 'metadata', 'xmp', 'thumbnail'].map((step) => ({ step, optional: true })),
  );
  expect(mediaPipeline(syncMediaSchema.parse({}))).toBeNull();
  expect(mediaPipeline({ ...all, overwriteXmp: true })?.steps[2]).toMatchObject({ existing: 'replace' });
  expect(mediaProcessing(all, '/home/me', 'a/notes.txt')?.pipeline.steps).toMatchObject([{ step: 'checksum' }]);
  expect(mediaProcessing({ ...all, hashes: false }, '/home/me', 'a/model.safetensors')).toBeNull();
  expect(mediaProcessing(all, 's3://bucket/x', 'a.png')).toBeNull();
  expect(mediaProcessing(all, '/home/me', 'a/B.PNG')).toMatchObject({ beside: true, relativePath: 'a/B.PNG' });
});

test('sidecar and thumbnail stand beside the picture under its whole name, and are told of with what was found out', async () => {
  const png = makePng([tEXt('parameters', 'a castle\nSteps: 3, Sampler: Euler, Seed: 42')]);
  const path = put('txt2img/2026-11-21/00001.png', png);
  const told = await processed('txt2img/2026-11-21/00001.png', all);
  expect(told).toMatchObject({
    metadata: {
      checksums: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ...{ width: 64, height: 48, generation: { prompt: 'a castle', seed: '42' } },
    },
    xmpPath: `${path}.xmp`,
    thumbnailPath: `${path}.thumbnail.jpg`,
    derived: [{ role: 'xmp' }, { role: 'thumbnail' }],
    passedOver: [],
  });
  expect(Object.keys(contents(home())).sort()).toEqual(
    ['', '.thumbnail.jpg', '.xmp'].map((end) => `txt2img/2026-11-21/00001.png${end}`),
  );
  expect(readFileSync(path).equals(png)).toBe(true);
});

test('a sidecar that is there is kept, with `overwriteXmp` replaced; one that was received never', async () => {
  const media = { ...all, hashes: false, thumbnails: false };
  const picture = (prompt: string) => makePng([tEXt('parameters', `${prompt}\nSteps: 3, Seed: 1, Size: 8x8`)]);
  put('a.png', picture('one'));
  put('a.png.xmp', 'mine');
  const kept = await processed('a.png', media);
  expect(kept).toMatchObject({
    xmpPath: null,
    passedOver: [{ step: 'xmp', why: expect.stringContaining('a.png.xmp') }],
  });
  expect(contents(home())['a.png.xmp']).toBe('mine');
  const received = await processed('a.png', { ...media, overwriteXmp: true }, { id: 'ID2', received: ['a.png.xmp'] });
  expect(received).toMatchObject({ xmpPath: null, metadata: { generation: { prompt: 'one' } } });
  expect(contents(home())['a.png.xmp']).toBe('mine');
  const replaced = await processed('a.png', { ...media, overwriteXmp: true }, { id: 'ID3' });
  expect(replaced).toMatchObject({ xmpPath: join(home(), 'a.png.xmp'), passedOver: [] });
  expect(contents(home())['a.png.xmp']).toContain('>one<');
  put('a.png', picture('two'));
  expect(await processed('a.png', { ...media, overwriteXmp: true }, { id: 'ID4' })).toMatchObject({ passedOver: [] });
  expect(Object.keys(contents(home())).sort()).toEqual(['a.png', 'a.png.xmp']);
  expect(contents(home())['a.png.xmp']).toContain('>two<');
});

test('files that are processed side by side do not take each other’s folders away', async () => {
  mkdirSync(home());
  const pool = mounts.pool(home());
  const lane = async (id: string) => {
    for (let n = 0; n < 250; n++) {
      await pool.run('process.begin', { root: home(), id: `${id}${n}`, at: 0, step: 'xmp' });
      await pool.run('process.sweep', { root: home(), id: `${id}${n}` });
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(lane));
  expect(contents(home())).toEqual({});
});
