// One reading, several destinations: on one mount, on several, with one that is slow, stops or fails.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openControl } from '../../../src/endpoints/control.ts';
import { openLocal } from '../../../src/endpoints/local.ts';
import { stopReasons } from '../../../src/endpoints/mounts.ts';
import { mountFaultFs } from '../../support/fault-fs.ts';
import { writeContent } from '../../support/trees.ts';
import { namesIn, openRig, published, type RequestChange, type Rig, sameFiles } from './mover-rig.ts';

const MiB = 1024 * 1024;
let rig: Rig;
let shm: string;
beforeEach(async () => {
  rig = await openRig();
  shm = mkdtempSync('/dev/shm/wherry-fan-');
});
afterEach(async () => {
  await rig.close();
  rmSync(shm, { recursive: true, force: true });
});

async function requestTo(folder: string, change: RequestChange = {}) {
  mkdirSync(folder, { recursive: true });
  return rig.request('a', { destination: await openLocal(folder, { mounts: rig.mounts }), ...change });
}

/** Bytes that this process has asked the system to read; what comes from worker threads is counted too. */
function readBytes(): number {
  const text = execFileSync('cat', [`/proc/${process.pid}/io`], { encoding: 'utf8' });
  return Number(/rchar: (\d+)/.exec(text)?.[1]);
}

describe('several destinations', () => {
  it.each([null, 'sha256'] as const)('on one mount share one reading (%s)', async (algorithm) => {
    writeContent(join(rig.from, 'a'), 3, 60 * MiB + 1);
    const folders = ['x', 'y', 'z'].map((name) => join(rig.folder, name));
    const requests = await Promise.all(folders.map((folder) => requestTo(folder, { options: { algorithm } })));
    const before = readBytes();
    const outcomes = await Promise.all(rig.mover.moveTogether(requests));
    // Each destination is read back once, the source once for all of them.
    expect(readBytes() - before).toBeLessThan(4.3 * 60 * MiB);
    for (const [at, folder] of folders.entries()) {
      expect(sameFiles(join(rig.from, 'a'), join(folder, 'a'))).toBe(true);
      expect(published(outcomes[at] as never)).toMatchObject({ movedBytes: 60 * MiB + 1 });
      expect(published(outcomes[at] as never).hash).toEqual(published(outcomes[0] as never).hash);
      expect(namesIn(folder)).toEqual(['a']);
    }
    expect(namesIn(rig.journals)).toEqual([]);
  });

  it.each([null, 'blake3'] as const)('on several mounts share one reading (%s)', async (algorithm) => {
    writeContent(join(rig.from, 'a'), 3, 60 * MiB + 1);
    const folders = [join(rig.folder, 'x'), join(shm, 'y'), join(shm, 'z')];
    const requests = await Promise.all(folders.map((folder) => requestTo(folder, { options: { algorithm } })));
    const outcomes = await Promise.all(rig.mover.moveTogether(requests));
    for (const [at, folder] of folders.entries()) {
      expect(sameFiles(join(rig.from, 'a'), join(folder, 'a'))).toBe(true);
      expect(published(outcomes[at] as never)).toMatchObject({ sizeBytes: 60 * MiB + 1 });
      expect(published(outcomes[at] as never).hash).toEqual(published(outcomes[0] as never).hash);
      expect(namesIn(folder)).toEqual(['a']);
    }
  });

  it('do not wait for a slow one, which goes on by itself', async () => {
    writeContent(join(rig.from, 'a'), 3, 48 * MiB);
    const fault = await mountFaultFs(rig.folder);
    try {
      fault.faults('slow 20000');
      const requests = [
        await requestTo(fault.mount),
        await requestTo(join(shm, 'y')),
        await requestTo(join(rig.folder, 'z')),
      ];
      const [slow, ...fast] = rig.mover.moveTogether(requests);
      let slowEnded = false;
      slow?.finally(() => {
        slowEnded = true;
      });
      for (const outcome of await Promise.all(fast)) published(outcome);
      expect(slowEnded).toBe(false);
      fault.faults();
      published((await slow) as never);
      for (const folder of [fault.backing, join(shm, 'y'), join(rig.folder, 'z')]) {
        expect(sameFiles(join(rig.from, 'a'), join(folder, 'a'))).toBe(true);
        expect(namesIn(folder)).toEqual(['a']);
      }
    } finally {
      await fault.close();
    }
  });

  it.each([true, false])(
    'settle one by one: one fails, one is paused, one arrives (one mount: %s)',
    async (together) => {
      writeContent(join(rig.from, 'a'), 3, 60 * MiB);
      const base = together ? rig.folder : shm;
      const folders = [join(rig.folder, 'x'), join(base, 'y'), join(base, 'z')] as const;
      const failing = await requestTo(folders[0], { options: { conflict: 'fail' } });
      writeFileSync(join(folders[0], 'a'), 'theirs');
      const pausing = await requestTo(folders[1]);
      const arriving = await requestTo(folders[2]);
      const also = await requestTo(join(rig.folder, 'w'));
      rig.mounts.limitBandwidth(60e6);
      const outcomes = rig.mover.moveTogether([failing, pausing, arriving, also]);
      const control = openControl(pausing.control);
      await expect(outcomes[0]).rejects.toMatchObject({ code: 'exists' });
      await vi.waitFor(() => expect(control.bytesDone).toBeGreaterThan(30 * MiB), { interval: 2, timeout: 20_000 });
      pausing.stop(stopReasons.pause);
      expect(await outcomes[1]).toEqual({ kind: 'stopped', reason: 'pause' });
      rig.mounts.limitBandwidth(null);
      published((await outcomes[2]) as never);
      published((await outcomes[3]) as never);
      expect(sameFiles(join(rig.from, 'a'), join(folders[2], 'a'))).toBe(true);
      // What was paused has kept its blocks, and takes part in a reading with another one.
      const again = await requestTo(folders[1], { transfer: { ...pausing.transfer, fence: 2 } });
      const [resumed] = await Promise.all(rig.mover.moveTogether([again, await requestTo(join(rig.folder, 'v'))]));
      expect(published(resumed as never).resumedBytes).toBeGreaterThanOrEqual(8 * MiB);
      expect(sameFiles(join(rig.from, 'a'), join(folders[1], 'a'))).toBe(true);
      expect(sameFiles(join(rig.from, 'a'), join(rig.folder, 'v/a'))).toBe(true);
    },
  );
});
