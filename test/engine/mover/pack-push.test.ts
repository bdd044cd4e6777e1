// Packs that go elsewhere by streams: proved where they are before they have their names, whatever breaks, and nothing sent twice.

import { mkdtempSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
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
  far = tarPlace(rig.destination);
});
afterEach(() => rig.close());

function fileOf(path: string): PackFile {
  const { size: sizeBytes, mtimeMs, mode } = statSync(join(rig.from, path));
  const entry = { path, kind: 'file', sizeBytes, mtimeMs, mode: mode & 0o7777 } as const;
  return { transferId: newId(), sourcePath: path, destinationPath: path, entry };
}

function packOf(files: readonly PackFile[], change: Partial<PackRequest> = {}) {
  const results: PackFileResult[] = [];
  const request: PackRequest = {
    packId: newId(),
    fence: 1,
    source: rig.source,
    destination: far,
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

/** What stands under a final name is whole, and nothing else is there, partials included. */
function expectWhole(names: readonly string[]): void {
  expect(filesBelow(rig.to)).toEqual([...names].sort());
  expect(compareTrees(rig.from, rig.to).different).toEqual([]);
}

describe('a pack by one stream', () => {
  it('stands whole, with time and mode, and proved there, each file sent once', async () => {
    writeSmallFiles(rig.from, 120, 20_000);
    writeFileSync(join(rig.from, 'large'), Buffer.alloc(3_000_000, 'x'));
    const paths = filesBelow(rig.from);
    const { request, results } = packOf(paths.map(fileOf));
    expect(await rig.mover.movePack(request)).toEqual({ left: [], stopped: null });
    expect(published(results)).toEqual(paths);
    expectWhole(paths);
    expect(readdirSync(rig.journals)).toEqual([]);
    expect(Object.fromEntries(far.calls)).toMatchObject({ writeMany: 1, hashMany: 1, renameMany: 1 });
    for (const path of paths) {
      const [from, to] = [rig.from, rig.to].map((root) => statSync(join(root, path)));
      expect(to?.mtimeMs).toBeCloseTo(from?.mtimeMs ?? 0, 2);
      expect(to?.mode).toBe(from?.mode);
    }
    expect([...far.bytesBy.values()].reduce((sum, bytes) => sum + bytes, 0)).toBe(
      paths.reduce((sum, path) => sum + statSync(join(rig.from, path)).size, 0),
    );
    for (const result of results) expect(result).toMatchObject({ verify: 'far-hash', hash: { algorithm: 'sha256' } });
  });

  it('is read back where the place cannot hash', async () => {
    writeSmallFiles(rig.from, 20, 20_000);
    const paths = filesBelow(rig.from);
    const { hashMany: _, hash: __, ...without } = far;
    const { request, results } = packOf(paths.map(fileOf), { destination: without });
    await rig.mover.movePack(request);
    for (const result of results) expect(result).toMatchObject({ kind: 'published', verify: 'read-back' });
    expectWhole(paths);
  });

  it.each([
    ['proved by hashes', plainOptions, []],
    // The control: by its size alone it would be kept.
    ['trusted by its size', { ...plainOptions, verify: 'size' as const }, ['part-000/file-7.bin']],
  ])('whose one file arrives with a bit turned over, %s', async (_, options, different) => {
    writeSmallFiles(rig.from, 20, 5_000);
    const paths = filesBelow(rig.from);
    far.trouble = { corrupts: (path) => path.includes('file-7.bin') };
    const { request, results } = packOf(paths.map(fileOf), { options });
    await rig.mover.movePack(request);
    expect(published(results)).toEqual(paths);
    expect(compareTrees(rig.from, rig.to)).toEqual({ missing: [], different, extra: [] });
  });

  it('that breaks off anywhere leaves whole files or none', async () => {
    writeSmallFiles(rig.from, 150, 5_000);
    const paths = filesBelow(rig.from);
    for (const breakAfterBytes of [0, 700, 100_000, 300_000]) {
      far.trouble = { breakAfterBytes };
      const { request, results } = packOf(paths.map(fileOf));
      await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'network' });
      expect(results).toEqual([]);
      expectWhole([]);
      expect(readdirSync(rig.journals)).toEqual([]);
    }
  });

  it('that breaks off between two renames tells of those that have their names, and only the rest is sent again', async () => {
    writeSmallFiles(rig.from, 60, 3_000);
    const paths = filesBelow(rig.from);
    // The answer to the renames is lost.
    const { renameMany } = far;
    const losing: TarPlace = {
      ...far,
      async renameMany(pairs, options) {
        await renameMany?.(pairs.slice(0, 25), options);
        throw new Fault('network', 'The link broke off.');
      },
    };
    const first = packOf(paths.map(fileOf), { destination: losing });
    await expect(rig.mover.movePack(first.request)).rejects.toMatchObject({ code: 'network' });
    expect(published(first.results)).toHaveLength(25);
    expectWhole(published(first.results));
    const left = paths.filter((path) => !published(first.results).includes(path));
    const second = packOf(left.map(fileOf));
    await rig.mover.movePack(second.request);
    expect(published(second.results)).toEqual(left);
    expectWhole(paths);
  });

  it('of which a process died between names and commit is found by what stands there', async () => {
    writeSmallFiles(rig.from, 30, 3_000);
    const paths = filesBelow(rig.from);
    const files = paths.map(fileOf);
    // Its ledger never takes the commit, as that of a process that is gone.
    const failing = new Fault('ledger', 'The ledger cannot be written.');
    const { request } = packOf(files, { finished: () => Promise.reject(failing) });
    await expect(rig.mover.movePack(request)).rejects.toBe(failing);
    expect(readdirSync(rig.journals)).toHaveLength(1);
    const found: PackFileResult[] = [];
    for await (const { packId, results } of rig.mover.recoverPacks(async () => far)) {
      found.push(...results);
      await rig.mover.forgetPack(packId);
    }
    expect(published(found)).toEqual(paths);
    expect(readdirSync(rig.journals)).toEqual([]);
    expectWhole(paths);
  });

  it('publishes nothing once the fence is lost', async () => {
    writeSmallFiles(rig.from, 10, 500);
    const lost = new Fault('lease_lost', 'Another worker has taken over.');
    const { request } = packOf(filesBelow(rig.from).map(fileOf), { checkFence: () => Promise.reject(lost) });
    await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(filesBelow(rig.to).filter((path) => !path.endsWith('.partial'))).toEqual([]);
  });

  it('lets one bad file fail alone, and does not take a name that something else has taken meanwhile', async () => {
    writeSmallFiles(rig.from, 12, 500);
    const files = filesBelow(rig.from).map(fileOf);
    unlinkSync(join(rig.from, 'part-000/file-3.bin'));
    far.trouble = {
      async renaming() {
        far.trouble = {};
        writeFileSync(join(rig.to, 'part-000/file-5.bin'), 'somebody else');
      },
    };
    const { request, results } = packOf(files, { options: { ...plainOptions, conflict: 'fail' } });
    await rig.mover.movePack(request);
    const failed = results.flatMap((one) => (one.kind === 'failed' ? [[one.file.sourcePath, one.fault.code]] : []));
    expect(failed.sort()).toEqual([
      ['part-000/file-3.bin', 'not_found'],
      ['part-000/file-5.bin', 'busy'],
    ]);
    expect(readFileSync(join(rig.to, 'part-000/file-5.bin'), 'utf8')).toBe('somebody else');
    expect(filesBelow(rig.to).filter((path) => path.endsWith('.partial'))).toEqual([]);
  });

  it('stops where nothing goes any more, and leaves nothing behind', async () => {
    writeSmallFiles(rig.from, 100, 5_000);
    const control = newControl();
    far.trouble = { stallAfterBytes: 90_000, stalled: () => stopControl(control, stopReasons.pause) };
    const { request, results } = packOf(filesBelow(rig.from).map(fileOf), { control });
    const outcome = await rig.mover.movePack(request);
    expect(outcome.stopped).toBe('pause');
    expect(outcome.left.length + results.length).toBe(100);
    expectWhole(published(results));
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

  it('goes from one far place to another', async () => {
    writeSmallFiles(rig.from, 40, 5_000);
    const paths = filesBelow(rig.from);
    const { request } = packOf(paths.map(fileOf), { source: tarPlace(rig.source) });
    await rig.mover.movePack(request);
    expectWhole(paths);
  });
});

describe('many files of this machine by one reading', () => {
  it('come in their order, in pieces of any size, each with its own fault', async () => {
    const root = mkdtempSync(join(rig.folder, 'many-'));
    const sizes = [0, 1, 300_000, 524_288, 524_289, 1_400_000, 7];
    for (const [n, size] of sizes.entries()) writeFileSync(join(root, `f${n}`), Buffer.alloc(size, n + 1));
    const { openLocal } = await import('../../../src/endpoints/local.ts');
    const place = await openLocal(root, { mounts: rig.mounts });
    const paths = [...sizes.keys()].map((n) => `f${n}`).concat('gone');
    const got: [string, number | string][] = [];
    for await (const answer of place.readMany?.(paths) ?? []) {
      if ('fault' in answer) got.push([answer.path, answer.fault.code]);
      else if (answer.path === 'f5') got.push([answer.path, answer.entry.sizeBytes]);
      else {
        const parts: Uint8Array[] = [];
        for await (const part of answer.body) parts.push(part);
        const whole = Buffer.concat(parts);
        expect(whole.every((byte) => byte === Number(answer.path.slice(1)) + 1)).toBe(true);
        got.push([answer.path, whole.length]);
      }
    }
    expect(got).toEqual(
      [...sizes.entries()]
        .map(([n, size]) => [`f${n}`, size] as [string, number | string])
        .concat([['gone', 'not_found']]),
    );
  });
});
