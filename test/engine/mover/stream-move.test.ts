// Moves by streams: between any two endpoints, with resume, verification by the far side, and places that misbehave.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHasher } from '../../../src/endpoints/content-hash.ts';
import { newControl, openControl } from '../../../src/endpoints/control.ts';
import type { Endpoint, ProvedBlock } from '../../../src/endpoints/endpoint.ts';
import { openGenerated } from '../../../src/endpoints/generated.ts';
import { openMemory } from '../../../src/endpoints/memory.ts';
import { stopReasons } from '../../../src/endpoints/mounts.ts';
import type { PackFileResult } from '../../../src/engine/mover/move.ts';
import { parseEndpoint } from '../../../src/model/endpoint-url.ts';
import { blockBytes, type HashAlgorithm } from '../../../src/model/hash.ts';
import { faulty } from '../../support/faulty.ts';
import { content, writeContent } from '../../support/trees.ts';
import { namesIn, newId, openRig, plainOptions, published, type RequestChange, type Rig } from './mover-rig.ts';

const MiB = 1024 * 1024;
let rig: Rig;
let memory: Endpoint;
beforeEach(async () => {
  rig = await openRig();
  memory = openMemory(parseEndpoint(`mem://${newId()}/`));
});
afterEach(() => rig.close());

async function bytesOf(endpoint: Endpoint, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await endpoint.read(path, 0)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listed(endpoint: Endpoint): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of endpoint.list('')) if (entry.kind === 'file') paths.push(entry.path);
  return paths;
}

