// Places in object stores pass the suite on a real server, and say what is wrong when it is slow, away, or refuses.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { HeadObjectCommand, ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { formatMtime, parseMtime } from '../../src/endpoints/s3/s3-objects.ts';
import { TreeOrder } from '../../src/endpoints/s3/s3-order.ts';
import { openS3 } from '../../src/endpoints/s3/s3-place.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import type { Fault } from '../../src/model/fault.ts';
import { blockBytes } from '../../src/model/hash.ts';
import type { Entry } from '../../src/model/manifest.ts';
import { comparePaths, parentPath } from '../../src/model/names.ts';
import type { S3Config } from '../../src/model/s3-config.ts';
import { bodyOf, bytesOf } from '../support/bytes.ts';
import { endpointSuite } from '../support/endpoint-suite.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';
import { proxyTo } from '../support/http-proxy.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { linkTo } from '../support/tcp-link.ts';
import { content } from '../support/trees.ts';

let server: S3Server;
let count = 0;
beforeAll(async () => {
  server = await startS3Server();
}, 60_000);
afterAll(() => server.close());

const newBucket = () => server.makeBucket(`bucket-${++count}`);
const place = (bucket: string, config: S3Config = server.config(), path = '') =>
  openS3(parseEndpoint(`s3://${bucket}/${path}`), () => config);

endpointSuite('s3', async () => {
  return { endpoint: await place(await newBucket(), server.config(), 'some/prefix'), dispose: async () => undefined };
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const closed = <Thing extends { close(): unknown }>(thing: Thing): Thing => {
  closing.push(() => thing.close());
  return thing;
};

async function paths(endpoint: Endpoint, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of endpoint.list(prefix)) found.push(path);
  return found;
}

test('other settings hold from the next call on, and what is under way ends as it began', async () => {
  const bucket = await newBucket();
  let config = server.config();
  const other = await openS3(parseEndpoint(`s3://${bucket}/`), () => config);
  await other.write('file', 0, ReadableStream.from([threeParts]));
  const reading = (await other.read('file', 0)).getReader();
  let bytes = (await reading.read()).value?.length ?? 0;
  config = { ...config, endpoint: 'http://127.0.0.1:9' };
  await expect(other.stat('file')).rejects.toMatchObject({ code: 'unreachable' });
  for (let next = await reading.read(); next.value !== undefined; next = await reading.read())
    bytes += next.value.length;
  expect(bytes).toBe(threeParts.length);
  config = server.config();
  expect((await other.stat('file'))?.sizeBytes).toBe(threeParts.length);
  await other.close();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const threeParts = content(7, 2 * blockBytes + 100_000);
const about = { sizeBytes: threeParts.length };

describe('a bucket', () => {
  test('is a place as a whole, and its keys make a tree whatever their bytes', async () => {
    const endpoint = closed(await place(await newBucket()));
    expect(await paths(endpoint)).toEqual([]);
    await endpoint.write('a/b', 0, bodyOf(content(1, 5)));
    await endpoint.write('c', 0, bodyOf(content(1, 5)));
    expect(await paths(endpoint)).toEqual(['a', 'a/b', 'c']);
    expect(await endpoint.stat('')).toMatchObject({ kind: 'folder' });
  });

  test('that holds keys which no tree can hold is listed all the same, and names them at the end', async () => {
    const bucket = await newBucket();
    for (const Key of ['good/file', 'both', 'both/below', '/lead', 'twice//slash', 'up/../out']) {
      await server.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }));
    }
    const endpoint = closed(await place(bucket));
    const found: string[] = [];
    const listing = async () => {
      for await (const { path } of endpoint.list('')) found.push(path);
    };
    await expect(listing()).rejects.toMatchObject({ code: 'name_unsafe' });
    expect(found).toEqual(['both', 'good', 'good/file']);
  });

  test('shares its times with rclone', async () => {
    const bucket = await newBucket();
    const endpoint = closed(await place(bucket));
    const rig = closed(await newRig());
    const env = {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      RCLONE_CONFIG: '/dev/null',
      RCLONE_CONFIG_HERE_TYPE: 's3',
      RCLONE_CONFIG_HERE_PROVIDER: 'Other',
      RCLONE_CONFIG_HERE_ENDPOINT: `http://127.0.0.1:${server.port}`,
      RCLONE_CONFIG_HERE_ACCESS_KEY_ID: 'wherry:tester',
      RCLONE_CONFIG_HERE_SECRET_ACCESS_KEY: 'secret',
    };
    const rclone = (...args: string[]) => execFileSync('rclone', args, { env, encoding: 'utf8' });
    writeFileSync(rig.at('file'), 'of rclone');
    utimesSync(rig.at('file'), 1_234_567_890.123, 1_234_567_890.123);
    rclone('copyto', rig.at('file'), `here:${bucket}/theirs`);
    expect(await endpoint.stat('theirs')).toMatchObject({ mtimeMs: 1_234_567_890_123, sizeBytes: 9 });
    expect(await rig.copy({ sources: [rig.at('file')], destination: `s3://${bucket}/ours` })).toMatchObject({
      state: 'completed',
    });
    const [ours] = JSON.parse(rclone('lsjson', `here:${bucket}/ours`)) as { ModTime: string }[];
    expect(Date.parse(ours?.ModTime ?? '')).toBe(1_234_567_890_123);
    expect(rclone('check', '--one-way', '--size-only', rig.folder, `here:${bucket}`, '--include', '/ours')).toBe('');
  });
});

