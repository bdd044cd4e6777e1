// Tar archives: read and written so that real tar agrees, and hostile or broken ones refused.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManyRead, ManyWrite } from '../../src/endpoints/endpoint.ts';
import { readManyFromTar, readTar } from '../../src/endpoints/tar-reader.ts';
import { writeTar } from '../../src/endpoints/tar-writer.ts';
import { Fault } from '../../src/model/fault.ts';
import { pathBytes, pathFromBytes } from '../../src/model/names.ts';
import { content } from '../support/trees.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tar-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Given {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mtimeMs: number;
  readonly mode: number;
}

async function* inChunks(bytes: Uint8Array, sizes: readonly number[] = [65_536]): AsyncGenerator<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

async function* manyOf(files: readonly Given[]): AsyncGenerator<ManyWrite> {
  for (const { bytes, ...file } of files) yield { ...file, sizeBytes: bytes.length, body: inChunks(bytes, [1000]) };
}

async function archive(files: AsyncIterable<ManyWrite>, failed = new Map<string, Fault>()): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(files, { failed, prefix: './' })) parts.push(part);
  return Buffer.concat(parts);
}

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

async function readAll(answers: AsyncIterable<ManyRead>): Promise<Map<string, Given | Fault>> {
  const all = new Map<string, Given | Fault>();
  for await (const answer of answers) {
    if ('fault' in answer) all.set(answer.path, answer.fault);
    else {
      const { path, mtimeMs, mode = 0 } = answer.entry;
      all.set(answer.path, { path, mtimeMs, mode, bytes: await bytesOf(answer.body) });
    }
  }
  return all;
}

function realTar(args: readonly string[], input?: Buffer): Buffer {
  return execFileSync('tar', args, { cwd: folder, maxBuffer: 1e9, ...(input === undefined ? {} : { input }) });
}

const part = fc
  .uint8Array({ minLength: 1, maxLength: 90 })
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte)))
  .filter((bytes) => !['.', '..'].includes(Buffer.from(bytes).toString('latin1')))
  .map(pathFromBytes);
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const file = fc.record({
  path,
  bytes: fc
    .tuple(fc.nat(100), fc.oneof(fc.constant(0), fc.nat(2000), fc.constantFrom(511, 512, 513, 300_000)))
    .map(([seed, size]) => content(seed, size)),
  mtimeMs: fc.oneof(
    fc.nat(2 ** 31).map((s) => s * 1000),
    fc.integer({ min: 0, max: 2 ** 42 }).map((ms) => ms + 0.25),
  ),
  mode: fc.constantFrom(0o600, 0o644, 0o755),
});
/** No two of which one would have to be the folder of the other. */
const tree = fc.array(file, { maxLength: 6 }).map((files) => {
  const kept: Given[] = [];
  for (const one of files)
    if (
      !kept.some(
        ({ path: other }) => other === one.path || other.startsWith(`${one.path}/`) || one.path.startsWith(`${other}/`),
      )
    )
      kept.push(one);
  return kept;
});

