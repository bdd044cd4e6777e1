// A place that hangs: the attempt ends, the next one does not trust the partial that a hung call may still write to.

import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openControl } from '../../../src/endpoints/control.ts';
import { openLocal } from '../../../src/endpoints/local.ts';
import { type FaultFs, mountFaultFs } from '../../support/fault-fs.ts';
import { writeContent } from '../../support/trees.ts';
import { namesIn, openRig, published, type Rig, sameFiles } from './mover-rig.ts';

const MiB = 1024 * 1024;
let folder: string;
let faulty: FaultFs;
let rig: Rig;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-mover-hung-'));
  faulty = await mountFaultFs(folder);
  mkdirSync(join(faulty.mount, 'to'));
  rig = await openRig({ to: join(faulty.mount, 'to'), hangMs: 500 });
});
afterEach(async () => {
  faulty.faults();
  await rig.close();
  await faulty.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a place that hangs', () => {
  it('ends the attempt, and the next one copies the proven blocks into a new partial', async () => {
    writeContent(join(rig.from, 'a'), 3, 60 * MiB);
    rig.mounts.limitBandwidth(80e6);
    const request = rig.request('a');
    const moving = rig.mover.move(request);
    moving.catch(() => undefined);
    const control = openControl(request.control);
    await vi.waitFor(() => expect(control.bytesDone).toBeGreaterThan(30 * MiB), { interval: 2, timeout: 20_000 });
    faulty.faults('stall');
    await expect(moving).rejects.toMatchObject({ code: 'unreachable' });
    const [old] = readdirSync(join(faulty.backing, 'to')) as [string];
    faulty.faults();
    await vi.waitFor(() => expect(rig.mounts.health().every((mount) => mount.state === 'well')).toBe(true), 10_000);
    rig.mounts.limitBandwidth(null);
    const seen = new Set<string>();
    const again = rig.request('a', {
      transfer: { ...request.transfer, fence: 2 },
      hooks: {
        progress: () => {
          for (const name of readdirSync(join(faulty.backing, 'to'))) seen.add(name);
        },
      },
    });
    const outcome = published(await rig.mover.move(again));
    expect(outcome.resumedBytes).toBeGreaterThanOrEqual(8 * MiB);
    expect(outcome.resumedBytes + outcome.movedBytes).toBe(60 * MiB);
    expect(sameFiles(join(rig.from, 'a'), join(faulty.backing, 'to/a'))).toBe(true);
    expect(seen.has(old)).toBe(false);
    expect([...namesIn(join(faulty.backing, 'to')), ...namesIn(rig.journals)]).toEqual(['a']);
  });

  it('holds up nobody else', async () => {
    writeContent(join(rig.from, 'a'), 3, 40 * MiB);
    mkdirSync(join(rig.folder, 'well'));
    const well = await openLocal(join(rig.folder, 'well'), { mounts: rig.mounts });
    faulty.faults('stall');
    const hung = rig.mover.move(rig.request('a'));
    hung.catch(() => undefined);
    published(await rig.mover.move(rig.request('a', { destination: well })));
    await expect(hung).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a folder that is swapped for a symlink while a file is copied into it', () => {
  it('is not followed', async () => {
    writeContent(join(rig.from, 'a'), 3, 40 * MiB);
    const to = join(rig.folder, 'plain');
    mkdirSync(join(to, 'sub'), { recursive: true });
    mkdirSync(join(rig.folder, 'outside'));
    rig.mounts.limitBandwidth(60e6);
    const destination = await openLocal(to, { mounts: rig.mounts });
    const request = rig.request('a', { destination, destinationPath: 'sub/a' });
    const moving = rig.mover.move(request);
    moving.catch(() => undefined);
    const control = openControl(request.control);
    await vi.waitFor(() => expect(control.bytesDone).toBeGreaterThan(20 * MiB), { interval: 2, timeout: 20_000 });
    renameSync(join(to, 'sub'), join(to, 'moved'));
    symlinkSync(join(rig.folder, 'outside'), join(to, 'sub'));
    rig.mounts.limitBandwidth(null);
    await expect(moving).rejects.toMatchObject({ code: 'name_unsafe' });
    expect(namesIn(join(rig.folder, 'outside'))).toEqual([]);
    expect(readdirSync(join(to, 'moved')).filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});
