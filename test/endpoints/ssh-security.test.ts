// Whom a place over SSH trusts: host keys, known_hosts in all its forms, logins, addresses that are none.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { knownKeys } from '../../src/endpoints/ssh/known-hosts.ts';
import { openSsh } from '../../src/endpoints/ssh/ssh.ts';
import { createSshHosts } from '../../src/endpoints/ssh/ssh-hosts.ts';
import { farFolder, sshTarget } from '../../src/endpoints/ssh/ssh-target.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { Fault } from '../../src/model/fault.ts';
import type { SshHostConfig } from '../../src/model/ssh-config.ts';
import { passwordUser, type Sshd, startSshd } from '../support/sshd.ts';

let sshd: Sshd;
let folder: string;
beforeAll(async () => {
  sshd = await startSshd();
  folder = mkdtempSync(join(tmpdir(), 'wh-ssh-trust-'));
});
const toClose: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});
afterAll(async () => {
  await sshd.close();
  rmSync(folder, { recursive: true });
});

/** What becomes of a first look at the host. */
async function look(
  given: SshHostConfig,
  options: { server?: Sshd; user?: string; more?: Record<string, SshHostConfig> } = {},
) {
  const { server = sshd, user = server.user, more = {} } = options;
  const known = { identityFile: server.identityFile, knownHosts: server.knownHosts, agent: false, ...given };
  const hosts = createSshHosts({ hosts: { '127.0.0.1': known, ...more } });
  toClose.push(() => hosts.close());
  const place = openSsh(parseEndpoint(`ssh://${user}@127.0.0.1:${server.port}${server.files}`), hosts);
  return place.stat('').then(
    (entry) => entry?.kind,
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error)),
  );
}

const ownKey = (server = sshd) => readFileSync(join(server.folder, 'host-key.pub'), 'utf8').trim();
let count = 0;
const hostsFile = (text: string) => {
  const file = join(folder, `known-${++count}`);
  writeFileSync(file, text);
  return file;
};

describe('host keys', () => {
  test('a known one is taken, in every form in which it may stand there', async () => {
    const name = `[127.0.0.1]:${sshd.port}`;
    const hashed = hostsFile(`${name} ${ownKey()}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', hashed], { stdio: 'ignore' });
    expect(readFileSync(hashed, 'utf8')).not.toContain('127.0.0.1');
    const forms = [`${name} ${ownKey()}`, `# one\n\nother,${name} ${ownKey()} comment`, `[127.0.0.?]:* ${ownKey()}`];
    for (const file of [hashed, ...forms.map(hostsFile)]) expect(await look({ knownHosts: file })).toBe('folder');
  });

  test('without a known one it is refused, says so, and is not tried again', async () => {
    const none = join(folder, 'not-there');
    for (const file of [none, hostsFile(`127.0.0.1 ${ownKey()}\n[127.0.0.1]:1 ${ownKey()}\n!x,*.org ${ownKey()}\n`)]) {
      const fault = await look({ knownHosts: file });
      expect(fault).toMatchObject({ code: 'host_key', message: expect.stringContaining('is not known') });
      expect((fault as Fault).meaning.retry).toBe('none');
    }
    expect(existsSync(none)).toBe(false);
  });

  test('accept-new adds the first one, and takes no other after that', async () => {
    const server = await startSshd();
    toClose.push(() => server.close());
    const file = join(folder, 'new', 'known_hosts');
    expect(await look({ knownHosts: file, hostKeys: 'accept-new' }, { server })).toBe('folder');
    expect(readFileSync(file, 'utf8')).toContain(ownKey(server).split(' ')[1]);
    const unended = hostsFile(`other.example ${ownKey()}`);
    expect(await look({ knownHosts: unended, hostKeys: 'accept-new' }, { server })).toBe('folder');
    expect(knownKeys({ host: 'other.example', port: 22, knownHosts: [unended] })).toHaveLength(1);
    expect(knownKeys({ host: '127.0.0.1', port: server.port, knownHosts: [unended] })).toHaveLength(1);
    await server.kill();
    server.changeHostKey();
    await server.start();
    const fault = await look({ knownHosts: file, hostKeys: 'accept-new' }, { server });
    expect(fault).toMatchObject({ code: 'host_key', message: expect.stringContaining('another host key') });
    expect((fault as Fault).message).toContain('ssh-keygen -R');
  });

  test('a host of which another kind of key is known is asked for that kind', async () => {
    const server = await startSshd({ lines: [`HostKey ${join(folder, 'ecdsa')}`] });
    toClose.push(() => server.close());
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', join(folder, 'ecdsa')]);
    await server.kill();
    await server.start();
    const ecdsa = readFileSync(join(folder, 'ecdsa.pub'), 'utf8');
    expect(await look({ knownHosts: hostsFile(`[127.0.0.1]:${server.port} ${ecdsa}`) }, { server })).toBe('folder');
  });

  test('a revoked one is refused though it is known, and a certificate authority is said not to be read', async () => {
    const name = `[127.0.0.1]:${sshd.port}`;
    const lines = [`@revoked * ${ownKey()}`, `${name} ${ownKey()}`];
    // Whichever comes first.
    for (const text of [lines, lines.toReversed()]) {
      expect(await look({ knownHosts: hostsFile(`${text.join('\n')}\n`) })).toMatchObject({
        code: 'host_key',
        message: expect.stringContaining('revoked'),
      });
    }
    const unknownMarker = hostsFile(`@something ${name} ${ownKey()}\n`);
    expect(await look({ knownHosts: unknownMarker })).toMatchObject({ message: expect.stringContaining('not known') });
    const authority = hostsFile(`@cert-authority * ${ownKey()}\n`);
    expect(await look({ knownHosts: authority })).toMatchObject({ message: expect.stringContaining('authority') });
    expect(knownKeys({ host: 'x', port: 22, knownHosts: [authority] })).toHaveLength(1);
  });
});

describe('logins', () => {
  test('a key that the host does not know is refused, with what was tried', async () => {
    const other = join(folder, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    const fault = await look({ identityFile: other });
    expect(fault).toMatchObject({ code: 'login_refused', message: expect.stringContaining(other) });
    expect((fault as Fault).meaning.retry).toBe('none');
    expect(await look({ identityFile: join(folder, 'missing') })).toMatchObject({ code: 'not_found' });
    const locked = join(folder, 'locked');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', locked]);
    expect(await look({ identityFile: locked })).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('ssh-add'),
    });
  });

  test('an agent shows its keys', async () => {
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    toClose.push(() => agent.kill('SIGKILL'));
    await once(agent.stdout, 'data');
    const before = process.env.SSH_AUTH_SOCK;
    toClose.push(() => {
      if (before === undefined) delete process.env.SSH_AUTH_SOCK;
      else process.env.SSH_AUTH_SOCK = before;
    });
    process.env.SSH_AUTH_SOCK = socket;
    const other = join(folder, 'unknown-key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    expect(await look({ identityFile: other, agent: true })).toMatchObject({ code: 'login_refused' });
    const key = join(folder, 'for-agent');
    writeFileSync(key, readFileSync(sshd.identityFile));
    chmodSync(key, 0o600);
    execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
    expect(await look({ identityFile: other, agent: true })).toBe('folder');
    expect(await look({ identityFile: other, agent: false })).toMatchObject({ code: 'login_refused' });
  });

  test('a password is read from its file; a wrong one is refused', async () => {
    const user = passwordUser();
    toClose.push(() => user.remove());
    const file = join(folder, 'password');
    const unknown = join(folder, 'no-key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', unknown]);
    writeFileSync(file, `${user.password}\nmore\n`);
    chmodSync(sshd.folder, 0o755);
    expect(await look({ identityFile: unknown, passwordFile: file }, { user: user.name })).toBe('folder');
    writeFileSync(file, 'wrong\n');
    const fault = await look({ identityFile: unknown, passwordFile: file }, { user: user.name });
    expect(fault).toMatchObject({ code: 'login_refused', message: expect.stringContaining(file) });
    expect((fault as Fault).message).not.toContain('wrong');
    appendFileSync(file, '');
  });

  test('a jump host stands in between, and its own key is checked as well', async () => {
    const gate = await startSshd();
    toClose.push(() => gate.close());
    const jump = {
      identityFile: gate.identityFile,
      knownHosts: gate.knownHosts,
      agent: false,
      host: '127.0.0.1',
      port: gate.port,
    };
    expect(await look({ jump: 'gate' }, { more: { gate: jump } })).toBe('folder');
    expect(gate.sessions()).toHaveLength(1);
    const stranger = { ...jump, knownHosts: join(folder, 'empty') };
    expect(await look({ jump: 'gate' }, { more: { gate: stranger } })).toMatchObject({ code: 'host_key' });
    expect(() => sshTarget('a', { hosts: { a: { jump: 'b' }, b: { jump: 'a' } } })).toThrow(/too many hosts/);
  });
});

