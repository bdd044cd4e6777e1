// `wherry copy` to an object store and into a container and back: killed in the middle, run again, and found unchanged in the end.

import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Podman, startPodman } from '../support/podman.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { linkTo } from '../support/tcp-link.ts';
import { content } from '../support/trees.ts';
import { type Bench, openBench } from './command.ts';

let bench: Bench;
let server: S3Server;
let podman: Podman;
beforeAll(async () => {
  [server, podman] = await Promise.all([startS3Server(), startPodman()]);
}, 90_000);
afterAll(async () => {
  await Promise.all([server.close(), podman.close()]);
});
beforeEach(() => {
  bench = openBench();
  mkdirSync(bench.path('src/folder/empty'), { recursive: true });
  writeFileSync(bench.path('src/large'), content(1, large));
  for (let index = 0; index < 8; index++) {
    const file = bench.path('src/folder', `small ${index}`);
    writeFileSync(file, content(index, 1000 * index));
    utimesSync(file, 1_600_000_000 + index, 1_600_000_000 + index);
  }
});
afterEach(() => bench.close());

const large = 26_000_000;
const patienceMs = 120_000;
const summary = (out: string) =>
  JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as { files: number; unchanged: number; exitCode: number };

/** There, killed when a good part of the large file has gone, there again, and back. */
async function thereAndBack(there: string, env: Record<string, string>): Promise<void> {
  const first = bench.start(['copy', '--json', '-P', '--bwlimit', '3M', 'src', there], { env });
  await first.said(/"bytesDone":(9|1\d)\d{6}\b/);
  first.child.kill('SIGKILL');
  expect((await first.ended).code).toBe(null);
  const run = (...words: string[]) => bench.start(['copy', '--json', ...words], { env }).ended;
  const second = await run('src', there);
  expect(second.err).toContain('An earlier run of this copy did not complete');
  expect(summary(second.out)).toMatchObject({ exitCode: 0 });
  const third = await run('src', there);
  expect(summary(third.out)).toMatchObject({ unchanged: 9, exitCode: 0 });
  expect(third.out).not.toContain('"type":"file"');
  expect(summary((await run(there, 'back')).out)).toMatchObject({ exitCode: 0 });
  execFileSync('diff', ['-r', bench.path('src'), bench.path('back')]);
  const again = await run(there, 'back');
  expect(summary(again.out)).toMatchObject({ unchanged: 9, exitCode: 0 });
  const verified = (...words: string[]) => bench.start(['verify', '--json', ...words], { env }).ended;
  expect(summary((await verified(there)).out)).toMatchObject({ ok: 9, withoutReceipt: 0, exitCode: 0 });
  expect(summary((await verified('--against', 'src/folder', `${there}/folder`)).out)).toMatchObject({ ok: 8 });
}

test(
  'to an object store and back',
  async () => {
    const link = await linkTo(server.port);
    const bucket = await server.makeBucket('there-and-back');
    writeFileSync(
      bench.path('wherry.yaml'),
      `s3:\n  endpoint: http://127.0.0.1:${link.port}\n  credentialsFile: ${server.credentialsFile}\n`,
    );
    await thereAndBack(`s3://${bucket}/photos`, { WHERRY_CONFIG: bench.path('wherry.yaml') });
    // One part of the large file twice at most, and what the small ones and all questions take.
    expect(link.bytes.up).toBeLessThan(large + 8 * 1024 * 1024 + 2_000_000);
    await link.close();
  },
  patienceMs,
);

test(
  'into a container and back',
  async () => {
    const container = await podman.container();
    await thereAndBack(`docker://${container}/data/photos`, { DOCKER_HOST: podman.host });
    expect(podman.exec(container, 'find', '/data/photos', '-name', '*.partial')).toBe('');
    podman.exec(container, 'sh', '-c', "printf x | dd of='/data/photos/folder/small 3' conv=notrunc");
    const env = { DOCKER_HOST: podman.host };
    const changed = await bench.start(['verify', `docker://${container}/data/photos`], { env }).ended;
    expect(changed.code).toBe(11);
    expect(changed.out).toMatch(/^changed +docker:.*photos\/folder\/small%203: its [\w-]+ is \w+ and was \w+$/m);
  },
  patienceMs,
);
