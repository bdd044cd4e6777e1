// What every endpoint must do, whatever place it stands for, and how it must behave when things go wrong.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHasher } from '../../src/endpoints/content-hash.ts';
import type { Endpoint, KnownFile } from '../../src/endpoints/endpoint.ts';
import { isWholeBy, ringHeadBytes, ringHeadFrom, ringTailBytes } from '../../src/endpoints/ring-files.ts';
import { newWriteRing, RingReader } from '../../src/endpoints/write-ring.ts';
import { Fault, type FaultCode } from '../../src/model/fault.ts';
import { hashAlgorithms } from '../../src/model/hash.ts';
import type { Entry } from '../../src/model/manifest.ts';
import { joinPath, pathBytes, pathFromBytes } from '../../src/model/names.ts';
import { bodyOf, bytesOf } from './bytes.ts';
import { content } from './trees.ts';

export interface EndpointSubject {
  readonly endpoint: Endpoint;
  /** True where names may be any bytes. */
  readonly rawNames?: boolean;
  /** Makes a file of that size whose bytes cost nothing (all zero). */
  readonly makeHuge?: (path: string, sizeBytes: number) => Promise<void>;
  dispose(): Promise<void>;
}

const leafAndMore = 8 * 1024 * 1024 + 12_345;

/** The whole suite, for places that can be written to. `open` gives a new, empty place for each test. */
export function endpointSuite(name: string, open: () => Promise<EndpointSubject>): void {
  describe(name, () => {
    let subject: EndpointSubject;
    let place: Endpoint;
    beforeEach(async () => {
      subject = await open();
      place = subject.endpoint;
    });
    afterEach(async () => {
      await place.close();
      await subject.dispose();
    });

    const put = (path: string, bytes: Uint8Array = content(1, 10), from = 0) => place.write(path, from, bodyOf(bytes));
    const get = async (path: string, from = 0) => bytesOf(await place.read(path, from));
    const names = async (prefix = '') => (await entries(place, prefix)).map((entry) => entry.path);

    describe('content', () => {
      test('reads back what was written, whatever its size', async () => {
        const edges = [0, 1, 4095, 4096, 65_536, 262_144, 524_288, 524_289, 1_048_577];
        const sizes = fc.oneof(fc.constantFrom(...edges), fc.nat({ max: 1_500_000 }));
        await fc.assert(
          fc.asyncProperty(sizes, fc.integer({ min: 1, max: 300_000 }), fc.nat(), async (size, chunkBytes, seed) => {
            const bytes = content(seed, size);
            expect(await place.write('file', 0, bodyOf(bytes, { chunkBytes: Math.max(chunkBytes, size / 50) }))).toBe(
              size,
            );
            expect((await place.stat('file'))?.sizeBytes).toBe(size);
            expect(same(await get('file'), bytes)).toBe(true);
          }),
          { numRuns: 12 },
        );
      });

      test('reads from an offset, and nothing beyond the end', async () => {
        const bytes = content(2, 700_000);
        await put('file', bytes);
        for (const from of [1, 4096, 262_143, 699_999]) {
          expect(same(await get('file', from), bytes.subarray(from))).toBe(true);
        }
        expect((await get('file', 700_000)).length).toBe(0);
        expect((await get('file', 800_000)).length).toBe(0);
      });

      test('makes missing folders', async () => {
        await put('a/b/c/file');
        expect((await place.stat('a/b'))?.kind).toBe('folder');
        expect((await place.stat('a/b/c/file'))?.kind).toBe('file');
      });

      test('writing from zero replaces a longer file', async () => {
        await put('file', content(3, 900_000));
        const bytes = content(4, 100);
        await put('file', bytes);
        expect(same(await get('file'), bytes)).toBe(true);
      });

      test('goes on at an offset, and cuts what lies beyond it', async () => {
        const whole = content(5, 900_000);
        await put('file', whole);
        if (!place.traits.resumableWrite) {
          await expectFault(put('file', whole.subarray(300_001), 300_001), 'unsupported');
          expect(same(await get('file'), whole)).toBe(true);
          return;
        }
        expect(await put('file', whole.subarray(300_001, 500_000), 300_001)).toBe(500_000);
        expect(same(await get('file'), whole.subarray(0, 500_000))).toBe(true);
      });

      test('does not go on beyond the end, or where nothing is', async () => {
        await put('file', content(6, 100));
        await expectFault(put('file', content(7, 10), 101), 'invalid', 'unsupported');
        expect((await get('file')).length).toBe(100);
        await expectFault(put('missing', content(7, 10), 5), 'not_found', 'invalid', 'unsupported');
      });

      test('tells the bytes done, rising to the last', async () => {
        const written: number[] = [];
        await place.write('file', 0, bodyOf(content(8, 900_000)), { progress: (done) => written.push(done) });
        const read: number[] = [];
        await bytesOf(await place.read('file', 0, { progress: (done) => read.push(done) }));
        for (const steps of [written, read]) {
          expect(steps.at(-1)).toBe(900_000);
          expect(steps).toEqual([...steps].sort((a, b) => a - b));
        }
      });

      test('hashes to what its reading hashes to', async () => {
        const { hash } = place;
        if (hash === undefined) return;
        for (const size of [0, 100_000, leafAndMore]) {
          const bytes = content(9, size);
          await put('file', bytes);
          for (const algorithm of hashAlgorithms) {
            const hasher = createHasher(algorithm);
            hasher.update(bytes);
            expect(await hash('file', algorithm)).toBe(hasher.digest());
          }
        }
        await expectFault(hash('missing', 'sha256'), 'not_found');
        const start = createHasher('sha256');
        start.update(content(9, leafAndMore).subarray(0, 70_000));
        const ofStart = place.hashStart?.('file', 70_000, 'sha256').catch((error: Fault) => error.code);
        expect([undefined, 'unsupported', start.digest()]).toContain(await ofStart);
      });

      test('knows offsets beyond 4 GiB', async () => {
        if (subject.makeHuge === undefined) return;
        const size = 5 * 2 ** 30;
        await subject.makeHuge('huge', size);
        const tail = content(10, 1_000_000);
        expect(await put('huge', tail, size)).toBe(size + tail.length);
        expect((await place.stat('huge'))?.sizeBytes).toBe(size + tail.length);
        const read = await get('huge', size - 10);
        expect(same(read.subarray(10), tail)).toBe(true);
        expect(read.subarray(0, 10).every((byte) => byte === 0)).toBe(true);
        expect(await put('huge', tail, 2 ** 32 + 1)).toBe(2 ** 32 + 1 + tail.length);
      });
    });

    describe('trouble while bytes move', () => {
      test('a body that fails fails the write with its error, and leaves no more than it gave', async () => {
        const bytes = content(11, 300_000);
        const error = new Fault('network', 'the source broke off');
        await expect(place.write('file', 0, bodyOf(bytes, { error }))).rejects.toBe(error);
        const left = (await place.stat('file')) === undefined ? new Uint8Array(0) : await get('file');
        expect(same(left, bytes.subarray(0, left.length))).toBe(true);
      });

      test('an aborted write rejects with the reason, and what it left is the beginning', async () => {
        const bytes = content(12, 2_000_000);
        const stop = new AbortController();
        const reason = new Error('enough');
        const body = endless(bytes);
        const progress = (done: number) => {
          if (done > 200_000) stop.abort(reason);
        };
        await expect(place.write('file', 0, body.stream, { signal: stop.signal, progress })).rejects.toBe(reason);
        await body.cancelled;
        if (place.uploads !== undefined) {
          expect(await place.stat('file')).toBeUndefined();
          return;
        }
        const left = await get('file');
        expect(left.length).toBeGreaterThan(200_000);
        for (let at = 0; at < left.length; at += bytes.length) {
          const part = left.subarray(at, at + bytes.length);
          expect(same(part, bytes.subarray(0, part.length))).toBe(true);
        }
      });

      test('a write that waits for its body can be aborted', async () => {
        const stop = new AbortController();
        const reason = new Error('enough');
        const waiting = place.write('file', 0, new ReadableStream({}), { signal: stop.signal });
        setImmediate(() => stop.abort(reason));
        await expect(waiting).rejects.toBe(reason);
      });

      test('a write that cannot be cancels its body', async () => {
        await place.makeFolder?.('folder/below');
        const body = endless(content(13, 100_000));
        await expectFault(place.write('folder', 0, body.stream), 'exists');
        await body.cancelled;
      });

      test('an aborted reading fails with the reason', async () => {
        await put('file', content(14, 6_000_000));
        const stop = new AbortController();
        const reason = new Error('enough');
        const reader = (await place.read('file', 0, { signal: stop.signal })).getReader();
        await reader.read();
        stop.abort(reason);
        await expect(drain(reader)).rejects.toBe(reason);
      });

      test('a reading that is cancelled leaves the file free', async () => {
        await put('file', content(15, 3_000_000));
        const reader = (await place.read('file', 0)).getReader();
        await reader.read();
        await reader.cancel('seen enough');
        await place.remove('file');
        expect(await place.stat('file')).toBeUndefined();
      });

      test('many readings and writings at once do not wait for one another', async () => {
        await Promise.all(Array.from({ length: 6 }, (_, index) => put(`many/${index}`, content(index, 300_000))));
        const readers = await Promise.all(Array.from({ length: 6 }, (_, index) => place.read(`many/${index}`, 0)));
        await Promise.all(readers.map((stream, index) => place.write(`copies/${index}`, 0, stream)));
        for (let index = 0; index < 6; index++) {
          expect(same(await get(`copies/${index}`), content(index, 300_000))).toBe(true);
        }
      });

      test('no call begins once its signal is aborted', async () => {
        await put('file');
        const reason = new Error('too late');
        const call = { signal: AbortSignal.abort(reason) };
        const attempts = [
          place.stat('file', call),
          place.read('file', 0, call),
          place.write('other', 0, bodyOf(content(16, 10)), call),
          place.remove('file', call),
          entries(place, '', call),
          place.hash?.('file', 'sha256', call),
          place.rename?.('file', 'other', { overwrite: false }, call),
          place.makeFolder?.('folder', call),
          place.makeSymlink?.('symlink', 'file', call),
          place.setMetadata?.('file', { mtimeMs: 0 }, call),
          place.space?.(call),
        ];
        for (const attempt of attempts) if (attempt !== undefined) await expect(attempt).rejects.toBe(reason);
        expect(await names()).toEqual(['file']);
      });
    });

    describe('what is not there, or is something else', () => {
      test('a missing file', async () => {
        await put('file');
        await expectFault(place.read('missing', 0), 'not_found');
        expect(await place.stat('missing')).toBeUndefined();
        expect(await place.stat('missing/below')).toBeUndefined();
        expect(await place.stat('file/below')).toBeUndefined();
        await place.remove('missing');
        await place.remove('missing/below');
      });

      test('a folder is no file', async () => {
        await put('folder/file');
        await expectFault(place.read('folder', 0), 'exists');
        await expectFault(put('folder'), 'exists');
        await expectFault(place.read('', 0), 'exists', 'unsupported');
        await expectFault(put(''), 'exists', 'unsupported');
      });

      test('a file is no folder', async () => {
        await put('file');
        await expectFault(put('file/below'), 'exists');
        await expectFault(entries(place, 'file'), 'exists');
      });

      test('removing takes files, symlinks and empty folders only', async () => {
        await put('folder/file');
        await expectFault(place.remove('folder'), 'exists');
        expect((await get('folder/file')).length).toBe(10);
        await place.remove('folder/file');
        await place.remove('folder');
        expect(await names()).toEqual([]);
        await expectFault(place.remove(''), 'unsupported');
      });
    });

    describe('names', () => {
      test('takes hostile ones as they are', async () => {
        for (const [index, name] of hostileNames(subject.rawNames === true).entries()) {
          const path = joinPath(`d${index}`, joinPath(name, name));
          await put(path, content(index, 20));
          expect(same(await get(path), content(index, 20))).toBe(true);
          expect(await names(`d${index}`)).toEqual([`d${index}/${name}`, path]);
          await place.setMetadata?.(path, { mtimeMs: 1_600_000_000_000 });
          await place.rename?.(path, `${path.slice(0, -name.length)}x`, { overwrite: false });
          await place.rename?.(`${path.slice(0, -name.length)}x`, path, { overwrite: false });
          await place.remove(path);
          expect(await place.stat(path)).toBeUndefined();
        }
      });

      test('refuses what could lead out, for every method', async () => {
        await put('file');
        const unsafe = ['../out', 'a/../../out', '/etc/passwd', 'a/../../../out', 'nul\0', '..', `${'n'.repeat(256)}`];
        for (const path of unsafe) {
          await expectFault(place.stat(path), 'name_unsafe');
          await expectFault(place.read(path, 0), 'name_unsafe');
          await expectFault(put(path), 'name_unsafe');
          await expectFault(place.remove(path), 'name_unsafe');
          await expectFault(entries(place, path), 'name_unsafe');
          if (place.rename) {
            await expectFault(place.rename('file', path, { overwrite: true }), 'name_unsafe');
            await expectFault(place.rename(path, 'other', { overwrite: true }), 'name_unsafe');
          }
          if (place.makeFolder) await expectFault(place.makeFolder(path), 'name_unsafe');
          if (place.makeSymlink) await expectFault(place.makeSymlink(path, 'x'), 'name_unsafe');
          if (place.setMetadata) await expectFault(place.setMetadata(path, { mtimeMs: 1 }), 'name_unsafe');
          if (place.hash) await expectFault(place.hash(path, 'sha256'), 'name_unsafe');
        }
        expect(await names()).toEqual(['file']);
      });
    });

    describe('listing', () => {
      test('folders before what is in them, siblings in order of their bytes', async () => {
        const paths = ['b', 'a/z', 'a/b/c', 'a.b', 'a-', '\u{1f600}', '\uffee', 'Z', 'é'];
        for (const path of paths) await put(path);
        const wanted = ['Z', 'a', 'a/b', 'a/b/c', 'a/z', 'a-', 'a.b', 'b', 'é', '\uffee', '\u{1f600}'];
        expect(await names()).toEqual(inOrder(wanted));
        expect(await names('a')).toEqual(['a/b', 'a/b/c', 'a/z']);
        expect(await names('a/b')).toEqual(['a/b/c']);
      });

      test('says what stat says', async () => {
        await put('folder/file', content(17, 1234));
        for (const entry of await entries(place, '')) expect(await place.stat(entry.path)).toEqual(entry);
      });

      test('an empty place is empty; a missing folder is a fault', async () => {
        await place.makeFolder?.('');
        await put('file');
        await place.remove('file');
        expect(await names()).toEqual([]);
        await expectFault(entries(place, 'missing'), 'not_found');
      });

      test('is complete, also in a folder of some thousands', async () => {
        const paths = Array.from({ length: 60 }, (_, index) => `f/${String(index).padStart(3, '0')}/${index % 7}`);
        for (const path of paths) await put(path, content(1, 1));
        const found = await entries(place, '');
        expect(found.filter((entry) => entry.kind === 'file').map((entry) => entry.path)).toEqual(paths);
      });

      test('can be left early, and aborted', async () => {
        for (let index = 0; index < 20; index++) await put(`f/${index}`);
        for await (const entry of place.list('')) {
          expect(entry.path).toBe('f');
          break;
        }
        const stop = new AbortController();
        const reason = new Error('enough');
        const seen: string[] = [];
        const listing = async () => {
          for await (const entry of place.list('', { signal: stop.signal })) {
            seen.push(entry.path);
            if (seen.length === 3) stop.abort(reason);
          }
        };
        await expect(listing()).rejects.toBe(reason);
        expect(seen.length).toBe(3);
      });
    });

    describe('many by one call', () => {
      test('come each with its content, those that are missing or no files with their faults', async () => {
        const { readMany } = place;
        if (readMany === undefined) return;
        const wanted = new Map<string, Uint8Array>();
        for (const [index, name] of hostileNames(subject.rawNames === true).entries()) {
          if (index % 3 === 0) wanted.set(`many/${name}`, content(index, index * 1000));
        }
        wanted.set('large', content(1, 700_000));
        for (const [path, bytes] of wanted) await put(path, bytes);
        const found = new Map<string, Uint8Array>();
        const faults = new Map<string, FaultCode>();
        for await (const answer of readMany([...wanted.keys(), 'missing', 'many'])) {
          if ('fault' in answer) faults.set(answer.path, answer.fault.code);
          else {
            const parts: Uint8Array[] = [];
            for await (const part of answer.body) parts.push(Uint8Array.from(part));
            expect(answer.entry.sizeBytes).toBe(wanted.get(answer.path)?.length);
            found.set(answer.path, Buffer.concat(parts));
          }
        }
        expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
        for (const [path, bytes] of wanted) expect(same(found.get(path) ?? new Uint8Array(0), bytes)).toBe(true);
        expect(faults.get('missing')).toBe('not_found');
        expect([...faults.keys()].sort()).toEqual(['many', 'missing']);
      });

      test('come into memory with their numbers, and what does not come whole is told', async () => {
        if (place.readManyInto === undefined) return;
        const paths = ['a', 'b/c', 'empty', 'other', 'missing'];
        const contents = [content(3, 700_000), content(4, 3_000_000), content(5, 0), content(6, 5_000)];
        for (const [at, bytes] of contents.entries()) await put(paths[at] ?? '', bytes);
        const files: KnownFile[] = [];
        for (const [at, path] of paths.entries()) {
          const { sizeBytes = 9, mtimeMs = 0 } = (await place.stat(path)) ?? {};
          files.push({ at: 10 + at, path, sizeBytes: path === 'other' ? sizeBytes + 1 : sizeBytes, mtimeMs });
        }
        const memory = newWriteRing();
        const failed = new Map<number, FaultCode | undefined>();
        const { signal } = new AbortController();
        let isOver = false;
        const putting = place
          .readManyInto(memory, files, (at, fault) => failed.set(at, fault?.code), { signal })
          .finally(() => {
            isOver = true;
          });
        const reader = new RingReader(memory);
        const parts: Uint8Array[] = [];
        for (let wasOver = isOver; ; wasOver = isOver) {
          const piece = reader.next();
          if (piece !== undefined) parts.push(piece.slice());
          else if (wasOver) break;
          await new Promise(setImmediate);
        }
        await putting;
        const all = Buffer.concat(parts);
        const found = new Map<number, Uint8Array>();
        for (let from = 0; from < all.length; ) {
          const { at, sizeBytes } = ringHeadFrom(all.subarray(from));
          from += ringHeadBytes + sizeBytes + ringTailBytes;
          expect(isWholeBy(all.subarray(from - ringTailBytes))).toBe(true);
          found.set(at, all.subarray(from - ringTailBytes - sizeBytes, from - ringTailBytes));
        }
        expect([...found.keys()].sort()).toEqual([10, 11, 12]);
        for (const [at, bytes] of found) expect(same(bytes, contents[at - 10] ?? content(0, 1))).toBe(true);
        expect([...failed]).toEqual(
          expect.arrayContaining([
            [13, undefined],
            [14, 'not_found'],
          ]),
        );
        const stop = new AbortController();
        const stopped = place.readManyInto(newWriteRing(), files, () => undefined, { signal: stop.signal });
        stop.abort(new Error('enough'));
        await expect(stopped).rejects.toThrow('enough');
      });

      test('can be left early, passed over, and are not begun too late', async () => {
        const { readMany } = place;
        if (readMany === undefined) return;
        const paths = ['a', 'b', 'c', 'd'];
        for (const path of paths) await put(path, content(2, 300_000));
        for await (const _ of readMany(paths)) break;
        let count = 0;
        for await (const _ of readMany(paths)) count++;
        expect(count).toBe(4);
        const reason = new Error('too late');
        const reading = async () => {
          for await (const _ of readMany(paths, { signal: AbortSignal.abort(reason) })) count++;
        };
        await expect(reading()).rejects.toBe(reason);
        expect(count).toBe(4);
      });
    });

    describe('uploads', () => {
      const upload = async (path: string, bytes: Uint8Array, overwrite: boolean) => {
        const { uploads } = place;
        if (uploads === undefined) return undefined;
        const id = await uploads.begin(path, { sizeBytes: bytes.length, mtimeMs: 1_234_567_890_123.5 });
        expect(await uploads.kept(path, id)).toBe(0);
        expect(await uploads.write(path, id, bodyOf(bytes))).toBe(bytes.length);
        return { uploads, id, publish: () => uploads.publish(path, id, { overwrite }) };
      };

      test('show nothing before they are published, and then all, with its time', async () => {
        for (const size of [0, 1000, leafAndMore]) {
          const bytes = content(25, size);
          const path = `folder/${size}`;
          const given = await upload(path, bytes, false);
          if (given === undefined) return;
          expect(await place.stat(path)).toBeUndefined();
          expect(await given.publish()).toBe(true);
          expect(same(await get(path), bytes)).toBe(true);
          const { mtimeMs = 0 } = (await place.stat(path)) ?? {};
          expect(Math.abs(mtimeMs - 1_234_567_890_123.5)).toBeLessThanOrEqual(place.traits.mtimePrecisionMs);
        }
      });

      test('replace only where they are told to', async () => {
        await put('file', content(26, 30));
        for (const size of [20, leafAndMore]) {
          const kept = await upload('file', content(27, size), false);
          if (kept === undefined) return;
          await expectFault(kept.publish(), 'exists');
          expect(same(await get('file'), content(26, 30))).toBe(true);
          await kept.uploads.abandon('file', kept.id);
        }
        await (await upload('file', content(28, 40), true))?.publish();
        expect(same(await get('file'), content(28, 40))).toBe(true);
      });

      test('keep what was whole when they broke off, and forget it once they are given up', async () => {
        const { uploads } = place;
        if (uploads === undefined) return;
        const bytes = content(29, 2 * leafAndMore);
        const about = { sizeBytes: bytes.length };
        const id = await uploads.begin('file', about);
        const error = new Fault('network', 'the source broke off');
        const broken = bodyOf(bytes.subarray(0, leafAndMore), { error });
        await expect(uploads.write('file', id, broken)).rejects.toBe(error);
        const kept = (await uploads.kept('file', id)) ?? 0;
        expect(kept).toBeGreaterThan(0);
        expect(kept).toBeLessThanOrEqual(leafAndMore);
        expect(await uploads.write('file', id, bodyOf(bytes))).toBe(bytes.length);
        expect(await uploads.publish('file', id, { overwrite: false })).toBe(true);
        expect(same(await get('file'), bytes)).toBe(true);
        const other = await uploads.begin('other', about);
        await uploads.abandon('other', other);
        await uploads.abandon('other', other);
        expect(await uploads.kept('other', other)).toBeUndefined();
        expect(await names()).toEqual(['file']);
      });
    });

    describe('renaming', () => {
      test('moves within the place, into missing folders too', async () => {
        const { rename } = place;
        if (rename === undefined) return;
        await put('file', content(18, 50));
        await rename('file', 'new/folder/name', { overwrite: false });
        expect(same(await get('new/folder/name'), content(18, 50))).toBe(true);
        expect(await place.stat('file')).toBeUndefined();
        await rename('new', 'moved', { overwrite: false });
        expect(same(await get('moved/folder/name'), content(18, 50))).toBe(true);
        await expectFault(rename('missing', 'x', { overwrite: true }), 'not_found');
      });

      test('replaces only where it is told to', async () => {
        const { rename } = place;
        if (rename === undefined) return;
        await put('old', content(19, 50));
        await put('taken', content(20, 60));
        await put('folder/file', content(21, 70));
        await expectFault(rename('old', 'taken', { overwrite: false }), 'exists');
        await expectFault(rename('old', 'folder', { overwrite: true }), 'exists');
        await expectFault(rename('old', 'folder', { overwrite: false }), 'exists');
        await expectFault(rename('folder', 'taken', { overwrite: false }), 'exists');
        expect(same(await get('old'), content(19, 50))).toBe(true);
        expect(same(await get('taken'), content(20, 60))).toBe(true);
        expect(same(await get('folder/file'), content(21, 70))).toBe(true);
        await rename('old', 'taken', { overwrite: true });
        expect(same(await get('taken'), content(19, 50))).toBe(true);
        expect(await place.stat('old')).toBeUndefined();
      });

      test('a name that is its own keeps the file', async () => {
        const { rename } = place;
        if (rename === undefined) return;
        await put('file', content(22, 50));
        await rename('file', 'file', { overwrite: true });
        expect(same(await get('file'), content(22, 50))).toBe(true);
      });
    });

    describe('metadata', () => {
      test('keeps times to its precision, and modes', async () => {
        const { setMetadata } = place;
        if (setMetadata === undefined) return;
        await put('folder/file');
        for (const mtimeMs of [0, 1_234_567_890_123.5, 1_700_000_000_999, 4_102_444_800_000]) {
          for (const path of ['folder/file', 'folder']) {
            await setMetadata(path, { mtimeMs });
            const found = (await place.stat(path))?.mtimeMs ?? -1;
            expect(Math.abs(found - mtimeMs)).toBeLessThanOrEqual(place.traits.mtimePrecisionMs);
          }
        }
        await setMetadata('folder/file', { mode: 0o640, mtimeMs: 1_000_000 });
        expect(await place.stat('folder/file')).toMatchObject({ mode: 0o640, mtimeMs: 1_000_000 });
        await expectFault(setMetadata('missing', { mtimeMs: 1 }), 'not_found');
      });

      test('says how much room there is', async () => {
        const space = await place.space?.();
        if (space === undefined) return;
        expect(space.freeBytes).toBeGreaterThan(0);
        expect(space.totalBytes).toBeGreaterThanOrEqual(space.freeBytes);
      });
    });

    describe('symlinks', () => {
      test('are listed with their target and not followed', async () => {
        const { makeSymlink } = place;
        if (makeSymlink === undefined) return;
        await put('folder/file');
        await makeSymlink('to-folder', 'folder');
        await makeSymlink('to-nothing', 'no/where');
        expect(await names()).toEqual(['folder', 'folder/file', 'to-folder', 'to-nothing']);
        expect(await place.stat('to-folder')).toMatchObject({ kind: 'symlink', linkTarget: 'folder' });
        expect(await place.stat('to-nothing')).toMatchObject({ kind: 'symlink', linkTarget: 'no/where' });
        await expectFault(makeSymlink('to-folder', 'x'), 'exists');
        await place.remove('to-folder');
        expect((await get('folder/file')).length).toBe(10);
      });

      test('in the way are never followed', async () => {
        const { makeSymlink, makeFolder, hash } = place;
        if (makeSymlink === undefined) return;
        await put('folder/file');
        await makeSymlink('way', 'folder');
        await makeSymlink('name', 'folder/file');
        await expectFault(put('way/new'), 'name_unsafe');
        await expectFault(put('name', content(1, 99)), 'name_unsafe');
        await expectFault(place.read('way/file', 0), 'name_unsafe');
        await expectFault(place.read('name', 0), 'name_unsafe');
        await expectFault(place.remove('way/file'), 'name_unsafe');
        await expectFault(entries(place, 'way'), 'name_unsafe', 'exists');
        if (makeFolder) await expectFault(makeFolder('way/more'), 'name_unsafe');
        if (hash) await expectFault(hash('name', 'sha256'), 'name_unsafe');
        expect(await names('folder')).toEqual(['folder/file']);
        expect((await get('folder/file')).length).toBe(10);
      });

      test('swapped in while bytes are written lead nowhere', async () => {
        const { makeSymlink, rename } = place;
        if (makeSymlink === undefined || rename === undefined) return;
        await put('elsewhere/file', content(23, 40));
        const bytes = content(24, 900_000);
        const gate = Promise.withResolvers<void>();
        let given = 0;
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            if (given === 400_000) await gate.promise;
            if (given < bytes.length) controller.enqueue(bytes.slice(given, given + 100_000));
            else controller.close();
            given += 100_000;
          },
        });
        const begun = Promise.withResolvers<void>();
        const writing = place.write('folder/file', 0, body, { progress: () => begun.resolve() });
        await begun.promise;
        await rename('folder', 'away', { overwrite: false });
        await makeSymlink('folder', 'elsewhere');
        gate.resolve();
        await writing.catch(() => undefined);
        expect(same(await get('elsewhere/file'), content(23, 40))).toBe(true);
        expect(await names('elsewhere')).toEqual(['elsewhere/file']);
      });
    });
  });
}

