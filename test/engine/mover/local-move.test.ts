// One local file: whole under its final name, with its metadata, under every conflict rule, and resumed exactly.

import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHasher } from '../../../src/endpoints/content-hash.ts';
import { openControl } from '../../../src/endpoints/control.ts';
import { type Mounts, stopReasons } from '../../../src/endpoints/mounts.ts';
import { createMover } from '../../../src/engine/mover/create-mover.ts';
import { Fault } from '../../../src/model/fault.ts';
import { blockBytes, type HashAlgorithm } from '../../../src/model/hash.ts';
import { numberedName, parsePartialName } from '../../../src/model/names.ts';
import { writeContent } from '../../support/trees.ts';
import { namesIn, openRig, published, type Rig, type RigRequest, sameFiles } from './mover-rig.ts';

const MiB = 1024 * 1024;
let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const from = (path: string) => join(rig.from, path);
const to = (path: string) => join(rig.to, path);

function hashOf(path: string, algorithm: HashAlgorithm): string {
  const hasher = createHasher(algorithm);
  hasher.update(readFileSync(path));
  return hasher.digest();
}

/** Runs until so many bytes have moved, then stops. */
async function stopAfter(request: RigRequest, bytes: number, reason: 1 | 2 = stopReasons.pause) {
  const moving = rig.mover.move(request);
  const control = openControl(request.control);
  await vi.waitFor(() => expect(control.bytesDone).toBeGreaterThanOrEqual(bytes), { interval: 2, timeout: 20_000 });
  request.stop(reason);
  return moving;
}

describe('one local file', () => {
  it('leaves no partial of attempts that nothing speaks of any more, and those of others alone', async () => {
    writeContent(from('a'), 3, 2 * MiB);
    const request = rig.request('a');
    const { id } = request.transfer;
    const other = `.a.${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}.1.partial`;
    for (const name of [`.a.${id}.1.partial`, `.a.${id}.2.partial`, other]) writeFileSync(to(name), 'left behind');
    published(await rig.mover.move(rig.request('a', { transfer: { ...request.transfer, fence: 4 } })));
    expect(namesIn(rig.to).sort()).toEqual([other, 'a']);
    expect(sameFiles(from('a'), to('a'))).toBe(true);
  });

  it.each([0, 1, 8 * MiB, 33 * MiB + 17])('of %i bytes arrives whole', async (size) => {
    writeContent(from('sub/a.bin'), 7, size);
    utimesSync(from('sub/a.bin'), 1_600_000_000.25, 1_600_000_000.25);
    chmodSync(from('sub/a.bin'), 0o640);
    const request = rig.request('sub/a.bin');
    const outcome = published(await rig.mover.move(request));
    expect(sameFiles(from('sub/a.bin'), to('sub/a.bin'))).toBe(true);
    expect(outcome).toMatchObject({ publishedPath: 'sub/a.bin', sizeBytes: size, movedBytes: size, resumedBytes: 0 });
    expect(outcome).toMatchObject({ verify: 'read-back', alreadyThere: false });
    expect(outcome.hash).toEqual({ algorithm: 'xxh128-8m', value: hashOf(from('sub/a.bin'), 'xxh128-8m') });
    expect(statSync(to('sub/a.bin'))).toMatchObject({ mtimeMs: 1_600_000_000_250, mode: 0o100640 });
    expect(request.published).toHaveLength(1);
    expect(request.published[0]?.inode).toBe(String(statSync(to('sub/a.bin')).ino));
    expect(request.progress.at(-1)).toBe(size);
    expect(namesIn(rig.to)).toEqual(['sub', 'sub/a.bin']);
    expect(namesIn(rig.journals)).toEqual([]);
  });

  it.each(['sha256', 'blake3'] as const)('is hashed with %s when asked to, also over a pause', async (algorithm) => {
    writeContent(from('a'), 3, 50 * MiB + 5);
    rig.mounts.limitBandwidth(60e6);
    const first = rig.request('a', { options: { algorithm } });
    expect(await stopAfter(first, 20 * MiB)).toEqual({ kind: 'stopped', reason: 'pause' });
    rig.mounts.limitBandwidth(null);
    const again = rig.request('a', { options: { algorithm }, transfer: { ...first.transfer, fence: 2 } });
    const outcome = published(await rig.mover.move(again));
    expect(outcome.hash).toEqual({ algorithm, value: hashOf(from('a'), algorithm) });
    expect(outcome.resumedBytes).toBeGreaterThanOrEqual(16 * MiB);
  });

  it('keeps holes where it is asked to, beyond 4 GiB', async () => {
    const folder = mkdtempSync('/dev/shm/wherry-sparse-');
    const memory = await openRig({ folder });
    try {
      const file = join(memory.from, 'a');
      writeFileSync(file, 'begin');
      truncateSync(file, 4300 * MiB);
      writeFileSync(file, 'end', { flag: 'a' });
      const outcome = published(
        await memory.mover.move(memory.request('a', { options: { preserve: { sparse: true } } })),
      );
      const there = statSync(join(memory.to, 'a'));
      expect(there.size).toBe(statSync(file).size);
      expect(there.size).toBe(outcome.sizeBytes);
      expect(there.blocks * 512).toBeLessThan(MiB);
      const end = Buffer.alloc(3);
      const fd = openSync(join(memory.to, 'a'), 'r');
      readSync(fd, end, 0, 3, there.size - 3);
      closeSync(fd);
      expect(end.toString()).toBe('end');
    } finally {
      await memory.close();
    }
  }, 60_000);

  it('says what stands in its way', async () => {
    await expect(rig.mover.move(rig.request('none'))).rejects.toMatchObject({ code: 'not_found' });
    mkdirSync(from('folder'));
    await expect(rig.mover.move(rig.request('folder'))).rejects.toMatchObject({ code: 'exists' });
    symlinkSync('/etc/hostname', from('link'));
    await expect(rig.mover.move(rig.request('link'))).rejects.toMatchObject({ code: 'name_unsafe' });
    writeFileSync(from('a'), 'x');
    const up = rig.mover.move(rig.request('a', { destinationPath: '../a' }));
    await expect(up).rejects.toMatchObject({ code: 'name_unsafe' });
    mkdirSync(join(rig.folder, 'elsewhere'));
    symlinkSync(join(rig.folder, 'elsewhere'), to('out'));
    const through = rig.mover.move(rig.request('a', { destinationPath: 'out/a' }));
    await expect(through).rejects.toMatchObject({ code: 'name_unsafe' });
    const large = rig.mover.move(rig.request('a', { options: { reserveBytes: 2 ** 50 } }));
    await expect(large).rejects.toMatchObject({ code: 'space' });
    const itself = rig.request('a', { destination: rig.source });
    await expect(rig.mover.move(itself)).rejects.toMatchObject({ code: 'invalid' });
    expect(namesIn(rig.to)).toEqual(['out']);
    expect(namesIn(join(rig.folder, 'elsewhere'))).toEqual([]);
  });
});

