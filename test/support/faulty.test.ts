// Each misbehaviour of the faulty endpoint can be seen from outside, and without one nothing changes.

import { beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { openMemory } from '../../src/endpoints/memory.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import type { Entry } from '../../src/model/manifest.ts';
import { bodyOf, bytesOf } from './bytes.ts';
import { faulty } from './faulty.ts';
import { content } from './trees.ts';

const bytes = content(1, 1_000_000);
let inner: Endpoint;
let count = 0;

beforeEach(async () => {
  inner = openMemory(parseEndpoint(`mem://faulty-${++count}/`));
  await inner.write('file', 0, bodyOf(bytes));
  await inner.write('other', 0, bodyOf(content(2, 10)));
});

const read = async (place: Endpoint, from = 0) => bytesOf(await place.read('file', from));
const list = async (place: Endpoint) => {
  const found: Entry[] = [];
  for await (const entry of place.list('')) found.push(entry);
  return found;
};
/** The first byte of `a` that differs in `b`, -1 where there is none. */
const differsAt = (a: Uint8Array, b: Uint8Array) => a.findIndex((byte, at) => byte !== b[at]);

describe('reading', () => {
  // The middle of a chunk, the edge of one, the first and the last byte.
  for (const at of [0, 1, 99_999, 262_144, 999_999]) {
    test(`fails, is cut or is bent at byte ${at}, once`, async () => {
      const failing = faulty(inner, { on: 'read', how: 'fail', at, code: 'io' });
      const seen: number[] = [];
      const pump = async () => {
        for await (const chunk of await failing.read('file', 0)) seen.push(chunk.length);
      };
      await expect(pump()).rejects.toMatchObject({ code: 'io' });
      expect(seen.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(at);
      expect(differsAt(await read(failing), bytes)).toBe(-1);

      const cutting = faulty(inner, { on: 'read', how: 'cut', at });
      const left = await read(cutting);
      expect([left.length, differsAt(left, bytes)]).toEqual([at, -1]);
      expect(cutting.struck).toEqual([1]);

      const bent = await read(faulty(inner, { on: 'read', how: 'corrupt', at }));
      expect(bent.length).toBe(bytes.length);
      expect(differsAt(bent, bytes)).toBe(at);
      expect(differsAt(bent.subarray(at + 1), bytes.subarray(at + 1))).toBe(-1);
    });
  }

  test('stalls until it is released, or aborted', async () => {
    const place = faulty(inner, { on: 'read', how: 'stall', at: 500_000, times: 2 });
    let seen = 0;
    const reading = (async () => {
      for await (const chunk of await place.read('file', 0)) {
        seen += chunk.length;
        if (seen === 500_000) place.release();
      }
    })();
    await reading;
    expect(seen).toBe(bytes.length);

    const stop = new AbortController();
    const stalled = place.read('file', 0, { signal: stop.signal }).then(bytesOf);
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(stalled).rejects.toThrow('enough');
  });
});

describe('writing', () => {
  test('fails with what came before at the place', async () => {
    const place = faulty(inner, { on: 'write', how: 'fail', at: 300_000, code: 'space' });
    await expect(place.write('new', 0, bodyOf(bytes))).rejects.toMatchObject({ code: 'space' });
    expect((await inner.stat('new'))?.sizeBytes).toBeLessThanOrEqual(300_000);
    expect(await place.write('new', 0, bodyOf(bytes))).toBe(bytes.length);
  });

  test('is cut, and says that all was written', async () => {
    const place = faulty(inner, { on: 'write', how: 'cut', at: 300_000 });
    expect(await place.write('new', 0, bodyOf(bytes))).toBe(bytes.length);
    expect((await inner.stat('new'))?.sizeBytes).toBe(300_000);
  });

  test('is bent on its way', async () => {
    const place = faulty(inner, { on: 'write', how: 'corrupt', at: 300_000 });
    expect(await place.write('new', 0, bodyOf(bytes))).toBe(bytes.length);
    expect(differsAt(await bytesOf(await inner.read('new', 0)), bytes)).toBe(300_000);
  });

  test('stalls until it is aborted', async () => {
    const place = faulty(inner, { on: 'write', how: 'stall', at: 300_000 });
    const stop = new AbortController();
    const writing = place.write('new', 0, bodyOf(bytes), { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(writing).rejects.toThrow('enough');
  });

  test('lies about the size', async () => {
    const place = faulty(inner, { on: 'write', how: 'lie' });
    expect(await place.write('new', 0, bodyOf(bytes))).toBe(bytes.length + 1);
  });
});

describe('everything else', () => {
  test('a listing fails, ends early or lies', async () => {
    await expect(list(faulty(inner, { on: 'list', how: 'fail', at: 1 }))).rejects.toMatchObject({ code: 'network' });
    expect((await list(faulty(inner, { on: 'list', how: 'cut', at: 1 }))).length).toBe(1);
    expect((await list(faulty(inner, { on: 'list', how: 'lie' })))[0]?.sizeBytes).toBe(bytes.length + 1);
  });

  test('stat, hash and space lie, renames fail', async () => {
    const place = faulty(inner, [
      { on: 'stat', how: 'lie', path: 'file' },
      { on: 'hash', how: 'lie', times: 2 },
      { on: 'space', how: 'lie' },
      { on: 'rename', how: 'fail', path: /^oth/, code: 'permission' },
    ]);
    expect((await place.stat('other'))?.sizeBytes).toBe(10);
    expect((await place.stat('file'))?.sizeBytes).toBe(bytes.length + 1);
    expect((await place.stat('file'))?.sizeBytes).toBe(bytes.length);
    const right = await inner.hash?.('file', 'sha256');
    expect(await place.hash?.('file', 'sha256')).not.toBe(right);
    expect(await place.hash?.('file', 'sha256')).not.toBe(right);
    expect(await place.hash?.('file', 'sha256')).toBe(right);
    expect((await place.space?.())?.freeBytes).toBe(0);
    await place.rename?.('file', 'moved', { overwrite: false });
    await expect(place.rename?.('other', 'x', { overwrite: false })).rejects.toMatchObject({ code: 'permission' });
    expect(place.struck).toEqual([1, 2, 1, 1]);
    expect(place.localPath).toBeUndefined();
  });

  test('without a strike all is as it was', async () => {
    const place = faulty(inner, []);
    const whole = await read(place);
    expect([whole.length, differsAt(whole, bytes)]).toEqual([bytes.length, -1]);
    expect(await list(place)).toEqual(await list(inner));
    expect(await place.write('new', 0, bodyOf(bytes))).toBe(bytes.length);
  });
});
