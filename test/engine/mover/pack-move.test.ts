// Packs: many small files in one call, each whole under its own name or failed for itself.

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newControl, stopControl } from '../../../src/endpoints/control.ts';
import { stopReasons } from '../../../src/endpoints/mounts.ts';
import type { PackFileResult, PackRequest } from '../../../src/engine/mover/move.ts';
import { Fault } from '../../../src/model/fault.ts';
import { compareTrees, filesBelow, writeSmallFiles } from '../../support/trees.ts';
import { newId, openRig, plainOptions, type Rig } from './mover-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

function packOf(paths: readonly string[], change: Partial<PackRequest> = {}) {
  const results: PackFileResult[] = [];
  const groups: number[] = [];
  const request: PackRequest = {
    packId: newId(),
    fence: 1,
    source: rig.source,
    destination: rig.destination,
    files: paths.map((path) => {
      const stats = statSync(join(rig.from, path), { throwIfNoEntry: false });
      return {
        transferId: newId(),
        sourcePath: path,
        destinationPath: path,
        entry: { path, kind: 'file', sizeBytes: stats?.size ?? 0, mtimeMs: stats?.mtimeMs ?? 0 },
      };
    }),
    options: plainOptions,
    control: newControl(),
    async finished(group) {
      groups.push(group.length);
      results.push(...group);
    },
    async checkFence() {
      // Nobody else wants it.
    },
    ...change,
  };
  return { request, results, groups };
}

describe('a pack', () => {
  it('brings every file whole, in groups, and leaves nothing else behind', async () => {
    writeSmallFiles(rig.from, 1500, 9_000);
    const paths = filesBelow(rig.from);
    const { request, results, groups } = packOf(paths);
    const outcome = await rig.mover.movePack(request);
    expect(outcome).toEqual({ left: [], stopped: null });
    expect(groups).toEqual([1000, 500]);
    expect(results.map((result) => result.file.sourcePath)).toEqual(paths);
    expect(results.every((result) => result.kind === 'published')).toBe(true);
    expect(compareTrees(rig.from, rig.to)).toEqual({ missing: [], different: [], extra: [] });
    expect(readdirSync(rig.journals)).toEqual([]);
    const first = paths[5] as string;
    expect(statSync(join(rig.to, first)).mtimeMs).toBeCloseTo(statSync(join(rig.from, first)).mtimeMs, 2);
  });

  it('lets one bad file fail alone', async () => {
    writeSmallFiles(rig.from, 20, 500);
    writeFileSync(join(rig.from, 'gone'), 'x');
    mkdirSync(join(rig.to, 'taken'), { recursive: true });
    writeFileSync(join(rig.from, 'taken'), 'x');
    writeFileSync(join(rig.from, 'secret'), 'x');
    symlinkSync('/etc/passwd', join(rig.from, 'link'));
    const { request, results } = packOf(filesBelow(rig.from).concat('link', '../escape'));
    rmSync(join(rig.from, 'gone'));
    await rig.mover.movePack(request);
    const failed = results.filter((result) => result.kind === 'failed');
    expect(failed.map(({ file, fault }) => [file.sourcePath, fault.code]).sort()).toEqual([
      ['../escape', 'name_unsafe'],
      ['gone', 'not_found'],
      ['link', 'name_unsafe'],
      ['taken', 'exists'],
    ]);
    expect(filesBelow(rig.to)).toHaveLength(21);
  });

  it('publishes nothing once the fence is lost', async () => {
    writeSmallFiles(rig.from, 10, 500);
    const lost = new Fault('lease_lost', 'Another worker has taken over.');
    const { request, results } = packOf(filesBelow(rig.from), { checkFence: () => Promise.reject(lost) });
    await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(results).toEqual([]);
    expect(filesBelow(rig.to)).toEqual([]);
  });

  it('stops between groups and says what is left', async () => {
    writeSmallFiles(rig.from, 2500, 100);
    const control = newControl();
    const { request, results } = packOf(filesBelow(rig.from), { control });
    const stopping = {
      ...request,
      async finished(group: readonly PackFileResult[]) {
        results.push(...group);
        stopControl(control, stopReasons.pause);
      },
    };
    const outcome = await rig.mover.movePack(stopping);
    expect(outcome.stopped).toBe('pause');
    expect(outcome.left.length + results.length).toBe(2500);
    expect(outcome.left.length).toBeGreaterThan(0);
    expect(filesBelow(rig.to)).toEqual(results.map((result) => result.file.destinationPath).sort());
  });

  it.each([
    ['overwrite', 'published', ['a.txt', 'new']],
    ['rename', 'published', ['a (1).txt', 'new']],
    ['skip', 'exists', ['a.txt', 'old']],
    ['fail', 'exists', ['a.txt', 'old']],
    ['newer', 'exists', ['a.txt', 'old']],
  ] as const)('keeps the conflict rule %s', async (conflict, expected, [name, text]) => {
    writeFileSync(join(rig.from, 'a.txt'), 'new');
    utimesSync(join(rig.from, 'a.txt'), 1_600_000_000, 1_600_000_000);
    writeFileSync(join(rig.to, 'a.txt'), 'old');
    const options = { ...plainOptions, conflict };
    const first = packOf(['a.txt'], { options });
    await rig.mover.movePack(first.request);
    const [result] = first.results;
    expect(result?.kind === 'failed' ? result.fault.code : result?.kind).toBe(expected);
    expect(readFileSync(join(rig.to, name), 'utf8')).toBe(text);
    if (conflict === 'rename') expect(readFileSync(join(rig.to, 'a.txt'), 'utf8')).toBe('old');
    writeFileSync(join(rig.to, 'a.txt'), 'new');
    const again = packOf(['a.txt'], { options });
    await rig.mover.movePack(again.request);
    const [same] = again.results;
    if (conflict === 'fail') expect(same?.kind).toBe('failed');
    else
      expect(same).toMatchObject({ kind: 'published', alreadyThere: conflict !== 'overwrite', publishedPath: 'a.txt' });
  });

  it('tells again what had been published where a commit failed', async () => {
    writeSmallFiles(rig.from, 30, 100);
    const failing = new Fault('ledger', 'The ledger cannot be written.');
    const { request } = packOf(filesBelow(rig.from), { finished: () => Promise.reject(failing) });
    await expect(rig.mover.movePack(request)).rejects.toMatchObject({ code: 'ledger' });
    const found: PackFileResult[] = [];
    for await (const { packId, results } of rig.mover.recoverPacks(async () => rig.destination)) {
      found.push(...results);
      await rig.mover.forgetPack(packId);
    }
    expect(found.map((result) => result.file.destinationPath).sort()).toEqual(filesBelow(rig.from));
    expect(readdirSync(rig.journals)).toEqual([]);
  });

  it.each(['sha256', 'blake3'] as const)('hashes with %s when asked to', async (algorithm) => {
    writeSmallFiles(rig.from, 3, 300_000);
    const { request, results } = packOf(filesBelow(rig.from), { options: { ...plainOptions, algorithm } });
    await rig.mover.movePack(request);
    for (const result of results) {
      if (result.kind !== 'published') throw result.fault;
      expect(result.hash.algorithm).toBe(algorithm);
      expect(result.hash.value).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(readFileSync(join(rig.to, results[2]?.file.destinationPath as string)).length).toBeGreaterThan(0);
  });
});