/** For places that can only be read: `open` gives one with at least one file. */
export function readingSuite(name: string, open: () => Promise<Endpoint>): void {
  describe(`${name}, reading`, () => {
    test('lists what stat and read know, the same every time', async () => {
      const place = await open();
      const found = await entries(place, '');
      expect(found).toEqual(await entries(await open(), ''));
      const files = found.filter((entry) => entry.kind === 'file');
      expect(files.length).toBeGreaterThan(0);
      expect(found.map((entry) => entry.path)).toEqual(inOrder(found.map((entry) => entry.path)));
      for (const entry of found) expect(await place.stat(entry.path)).toEqual(entry);
      for (const file of files.slice(0, 5)) {
        const bytes = await bytesOf(await place.read(file.path, 0));
        expect(bytes.length).toBe(file.sizeBytes);
        const hasher = createHasher('sha256');
        hasher.update(bytes);
        if (place.hash) expect(await place.hash(file.path, 'sha256')).toBe(hasher.digest());
        const from = fc.integer({ min: 0, max: file.sizeBytes + 2 });
        await fc.assert(
          fc.asyncProperty(from, async (at) => {
            expect(same(await bytesOf(await place.read(file.path, at)), bytes.subarray(at))).toBe(true);
          }),
          { numRuns: 10 },
        );
      }
    });

    test('knows what is missing, what is a folder, and when to stop', async () => {
      const place = await open();
      const [file] = (await entries(place, '')).filter((entry) => entry.kind === 'file');
      const path = file?.path ?? '';
      expect(await place.stat('missing')).toBeUndefined();
      await expectFault(place.read('missing', 0), 'not_found');
      await expectFault(entries(place, 'missing'), 'not_found');
      await expectFault(entries(place, path), 'exists');
      await expectFault(place.read('', 0), 'exists', 'unsupported');
      await expectFault(place.read('../out', 0), 'name_unsafe');
      const reason = new Error('too late');
      const call = { signal: AbortSignal.abort(reason) };
      await expect(entries(place, '', call)).rejects.toBe(reason);
      await expect(place.stat(path, call)).rejects.toBe(reason);
      await expect(place.read(path, 0, call)).rejects.toBe(reason);
    });
  });
}

