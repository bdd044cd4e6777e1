// Large files that have changed, from and to a real sshd with a real rsync: what differs goes over the line and no more, and the proof is ours.

import { createCipheriv } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openWherry, type Wherry } from '../../src/main.ts';
import type { Transport } from '../../src/model/moving.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { linkTo, type TcpLink } from '../support/tcp-link.ts';
import { sha256Of } from '../support/trees.ts';

const mebibyte = 1024 * 1024;
/** Logins, the probe, sums of the blocks that are the same. */
const overheadBytes = mebibyte;
const awkward = `-e it's "a"\n$(film) [x]*.mov`;

let sshd: Sshd;
let link: TcpLink;
let folder: string;
let wherry: Wherry;
const open = async (options: { lines?: string[]; bandwidth?: string } = {}) => {
  sshd = await startSshd({ lines: options.lines ?? [] });
  link = await linkTo(sshd.port);
  folder = mkdtempSync(join(tmpdir(), 'wh-ssh-delta-'));
  for (const each of [join(folder, 'here'), join(sshd.files, 'there')]) mkdirSync(each);
  const { identityFile, knownHosts } = sshd;
  wherry = await openWherry({
    dataFolder: join(folder, 'data'),
    limits: {
      ...(options.bandwidth === undefined ? {} : { bandwidth: options.bandwidth }),
      retry: { firstDelayMs: 50, mostDelayMs: 500, checkMs: 500 },
    },
    ssh: { hosts: { '127.0.0.1': { identityFile, knownHosts, agent: false } } },
  });
};
afterEach(async () => {
  await wherry.close();
  await link.close();
  await sshd.close();
  rmSync(folder, { recursive: true });
});

/** Nothing in it comes twice, else rsync would find it. */
const content = (seed: number, bytes: number) =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
const writeContent = (file: string, seed: number, bytes: number) => writeFileSync(file, content(seed, bytes));

const far = (path: string) => `ssh://${sshd.user}@127.0.0.1:${link.port}${path}`;
const synced = async (ways: { source: string; destination: string; transport?: Transport }) => {
  const { source, destination, transport } = ways;
  const wanted = transport === undefined ? {} : { transport };
  const submission = await wherry.submit({ kind: 'sync', source, destinations: [destination], ...wanted });
  const job = await submission.done;
  return { job, submission };
};
const change = (file: string, seed: number, { at, bytes }: { at: number; bytes: number }) => {
  const fd = openSync(file, 'r+');
  writeSync(fd, content(seed, bytes), 0, bytes, at);
  closeSync(fd);
  const { mtimeMs } = statSync(file);
  // Far enough from the last time, which a host tells by the second.
  const later = mtimeMs / 1000 + 10 * seed;
  utimesSync(file, later, later);
};
const lineBytes = async (act: () => Promise<unknown>) => {
  const before = link.bytes.down + link.bytes.up;
  await act();
  return link.bytes.down + link.bytes.up - before;
};

describe.each(['pulled', 'pushed'] as const)('%s', (way) => {
  const ends = () => {
    const [here, there] = [join(folder, 'here'), join(sshd.files, 'there')];
    return way === 'pulled'
      ? { from: there, to: here, source: far(there), destination: here }
      : { from: here, to: there, source: here, destination: far(there) };
  };

  test('of 64 MiB of which one in the middle has changed, little more than that one goes', {
    timeout: 120_000,
  }, async () => {
    await open();
    const { from, to, source, destination } = ends();
    writeContent(join(from, awkward), 1, 64 * mebibyte);
    expect((await synced({ source, destination })).job.state).toBe('completed');
    change(join(from, awkward), 2, { at: 32 * mebibyte, bytes: mebibyte });
    const moved = await lineBytes(async () => {
      const { job } = await synced({ source, destination });
      expect(job.state).toBe('completed');
      expect(job.counts.completed).toBe(1);
    });
    expect(moved).toBeLessThan(mebibyte + overheadBytes);
    expect(readdirSync(to)).toEqual([awkward]);
    expect(sha256Of(join(to, awkward))).toBe(sha256Of(join(from, awkward)));
    expect(statSync(join(to, awkward)).mode & 0o777).toBe(statSync(join(from, awkward)).mode & 0o777);
    if (way === 'pushed') return;
    // Without it, all of it goes.
    change(join(from, awkward), 3, { at: 5 * mebibyte, bytes: mebibyte });
    expect(await lineBytes(() => synced({ source, destination, transport: 'sftp' }))).toBeGreaterThan(64 * mebibyte);
    expect(sha256Of(join(to, awkward))).toBe(sha256Of(join(from, awkward)));
  });

  test('cut in the middle, it goes on with what has come', { timeout: 120_000 }, async () => {
    await open({ bandwidth: '20M' });
    const { from, to, source, destination } = ends();
    const changed = 12 * mebibyte;
    writeContent(join(from, 'disk.img'), 1, 24 * mebibyte);
    writeContent(join(to, 'disk.img'), 1, 24 * mebibyte);
    change(join(from, 'disk.img'), 2, { at: 8 * mebibyte, bytes: changed });
    const old = sha256Of(join(to, 'disk.img'));
    const cutAt = 8 * mebibyte;
    const moved = await lineBytes(async () => {
      const done = synced({ source, destination });
      await link.cut(cutAt);
      // What has its name stays what it was until the new content is proved.
      expect(sha256Of(join(to, 'disk.img'))).toBe(old);
      expect((await done).job.state).toBe('completed');
    });
    expect(sha256Of(join(to, 'disk.img'))).toBe(sha256Of(join(from, 'disk.img')));
    expect(readdirSync(to)).toEqual(['disk.img']);
    expect(moved).toBeGreaterThan(changed);
    // Begun from the old file again it would be `cutAt` more.
    expect(moved).toBeLessThan(changed + cutAt / 2);
  });
});

