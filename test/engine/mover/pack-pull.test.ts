// Packs that come by one stream: every file whole under its own name, whatever becomes of the stream, and nothing brought twice.

import { appendFileSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newControl, stopControl } from '../../../src/endpoints/control.ts';
import { stopReasons } from '../../../src/endpoints/mounts.ts';
import type { PackFile, PackFileResult, PackRequest } from '../../../src/engine/mover/move.ts';
import { Fault } from '../../../src/model/fault.ts';
import { type TarPlace, tarPlace } from '../../support/tar-place.ts';
import { compareTrees, filesBelow, writeSmallFiles } from '../../support/trees.ts';
import { newId, openRig, plainOptions, type Rig } from './mover-rig.ts';

let rig: Rig;
let far: TarPlace;
beforeEach(async () => {
  rig = await openRig();
  far = tarPlace(rig.source);
});
afterEach(() => rig.close());

function fileOf(path: string): PackFile {
  const stats = statSync(join(rig.from, path), { throwIfNoEntry: false });
  const { size: sizeBytes = 0, mtimeMs = 0, mode = 0o644 } = stats ?? {};
  const entry = { path, kind: 'file', sizeBytes, mtimeMs, mode: mode & 0o7777 } as const;
  return { transferId: newId(), sourcePath: path, destinationPath: path, entry };
}

function packOf(files: readonly PackFile[], change: Partial<PackRequest> = {}) {
  const results: PackFileResult[] = [];
  const request: PackRequest = {
    packId: newId(),
    fence: 1,
    source: far,
    destination: rig.destination,
    files,
    options: plainOptions,
    control: newControl(),
    async finished(group) {
      results.push(...group);
    },
    checkFence: async () => undefined,
    ...change,
  };
  return { request, results };
}

const published = (results: readonly PackFileResult[]) =>
  results.flatMap((result) => (result.kind === 'published' ? [result.publishedPath] : [])).sort();
const failures = (results: readonly PackFileResult[]) =>
  results.flatMap((result) => (result.kind === 'failed' ? [[result.file.sourcePath, result.fault.code]] : [])).sort();

/** What stands under a final name is whole, and nothing else is there. */
function expectWhole(names: readonly string[]): void {
  expect(filesBelow(rig.to)).toEqual([...names].sort());
  expect(compareTrees(rig.from, rig.to).different).toEqual([]);
}

