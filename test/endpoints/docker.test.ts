// Places in containers pass the suite on a real Podman, and say what is wrong when container or engine are away.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openDocker } from '../../src/endpoints/docker/docker-place.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { bodyOf } from '../support/bytes.ts';
import { endpointSuite } from '../support/endpoint-suite.ts';
import { openRig, type Rig } from '../support/engine-rig.ts';
import { type Podman, startPodman } from '../support/podman.ts';
import { content } from '../support/trees.ts';

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
    const [row] = await rig.transfers(job.id);
    expect(row?.attempts).toBeGreaterThan(1);
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

  test('a container that is stopped, removed, or has no shell is said to be so', async () => {
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
    const bare = await openDocker(parseEndpoint(`docker://${await podman.container({ shell: false })}/etc`));
    const noShell = expect.stringContaining('no shell');
    await expect(bare.stat('passwd')).rejects.toMatchObject({ code: 'unsupported', message: noShell });
    await expect(openDocker(parseEndpoint('docker:///data'))).rejects.toMatchObject({ code: 'invalid' });
  });
});