describe('addresses', () => {
  test('a host or user that could be taken for an option, or for anything but a name, is refused', () => {
    const settings = { hosts: { evil: { host: '-oProxyCommand=touch x' }, bad: { user: '-x' } } };
    for (const authority of [
      '-oProxyCommand=x',
      'user@-oProxyCommand=x',
      '-l@host',
      '%2Dl@host',
      'evil',
      'bad',
      'a b',
      'x;y',
      '$(id)@h',
      '',
      'h:0',
      'h:70000',
      'h:x',
    ]) {
      expect(() => sshTarget(authority, settings), authority).toThrow(Fault);
    }
    expect(() => parseEndpoint('ssh://-oProxyCommand=x/y')).toThrow(/begins with "-"/);
    expect(sshTarget('user@[::1]:22022', settings)).toMatchObject({ user: 'user', host: '::1', port: 22022 });
  });

  test('a path is absolute, or begins at the home folder', () => {
    expect(farFolder('a/./b//c')).toEqual({ fromHome: false, path: '/a/b/c' });
    expect(farFolder('')).toEqual({ fromHome: false, path: '/' });
    expect(farFolder('~/a')).toEqual({ fromHome: true, path: 'a' });
    expect(farFolder('~')).toEqual({ fromHome: true, path: '' });
    expect(farFolder('a/~/b')).toEqual({ fromHome: false, path: '/a/~/b' });
    expect(() => farFolder('a/../b')).toThrow(/upwards/);
  });

  test('the home folder is that of the login', async () => {
    const hosts = createSshHosts({
      hosts: { '127.0.0.1': { identityFile: sshd.identityFile, knownHosts: sshd.knownHosts, agent: false } },
    });
    toClose.push(() => hosts.close());
    const home = openSsh(parseEndpoint(`ssh://${sshd.user}@127.0.0.1:${sshd.port}/~`), hosts);
    expect((await home.stat(''))?.kind).toBe('folder');
    const missing = openSsh(
      parseEndpoint(`ssh://${sshd.user}@127.0.0.1:${sshd.port}/~/no-such-folder-of-wherry`),
      hosts,
    );
    expect(await missing.stat('')).toBeUndefined();
  });
});