describe('an archive that we write', () => {
  test('is read back as it was, in chunks of any size', () =>
    fc.assert(
      fc.asyncProperty(tree, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), async (files, sizes) => {
        const paths = files.map((one) => one.path);
        const all = await readAll(
          readManyFromTar(inChunks(await archive(manyOf(files)), sizes), { paths, place: 'x' }),
        );
        expect([...all.keys()]).toEqual(paths);
        for (const one of files) {
          const got = all.get(one.path) as Given;
          expect(got.mode).toBe(one.mode);
          expect(Math.abs(got.mtimeMs - one.mtimeMs)).toBeLessThan(0.001);
          expect(Buffer.compare(got.bytes, one.bytes)).toBe(0);
        }
      }),
      { numRuns: 60 },
    ));

  test('is unpacked by tar with names of any bytes, times and modes', () =>
    fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const to = mkdtempSync(join(folder, 'out-'));
        realTar(['-x', '-p', '--warning=no-timestamp', '-C', to], await archive(manyOf(files)));
        for (const one of files) {
          const name = Buffer.concat([Buffer.from(`${to}/`), pathBytes(one.path)]);
          expect(Buffer.compare(readFileSync(name), one.bytes)).toBe(0);
          const stats = statSync(name);
          expect(stats.mode & 0o777).toBe(one.mode);
          expect(Math.abs(stats.mtimeMs - one.mtimeMs)).toBeLessThan(0.01);
        }
      }),
      { numRuns: 25 },
    ));

  test('keeps its shape where a body is short, long or fails, and says which', async () => {
    const failed = new Map<string, Fault>();
    const given: readonly Given[] = ['a', 'short', 'long', 'broken', 'z'].map((name, n) => ({
      path: name,
      bytes: content(n, 3000),
      mtimeMs: 1000,
      mode: 0o644,
    }));
    async function* files(): AsyncGenerator<ManyWrite> {
      for await (const one of manyOf(given)) {
        const bytes = content(9, 3000);
        async function* breaking() {
          yield bytes.subarray(0, 700);
          throw new Fault('io', 'The disk is broken.');
        }
        if (one.path === 'short') yield { ...one, body: inChunks(bytes.subarray(0, 2999)) };
        else if (one.path === 'long') yield { ...one, body: inChunks(content(9, 3001), [1000]) };
        else if (one.path === 'broken') yield { ...one, body: breaking() };
        else yield one;
      }
    }
    const all = await readAll(
      readManyFromTar(inChunks(await archive(files(), failed)), { paths: given.map((one) => one.path), place: 'x' }),
    );
    expect([...failed].map(([name, { code }]) => [name, code])).toEqual([
      ['short', 'source_changed'],
      ['long', 'source_changed'],
      ['broken', 'io'],
    ]);
    expect((all.get('a') as Given).bytes).toEqual(given[0]?.bytes);
    expect((all.get('z') as Given).bytes).toEqual(given[4]?.bytes);
  });

  test('holds a file of more than 8 GiB', async () => {
    const sizeBytes = 9 * 1024 ** 3;
    const abort = new Error('enough');
    async function* files(): AsyncGenerator<ManyWrite> {
      yield { path: 'huge', sizeBytes, mtimeMs: 1500, body: inChunks(content(1, 1000)) };
    }
    // Only its head: the rest would be zeros.
    const [head] = await (async () => {
      for await (const piece of writeTar(files(), { failed: new Map() })) return [piece];
      throw abort;
    })();
    const listed = spawnSync('tar', ['-tv'], { input: head, env: { ...process.env, LC_ALL: 'C' } });
    expect(String(listed.stdout)).toContain(String(sizeBytes));
    for await (const member of readTar(inChunks(head as Uint8Array))) {
      expect(member.sizeBytes).toBe(sizeBytes);
      break;
    }
  });
});