/** Turns a bit over. */
function bend(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function hashOf(bytes: Uint8Array, algorithm: HashAlgorithm): string {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}

/** From the rig's folder into memory. */
const upload = (path: string, change: RequestChange = {}) => rig.request(path, { destination: memory, ...change });

describe('a stream', () => {
  it.each([0, 5, 8 * MiB, 19 * MiB + 1])(
    'of %i bytes arrives at a place in memory, hashed by SHA-256',
    async (size) => {
      writeContent(join(rig.from, 'sub/a'), 3, size);
      const request = upload('sub/a');
      const outcome = published(await rig.mover.move(request));
      const bytes = readFileSync(join(rig.from, 'sub/a'));
      expect((await bytesOf(memory, 'sub/a')).equals(bytes)).toBe(true);
      expect(outcome).toMatchObject({ publishedPath: 'sub/a', movedBytes: size, verify: 'far-hash' });
      expect(outcome.hash).toEqual({ algorithm: 'sha256', value: hashOf(bytes, 'sha256') });
      expect(await listed(memory)).toEqual(['sub/a']);
      expect(namesIn(rig.journals)).toEqual([]);
    },
  );

  it('comes down to a folder, by the fast hash, with its time', async () => {
    const made = openGenerated(parseEndpoint('generated://x?size=9MiB'));
    const change = { source: made, transfer: { source: { endpoint: made.name, path: 'file-000001.bin' } } };
    const outcome = published(await rig.mover.move(rig.request('file-000001.bin', change)));
    const bytes = readFileSync(join(rig.to, 'file-000001.bin'));
    expect(bytes.equals(await bytesOf(made, 'file-000001.bin'))).toBe(true);
    expect(outcome).toMatchObject({ verify: 'read-back', hash: { algorithm: 'xxh128-8m' } });
    expect(outcome.hash.value).toBe(hashOf(bytes, 'xxh128-8m'));
    expect(namesIn(rig.to)).toEqual(['file-000001.bin']);
  });

  it.each(['sha256', 'xxh128-8m'] as const)('goes on after a cut, to the block (%s)', async (algorithm) => {
    writeContent(join(rig.from, 'a'), 3, 40 * MiB);
    // Far enough behind the second block that what is still on its way to the place, at most 4 MiB, is none of it.
    const cut = faulty(rig.source, { on: 'read', how: 'fail', at: 23 * MiB, path: 'a' });
    const first = upload('a', { source: cut, options: { algorithm } });
    await expect(rig.mover.move(first)).rejects.toMatchObject({ code: 'network' });
    const transfer = { ...first.transfer, fence: 2 };
    const outcome = published(await rig.mover.move(upload('a', { transfer, options: { algorithm } })));
    const bytes = readFileSync(join(rig.from, 'a'));
    expect((await bytesOf(memory, 'a')).equals(bytes)).toBe(true);
    expect(outcome).toMatchObject({ resumedBytes: 2 * blockBytes, movedBytes: 40 * MiB - 2 * blockBytes });
    expect(outcome.hash.value).toBe(hashOf(bytes, algorithm));
    expect(await listed(memory)).toEqual(['a']);
  });

  it('pauses within a second and takes nothing with it when cancelled', async () => {
    writeContent(join(rig.from, 'a'), 3, 40 * MiB);
    rig.mounts.limitBandwidth(30e6);
    for (const reason of [stopReasons.pause, stopReasons.cancel] as const) {
      const request = upload('a');
      const moving = rig.mover.move(request);
      const control = openControl(request.control);
      await vi.waitFor(() => expect(control.bytesDone).toBeGreaterThan(10 * MiB), { timeout: 10_000 });
      const stopped = performance.now();
      request.stop(reason);
      expect(await moving).toMatchObject({ kind: 'stopped' });
      expect(performance.now() - stopped).toBeLessThan(1_000);
      if (reason === stopReasons.pause) await rig.mover.discard(request.transfer, memory);
    }
    expect([...(await listed(memory)), ...namesIn(rig.journals)]).toEqual([]);
  });

  it('finds a bit that turned over on the way, and writes again from there', async () => {
    writeContent(join(rig.from, 'a'), 3, 20 * MiB);
    const bad = faulty(memory, { on: 'write', how: 'corrupt', at: 12 * MiB });
    const outcome = published(await rig.mover.move(upload('a', { destination: bad })));
    expect(bad.struck).toEqual([1]);
    expect((await bytesOf(memory, 'a')).equals(readFileSync(join(rig.from, 'a')))).toBe(true);
    expect(outcome.movedBytes).toBe(20 * MiB + 12 * MiB);
  });

  it.each([
    ['once', 1, 'arrives'],
    ['always', 9, 'is refused'],
  ] as const)('of which a block reads back wrong %s (%i at most): it %s', async (_often, times, what) => {
    const made = openGenerated(parseEndpoint('generated://x?size=20MiB'));
    const path = 'file-000001.bin';
    let bent = 0;
    // As a disk that turns a bit over: it stands there so, and reading it back at once has shown it.
    const destination: Endpoint = {
      ...rig.destination,
      writeProved: async (at, from, body, told, call) => {
        const isBent = bent++ < times;
        const tell = (each: ProvedBlock) => told({ ...each, isSame: each.isSame && !(isBent && each.block === 1) });
        const size = (await rig.destination.writeProved?.(at, from, body, tell, call)) ?? 0;
        if (isBent) bend(join(rig.to, at), 12 * MiB);
        return size;
      },
    };
    const change = { source: made, destination, transfer: { source: { endpoint: made.name, path } } };
    const moving = rig.mover.move(rig.request(path, change));
    if (what === 'is refused') {
      await expect(moving).rejects.toMatchObject({ code: 'corrupt' });
      expect(namesIn(rig.to).filter((name) => !name.startsWith('.'))).toEqual([]);
      return;
    }
    expect(published(await moving)).toMatchObject({ movedBytes: 20 * MiB + 12 * MiB, verify: 'read-back' });
    expect(readFileSync(join(rig.to, path)).equals(await bytesOf(made, path))).toBe(true);
  });

  it('refuses a place that never gives back what it was given', async () => {
    writeContent(join(rig.from, 'a'), 3, 3 * MiB);
    const bad = faulty(memory, { on: 'write', how: 'corrupt', at: 5, times: 9 });
    await expect(rig.mover.move(upload('a', { destination: bad }))).rejects.toMatchObject({ code: 'corrupt' });
    expect((await listed(memory)).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  it('does not believe a place that ends early', async () => {
    writeContent(join(rig.from, 'a'), 3, 3 * MiB);
    const short = faulty(memory, { on: 'write', how: 'cut', at: MiB });
    published(await rig.mover.move(upload('a', { destination: short })));
    expect((await bytesOf(memory, 'a')).equals(readFileSync(join(rig.from, 'a')))).toBe(true);
    const early = faulty(rig.source, { on: 'read', how: 'cut', at: MiB, times: 9 });
    const request = upload('a', { source: early, destinationPath: 'b' });
    await expect(rig.mover.move(request)).rejects.toMatchObject({ code: 'source_changed' });
  });

  it.each([
    ['rename', 'a (1).txt'],
    ['overwrite', 'a.txt'],
  ] as const)('keeps the conflict rule %s', async (conflict, name) => {
    await memory.write('a.txt', 0, new Blob(['old']).stream());
    writeFileSync(join(rig.from, 'a.txt'), 'new!');
    const outcome = published(await rig.mover.move(upload('a.txt', { options: { conflict } })));
    expect(outcome.publishedPath).toBe(name);
    expect((await bytesOf(memory, name)).toString()).toBe('new!');
    expect((await listed(memory)).length).toBe(conflict === 'rename' ? 2 : 1);
    const again = published(
      await rig.mover.move(upload('a.txt', { destinationPath: name, options: { conflict: 'skip' } })),
    );
    expect(again.alreadyThere).toBe(true);
  });

  it('leaves what is there where the rule says so', async () => {
    await memory.write('a.txt', 0, new Blob(['old']).stream());
    writeFileSync(join(rig.from, 'a.txt'), 'new');
    for (const conflict of ['skip', 'fail'] as const) {
      await expect(rig.mover.move(upload('a.txt', { options: { conflict } }))).rejects.toMatchObject({
        code: 'exists',
      });
    }
    expect((await bytesOf(memory, 'a.txt')).toString()).toBe('old');
  });

  it('waits for room', async () => {
    const small = openMemory(parseEndpoint(`mem://${newId()}/?capacity=2MiB`));
    writeContent(join(rig.from, 'a'), 3, 3 * MiB);
    await expect(rig.mover.move(upload('a', { destination: small }))).rejects.toMatchObject({ code: 'space' });
    expect(await listed(small)).toEqual([]);
  });

  it('is recognised in publishing by its content', async () => {
    writeFileSync(join(rig.from, 'a'), 'content');
    const request = upload('a');
    await rig.mover.move(request);
    const [publishing] = request.published;
    if (publishing === undefined) throw new Error('nothing was recorded');
    const transfer = { ...request.transfer, publishing };
    expect(await rig.mover.recoverPublishing(transfer, memory)).toMatchObject({ kind: 'published' });
    await memory.write('a', 0, new Blob(['another']).stream());
    expect(await rig.mover.recoverPublishing(transfer, memory)).toBeUndefined();
  });

  it('follows a source that grows, and seals it', async () => {
    const file = join(rig.from, 'a');
    writeContent(file, 3, 20 * MiB);
    const growth = (limitBytes: number, ended: boolean) => ({ growth: { limitBytes, ended, readable: false } });
    const first = { ...upload('a'), ...growth(18 * MiB, false) };
    expect(await rig.mover.move(first)).toEqual({ kind: 'caught_up', bytesDone: 16 * MiB });
    writeFileSync(file, content(9, 15 * MiB), { flag: 'a' });
    expect(await rig.mover.move({ ...first, control: newControl() })).toEqual({
      kind: 'caught_up',
      bytesDone: 16 * MiB,
    });
    // The writer comes back to its header.
    writeFileSync(file, 'HEADER', { flag: 'r+' });
    const outcome = published(await rig.mover.move({ ...first, control: newControl(), ...growth(35 * MiB, true) }));
    const bytes = readFileSync(file);
    expect((await bytesOf(memory, 'a')).equals(bytes)).toBe(true);
    expect(outcome.hash).toEqual({ algorithm: 'sha256', value: hashOf(bytes, 'sha256') });
  });

  it('brings packs, a file that fails apart', async () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(join(rig.from, name), name.repeat(100));
    const results: PackFileResult[] = [];
    const outcome = await rig.mover.movePack({
      packId: newId(),
      fence: 1,
      source: rig.source,
      destination: memory,
      files: ['a', 'b', 'gone', 'c'].map((path) => ({
        transferId: newId(),
        sourcePath: path,
        destinationPath: `to/${path}`,
        entry: { path, kind: 'file', sizeBytes: 100, mtimeMs: 0 },
      })),
      options: plainOptions,
      control: newControl(),
      finished: async (group) => void results.push(...group),
      checkFence: () => Promise.resolve(),
    });
    expect(outcome).toEqual({ left: [], stopped: null });
    expect(results.map((result) => result.kind)).toEqual(['published', 'published', 'failed', 'published']);
    expect(await listed(memory)).toEqual(['to/a', 'to/b', 'to/c']);
  });
});
