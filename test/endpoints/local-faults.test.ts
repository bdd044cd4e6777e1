// A local place whose file system fails, hangs or changes underfoot: each is told by its code, and nothing else happens.

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { localOperations, openLocal } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import type { Mounts } from '../../src/endpoints/mounts.ts';
import { bodyOf, bytesOf } from '../support/bytes.ts';
import { type FaultFs, mountFaultFs } from '../support/fault-fs.ts';
import { content } from '../support/trees.ts';

let folder: string;
let mounts: Mounts;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-local-faults-'));
  mounts = openMounts({ modules: [localOperations], hangMs: 1_500 });
});
afterEach(async () => {
  await mounts.close();
  rmSync(folder, { recursive: true });
});

async function list(place: Endpoint, prefix = ''): Promise<{ paths: string[]; error: unknown }> {
  const paths: string[] = [];
  try {
    for await (const entry of place.list(prefix)) paths.push(entry.path);
    return { paths, error: undefined };
  } catch (error) {
    return { paths, error };
  }
}

describe('a file system that fails', () => {
  let share: FaultFs;
  let place: Endpoint;

  beforeEach(async () => {
    share = await mountFaultFs(folder);
    place = await openLocal(share.mount, { mounts });
  });
  afterEach(() => share.close());

  test('a full disk rejects with `space`, and keeps what was written', async () => {
    const bytes = content(1, 1_500_000);
    share.faults('space 700000');
    await expect(place.write('file', 0, bodyOf(bytes))).rejects.toMatchObject({ code: 'space' });
    share.faults();
    const left = readFileSync(join(share.backing, 'file'));
    expect(left.length).toBeGreaterThan(0);
    expect(Buffer.compare(left, bytes.subarray(0, left.length))).toBe(0);
    expect(await place.write('file', left.length, bodyOf(bytes.subarray(left.length)))).toBe(bytes.length);
    expect(Buffer.compare(await bytesOf(await place.read('file', 0)), bytes)).toBe(0);
  });

  test('an fsync that fails is `sync_failed`; a read that fails names the offset', async () => {
    share.faults('fail fsync 5 1 1');
    await expect(place.write('file', 0, bodyOf(content(2, 100)))).rejects.toMatchObject({ code: 'sync_failed' });
    await place.write('file', 0, bodyOf(content(2, 2_000_000)));
    share.faults('fail_at read 5 1200000');
    const fault = await place
      .read('file', 0)
      .then(bytesOf, (error) => error)
      .catch((error: unknown) => error);
    expect(fault).toMatchObject({ code: 'io', place: { path: 'file', endpoint: share.mount } });
    const offset = (fault as { place: { offsetBytes: number } }).place.offsetBytes;
    expect(offset).toBeGreaterThan(1_000_000);
    expect(offset).toBeLessThanOrEqual(1_200_000);
    await expect(place.hash?.('file', 'sha256')).rejects.toMatchObject({ code: 'io' });
  });

  test('a read-only disk is `read_only` for all that would change it', async () => {
    writeFileSync(join(share.backing, 'file'), 'here');
    share.faults('read_only');
    const attempts = [
      place.write('new', 0, bodyOf(content(3, 10))),
      place.remove('file'),
      place.makeFolder?.('folder'),
      place.makeSymlink?.('symlink', 'file'),
      place.rename?.('file', 'other', { overwrite: true }),
      place.setMetadata?.('file', { mode: 0o600 }),
    ];
    const results = await Promise.allSettled(attempts);
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'read_only' } });
    expect((await place.stat('file'))?.sizeBytes).toBe(4);
  });

  test('without hard links, renaming does not replace either', async () => {
    share.faults('no_link');
    writeFileSync(join(share.backing, 'a'), 'a');
    writeFileSync(join(share.backing, 'b'), 'b');
    await expect(place.rename?.('a', 'b', { overwrite: false })).rejects.toMatchObject({ code: 'exists' });
    await place.rename?.('a', 'c', { overwrite: false });
    expect(readdirSync(share.backing).sort()).toEqual(['b', 'c']);
  });

  test('a listing that breaks rejects; folders that may not be read are left out and told at the end', async () => {
    for (const path of ['a/1', 'b/2', 'c/3']) await place.write(path, 0, bodyOf(content(4, 5)));
    share.faults('fail readdir 5 1 0', 'only /b');
    expect((await list(place)).error).toMatchObject({ code: 'io' });
    share.faults('fail readdir 13 1 0', 'only /b');
    const partly = await list(place);
    expect(partly.error).toMatchObject({ code: 'permission', place: { path: 'b' } });
    expect(partly.paths).toEqual(['a', 'a/1', 'b', 'c', 'c/3']);
    share.faults();
    expect(await list(place)).toEqual({ paths: ['a', 'a/1', 'b', 'b/2', 'c', 'c/3'], error: undefined });
  });

  test('a share that hangs rejects every call with `unreachable`, and all goes on when it is back', async () => {
    await place.write('file', 0, bodyOf(content(5, 3_000_000)));
    const reader = (await place.read('file', 0)).getReader();
    await reader.read();
    const gate = Promise.withResolvers<void>();
    let given = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (given === 300_000) await gate.promise;
        controller.enqueue(content(6, 100_000));
        given += 100_000;
      },
    });
    const begun = Promise.withResolvers<void>();
    const writing = place.write('new', 0, body, { progress: () => begun.resolve() });
    await begun.promise;
    share.faults('stall');
    gate.resolve();
    const draining = (async () => {
      while (!(await reader.read()).done);
    })();
    await expect(draining).rejects.toMatchObject({ code: 'unreachable' });
    await expect(writing).rejects.toMatchObject({ code: 'unreachable' });
    expect((await list(place)).error).toMatchObject({ code: 'unreachable' });
    await expect(place.stat('file')).rejects.toMatchObject({ code: 'unreachable' });
    await expect(place.space?.()).rejects.toMatchObject({ code: 'unreachable' });
    share.faults();
    await expect
      .poll(
        () =>
          place.stat('file').then(
            (entry) => entry?.sizeBytes,
            () => 'away',
          ),
        { timeout: 15_000 },
      )
      .toBe(3_000_000);
  });
});

