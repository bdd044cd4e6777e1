// Places in containers pass the suite on a real Podman, and say what is wrong when container or engine are away.

import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDocker } from '../../src/endpoints/docker/docker-place.ts';
import type { ManyWrite } from '../../src/endpoints/endpoint.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { bodyOf, bytesOf } from '../support/bytes.ts';
import { endpointSuite, hostileNames, readingSuite } from '../support/endpoint-suite.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';
import { type Podman, startPodman } from '../support/podman.ts';
import { compareTrees, content } from '../support/trees.ts';

let podman: Podman;
let container: string;
let count = 0;
beforeAll(async () => {
  podman = await startPodman();
  process.env.DOCKER_HOST = podman.host;
  container = await podman.container();
}, 60_000);
afterAll(() => podman.close());

endpointSuite('docker', async () => {
  const endpoint = await openDocker(parseEndpoint(`docker://${container}/data/place ${++count}`));
  await endpoint.makeFolder?.('');
  return { endpoint, rawNames: true, dispose: async () => undefined };
});

/** Files in a container that does not run any more. */
const stoppedPlace = async () => {
  const own = await podman.container();
  const running = await openDocker(parseEndpoint(`docker://${own}/data`));
  await running.write('a/b/file', 0, bodyOf(content(1, 300_000)));
  await running.write('a/empty', 0, bodyOf(content(1, 0)));
  await running.write('z', 0, bodyOf(content(2, 20)));
  await running.makeSymlink?.('a/to-z', '../z');
  await running.makeFolder?.('folder');
  await running.close();
  podman.stop(own);
  return own;
};

describe('nothing can be run there', { timeout: 120_000 }, () => {
  let stopped: string;
  beforeAll(async () => {
    stopped = await stoppedPlace();
  }, 60_000);
  readingSuite('docker, by archives', () => openDocker(parseEndpoint(`docker://${stopped}/data`)));

  test('a stopped container keeps what it is given, and gives what it has; symlinks are not followed', async () => {
    const place = await openDocker(parseEndpoint(`docker://${stopped}/data/new place`));
    expect(place.transport).toContain('the container does not run');
    const bytes = content(5, 700_000);
    await place.write(`it's "odd"\n.mov`, 0, bodyOf(bytes));
    expect(Buffer.compare(await bytesOf(await place.read(`it's "odd"\n.mov`, 100_000)), bytes.subarray(100_000))).toBe(
      0,
    );
    await place.makeFolder?.('made/below');
    expect((await place.stat('made/below'))?.kind).toBe('folder');
    await expect(place.remove('made')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('the container does not run'),
    });
    await place.remove('not there');
    expect(place.rename).toBeUndefined();
    const whole = await openDocker(parseEndpoint(`docker://${stopped}/data`));
    await expect(whole.read('a/to-z', 0)).rejects.toMatchObject({ code: 'name_unsafe' });
    await expect(whole.write('a/to-z', 0, bodyOf(bytes))).rejects.toMatchObject({ code: 'name_unsafe' });
    await expect(whole.write('z/below', 0, bodyOf(bytes))).rejects.toMatchObject({ code: 'exists' });
    await expect(whole.write('z', 5, bodyOf(bytes))).rejects.toMatchObject({ code: 'unsupported' });
    expect((await whole.stat('z'))?.sizeBytes).toBe(20);
    // Started again it is all there; what is opened then is used as ever.
    podman.start(stopped);
    const running = await openDocker(parseEndpoint(`docker://${stopped}/data/new place`));
    expect(running.rename).toBeDefined();
    expect(await running.hash?.(`it's "odd"\n.mov`, 'sha256')).toBe(createHash('sha256').update(bytes).digest('hex'));
    await running.close();
    podman.stop(stopped);
  });

  test('an image without a shell is copied to and from, verified, and found unchanged', async () => {
    const bare = await podman.container({ shell: false });
    const rig = await openRig();
    try {
      mkdirSync(rig.at('src/sub'), { recursive: true });
      writeFileSync(rig.at('src/large'), content(1, 12_000_000));
      writeFileSync(rig.at('src/sub/small'), 'small');
      utimesSync(rig.at('src/sub/small'), 1_600_000_000, 1_600_000_000);
      const there = `docker://${bare}/data/photos`;
      expect(await rig.copy({ sources: [rig.at('src')], destination: there })).toMatchObject({ state: 'completed' });
      expect(await rig.copy({ sources: [there], destination: rig.at('back') })).toMatchObject({ state: 'completed' });
      expect(compareTrees(rig.at('src'), rig.at('back'))).toEqual({ missing: [], different: [], extra: [] });
      const again = await rig.copy({ sources: [rig.at('src')], destination: there });
      expect(again.counts).toMatchObject({ skipped: 2, completed: 0 });
    } finally {
      await rig.remove();
    }
  });
});