async function entries(place: Endpoint, prefix: string, call?: { signal: AbortSignal }): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of place.list(prefix, call)) found.push(entry);
  return found;
}

async function expectFault(attempt: Promise<unknown>, ...codes: FaultCode[]): Promise<void> {
  const outcome = await attempt.then(
    () => 'resolved',
    (error: unknown) => (error instanceof Fault ? error.code : error),
  );
  expect(codes).toContain(outcome);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Depth first, parts compared as bytes. */
function inOrder(paths: readonly string[]): string[] {
  return [...paths].sort((a, b) => {
    const left = a.split('/');
    const right = b.split('/');
    const at = left.findIndex((part, index) => part !== right[index]);
    if (at < 0 || at >= right.length) return left.length - right.length;
    return Buffer.compare(pathBytes(left[at] ?? ''), pathBytes(right[at] ?? ''));
  });
}

/** A body without an end, which says when it was cancelled. */
function endless(bytes: Uint8Array): { stream: ReadableStream<Uint8Array>; cancelled: Promise<void> } {
  const cancelled = Promise.withResolvers<void>();
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.slice(at, at + 100_000));
      at = at + 100_000 >= bytes.length ? 0 : at + 100_000;
    },
    cancel: () => cancelled.resolve(),
  });
  return { stream, cancelled: cancelled.promise };
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  for (;;) if ((await reader.read()).done) return;
}

export function hostileNames(raw: boolean): string[] {
  const names = [
    'with space',
    ' leading',
    'trailing ',
    '"double"',
    "it's",
    '-rf',
    '--',
    '\\',
    'a\\b',
    'new\nline',
    'tab\t',
    '\x1b[31m',
    '$(id)',
    '`id`',
    ';',
    '*',
    '?',
    '[a]',
    '{a,b}',
    '~',
    '#',
    '%2e%2e',
    '%00',
    '...',
    '..a',
    '.hidden',
    'CON',
    'a:b',
    'e\u0301',
    '\u00e9',
    '\u202egnp.exe',
    '\u{1f600}',
    '\ufffd',
    'n'.repeat(255),
    '\u00fc'.repeat(127),
    '__proto__',
    'constructor',
  ];
  if (!raw) return names;
  const bytes = [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0x80, 0x2e, 0xfe]];
  return [...names, ...bytes.map((each) => pathFromBytes(Uint8Array.from(each)))];
}