describe('a host without rsync', () => {
  /** All that the host has, but rsync and tar. */
  const bare = () => {
    const bin = mkdtempSync(join(tmpdir(), 'wh-bin-'));
    for (const name of [
      'sh',
      'env',
      'find',
      'xargs',
      'sha256sum',
      'head',
      'uname',
      'cat',
      'cp',
      'chmod',
      'rm',
      'kill',
    ]) {
      symlinkSync(`/usr/bin/${name}`, join(bin, name));
    }
    return bin;
  };

  test('gets changed files whole, and the job says why; what insists on rsync, or tar, fails and says why', {
    timeout: 60_000,
  }, async () => {
    const bin = bare();
    try {
      await open({ lines: [`SetEnv PATH=${bin} SHLVL=5`] });
      const [here, there] = [join(folder, 'here'), join(sshd.files, 'there')];
      writeContent(join(here, 'disk.img'), 1, 6 * mebibyte);
      writeContent(join(there, 'disk.img'), 1, 6 * mebibyte);
      change(join(here, 'disk.img'), 2, { at: 0, bytes: mebibyte });
      for (const transport of ['rsync', 'tar'] as const) {
        const refused = await synced({ source: here, destination: far(there), transport });
        expect(refused.job.state).toBe('failed');
        expect(refused.job.error?.message).toContain(`cannot be reached by ${transport}: the host has no `);
      }
      const { job, submission } = await synced({ source: here, destination: far(there) });
      expect(job.state).toBe('completed');
      const { events } = await wherry.reader.events({
        jobId: submission.id,
        name: 'observation.sync.finished',
        before: '',
        limit: 1,
      });
      expect(JSON.stringify(events)).toContain('whole when they changed (no rsync: the host has no rsync)');
      expect(sha256Of(join(there, 'disk.img'))).toBe(sha256Of(join(here, 'disk.img')));
    } finally {
      rmSync(bin, { recursive: true });
    }
  });
});

describe('an old file that cannot be a beginning', () => {
  beforeEach(() => open());

  test('a symlink in its place is not followed, and nothing of what it leads to is changed', {
    timeout: 60_000,
  }, async () => {
    const [here, there] = [join(folder, 'here'), join(sshd.files, 'there')];
    const outside = join(folder, 'outside.img');
    writeContent(outside, 7, 6 * mebibyte);
    const before = sha256Of(outside);
    writeContent(join(here, 'disk.img'), 1, 6 * mebibyte);
    symlinkSync(outside, join(there, 'disk.img'));
    await synced({ source: here, destination: far(there), transport: 'rsync' });
    expect(sha256Of(outside)).toBe(before);
  });

  test('between places of this machine nobody can insist on rsync', { timeout: 60_000 }, async () => {
    const here = join(folder, 'here');
    writeContent(join(here, 'a'), 1, 1000);
    const { job } = await synced({ source: here, destination: join(folder, 'copy'), transport: 'rsync' });
    expect(job.state).toBe('failed');
    expect(job.error).toMatchObject({ code: 'unsupported' });
    expect(job.error?.message).toContain('neither');
  });
});