describe('a tree that changes while it is listed', () => {
  test('thousands of files in one folder, and folders among them, in order', async () => {
    const place = await openLocal(folder, { mounts });
    const wanted: string[] = [];
    for (let at = 0; at < 2_500; at++) {
      const name = `n${String(at).padStart(5, '0')}`;
      wanted.push(name);
      if (at % 600 === 7) {
        mkdirSync(join(folder, name));
        writeFileSync(join(folder, name, 'inside'), '');
        wanted.push(`${name}/inside`);
      } else writeFileSync(join(folder, name), '');
    }
    expect(await list(place)).toEqual({ paths: wanted, error: undefined });
  });

  test('what is swapped for a symlink never shows what lies behind it', async () => {
    const inside = join(folder, 'root', 'folder');
    const outside = join(folder, 'outside');
    mkdirSync(inside, { recursive: true });
    mkdirSync(outside);
    for (let at = 0; at < 400; at++) {
      writeFileSync(join(inside, `file-${at}`), '');
      writeFileSync(join(outside, `file-${at}`), 'lies outside');
    }
    const place = await openLocal(join(folder, 'root'), { mounts });
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const swapper = new Worker(swapUntilStopped, { eval: true, workerData: { inside, outside, stop } });
    const sizes = new Set<number>();
    let found = 0;
    try {
      for (let round = 0; round < 150; round++) {
        for await (const entry of place.list('')) {
          if (entry.kind !== 'file') continue;
          found += 1;
          sizes.add(entry.sizeBytes);
        }
      }
    } finally {
      Atomics.store(stop, 0, 1);
      await once(swapper, 'exit');
    }
    expect(found).toBeGreaterThan(400);
    expect([...sizes]).toEqual([0]);
  });
});

/** Lets `inside` be a symlink to `outside` half of the time, in a thread of its own. */
const swapUntilStopped = `
  const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
  const { inside, outside, stop } = require('node:worker_threads').workerData;
  const pause = () => Atomics.wait(stop, 0, 0, Math.random() * 3);
  while (Atomics.load(stop, 0) === 0) {
    renameSync(inside, inside + '-away');
    symlinkSync(outside, inside);
    pause();
    unlinkSync(inside);
    renameSync(inside + '-away', inside);
    pause();
  }
`;
