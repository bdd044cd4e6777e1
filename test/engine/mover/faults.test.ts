// Places that fail: each fault of the file system is told, nothing wrong is published, and what can be is done again.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newControl } from '../../../src/endpoints/control.ts';
import type { PackFileResult } from '../../../src/engine/mover/move.ts';
import { type FaultFs, mountFaultFs } from '../../support/fault-fs.ts';
import { writeContent } from '../../support/trees.ts';
import { namesIn, newId, openRig, plainOptions, published, type Rig, sameFiles } from './mover-rig.ts';

const MiB = 1024 * 1024;
let folder: string;
let faulty: FaultFs;
let rig: Rig;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-mover-faults-'));
  faulty = await mountFaultFs(folder);
});
afterAll(async () => {
  await faulty.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  faulty.faults();
  mkdirSync(join(faulty.mount, 'to'), { recursive: true });
  rig = await openRig({ to: join(faulty.mount, 'to') });
});
afterEach(async () => {
  faulty.faults();
  rmSync(join(faulty.backing, 'to'), { recursive: true, force: true });
  await rig.close();
});

const there = (path: string) => join(faulty.backing, 'to', path);
const finals = () => readdirSync(join(faulty.backing, 'to')).filter((name) => !name.startsWith('.'));

/** What a program does that neither syncs, nor reads back, nor looks at what close says: the control that shows that the rig bites. */
function naiveCopy(path: string): void {
  try {
    writeFileSync(join(rig.to, path), readFileSync(join(rig.from, path)));
  } catch {
    // It does not look.
  }
}