test('many files go by one archive, whatever they are called; through no symlink', { timeout: 60_000 }, async () => {
  const place = await openDocker(parseEndpoint(`docker://${container}/data/many`));
  const names = hostileNames(true);
  await place.makeSymlink?.('way', '/tmp');
  const files = async function* (): AsyncGenerator<ManyWrite> {
    for (const [index, name] of names.entries()) {
      const bytes = content(index, 100 * index);
      const body = ReadableStream.from([bytes]);
      yield { path: `d${index % 3}/${name}`, sizeBytes: bytes.length, mtimeMs: 1_600_000_000_000, mode: 0o640, body };
    }
    yield { path: 'way/out', sizeBytes: 1, mtimeMs: 0, body: ReadableStream.from([Buffer.of(1)]) };
    yield { path: 'd0/short', sizeBytes: 10, mtimeMs: 0, body: ReadableStream.from([Buffer.of(1)]) };
  };
  const faults = await place.writeMany?.(files());
  expect([...(faults ?? [])].map(([path, { code }]) => [path, code])).toEqual([
    ['way/out', 'name_unsafe'],
    ['d0/short', 'source_changed'],
  ]);
  const paths = names.map((name, index) => `d${index % 3}/${name}`);
  const hashes = await place.hashMany?.(paths, 'sha256');
  for (const [index, path] of paths.entries()) {
    expect(hashes?.get(path)).toBe(
      createHash('sha256')
        .update(content(index, 100 * index))
        .digest('hex'),
    );
  }
  expect(await place.stat(paths[1] ?? '')).toMatchObject({ mode: 0o640, mtimeMs: 1_600_000_000_000 });
  expect(podman.exec(container, 'ls', '/tmp')).not.toContain('out');
  const pairs = paths.map((from) => ({ from, to: `new/${from}` }));
  expect(await place.renameMany?.(pairs, { overwrite: false })).toEqual(new Map());
  expect(await place.removeMany?.(pairs.map(({ to }) => to))).toEqual(new Map());
  await place.close();
});

describe('trouble', { timeout: 120_000 }, () => {
  const bytes = content(3, 40_000_000);
  const rigs: Rig[] = [];
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.remove();
  });

  /** A copy of one large file into a container of its own, as soon as a good part of it is there. */
  const copyUnderWay = async () => {
    const own = await podman.container();
    const rig = await openRig({ limits: { retry: { firstDelayMs: 100, mostDelayMs: 500, checkMs: 200 } } });
    rigs.push(rig);
    writeFileSync(rig.at('large'), bytes);
    const request = { sources: [rig.at('large')], destination: `docker://${own}/data/`, bandwidth: '20M' };
    const { promise: isUnderWay, resolve } = Promise.withResolvers<void>();
    const stop = rig.engine.onTransferProgress(({ bytesDone }) => bytesDone > 16_000_000 && resolve());
    const job = await rig.engine.submit({ kind: 'copy', ...request });
    await isUnderWay;
    stop();
    return { own, rig, job };
  };
  const waits = async (rig: Rig, jobId: string) => {
    for (;;) {
      const [row] = await rig.transfers(jobId);
      if (row?.error !== null && row?.error !== undefined) return row.error;
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = rig.store.onEvents(() => resolve());
      const [now] = await rig.transfers(jobId);
      if (now?.error === null) await promise;
      stop();
    }
  };
  const hashIn = (own: string, path: string) => podman.exec(own, 'sha256sum', path).split(' ')[0];
  const wanted = createHash('sha256').update(bytes).digest('hex');

  test('a container that is stopped in mid copy is waited for, and gone on with where it was', async () => {
    const { own, rig, job } = await copyUnderWay();
    podman.stop(own);
    expect(['unreachable', 'network']).toContain((await waits(rig, job.id)).code);
    podman.start(own);
    expect(podman.exec(own, 'ls', '-A', '/data')).not.toMatch(/^large$/m);
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    expect(hashIn(own, '/data/large')).toBe(wanted);
    expect(podman.exec(own, 'ls', '-A', '/data')).toBe('large');
    const asked = { jobId: job.id, name: 'observation.transfer.completed', before: '', limit: 1 };
    const { events } = await rig.engine.reader.events(asked);
    expect(events[0]?.data.resumedBytes).toBeGreaterThan(0);
    // The control: what is written under its own name stands there half done.
    const plain = await openDocker(parseEndpoint(`docker://${own}/data`));
    let given = 0;
    const broken = plain.write('plain', 0, bodyOf(bytes), {
      progress: (done) => {
        given = done;
        if (done > 5_000_000 && done < 5_200_000) podman.stop(own);
      },
    });
    await expect(broken).rejects.toMatchObject({ code: expect.stringMatching(/unreachable|network/) });
    podman.start(own);
    expect(given).toBeGreaterThan(5_000_000);
    expect((await plain.stat('plain'))?.sizeBytes).toBeLessThan(bytes.length);
    await plain.close();
  });

  test('an engine whose socket goes away in mid copy is waited for', async () => {
    const { own, rig, job } = await copyUnderWay();
    await podman.killService();
    expect(['unreachable', 'network']).toContain((await waits(rig, job.id)).code);
    const away = await openDocker(parseEndpoint(`docker://${own}/data`));
    await expect(away.stat('large')).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('DOCKER_HOST'),
    });
    await podman.startService();
    expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
    expect(hashIn(own, '/data/large')).toBe(wanted);
  });

  test('a container that is stopped or removed is said to be so', async () => {
    const own = await podman.container();
    const place = await openDocker(parseEndpoint(`docker://${own}/data`));
    await place.write('file', 0, bodyOf(bytes.subarray(0, 1000)));
    podman.stop(own);
    const stopped = expect.stringMatching(/not running|exited/);
    await expect(place.stat('file')).rejects.toMatchObject({ code: 'unreachable', message: stopped });
    podman.start(own);
    expect((await place.stat('file'))?.sizeBytes).toBe(1000);
    podman.remove(own);
    const gone = expect.stringContaining('no container of that name');
    await expect(place.stat('file')).rejects.toMatchObject({ code: 'unreachable', message: gone });
    await expect(openDocker(parseEndpoint('docker:///data'))).rejects.toMatchObject({ code: 'invalid' });
  });
});