describe('a pack by one stream', () => {
  it('brings every file once, whole, with time and mode, whatever their order', async () => {
    writeSmallFiles(rig.from, 700, 40_000);
    writeFileSync(join(rig.from, 'large'), Buffer.alloc(3_000_000, 'x'));
    const paths = filesBelow(rig.from);
    const { request, results } = packOf(paths.map(fileOf));
    expect(await rig.mover.movePack(request)).toEqual({ left: [], stopped: null });
    expect(published(results)).toEqual(paths);
    expect(compareTrees(rig.from, rig.to)).toEqual({ missing: [], different: [], extra: [] });
    expect(readdirSync(rig.journals)).toEqual([]);
    expect(far.calls.get('readMany')).toBe(1);
    for (const path of paths) {
      const [from, to] = [rig.from, rig.to].map((root) => statSync(join(root, path)));
      expect(to?.mtimeMs).toBeCloseTo(from?.mtimeMs ?? 0, 2);
      expect(to?.mode).toBe(from?.mode);
      expect(far.bytesBy.get(path) ?? 0).toBe(from?.size);
    }
    const [one] = results;
    if (one?.kind !== 'published') throw new Error('nothing was published');
    expect(one.verify).toBe('read-back');
    expect(one.identity.inode).toBeUndefined();
  });

  it('that breaks off anywhere keeps what was whole, and the rest is all that is asked for again', async () => {
    writeSmallFiles(rig.from, 300, 20_000);
    const paths = filesBelow(rig.from);
    let left = paths;
    for (const breakAfterBytes of [0, 700, 100_000, 1_000_000, 1_500_000]) {
      far.trouble = { breakAfterBytes };
      const { request, results } = packOf(left.map(fileOf));
      await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'network' });
      const arrived = new Set(published(results));
      left = left.filter((path) => !arrived.has(path));
      expectWhole(paths.filter((path) => !left.includes(path)));
      expect(readdirSync(rig.journals)).toEqual([]);
    }
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(paths.length);
    const before = new Map(far.bytesBy);
    far.trouble = {};
    const { request, results } = packOf(left.map(fileOf));
    await rig.mover.movePack(request);
    expect(published(results)).toEqual([...left].sort());
    expectWhole(paths);
    // What had been published was not read again.
    for (const path of paths) if (!left.includes(path)) expect(far.bytesBy.get(path)).toBe(before.get(path));
  });

  it.each(['../escape', '/tmp/escape', 'part-000/file-1.bin.evil', 'part-000'])(
    'that sends %s, which nobody asked for, is ended, and nothing of that name is made',
    async (name) => {
      writeSmallFiles(rig.from, 30, 2_000);
      far.trouble = { name: (path) => (path.endsWith('file-17.bin') ? name : path) };
      const { request, results } = packOf(filesBelow(rig.from).map(fileOf));
      await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'name_unsafe' });
      expectWhole(published(results));
      expect(filesBelow(rig.folder).filter((path) => path.includes('escape'))).toEqual([]);
    },
  );

  it('says of each file by itself that it is not there', async () => {
    writeSmallFiles(rig.from, 20, 500);
    const files = filesBelow(rig.from).map(fileOf);
    unlinkSync(join(rig.from, 'part-000/file-3.bin'));
    const { request, results } = packOf(files);
    await rig.mover.movePack(request);
    expect(failures(results)).toEqual([['part-000/file-3.bin', 'not_found']]);
    expectWhole(files.map((file) => file.sourcePath).filter((path) => !path.endsWith('file-3.bin')));
  });

  it('brings a file whose size the stream gives wrong by itself', async () => {
    writeSmallFiles(rig.from, 20, 500);
    far.trouble = { size: (path, size) => (path.endsWith('file-4.bin') ? size + 1 : size) };
    const files = filesBelow(rig.from).map(fileOf);
    const { request, results } = packOf(files);
    await rig.mover.movePack(request);
    expect(failures(results)).toEqual([]);
    expectWhole(files.map((file) => file.sourcePath));
  });

  it('stops where nothing comes any more', async () => {
    writeSmallFiles(rig.from, 300, 20_000);
    const control = newControl();
    far.trouble = { stallAfterBytes: 900_000, stalled: () => stopControl(control, stopReasons.pause) };
    const { request, results } = packOf(filesBelow(rig.from).map(fileOf), { control });
    const outcome = await rig.mover.movePack(request);
    expect(outcome.stopped).toBe('pause');
    expect(outcome.left.length + results.length).toBe(300);
    expectWhole(published(results));
  });

  it('publishes what has come while nothing more comes', async () => {
    writeSmallFiles(rig.from, 40, 2_000);
    const control = newControl();
    const paths = filesBelow(rig.from);
    const held = Promise.withResolvers<void>();
    const endless: TarPlace = {
      ...far,
      async *readMany(asked, call) {
        yield* far.readMany?.(asked, call) ?? [];
        await held.promise;
      },
    };
    const { request, results } = packOf(paths.map(fileOf), {
      source: endless,
      control,
      async finished(group) {
        results.push(...group);
        if (results.length === paths.length) held.resolve();
      },
    });
    await rig.mover.movePack(request);
    expectWhole(paths);
  });

  it('publishes nothing once the fence is lost', async () => {
    writeSmallFiles(rig.from, 10, 500);
    const lost = new Fault('lease_lost', 'Another worker has taken over.');
    const { request } = packOf(filesBelow(rig.from).map(fileOf), { checkFence: () => Promise.reject(lost) });
    await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(filesBelow(rig.to)).toEqual([]);
  });

  it.each(['skip', 'rename', 'newer', 'fail'] as const)('keeps the conflict rule %s', async (conflict) => {
    for (const [name, ours, theirs] of [
      ['same', 'text', 'text'],
      ['other', 'ours', 'theirs'],
    ] as const) {
      writeFileSync(join(rig.from, name), ours);
      writeFileSync(join(rig.to, name), theirs);
    }
    writeFileSync(join(rig.from, 'new'), 'new');
    const { request, results } = packOf(['same', 'other', 'new'].map(fileOf), {
      options: { ...plainOptions, conflict },
    });
    await rig.mover.movePack(request);
    const [same, other] = ['same', 'other'].map((path) => results.find(({ file }) => file.sourcePath === path));
    expect(readFileSync(join(rig.to, 'other'), 'utf8')).toBe('theirs');
    expect(readFileSync(join(rig.to, 'new'), 'utf8')).toBe('new');
    if (conflict === 'fail') expect(same).toMatchObject({ kind: 'failed', fault: { code: 'exists' } });
    else expect(same).toMatchObject({ kind: 'published', alreadyThere: true });
    if (conflict === 'rename') expect(readFileSync(join(rig.to, 'other (1)'), 'utf8')).toBe('ours');
    else expect(other).toMatchObject({ kind: 'failed', fault: { code: 'exists' } });
  });
});

describe('a file that is written to after it went into the stream', () => {
  const changing = async (looks?: 'as before') => {
    writeSmallFiles(rig.from, 20, 500);
    const path = 'part-000/file-7.bin';
    const files = filesBelow(rig.from).map(fileOf);
    far.trouble = {
      ...(looks === undefined ? {} : { looks }),
      async sent(sent) {
        if (sent !== path || (far.bytesBy.get(path) ?? 0) > 500) return;
        appendFileSync(join(rig.from, path), 'more');
      },
    };
    const { request, results } = packOf(files);
    await rig.mover.movePack(request);
    expect(failures(results)).toEqual([]);
    return compareTrees(rig.from, rig.to);
  };

  it('is brought again by itself', async () => {
    expect(await changing()).toEqual({ missing: [], different: [], extra: [] });
  });

  it('would be kept as it was before, were it not looked at again', async () => {
    expect((await changing('as before')).different).toEqual(['part-000/file-7.bin']);
  });
});
