// The process dies at any moment: what is published is whole, what is not goes on to the block, and no partial stays.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { syncWayOf } from '../../../src/engine/mover/group-sync.ts';
import type { PackFileResult } from '../../../src/engine/mover/move.ts';
import { blockBytes } from '../../../src/model/hash.ts';
import { tarPlace } from '../../support/tar-place.ts';
import { filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import type { ChildTask } from './mover-child.ts';
import { namesIn, newId, openRig, plainOptions, published, type Rig, sameFiles } from './mover-rig.ts';

const MiB = 1024 * 1024;
const script = resolve(import.meta.dirname, 'mover-child.ts');
let rig: Rig;
let child: ChildProcess | undefined;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rig.close();
});

const records = () => join(rig.folder, 'records');

function start(task: Partial<ChildTask>, under: readonly string[] = []): { dead: Promise<unknown>; kill(): void } {
  const { from, to, journals } = rig;
  const whole: ChildTask = {
    from,
    to,
    journals,
    options: plainOptions,
    bytesPerSecond: null,
    dieInPublishing: false,
    records: records(),
    ...task,
  };
  const file = join(rig.folder, 'task.json');
  writeFileSync(file, JSON.stringify(whole));
  const [program = '', ...words] = [...under, process.execPath, script, file];
  const started = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  child = started;
  const dead = new Promise((done) => started.once('exit', (code, signal) => done(signal ?? code)));
  return { dead, kill: () => void started.kill('SIGKILL') };
}

