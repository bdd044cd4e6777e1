// Many files of a place over SSH by one call: as archives where the host has tar, by SFTP where it has not. The same must come of it.

import { appendFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHasher } from '../../src/endpoints/content-hash.ts';
import type { Endpoint, ManyWrite } from '../../src/endpoints/endpoint.ts';
import { openSsh } from '../../src/endpoints/ssh/ssh.ts';
import { createSshHosts, type SshHosts } from '../../src/endpoints/ssh/ssh-hosts.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { Fault } from '../../src/model/fault.ts';
import { bodyOf, bytesOf } from '../support/bytes.ts';
import { hostileNames } from '../support/endpoint-suite.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { content } from '../support/trees.ts';

type Many = Required<
  Pick<
    Endpoint,
    | 'readMany'
    | 'writeMany'
    | 'hashMany'
    | 'renameMany'
    | 'removeMany'
    | 'statMany'
    | 'setMetadataMany'
    | 'readRange'
    | 'writeAt'
  >
> &
  Endpoint;

describe.each([
  { name: 'with commands', lines: [] as string[], archives: true },
  { name: 'with SFTP alone', lines: ['ForceCommand internal-sftp'], archives: false },
])('$name', ({ lines, archives }) => {
  let sshd: Sshd;
  let hosts: SshHosts;
  beforeAll(async () => {
    sshd = await startSshd({ lines });
    const { identityFile, knownHosts } = sshd;
    hosts = createSshHosts({ hosts: { '127.0.0.1': { identityFile, knownHosts, agent: false } } });
  });
  afterAll(async () => {
    await hosts.close();
    await sshd.close();
  });
  const open = () => {
    const root = mkdtempSync(join(sshd.files, 'many-'));
    return { root, place: openSsh(parseEndpoint(sshd.address(root)), hosts) as Many };
  };
  const files = new Map(
    [...hostileNames(true), 'empty', 'large'].map((name, index) => [
      `d${index % 5}/${name}`,
      content(index, name === 'large' ? 3_000_000 : name === 'empty' ? 0 : 100 + index * 997),
    ]),
  );
  const writes = async function* (
    change?: (path: string, bytes: Uint8Array) => AsyncIterable<Uint8Array>,
  ): AsyncGenerator<ManyWrite> {
    for (const [path, bytes] of files) {
      const body = change?.(path, bytes) ?? chunks(bytes);
      yield { path, sizeBytes: bytes.length, mtimeMs: 1_700_000_000_000, mode: 0o640, body };
    }
  };
  const readAll = async (place: Many, paths: readonly string[]) => {
    const got = new Map<string, Uint8Array | string>();
    for await (const answer of place.readMany(paths)) {
      expect(got.has(answer.path)).toBe(false);
      got.set(answer.path, 'fault' in answer ? answer.fault.code : await bytesOf(ReadableStream.from(answer.body)));
    }
    return got;
  };

  test('says how files move', async () => {
    const { place } = open();
    await place.stat('');
    await expect.poll(() => place.transport).toContain(archives ? 'tar packs' : 'SFTP alone');
    // One where the host is near; on a busy machine it may seem to be far.
    expect([1, 4]).toContain(place.streams);
  });

  test('written, looked at, hashed, read, renamed and removed: whatever they are called', async () => {
    const { place } = open();
    const paths = [...files.keys()];
    expect(await place.writeMany(writes())).toEqual(new Map());
    const there = await place.statMany([...paths, 'd0/missing', 'no/where']);
    expect(there.size).toBe(paths.length);
    for (const [path, bytes] of files) {
      expect(there.get(path)).toMatchObject({
        kind: 'file',
        sizeBytes: bytes.length,
        mtimeMs: 1_700_000_000_000,
        mode: 0o640,
      });
    }
    const hashes = await place.hashMany([...paths, 'd0/missing'], 'sha256');
    expect(hashes.size).toBe(paths.length);
    for (const [path, bytes] of files) expect(hashes.get(path)).toBe(sha256(bytes));
    const got = await readAll(place, [...paths, 'd0/missing', 'no/where']);
    expect(got.size).toBe(paths.length + 2);
    expect([got.get('d0/missing'), got.get('no/where')]).toEqual(['not_found', 'not_found']);
    for (const [path, bytes] of files) expect(Buffer.compare(got.get(path) as Uint8Array, bytes), path).toBe(0);
    const pairs = paths.map((path, index) => ({ from: path, to: `new/${index}/${path}` }));
    const faults = await place.renameMany([...pairs, { from: 'd0/missing', to: 'x' }], { overwrite: false });
    expect([...faults].map(([path, { code }]) => [path, code])).toEqual([['d0/missing', 'not_found']]);
    await place.setMetadataMany(pairs.map(({ to }) => ({ path: to, mtimeMs: 1_600_000_000_000 })));
    const moved = await place.statMany(pairs.map(({ to }) => to));
    expect([...moved.values()].every(({ mtimeMs }) => mtimeMs === 1_600_000_000_000)).toBe(true);
    expect(moved.size).toBe(paths.length);
    expect(await place.removeMany([...pairs.map(({ to }) => to), 'missing'])).toEqual(new Map());
    expect((await place.statMany(pairs.map(({ to }) => to))).size).toBe(0);
    const refused = await place.removeMany(['new']);
    expect(refused.get('new')?.code).toBe('exists');
  });

  test('a rename replaces only where it is told to', async () => {
    const { place } = open();
    for (const path of ['a', 'b', 'f/c']) await place.write(path, 0, bodyOf(content(1, path.length)));
    const codes = async (pairs: { from: string; to: string }[], overwrite: boolean) =>
      [...(await place.renameMany(pairs, { overwrite }))].map(([path, { code }]) => [path, code]);
    expect(await codes([{ from: 'a', to: 'b' }], false)).toEqual([['a', 'exists']]);
    expect(await codes([{ from: 'a', to: 'f' }], true)).toEqual([['a', 'exists']]);
    expect(await codes([{ from: 'a', to: 'b' }], true)).toEqual([]);
    expect(await place.stat('a')).toBeUndefined();
  });

  test('one body that fails, or has another size, is that file’s fault alone', async () => {
    const { place } = open();
    const error = new Fault('io', 'the source failed');
    const faults = await place.writeMany(
      writes((path, bytes) =>
        path === 'd1/ leading' ? chunks(bytes, error) : path.endsWith('/*') ? chunks(content(1, 5)) : chunks(bytes),
      ),
    );
    const star = [...files.keys()].find((path) => path.endsWith('/*')) ?? '';
    expect(faults.get('d1/ leading')).toBe(error);
    expect(faults.get(star)?.code).toBe('source_changed');
    expect(faults.size).toBe(2);
    const good = [...files.keys()].filter((path) => !faults.has(path));
    const hashes = await place.hashMany(good, 'sha256');
    for (const path of good) expect(hashes.get(path), path).toBe(sha256(files.get(path) ?? new Uint8Array()));
  });

  test('no archive goes through a symlink, or out of the place; what stands in the way is told', async () => {
    const { place, root } = open();
    mkdirSync(join(root, 'real'));
    mkdirSync(join(root, 'folder-in-the-way'));
    mkdirSync(join(root, 'folder-in-the-way', 'filled'));
    symlinkSync('real', join(root, 'way'));
    writeFileSync(join(root, 'file'), 'x');
    const one = (path: string): ManyWrite => ({ path, sizeBytes: 4, mtimeMs: 1_000, body: chunks(content(1, 4)) });
    const faults = await place.writeMany(
      (async function* () {
        yield* [one('way/new'), one('good'), one('file/below'), one('folder-in-the-way')];
      })(),
    );
    expect(Object.fromEntries([...faults].map(([path, { code }]) => [path, code]))).toEqual({
      'way/new': 'name_unsafe',
      'file/below': 'exists',
      'folder-in-the-way': 'exists',
    });
    expect((await place.stat('good'))?.sizeBytes).toBe(4);
    expect(await place.stat('real/new')).toBeUndefined();
    const out = (async function* () {
      yield one('../out');
    })();
    await expect(place.writeMany(out)).rejects.toMatchObject({ code: 'name_unsafe' });
    await expect(readAll(place, ['../../etc/passwd'])).rejects.toMatchObject({ code: 'name_unsafe' });
  });

  test('looked at again and again, as they are by then, and nothing is left running', async () => {
    const { place, root } = open();
    const paths = Array.from({ length: 40 }, (_, index) => `in/a file\n${index}`);
    mkdirSync(join(root, 'in'));
    for (const path of paths) writeFileSync(join(root, path), content(1, 10));
    const asked = [...paths, 'in/missing', 'missing/too', 'in'];
    for (let round = 0; round < 3; round++) {
      appendFileSync(join(root, paths[round] ?? ''), 'more');
      const [there, again] = await Promise.all([place.statMany(asked), place.statMany(paths.toReversed())]);
      expect([...there.keys()].sort()).toEqual([...paths, 'in'].sort());
      expect([...again.keys()].sort()).toEqual([...paths].sort());
      const sizes = paths.map((_, index) => (index <= round ? 14 : 10));
      expect(paths.map((path) => there.get(path)?.sizeBytes)).toEqual(sizes);
      expect(there.get('in')?.kind).toBe('folder');
    }
    const reason = new Error('enough');
    const stop = new AbortController();
    const stopped = place.statMany(paths, { signal: stop.signal });
    setImmediate(() => stop.abort(reason));
    await stopped.catch((error) => expect(error).toBe(reason));
    symlinkSync('in', join(root, 'way'));
    const through = paths.map((path) => path.replace('in', 'way'));
    await expect(place.statMany(through)).rejects.toMatchObject({ code: 'name_unsafe' });
    expect((await place.statMany(paths)).size).toBe(paths.length);
    await expect.poll(() => sshd.commands().filter((line) => /find/.test(line)), { timeout: 10_000 }).toEqual([]);
  });

  test('who leaves early, or is stopped, leaves nothing running over there', async () => {
    const { place, root } = open();
    for (let index = 0; index < 12; index++) writeFileSync(join(root, `${index}`), content(index, 4_000_000));
    const paths = Array.from({ length: 12 }, (_, index) => `${index}`);
    for await (const answer of place.readMany(paths)) {
      expect('fault' in answer).toBe(false);
      break;
    }
    const reason = new Error('enough');
    const stop = new AbortController();
    const reading = async () => {
      for await (const answer of place.readMany(paths, { signal: stop.signal })) {
        if ('fault' in answer) throw answer.fault;
        for await (const _ of answer.body) stop.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    const writing = new AbortController();
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield content(1, 100_000);
        setImmediate(() => writing.abort(reason));
      }
    };
    const written = place.writeMany(
      (async function* () {
        yield { path: 'endless', sizeBytes: 2 ** 40, mtimeMs: 1, body: endless() };
      })(),
      { signal: writing.signal },
    );
    await expect(written).rejects.toBe(reason);
    await expect
      .poll(() => sshd.commands().filter((line) => /tar|find|sum/.test(line)), { timeout: 10_000 })
      .toEqual([]);
  });

  test('parts of one file are read and written side by side', async () => {
    const { place } = open();
    const whole = content(3, 3_000_000);
    const cuts = [0, 700_000, 1_400_001, 3_000_000];
    const parts = cuts.slice(0, -1).map((from, index) => ({ from, to: cuts[index + 1] ?? 0 }));
    await Promise.all(
      parts.reverse().map(async ({ from, to }) => {
        expect(await place.writeAt('file', from, bodyOf(whole.subarray(from, to)))).toBe(to - from);
      }),
    );
    expect(Buffer.compare(await bytesOf(await place.read('file', 0)), whole)).toBe(0);
    for (const { from, to } of [...parts, { from: 5, to: 5 }, { from: 2_999_990, to: 4_000_000 }]) {
      expect(Buffer.compare(await bytesOf(await place.readRange('file', from, to)), whole.subarray(from, to))).toBe(0);
    }
  });
});

async function* chunks(bytes: Uint8Array, error?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000);
  if (error !== undefined) throw error;
}

function sha256(bytes: Uint8Array): string {
  const hasher = createHasher('sha256');
  hasher.update(bytes);
  return hasher.digest();
}
