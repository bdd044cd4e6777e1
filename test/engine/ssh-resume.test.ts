// Copies from and to a real sshd whose line is cut, whose sessions and server are killed: they finish by themselves, and no more than a block is sent twice.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWherry, type Wherry } from '../../src/main.ts';
import { blockBytes } from '../../src/model/hash.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { linkTo, type TcpLink } from '../support/tcp-link.ts';
import { sha256Of, writeContent } from '../support/trees.ts';

const sizeBytes = 5 * blockBytes + 12_345;
/** Encryption, answers, logins, the probe. */
const overheadBytes = 2_000_000;

let sshd: Sshd;
let link: TcpLink;
let folder: string;
let wherry: Wherry;
beforeEach(async () => {
  sshd = await startSshd();
  link = await linkTo(sshd.port);
  folder = mkdtempSync(join(tmpdir(), 'wh-ssh-resume-'));
  mkdirSync(join(folder, 'here'));
  mkdirSync(join(sshd.files, 'there'));
  const { identityFile, knownHosts } = sshd;
  wherry = await openWherry({
    dataFolder: join(folder, 'data'),
    // Slow enough to be met in the middle.
    limits: { bandwidth: '30M', retry: { firstDelayMs: 50, mostDelayMs: 500, checkMs: 500 } },
    ssh: { hosts: { '127.0.0.1': { identityFile, knownHosts, agent: false } } },
  });
});
afterEach(async () => {
  await wherry.close();
  await link.close();
  await sshd.close();
  rmSync(folder, { recursive: true });
});

const far = (path: string) => `ssh://${sshd.user}@127.0.0.1:${link.port}${path}`;
const copied = async (source: string, destination: string) => {
  const submission = await wherry.submit({ kind: 'copy', sources: [source], destination });
  return { submission, done: submission.done };
};

test('pulled over a line that is cut three times', { timeout: 90_000 }, async () => {
  const source = join(sshd.files, 'film.mov');
  writeContent(source, 1, sizeBytes);
  // The naive way ends at the first cut, with a part of the file.
  const naive = spawn(
    'scp',
    [...sshd.clientOptions, '-P', String(link.port), `127.0.0.1:${source}`, join(folder, 'naive')],
    {
      stdio: 'ignore',
    },
  );
  const ended = once(naive, 'exit');
  await link.cut(12_000_000);
  expect((await ended)[0]).not.toBe(0);
  expect(statSync(join(folder, 'naive')).size).toBeLessThan(sizeBytes);

  const before = link.bytes.down;
  const { done } = await copied(far(source), join(folder, 'here'));
  for (let cut = 0; cut < 3; cut++) await link.cut(11_000_000);
  expect((await done).state).toBe('completed');
  expect(sha256Of(join(folder, 'here/film.mov'))).toBe(sha256Of(source));
  // What is under way when the line is cut is lost with it: a block, and what the sockets held.
  expect(link.bytes.down - before).toBeLessThan(sizeBytes + 3 * 2 * blockBytes + overheadBytes);
});

test('pushed while sessions, and then the server, are killed', { timeout: 90_000 }, async () => {
  const source = join(folder, 'film.mov');
  writeContent(source, 2, sizeBytes);
  const before = { ...link.bytes };
  const partial = () => {
    const [name] = readdirSync(join(sshd.files, 'there'));
    return name === undefined ? 0 : (statSync(join(sshd.files, 'there', name), { throwIfNoEntry: false })?.size ?? 0);
  };
  const { done } = await copied(source, far(join(sshd.files, 'there')));
  await expect.poll(partial, { interval: 5, timeout: 30_000 }).toBeGreaterThan(blockBytes);
  sshd.killSessions();
  await expect.poll(partial, { interval: 5, timeout: 30_000 }).toBeGreaterThan(2.5 * blockBytes);
  await sshd.kill();
  await sshd.start();
  expect((await done).state).toBe('completed');
  expect(readdirSync(join(sshd.files, 'there'))).toEqual(['film.mov']);
  expect(sha256Of(join(sshd.files, 'there/film.mov'))).toBe(sha256Of(source));
  expect(link.bytes.up - before.up).toBeLessThan(sizeBytes + 2 * 2 * blockBytes + overheadBytes);
  // What stands there already is proved there: it does not come back over the line.
  expect(link.bytes.down - before.down).toBeLessThan(blockBytes);
});

test('a host key that has changed stops it at once, and nothing is sent', { timeout: 60_000 }, async () => {
  const source = join(folder, 'film.mov');
  writeContent(source, 3, 100_000);
  await sshd.kill();
  sshd.changeHostKey();
  await sshd.start();
  const { submission, done } = await copied(source, far(join(sshd.files, 'there'))).catch((error: unknown) => ({
    submission: undefined,
    done: Promise.resolve({ state: 'refused', error }),
  }));
  const job = (await done) as { state: string; fault?: { code: string }; error?: { code: string } };
  expect(['failed', 'refused']).toContain(job.state);
  const faults = JSON.stringify([job, submission === undefined ? null : await submission.status()]);
  expect(faults).toContain('host_key');
  expect(readdirSync(join(sshd.files, 'there'))).toEqual([]);
});