function recorded(): { publishing?: never; committed?: string[] }[] {
  if (!existsSync(records())) return [];
  return readFileSync(records(), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Bytes that stand in the partial's blocks. */
function partialBytes(): number {
  const [partial] = readdirSync(rig.to).filter((name) => name.endsWith('.partial'));
  return partial === undefined ? 0 : statSync(join(rig.to, partial)).blocks * 512;
}

describe('a machine whose sync of a file system', () => {
  it.each([
    ['does its work', '', 30],
    ['is forbidden', 'EPERM', 30],
    ['fails for the content', 'EIO:when=1', 0],
    ['fails for the names', 'EIO:when=2', 30],
  ])('%s', async (_, error, arriving) => {
    // The temporary folder may lie in memory, where nothing is synced.
    if (syncWayOf(rig.mounts.mountOf(rig.to).type) !== 'group') return;
    const trace = join(rig.folder, 'trace');
    const inject = error === '' ? [] : ['-e', `inject=syncfs:error=${error}`];
    writeSmallFiles(rig.from, 30, 100);
    const files = filesBelow(rig.from).map((path) => ({
      transferId: newId(),
      sourcePath: path,
      destinationPath: path,
      entry: { path, kind: 'file' as const, sizeBytes: 0, mtimeMs: 0 },
    }));
    const watched = ['strace', '-f', '-o', trace, '-e', 'trace=syncfs', ...inject];
    expect(await start({ pack: { packId: newId(), fence: 1, files } }, watched).dead).toBe(0);
    const [committed] = recorded();
    expect(committed?.committed).toHaveLength(arriving);
    expect(filesBelow(rig.to)).toHaveLength(arriving);
    expect(namesIn(rig.journals)).toEqual([]);
    // Once before the files take their names, and once after.
    const asked = readFileSync(trace, 'utf8').match(/syncfs\(/g) ?? [];
    expect(asked).toHaveLength(error === 'EPERM' ? 1 : 2);
  });

  it.each([
    ['does its work has no file synced by itself', 'EPERM:when=9', false],
    ['is forbidden has each file synced by itself, also those after the first group', 'EPERM', true],
  ])('%s', async (_, error, alone) => {
    if (syncWayOf(rig.mounts.mountOf(rig.to).type) !== 'group') return;
    const trace = join(rig.folder, 'trace');
    const count = 1_100;
    writeSmallFiles(rig.from, count, 10);
    const files = filesBelow(rig.from).map((path) => ({
      transferId: newId(),
      sourcePath: path,
      destinationPath: path,
      entry: { path, kind: 'file' as const, sizeBytes: 0, mtimeMs: 0 },
    }));
    const watched = [
      'strace',
      '-f',
      '-y',
      '-o',
      trace,
      '-e',
      'trace=fsync,syncfs',
      '-e',
      `inject=syncfs:error=${error}`,
    ];
    expect(await start({ pack: { packId: newId(), fence: 1, files } }, watched).dead).toBe(0);
    expect(filesBelow(rig.to)).toHaveLength(count);
    const synced = readFileSync(trace, 'utf8').match(/fsync\(\d+<[^>]*\.partial>/g) ?? [];
    expect(new Set(synced).size).toBe(alone ? count : 0);
  });
});

describe('a killed process', () => {
  it('goes on to the block, again and again', async () => {
    writeContent(join(rig.from, 'a'), 3, 120 * MiB);
    let { transfer } = rig.request('a');
    let stood = 0;
    for (const until of [20 * MiB, 50 * MiB, 90 * MiB]) {
      const running = start({ transfer, bytesPerSecond: 100e6 });
      while (partialBytes() < until) await wait(2);
      running.kill();
      expect(await running.dead).toBe('SIGKILL');
      stood = partialBytes();
      transfer = { ...transfer, fence: transfer.fence + 1 };
    }
    const outcome = published(await rig.mover.move(rig.request('a', { transfer })));
    expect(sameFiles(join(rig.from, 'a'), join(rig.to, 'a'))).toBe(true);
    expect(stood - outcome.resumedBytes).toBeLessThanOrEqual(2 * blockBytes);
    expect(outcome.resumedBytes + outcome.movedBytes).toBe(120 * MiB);
    expect([...namesIn(rig.to), ...namesIn(rig.journals)]).toEqual(['a']);
  });

  it('that died between the record and the name publishes its verified partial without copying', async () => {
    writeContent(join(rig.from, 'a'), 3, 20 * MiB);
    const { transfer } = rig.request('a');
    const running = start({ transfer, dieInPublishing: true });
    expect(await running.dead).toBe('SIGKILL');
    const [record] = recorded();
    if (record?.publishing === undefined) throw new Error('nothing was recorded');
    const again = { ...transfer, fence: 2, publishing: record.publishing };
    expect(await rig.mover.recoverPublishing(again, rig.destination)).toBeUndefined();
    const outcome = published(await rig.mover.move(rig.request('a', { transfer: again })));
    expect(outcome).toMatchObject({ movedBytes: 0, resumedBytes: 20 * MiB });
    expect([...namesIn(rig.to), ...namesIn(rig.journals)]).toEqual(['a']);
  });

  it('that died in a pack finds what it had published, and nothing else is left', async () => {
    writeSmallFiles(rig.from, 2500, 3000);
    const files = filesBelow(rig.from).map((path) => ({
      transferId: newId(),
      sourcePath: path,
      destinationPath: path,
      entry: { path, kind: 'file' as const, sizeBytes: statSync(join(rig.from, path)).size, mtimeMs: 0 },
    }));
    const pack = { packId: newId(), fence: 1, files };
    const running = start({ pack, dieInPublishing: true });
    expect(await running.dead).toBe('SIGKILL');
    const results: PackFileResult[] = [];
    for await (const found of rig.mover.recoverPacks(async () => rig.destination)) {
      expect(found.packId).toBe(pack.packId);
      results.push(...found.results);
      await rig.mover.forgetPack(found.packId);
    }
    expect(results.length).toBeGreaterThanOrEqual(1000);
    const names = results.map((result) => result.file.destinationPath).sort();
    expect(filesBelow(rig.to)).toEqual(names);
    for (const name of names) expect(sameFiles(join(rig.from, name), join(rig.to, name))).toBe(true);
    expect(namesIn(rig.journals)).toEqual([]);
  });

  it.each([
    ['in a pack', 40, undefined],
    ['in a pack', 120, undefined],
    ['in a pack', 250, undefined],
    ['in a pack that comes by a stream', 300, 'source'],
    ['in a pack that goes by a stream', 300, 'destination'],
  ] as const)('%s after %i ms leaves only whole files', async (_, ms, far) => {
    writeSmallFiles(rig.from, 2500, 3000);
    const files = filesBelow(rig.from).map((path) => {
      const { size: sizeBytes, mtimeMs } = statSync(join(rig.from, path));
      const entry = { path, kind: 'file' as const, sizeBytes, mtimeMs };
      return { transferId: newId(), sourcePath: path, destinationPath: path, entry };
    });
    const running = start({ pack: { packId: newId(), fence: 1, files }, ...(far === undefined ? {} : { far }) });
    while (namesIn(rig.journals).length === 0) await wait(1);
    await wait(ms);
    running.kill();
    await running.dead;
    const committed = recorded().flatMap((record) => record.committed ?? []);
    const destination = far === 'destination' ? tarPlace(rig.destination) : rig.destination;
    for await (const { packId } of rig.mover.recoverPacks(async () => destination)) await rig.mover.forgetPack(packId);
    const there = filesBelow(rig.to);
    expect(there.filter((name) => name.endsWith('.partial'))).toEqual([]);
    for (const name of there) expect(sameFiles(join(rig.from, name), join(rig.to, name))).toBe(true);
    expect(committed.filter((name) => !there.includes(name))).toEqual([]);
    expect(namesIn(rig.journals)).toEqual([]);
  });
});