describe('an archive of real tar', () => {
  for (const format of ['ustar', 'gnu', 'posix', 'v7'] as const) {
    test(`in the form ${format}`, async () => {
      const name = format === 'gnu' || format === 'posix' ? `${'long-'.repeat(45)}\udcff` : 'short';
      const names = ['plain', `folder/${name}`, 'empty'];
      mkdirSync(join(folder, 'folder'));
      for (const [n, each] of names.entries()) {
        const full = Buffer.concat([Buffer.from(`${folder}/`), pathBytes(each)]);
        writeFileSync(full, each === 'empty' ? '' : content(n, 70_000 + n));
        utimesSync(full, 1_700_000_000.125, 1_700_000_000.125);
      }
      const list = Buffer.concat(names.flatMap((each) => [Buffer.from('./'), pathBytes(each), Buffer.of(0)]));
      const bytes = realTar([`--format=${format}`, '--no-recursion', '--null', '-T', '-', '-c'], list);
      const all = await readAll(readManyFromTar(inChunks(bytes, [777]), { paths: [...names, 'gone'], place: 'x' }));
      for (const [n, each] of names.entries()) {
        const got = all.get(each) as Given;
        expect(got.bytes).toEqual(each === 'empty' ? Buffer.alloc(0) : content(n, 70_000 + n));
        expect(got.mtimeMs).toBe(format === 'posix' ? 1_700_000_000_125 : 1_700_000_000_000);
      }
      expect((all.get('gone') as Fault).code).toBe('not_found');
    });
  }

  test('with links, a FIFO and a folder: they are said, and the files beside them are read', async () => {
    writeFileSync(join(folder, 'one'), 'content');
    linkSync(join(folder, 'one'), join(folder, 'two'));
    symlinkSync('/etc/passwd', join(folder, 'away'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    mkdirSync(join(folder, 'inner'));
    const paths = ['one', 'two', 'away', 'pipe', 'inner'];
    const bytes = realTar(['--no-recursion', '-c', ...paths]);
    const all = await readAll(readManyFromTar(inChunks(bytes), { paths, place: 'x' }));
    expect(String((all.get('one') as Given).bytes)).toBe('content');
    for (const each of ['two', 'away', 'pipe', 'inner']) expect((all.get(each) as Fault).code).toBe('unsupported');
  });

  test('with a sparse file is refused', async () => {
    execFileSync('truncate', ['-s', '10M', join(folder, 'hole')]);
    for (const format of ['gnu', 'posix']) {
      const bytes = realTar(['--sparse', `--format=${format}`, '-c', 'hole']);
      const reading = readAll(readManyFromTar(inChunks(bytes), { paths: ['hole'], place: 'x' }));
      await expect(reading).rejects.toMatchObject({ code: 'unsupported' });
    }
  });
});

describe('an archive that lies', () => {
  const names = ['../up', '/etc/passwd', 'a/../../b', 'other', './', 'asked/x', 'ASKED', 'asked\n', '././asked'];
  for (const name of names) {
    test(`about names: ${JSON.stringify(name)}`, async () => {
      async function* files(): AsyncGenerator<ManyWrite> {
        yield { path: name, sizeBytes: 3, mtimeMs: 0, body: inChunks(Buffer.from('abc')) };
      }
      const parts: Uint8Array[] = [];
      for await (const piece of writeTar(files(), { failed: new Map() })) parts.push(piece);
      const reading = readAll(readManyFromTar(inChunks(Buffer.concat(parts)), { paths: ['asked'], place: 'x' }));
      await expect(reading).rejects.toMatchObject({ code: 'name_unsafe' });
    });
  }

  test('by sending the same name again', async () => {
    const one = { path: 'asked', bytes: content(1, 10), mtimeMs: 0, mode: 0o644 };
    const bytes = await archive(manyOf([one, one]));
    const reading = readAll(readManyFromTar(inChunks(bytes), { paths: ['asked'], place: 'x' }));
    await expect(reading).rejects.toMatchObject({ code: 'name_unsafe' });
  });

  test('by ending anywhere before its end', async () => {
    const files = ['a', 'b'].map((name, n) => ({ path: name, bytes: content(n, 700), mtimeMs: 1.5, mode: 0o644 }));
    const whole = await archive(manyOf(files));
    const used = 2 * (1024 + 512 + 1024);
    for (let length = 0; length < used + 512; length += 97) {
      const reading = readAll(readManyFromTar(inChunks(whole.subarray(0, length)), { paths: ['a', 'b'], place: 'x' }));
      await expect(reading).rejects.toMatchObject({ code: 'network' });
    }
    // The control: with its end it is whole.
    expect((await readAll(readManyFromTar(inChunks(whole), { paths: ['a', 'b'], place: 'x' }))).size).toBe(2);
  });

  test('in any of its bytes: it is refused by a fault or gives what was asked for, and never anything else', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(6000), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        async (changes) => {
          const files = ['a', 'x'.repeat(120)].map((name, n) => ({
            path: name,
            bytes: content(n, 700),
            mtimeMs: 1.5,
            mode: 0o644,
          }));
          const bytes = await archive(manyOf(files));
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const paths = files.map((one) => one.path);
          try {
            for (const each of (await readAll(readManyFromTar(inChunks(bytes), { paths, place: 'x' }))).keys())
              expect(paths).toContain(each);
          } catch (error) {
            expect(error).toBeInstanceOf(Fault);
          }
        },
      ),
      { numRuns: 200 },
    ));
});