describe('where the name is taken', () => {
  const move = (conflict: 'skip' | 'rename' | 'overwrite' | 'newer' | 'fail', path = 'a.tar.gz') =>
    rig.mover.move(rig.request(path, { options: { conflict } }));

  beforeEach(() => {
    writeContent(from('a.tar.gz'), 1, 9 * MiB);
    utimesSync(from('a.tar.gz'), 1_600_000_000, 1_600_000_000);
    writeContent(to('a.tar.gz'), 2, 9 * MiB);
  });

  it('overwrite replaces it', async () => {
    await move('overwrite');
    expect(sameFiles(from('a.tar.gz'), to('a.tar.gz'))).toBe(true);
    expect(namesIn(rig.to)).toEqual(['a.tar.gz']);
  });

  it('rename takes the next free name, and finds its own content again', async () => {
    writeFileSync(to('a (1).tar.gz'), 'other');
    expect(published(await move('rename')).publishedPath).toBe('a (2).tar.gz');
    expect(sameFiles(from('a.tar.gz'), to('a (2).tar.gz'))).toBe(true);
    rmSync(to('a.tar.gz'));
    renameSync(to('a (2).tar.gz'), to('a.tar.gz'));
    expect(published(await move('rename'))).toMatchObject({ alreadyThere: true, publishedPath: 'a.tar.gz' });
  });

  it('skip leaves other content and says so, and is content with the same', async () => {
    const before = readFileSync(to('a.tar.gz'));
    await expect(move('skip')).rejects.toMatchObject({ code: 'exists' });
    expect(readFileSync(to('a.tar.gz')).equals(before)).toBe(true);
    linkSync(from('a.tar.gz'), to('same'));
    renameSync(to('same'), to('a.tar.gz'));
    expect(published(await move('skip'))).toMatchObject({ alreadyThere: true, movedBytes: 0 });
  });

  it('newer goes by the time', async () => {
    await expect(move('newer')).rejects.toMatchObject({ code: 'exists' });
    utimesSync(to('a.tar.gz'), 1_500_000_000, 1_500_000_000);
    await move('newer');
    expect(sameFiles(from('a.tar.gz'), to('a.tar.gz'))).toBe(true);
  });

  it('fail fails', async () => {
    await expect(move('fail')).rejects.toMatchObject({ code: 'exists' });
    expect(namesIn(rig.to)).toEqual(['a.tar.gz']);
  });

  it('a folder is never replaced', async () => {
    writeFileSync(from('dir'), 'x');
    mkdirSync(to('dir'));
    for (const conflict of ['overwrite', 'skip', 'newer', 'fail'] as const) {
      await expect(move(conflict, 'dir')).rejects.toMatchObject({ code: 'exists' });
    }
    expect(published(await move('rename', 'dir')).publishedPath).toBe(numberedName('dir', 1));
  });

  it('what appears while it is copied is not clobbered', async () => {
    writeFileSync(from('b'), 'ours');
    const appear = (name: string) => async () => writeFileSync(to(name), 'theirs', { flag: 'a' });
    const failing = rig.request('b', { options: { conflict: 'fail' }, hooks: { publishing: appear('b') } });
    await expect(rig.mover.move(failing)).rejects.toMatchObject({ code: 'exists' });
    let told = 0;
    const renamed = rig.request('b', {
      destinationPath: 'c',
      options: { conflict: 'rename' },
      hooks: { publishing: async () => (told++ === 0 ? await appear('c')() : undefined) },
    });
    expect(published(await rig.mover.move(renamed)).publishedPath).toBe('c (1)');
    expect(readFileSync(to('b'), 'utf8')).toBe('theirs');
    expect(readFileSync(to('c'), 'utf8')).toBe('theirs');
  });
});