describe('a place that fails', () => {
  it('at fsync once: written again from zero', async () => {
    writeContent(join(rig.from, 'a'), 1, 20 * MiB);
    faulty.faults('fail fsync 5 1 1');
    const request = rig.request('a');
    const outcome = published(await rig.mover.move(request));
    expect(request.restarts.map((fault) => fault.code)).toEqual(['sync_failed']);
    expect(outcome).toMatchObject({ movedBytes: 20 * MiB, resumedBytes: 0 });
    expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(true);
  });

  // A share that loses its server says so at fsync or close; what it was given by then is gone, and a reading from memory hides it.
  it.each([
    ['fsync', 'EINVAL', 22],
    ['fsync', 'ESTALE', 116],
    ['flush', 'ESTALE', 116],
    ['flush', 'ETIMEDOUT', 110],
  ] as const)('at %s once with %s: written again, and whole after a power cut', async (operation, _, errno) => {
    writeContent(join(rig.from, 'a'), 1, 20 * MiB);
    faulty.faults(`fail ${operation} ${errno} 1 1`);
    const outcome = published(await rig.mover.move(rig.request('a')));
    expect(outcome).toMatchObject({ resumedBytes: 0 });
    faulty.loseUnsynced();
    expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(true);
  });

  it('at close, and is away for a while: nothing is taken over from what it was given before', async () => {
    writeContent(join(rig.from, 'a'), 1, 20 * MiB);
    faulty.faults('fail flush 116 2 0', 'fail unlink 116 1 0');
    const request = rig.request('a');
    await expect(rig.mover.move(request)).rejects.toMatchObject({ code: 'network' });
    faulty.faults();
    const outcome = published(await rig.mover.move(rig.request('a', { transfer: { ...request.transfer, fence: 2 } })));
    expect(outcome).toMatchObject({ movedBytes: 20 * MiB, resumedBytes: 0 });
    faulty.loseUnsynced();
    expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(true);
  });

  it('at every fsync: sync_failed, nothing published, nothing left', async () => {
    writeContent(join(rig.from, 'a'), 1, 3 * MiB);
    faulty.faults('fail fsync 5 1 0');
    await expect(rig.mover.move(rig.request('a'))).rejects.toMatchObject({ code: 'sync_failed' });
    expect([...namesIn(join(faulty.backing, 'to')), ...namesIn(rig.journals)]).toEqual([]);
    naiveCopy('a');
    expect(finals()).toEqual(['a']);
  });

  it('at close: told, and written again', async () => {
    writeContent(join(rig.from, 'a'), 1, 3 * MiB);
    faulty.faults('fail flush 5 1 0');
    await expect(rig.mover.move(rig.request('a'))).rejects.toMatchObject({ code: 'sync_failed' });
    expect(finals()).toEqual([]);
    faulty.faults();
    published(await rig.mover.move(rig.request('a')));
    expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(true);
  });

  it('when it is full: waits with what there is, and goes on to the block', async () => {
    writeContent(join(rig.from, 'a'), 1, 40 * MiB);
    faulty.faults(`quota ${20 * MiB}`);
    const request = rig.request('a');
    await expect(rig.mover.move(request)).rejects.toMatchObject({ code: 'space' });
    expect(finals()).toEqual([]);
    faulty.faults();
    const outcome = published(await rig.mover.move(rig.request('a', { transfer: { ...request.transfer, fence: 2 } })));
    expect(outcome.resumedBytes).toBeGreaterThanOrEqual(8 * MiB);
    expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(true);
  });

  it.each(['write', 'read'] as const)(
    'by a bit that turns over once at %s: found, and written again',
    async (operation) => {
      writeContent(join(rig.from, 'a'), 1, 20 * MiB);
      faulty.faults(`flip_at ${operation} ${9 * MiB} 1`);
      const outcome = published(await rig.mover.move(rig.request('a')));
      expect(outcome.movedBytes).toBe(28 * MiB);
      expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(true);
      faulty.faults(`flip_at write ${9 * MiB} 1`);
      naiveCopy('a');
      expect(sameFiles(join(rig.from, 'a'), there('a'))).toBe(false);
    },
  );

  it('by bits that always turn over: corrupt, and nothing under the final name', async () => {
    writeContent(join(rig.from, 'a'), 1, 10 * MiB);
    faulty.faults(`flip_at write ${9 * MiB}`);
    await expect(rig.mover.move(rig.request('a'))).rejects.toMatchObject({
      code: 'corrupt',
      place: { offsetBytes: 8 * MiB },
    });
    expect(finals()).toEqual([]);
  });

  it('without hard links: renames where the name is free', async () => {
    faulty.faults('no_link');
    writeFileSync(join(rig.from, 'a'), 'ours');
    writeFileSync(there('a'), 'theirs');
    const outcome = published(await rig.mover.move(rig.request('a', { options: { conflict: 'rename' } })));
    expect(outcome.publishedPath).toBe('a (1)');
    expect(readFileSync(there('a'), 'utf8')).toBe('theirs');
    await expect(rig.mover.move(rig.request('a', { options: { conflict: 'fail' } }))).rejects.toMatchObject({
      code: 'exists',
    });
  });

  it.each(['EXDEV', 'EACCES'] as const)('at rename with %s: takes a free name by a link', async (errno) => {
    writeFileSync(join(rig.from, 'a'), 'ours');
    faulty.faults(`fail rename ${constants.errno[errno]} 1 0`);
    published(await rig.mover.move(rig.request('a')));
    expect(namesIn(join(faulty.backing, 'to'))).toEqual(['a']);
    writeFileSync(join(rig.from, 'a'), 'newer');
    const code = errno === 'EXDEV' ? 'unsupported' : 'permission';
    await expect(rig.mover.move(rig.request('a'))).rejects.toMatchObject({ code });
    expect(readFileSync(there('a'), 'utf8')).toBe('ours');
  });

  it('because it is read-only: says so', async () => {
    writeFileSync(join(rig.from, 'a'), 'ours');
    faulty.faults('read_only');
    await expect(rig.mover.move(rig.request('a'))).rejects.toMatchObject({ code: 'read_only' });
  });

  it('at one offset of the source: names the place', async () => {
    faulty.faults();
    writeContent(join(rig.to, 'src'), 1, 20 * MiB);
    faulty.faults(`fail_at read 5 ${13 * MiB}`);
    const request = rig.request('src', {
      source: rig.destination,
      destination: rig.source,
      transfer: { source: { endpoint: rig.to, path: 'src' }, destination: { endpoint: rig.from, path: 'src' } },
    });
    const failing = rig.mover.move(request);
    await expect(failing).rejects.toMatchObject({ code: 'io', place: { path: 'src', operation: 'read' } });
    const fault = await failing.catch((error) => error);
    expect(Math.abs(fault.place.offsetBytes - 13 * MiB)).toBeLessThanOrEqual(256 * 1024);
    expect(readdirSync(rig.from).filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});

describe('a pack at a place that fails', () => {
  const movePack = async (count: number) => {
    const results: PackFileResult[] = [];
    const names = Array.from({ length: count }, (_, at) => `f${at}`);
    for (const [at, name] of names.entries()) writeContent(join(rig.from, name), at, 5000);
    await rig.mover.movePack({
      packId: newId(),
      fence: 1,
      source: rig.source,
      destination: rig.destination,
      files: names.map((path) => ({
        transferId: newId(),
        sourcePath: path,
        destinationPath: path,
        entry: { path, kind: 'file', sizeBytes: 5000, mtimeMs: 0 },
      })),
      options: plainOptions,
      control: newControl(),
      finished: async (group) => void results.push(...group),
      checkFence: () => Promise.resolve(),
    });
    return results;
  };
  const codes = (results: readonly PackFileResult[]) =>
    results.flatMap((result) => (result.kind === 'failed' ? [result.fault.code] : []));

  it.each([
    ['fail fsync 5 5 1', 'sync_failed'],
    ['fail flush 5 6 1', 'sync_failed'],
    ['fail create 13 3 1', 'permission'],
    ['fail write 28 4 1', 'space'],
    ['fail rename 5 2 1', 'io'],
  ])('%s fails one file and leaves the others whole', async (fault, code) => {
    faulty.faults(fault);
    const results = await movePack(10);
    expect(codes(results)).toEqual([code]);
    const arrived = results.filter((result) => result.kind === 'published');
    expect(arrived).toHaveLength(9);
    for (const { file } of arrived) {
      expect(sameFiles(join(rig.from, file.sourcePath), there(file.destinationPath))).toBe(true);
    }
    expect(namesIn(join(faulty.backing, 'to'))).toEqual(arrived.map(({ file }) => file.destinationPath).sort());
    expect(namesIn(rig.journals)).toEqual([]);
  });

  it('writes a file again of which a bit turned over', async () => {
    faulty.faults('flip_at write 100 2');
    expect(codes(await movePack(3))).toEqual([]);
    for (const name of ['f0', 'f1', 'f2']) expect(sameFiles(join(rig.from, name), there(name))).toBe(true);
    faulty.faults('flip_at write 100');
    const results = await movePack(3);
    expect(codes(results)).toEqual(['corrupt', 'corrupt', 'corrupt']);
    expect(namesIn(join(faulty.backing, 'to'))).toEqual(['f0', 'f1', 'f2']);
  });
});
