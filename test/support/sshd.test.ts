// The sshd of the tests does what the real one does: it lets in by key, is killed, comes back, and can be cut off.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { chrootFolder, type Sshd, startSshd } from './sshd.ts';
import { linkTo } from './tcp-link.ts';

const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function server(...options: Parameters<typeof startSshd>): Promise<Sshd> {
  const sshd = await startSshd(...options);
  toClose.push(() => sshd.close());
  return sshd;
}

const ssh = (sshd: Sshd, command: string) =>
  execFileSync('ssh', [...sshd.clientOptions, '-p', String(sshd.port), `${sshd.user}@127.0.0.1`, command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

test('the server lets its key in, is killed and comes back, and is not known with another host key', async () => {
  const sshd = await server();
  writeFileSync(join(sshd.files, 'a'), 'content');
  expect(ssh(sshd, `cat '${sshd.files}/a'`)).toBe('content');
  await sshd.kill();
  expect(() => ssh(sshd, 'true')).toThrow(/refused/);
  await sshd.start();
  expect(ssh(sshd, 'echo back')).toBe('back\n');
  await sshd.kill();
  sshd.changeHostKey();
  await sshd.start();
  expect(() => ssh(sshd, 'true')).toThrow(/HOST IDENTIFICATION HAS CHANGED/);
});

test('sessions are killed while the server goes on', async () => {
  const sshd = await server();
  const client = spawn('ssh', [...sshd.clientOptions, '-p', String(sshd.port), '127.0.0.1', 'echo up; sleep 600']);
  toClose.push(() => client.kill('SIGKILL'));
  const ended = once(client, 'exit');
  await once(client.stdout, 'data');
  expect(sshd.commands().join('\n')).toContain('sleep 600');
  expect(sshd.killSessions()).toBe(1);
  expect((await ended)[0]).toBe(255);
  expect(ssh(sshd, 'echo on')).toBe('on\n');
});

test('a chroot shows nothing else', async () => {
  const chroot = chrootFolder();
  toClose.push(() => chroot.remove());
  writeFileSync(join(chroot.inside, 'a'), 'content');
  const sshd = await server({ chroot: chroot.path });
  const listed = execFileSync('sftp', [...sshd.clientOptions, '-P', String(sshd.port), '-b', '-', '127.0.0.1'], {
    input: 'ls -1 /\nls -1 /in\n',
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  expect(listed.split('\n').filter((line) => line !== '' && !line.startsWith('sftp>'))).toEqual(['/in', '/in/a']);
});

test('a link is cut in the middle of bytes, and a held one is silent', async () => {
  const sshd = await server();
  const link = await linkTo(sshd.port);
  toClose.push(() => link.close());
  const reading = spawn('ssh', [...sshd.clientOptions, '-p', String(link.port), '127.0.0.1', 'cat /dev/zero'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  toClose.push(() => reading.kill('SIGKILL'));
  const ended = once(reading, 'exit');
  await link.cut(5_000_000);
  expect((await ended)[0]).toBe(255);
  expect(link.bytes.down).toBeGreaterThan(4_000_000);
  link.hold();
  const silent = spawn('ssh', [
    ...sshd.clientOptions,
    '-o',
    'ConnectTimeout=1',
    '-p',
    String(link.port),
    '127.0.0.1',
    ':',
  ]);
  expect((await once(silent, 'exit'))[0]).toBe(255);
  link.heal();
});