describe('an attempt that breaks off', () => {
  it.each([1, 2])('is resumed to the block, %i time(s)', async (times) => {
    writeContent(from('a'), 5, 100 * MiB + 3);
    rig.mounts.limitBandwidth(80e6);
    let { transfer } = rig.request('a');
    let moved = 0;
    for (let time = 1; time <= times; time++) {
      const request = rig.request('a', { transfer });
      expect(await stopAfter(request, 30 * time * MiB)).toEqual({ kind: 'stopped', reason: 'pause' });
      moved = Math.max(moved, openControl(request.control).bytesDone);
      expect(namesIn(rig.to).map(parsePartialName)).toEqual([{ transferId: transfer.id, fence: transfer.fence }]);
      transfer = { ...transfer, fence: transfer.fence + 1 };
    }
    rig.mounts.limitBandwidth(null);
    const outcome = published(await rig.mover.move(rig.request('a', { transfer })));
    expect(sameFiles(from('a'), to('a'))).toBe(true);
    expect(outcome.movedBytes + outcome.resumedBytes).toBe(100 * MiB + 3);
    // At most one block a lane is moved twice.
    expect(moved - outcome.resumedBytes).toBeLessThanOrEqual(2 * blockBytes);
    expect(namesIn(rig.to)).toEqual(['a']);
    expect(namesIn(rig.journals)).toEqual([]);
  });

  it('cancelled leaves nothing', async () => {
    writeContent(from('a'), 5, 40 * MiB);
    rig.mounts.limitBandwidth(40e6);
    const request = rig.request('a');
    expect(await stopAfter(request, MiB, stopReasons.cancel)).toEqual({ kind: 'stopped', reason: 'cancel' });
    expect([...namesIn(rig.to), ...namesIn(rig.journals)]).toEqual([]);
  });

  it('is discarded with its partial and journal', async () => {
    writeContent(from('a'), 5, 40 * MiB);
    rig.mounts.limitBandwidth(40e6);
    const request = rig.request('a');
    await stopAfter(request, MiB);
    await rig.mover.discard(request.transfer, rig.destination);
    await rig.mover.discard(request.transfer, rig.destination);
    expect([...namesIn(rig.to), ...namesIn(rig.journals)]).toEqual([]);
  });

  it('copies again what was changed in the partial meanwhile', async () => {
    writeContent(from('a'), 5, 60 * MiB);
    rig.mounts.limitBandwidth(60e6);
    const request = rig.request('a');
    await stopAfter(request, 35 * MiB);
    const [partial] = namesIn(rig.to) as [string];
    const bytes = readFileSync(to(partial));
    bytes.writeUInt8(bytes.readUInt8(blockBytes + 5) ^ 1, blockBytes + 5);
    writeFileSync(to(partial), bytes, { flag: 'r+' });
    rig.mounts.limitBandwidth(null);
    const outcome = published(await rig.mover.move(rig.request('a', { transfer: { ...request.transfer, fence: 2 } })));
    expect(sameFiles(from('a'), to('a'))).toBe(true);
    expect(outcome.resumedBytes).toBeGreaterThan(0);
  });

  it.each([
    ['written to', () => writeFileSync(from('a'), 'x', { flag: 'r+' })],
    ['cut', () => truncateSync(from('a'), 20 * MiB)],
    [
      'replaced',
      () => {
        writeContent(from('b'), 9, 40 * MiB);
        renameSync(from('b'), from('a'));
      },
    ],
  ])('starts again where the source has been %s', async (_, change) => {
    writeContent(from('a'), 5, 40 * MiB);
    rig.mounts.limitBandwidth(60e6);
    const request = rig.request('a');
    await stopAfter(request, 20 * MiB);
    change();
    rig.mounts.limitBandwidth(null);
    const again = rig.request('a', { transfer: { ...request.transfer, fence: 2 } });
    const outcome = published(await rig.mover.move(again));
    expect(again.restarts.map((fault) => fault.code)).toEqual(['source_changed']);
    expect(outcome.resumedBytes).toBe(0);
    expect(sameFiles(from('a'), to('a'))).toBe(true);
    expect(namesIn(rig.to)).toEqual(['a']);
  });

  it.each([
    ['written to', () => writeFileSync(from('a'), 'x', { flag: 'r+' })],
    ['cut', () => truncateSync(from('a'), 20 * MiB)],
    [
      'replaced',
      () => {
        writeContent(from('b'), 9, 40 * MiB);
        renameSync(from('b'), from('a'));
      },
    ],
  ])('never mixes two versions: a source that is %s in mid copy', async (_, change) => {
    writeContent(from('a'), 5, 40 * MiB);
    rig.mounts.limitBandwidth(60e6);
    const request = rig.request('a');
    const moving = rig.mover.move(request);
    const control = openControl(request.control);
    await vi.waitFor(() => expect(control.bytesDone).toBeGreaterThan(25 * MiB), { interval: 2, timeout: 20_000 });
    change();
    rig.mounts.limitBandwidth(null);
    published(await moving);
    expect(request.restarts.map((fault) => fault.code)).toContain('source_changed');
    expect(sameFiles(from('a'), to('a'))).toBe(true);
    expect(namesIn(rig.to)).toEqual(['a']);
  });

  it('gives up on a source that never rests, and leaves nothing', async () => {
    writeContent(from('a'), 5, 3 * MiB);
    rig.mounts.limitBandwidth(20e6);
    const request = rig.request('a');
    let seconds = 1_600_000_000;
    const timer = setInterval(() => utimesSync(from('a'), seconds++, seconds), 5);
    await expect(rig.mover.move(request)).rejects.toMatchObject({ code: 'source_changed' });
    clearInterval(timer);
    expect([...namesIn(rig.to), ...namesIn(rig.journals)]).toEqual([]);
  });
});