const newRig = (config: S3Config = server.config()): Promise<Rig & { close(): Promise<void> }> =>
  openRig({ s3: config, limits: { retry: { firstDelayMs: 50, checkMs: 200 } } }).then((rig) => {
    closing.push(() => rig.remove());
    return rig;
  });

describe('order', () => {
  test('is that of a tree, whatever comes in one page and whatever in the next', () => {
    const names = fc.constantFrom('a', 'b', 'a-', 'a.b', 'a b', 'a-b', 'a!', 'ab', 'é');
    const keys = fc.uniqueArray(fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')));
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 5 }), (all, pageSize) => {
        // A key that is also a folder is left out with all below it.
        const files = all.filter((key) => !all.some((other) => key.startsWith(`${other}/`)));
        const byBytes = [...files].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
        const entry = (path: string, kind: Entry['kind']): Entry => ({ path, kind, sizeBytes: 0, mtimeMs: 0 });
        const order = new TreeOrder('', (path) => entry(path, 'folder'));
        const given: string[] = [];
        for (let at = 0; at < byBytes.length; at += pageSize) {
          const page = byBytes.slice(at, at + pageSize);
          for (const path of page) order.add(entry(path, 'file'));
          for (const { path } of order.take(page.at(-1))) given.push(path);
        }
        for (const { path } of order.take()) given.push(path);
        const folders = new Set<string>();
        for (const key of files) for (let up = parentPath(key); up !== ''; up = parentPath(up)) folders.add(up);
        expect(given).toEqual([...files, ...folders].sort(comparePaths));
        expect(order.refused).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('times are written as rclone writes them, and read back', () => {
    expect(formatMtime(1_234_567_890_123.5)).toBe('1234567890.123500000');
    expect(formatMtime(0)).toBe('0');
    fc.assert(
      fc.property(fc.double({ min: -1e12, max: 4e12, noNaN: true }), (ms) => {
        expect(Math.abs((parseMtime(formatMtime(ms)) ?? Number.NaN) - ms)).toBeLessThanOrEqual(0.001);
      }),
    );
    expect(parseMtime('yesterday')).toBeUndefined();
  });
});

describe('trouble', { timeout: 120_000 }, () => {
  test('a link that is cut in mid part costs that part; what was whole is not sent again', async () => {
    const link = closed(await linkTo(server.port));
    const endpoint = closed(await place(await newBucket(), server.config(link.port)));
    const { uploads } = endpoint;
    const id = (await uploads?.begin('file', about)) ?? '';
    const cut = link.cut(blockBytes + blockBytes / 2);
    await expect(uploads?.write('file', id, bodyOf(threeParts))).rejects.toMatchObject({ code: 'network' });
    await cut;
    expect(await uploads?.kept('file', id)).toBe(blockBytes);
    expect(await uploads?.write('file', id, bodyOf(threeParts))).toBe(threeParts.length);
    expect(link.bytes.up).toBeLessThan(threeParts.length + blockBytes);
    expect(await endpoint.stat('file')).toBeUndefined();
    expect(await uploads?.publish('file', id, { overwrite: false })).toBe(true);
    expect(sha256(await bytesOf(await endpoint.read('file', 0)))).toBe(sha256(threeParts));
    // The control: what is written without an upload begins again.
    const before = link.bytes.up;
    const cutAgain = link.cut(blockBytes + blockBytes / 2);
    await expect(endpoint.write('plain', 0, bodyOf(threeParts))).rejects.toMatchObject({ code: 'network' });
    await cutAgain;
    await endpoint.write('plain', 0, bodyOf(threeParts));
    expect(link.bytes.up - before).toBeGreaterThan(threeParts.length + blockBytes);
  });

  test('a server that asks to slow down, a listing that loses a page, wrong credentials, no bucket: each is said', async () => {
    const bucket = await newBucket();
    const proxy = closed(await proxyTo(server.port));
    const endpoint = closed(await place(bucket, server.config(proxy.port)));
    for (let index = 0; index < 30; index++) await endpoint.write(`f/${index}`, 0, bodyOf(content(1, 1)));
    const slowDown = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>';
    proxy.rules = { refuse: ({ url }) => (url.includes('partNumber=2') ? { status: 503, body: slowDown } : undefined) };
    const id = (await endpoint.uploads?.begin('file', about)) ?? '';
    await expect(endpoint.uploads?.write('file', id, bodyOf(threeParts))).rejects.toMatchObject({
      code: 'rate_limited',
    });
    expect(await endpoint.uploads?.kept('file', id)).toBe(blockBytes);
    proxy.rules = {
      refuse: ({ url }) => (url.includes('continuation-token') ? { status: 500, body: '' } : undefined),
    };
    await expect(paths(endpoint)).rejects.toMatchObject({ code: 'unreachable' });
    proxy.rules = {};
    expect((await paths(endpoint)).length).toBe(31);
    const stranger = closed(await place(bucket, { ...server.config(), profile: 'stranger' }));
    await expect(paths(stranger)).rejects.toMatchObject({ code: 'permission' });
    const refused = await stranger.write('x', 0, bodyOf(content(1, 1))).catch((error: Fault) => error);
    expect(String(refused)).toContain('AWS_SECRET_ACCESS_KEY');
    expect(String(refused)).not.toContain('guessed');
    const nowhere = closed(await place('no-such-bucket'));
    await expect(paths(nowhere)).rejects.toMatchObject({ code: 'not_found' });
    await expect(nowhere.write('x', 0, bodyOf(content(1, 1)))).rejects.toMatchObject({ code: 'not_found' });
    expect(await nowhere.stat('x')).toBeUndefined();
    const keyless = closed(await place(bucket, { ...server.config(), profile: 'nobody' }));
    await expect(paths(keyless)).rejects.toThrow('[nobody]');
  });

  test('a file that was changed while it is read is refused, not mixed', async () => {
    const endpoint = closed(await place(await newBucket()));
    await endpoint.write('file', 0, bodyOf(content(1, 300_000)));
    const { version = '' } = (await endpoint.stat('file')) ?? {};
    expect((await bytesOf(await endpoint.read('file', 100_000, { version }))).length).toBe(200_000);
    await endpoint.write('file', 0, bodyOf(content(2, 300_000)));
    await expect(endpoint.read('file', 100_000, { version })).rejects.toMatchObject({ code: 'source_changed' });
    // The control: who does not say what he has seen gets the rest of another file.
    expect((await bytesOf(await endpoint.read('file', 100_000))).length).toBe(200_000);
  });

  test('bytes that are damaged on the way are found by the server; a server that cannot say so is read back', async () => {
    const bucket = await newBucket();
    const proxy = closed(await proxyTo(server.port));
    const endpoint = closed(await place(bucket, server.config(proxy.port)));
    const bytes = content(3, 100_000);
    proxy.rules = {
      damage: ({ method }, chunk) => (method === 'PUT' ? Buffer.from(chunk.map((byte) => byte ^ 1)) : chunk),
    };
    await expect(endpoint.write('file', 0, bodyOf(bytes))).rejects.toMatchObject({ code: 'network' });
    expect(await endpoint.stat('file')).toBeUndefined();
    const rig = await newRig(server.config(proxy.port));
    writeFileSync(rig.at('small'), bytes);
    proxy.rules = {
      rewrite: ({ method }, headers) => {
        if (method === 'PUT') headers.etag = '"made-up"';
      },
    };
    const destination = `s3://${bucket}/`;
    for (const verify of ['read-back', 'far-hash'] as const) {
      expect(await rig.copy({ sources: [rig.at('small')], destination })).toMatchObject({ state: 'completed' });
      const [receipt] = await rig.store.receipts({ destination: { endpoint: destination, path: 'small' } });
      expect(receipt).toMatchObject({ verify });
      proxy.rules = {};
      writeFileSync(rig.at('small'), content(4, 100_001));
    }
  });

  test('a copy goes on where the server was killed in mid upload, and leaves no upload behind when it is cancelled', async () => {
    const bucket = await newBucket();
    const link = closed(await linkTo(server.port));
    const rig = await newRig(server.config(link.port));
    writeFileSync(rig.at('large'), threeParts);
    let killed: Promise<void> | undefined;
    const stop = rig.engine.onTransferProgress(() => undefined);
    const looking = setInterval(() => {
      if (link.bytes.up > blockBytes + 1_000_000) killed ??= server.kill();
    }, 1);
    const job = await rig.engine.submit({ kind: 'copy', sources: [rig.at('large')], destination: `s3://${bucket}/` });
    while (!rig.said.some((line) => /"code":"(network|unreachable)"/.test(line)) && killed === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    clearInterval(looking);
    stop();
    await killed;
    await server.start();
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed', counts: { completed: 1, failed: 0 } });
    expect(link.bytes.up).toBeLessThan(threeParts.length + blockBytes + 500_000);
    const { ContentLength } = await server.client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'large' }));
    expect(ContentLength).toBe(threeParts.length);
    const again = await rig.copy({ sources: [rig.at('large')], destination: `s3://${bucket}/` });
    expect(again).toMatchObject({ counts: { completed: 0, skipped: 1 } });
    // Cancelled in the middle: nothing of it stays.
    writeFileSync(rig.at('other'), threeParts);
    const before = link.bytes.up;
    const other = await rig.engine.submit({ kind: 'copy', sources: [rig.at('other')], destination: `s3://${bucket}/` });
    while (link.bytes.up < before + blockBytes) await new Promise((resolve) => setImmediate(resolve));
    await rig.engine.cancel({ jobId: other.id });
    expect(await rig.engine.settled(other.id)).toMatchObject({ state: 'cancelled' });
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    expect(Uploads).toEqual([]);
    expect(await paths(closed(await place(bucket)))).toEqual(['large']);
  });
});