describe('publishing', () => {
  it('does not happen once the fence is lost', async () => {
    writeFileSync(from('a'), 'x');
    const lost = new Fault('lease_lost', 'Another worker has taken over.');
    const request = rig.request('a', { hooks: { publishing: () => Promise.reject(lost) } });
    await expect(rig.mover.move(request)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(namesIn(rig.to).filter((name) => !name.startsWith('.'))).toEqual([]);
    const outcome = published(await rig.mover.move(rig.request('a', { transfer: { ...request.transfer, fence: 2 } })));
    expect(outcome).toMatchObject({ resumedBytes: 1, movedBytes: 0 });
  });

  it('is recognised after a crash by the inode, by the content, and not where another file has the name', async () => {
    writeContent(from('a'), 4, 3000);
    const request = rig.request('a', { options: { conflict: 'rename' } });
    const outcome = published(await rig.mover.move(request));
    const [record] = request.published;
    if (record === undefined) throw new Error('nothing was recorded');
    const recover = (publishing: typeof record) =>
      rig.mover.recoverPublishing({ ...request.transfer, publishing }, rig.destination);
    expect(await recover(record)).toMatchObject({
      kind: 'published',
      alreadyThere: true,
      hash: outcome.hash,
      identity: outcome.identity,
    });
    expect(await recover({ ...record, inode: '1' })).toMatchObject({ kind: 'published' });
    // Between the link and the unlink both names are there.
    linkSync(to('a'), to(record.partialPath));
    expect(await recover(record)).toMatchObject({ kind: 'published' });
    expect(namesIn(rig.to)).toEqual(['a']);
    // And move() itself never applies the conflict rule to its own file.
    const again = rig.request('a', {
      options: { conflict: 'rename' },
      transfer: { ...request.transfer, fence: 2, publishing: record },
    });
    expect(published(await rig.mover.move(again)).publishedPath).toBe('a');
    writeContent(to('b'), 5, 3000);
    renameSync(to('b'), to('a'));
    expect(await recover(record)).toBeUndefined();
    rmSync(to('a'));
    expect(await recover(record)).toBeUndefined();
  });
});

describe('sweeping', () => {
  it('removes what nobody owns, and only that', async () => {
    writeContent(from('a'), 5, 40 * MiB);
    writeContent(from('b'), 6, 40 * MiB);
    rig.mounts.limitBandwidth(60e6);
    const gone = rig.request('a');
    const alive = rig.request('b');
    await stopAfter(gone, 25 * MiB);
    await stopAfter(alive, 25 * MiB);
    writeFileSync(to('.mine.partial'), 'x');
    const orphan = `.old.${gone.transfer.id.slice(0, -1)}A.1.partial`;
    writeFileSync(to(orphan), 'x');
    const folders = [{ destination: rig.destination, folder: '' }];
    expect(await rig.mover.sweep(folders, async (id) => id === alive.transfer.id)).toBeGreaterThanOrEqual(2);
    expect(readdirSync(rig.to).filter((name) => parsePartialName(name) === undefined)).toEqual(['.mine.partial']);
    expect(namesIn(rig.journals)).toEqual([`${alive.transfer.id}.journal`]);
    rig.mounts.limitBandwidth(null);
    const again = rig.request('b', { transfer: { ...alive.transfer, fence: 2 } });
    expect(published(await rig.mover.move(again)).resumedBytes).toBeGreaterThan(0);
  });
});

describe('lanes', () => {
  it('are two for a file alone, and one for each of those that begin together', async () => {
    const copies: unknown[] = [];
    // None goes on before as many have begun: else one that comes late finds itself alone, and takes two.
    let together = Promise.withResolvers<void>();
    let awaited = 1;
    const counting: Mounts = {
      ...rig.mounts,
      pool: (...paths) => {
        const pool = rig.mounts.pool(...paths);
        return {
          run: async (operation, input, options) => {
            if (operation === 'mover.copy' || operation === 'mover.standBy') copies.push(operation);
            if (operation === 'mover.copy' && --awaited === 0) together.resolve();
            if (operation === 'mover.copy') await together.promise;
            return await pool.run(operation, input, options);
          },
        };
      },
    };
    const mover = createMover({ mounts: counting, journalFolder: rig.journals });
    const names = ['a', 'b', 'c', 'd'];
    for (const [seed, name] of names.entries()) writeContent(from(name), seed, 40 * MiB);
    await mover.move(rig.request('a', { destinationPath: 'alone' }));
    // A second worker is asked to stand by only where the lanes have not begun already.
    expect(copies.filter((operation) => operation === 'mover.copy')).toHaveLength(2);
    copies.length = 0;
    together = Promise.withResolvers<void>();
    awaited = names.length;
    await Promise.all(names.map((name) => mover.move(rig.request(name))));
    expect(copies).toEqual(names.map(() => 'mover.copy'));
    for (const name of names) expect(readFileSync(to(name)).equals(readFileSync(from(name)))).toBe(true);
  });
});
