// The API over TLS: a self-made certificate that is kept, given ones that are replaced while it runs, and what changes for cookies and commands.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { type Daemon, openDaemon } from '../../src/daemon.ts';
import { fingerprintOf, makeCertificate, type PemPair } from '../../src/self-made-certificate.ts';
import { wherry } from '../support/daemon.ts';

let folder: string;
let daemon: Daemon | undefined;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wherry-tls-')));
});
afterEach(async () => {
  await daemon?.close();
  daemon = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function start(config: string): Promise<Daemon> {
  writeFileSync(join(folder, 'wherry.yaml'), `listen: 127.0.0.1:0\nroots: [${folder}]\n${config}`);
  const settings = await loadSettings({ config: join(folder, 'wherry.yaml'), data: join(folder, 'data') }, {});
  daemon = await openDaemon(settings, { demoFolder: null, logToErrors: 'none' });
  return daemon;
}

/** Shakes hands as a client that trusts `ca` alone; gives the fingerprint of what was shown. */
function shakeHands(url: string, ca: string | undefined, servername = 'localhost'): Promise<string> {
  const port = Number(new URL(url).port);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername, ...(ca === undefined ? {} : { ca }) }, () => {
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      resolve(fingerprint256);
    });
    socket.on('error', reject);
  });
}

function post(url: string, ca: string, body: object): Promise<{ status: number; cookie: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/api/v1/session`,
      { method: 'POST', ca, headers: { origin: url, 'content-type': 'application/json' } },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, cookie: String(response.headers['set-cookie']?.[0]) });
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

const keptIn = (name: string) => readFileSync(join(folder, 'data/tls', name), 'utf8');

test('a self-made certificate is kept, names this machine, is trusted by this user’s commands and by nobody unasked', async () => {
  const { url, fingerprint, consoleUrl } = await start('tls: self-made\n');
  expect(url).toMatch(/^https:/);
  const certificate = keptIn('certificate.pem');
  expect(fingerprintOf(certificate)).toBe(fingerprint);
  expect(statSync(join(folder, 'data/tls/key.pem')).mode & 0o777).toBe(0o600);
  expect(await shakeHands(url, certificate)).toBe(fingerprint);
  await expect(shakeHands(url, undefined)).rejects.toMatchObject({ code: expect.stringMatching(/SELF_SIGNED/) });
  await expect(shakeHands(url, certificate, 'elsewhere.example')).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  // OpenSSL's own reading of what was written by hand.
  const file = join(folder, 'data/tls/certificate.pem');
  const text = execFileSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' });
  expect(text).toMatch(/DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/);
  expect(execFileSync('openssl', ['verify', '-x509_strict', '-CAfile', file, file], { encoding: 'utf8' })).toContain(
    'OK',
  );

  const secret = new URL(consoleUrl).hash.slice('#secret='.length);
  const session = await post(url, certificate, { secret });
  expect(session).toMatchObject({ status: 200, cookie: expect.stringMatching(/; Secure$/) });
  const { stdout } = await promisify(execFile)(wherry, ['jobs', '--json', '--data', join(folder, 'data')], {
    env: { ...process.env, WHERRY_TOKEN: '' },
  });
  expect(stdout).toBe('');
  const key = keptIn('key.pem');
  await daemon?.close();
  expect((await start('tls: self-made\n')).fingerprint).toBe(fingerprint);
  expect(keptIn('key.pem')).toBe(key);
  await daemon?.close();
  // One that does not name a host that it should is made anew.
  expect((await start('tls: self-made\nallowedHosts: [desk.example]\n')).fingerprint).not.toBe(fingerprint);
  expect(await shakeHands(daemon?.url ?? '', keptIn('certificate.pem'), 'desk.example')).toBe(daemon?.fingerprint);
}, 60_000);

/** Shakes hands until this certificate is shown. */
async function until(url: string, pair: PemPair): Promise<void> {
  for (const deadline = performance.now() + 20_000; ; ) {
    if ((await shakeHandsWithAnyone(url)) === fingerprintOf(pair.certificate)) return;
    if (performance.now() > deadline) throw new Error('The certificate was not taken up.');
  }
}

function shakeHandsWithAnyone(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false }, () => {
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      resolve(fingerprint256);
    });
    socket.on('error', reject);
  });
}

test('given certificates are taken up when their files change; a key that does not belong leaves the old one in force', async () => {
  const [first, second, third] = [1, 2, 3].map(() => makeCertificate(['localhost'], Date.now())) as [
    PemPair,
    PemPair,
    PemPair,
  ];
  const put = (certificate: string, key: string) => {
    writeFileSync(join(folder, 'key.pem'), key);
    writeFileSync(join(folder, 'certificate.pem'), certificate);
  };
  const files = 'tls: { certificateFile: certificate.pem, keyFile: key.pem }\n';
  put(first.certificate, second.key);
  await expect(start(files)).rejects.toMatchObject({ code: 'config_invalid' });
  put(first.certificate, first.key);
  const { url } = await start(files);
  expect(await shakeHandsWithAnyone(url)).toBe(fingerprintOf(first.certificate));
  put(second.certificate, second.key);
  await until(url, second);
  put(third.certificate, second.key);
  const logs = () => {
    const names = readdirSync(join(folder, 'data/logs')).filter((name) => name.endsWith('.log'));
    return names.map((name) => readFileSync(join(folder, 'data/logs', name), 'utf8')).join('');
  };
  for (const deadline = performance.now() + 20_000; !logs().includes('is not taken'); ) {
    expect(await shakeHandsWithAnyone(url)).toBe(fingerprintOf(second.certificate));
    expect(performance.now()).toBeLessThan(deadline);
  }
  put(third.certificate, third.key);
  await until(url, third);
}, 60_000);

const command = (...words: string[]) =>
  promisify(execFile)(wherry, [...words, '--data', join(folder, 'data')], {
    env: { ...process.env, WHERRY_TOKEN: '', NO_COLOR: '1' },
  });

test('own commands take a given certificate for the name in it, the self-made one alone, and nothing else', async () => {
  const put = (pair: PemPair) => {
    writeFileSync(join(folder, 'key.pem'), pair.key);
    writeFileSync(join(folder, 'certificate.pem'), pair.certificate);
  };
  const make = (...names: string[]) => makeCertificate(names, Date.now());
  const given = make('desk.example');
  put(given);
  const files = 'tls: { certificateFile: certificate.pem, keyFile: key.pem }\n';
  const { url } = await start(files);
  expect(url).toMatch(/^https:\/\/127\./);
  expect((await command('jobs', '--json')).stdout).toBe('');
  expect((await command('doctor', '--json').catch((error: { stdout: string }) => error)).stdout).toMatch(
    /The daemon \(process \d+\) at https:\S+ is ready\./,
  );
  // It follows when the certificate is renewed.
  const renewed = make('desk.example');
  put(renewed);
  await until(url, renewed);
  await expect.poll(() => command('jobs', '--json').then(() => 'reached', String), { timeout: 20_000 }).toBe('reached');

  // Somebody else behind that address: with a certificate for another name, with one for the same name that nobody vouches for.
  const cardFile = join(folder, 'data/daemon.json');
  const card = JSON.parse(readFileSync(cardFile, 'utf8')) as Record<string, unknown>;
  const put2 = (changes: object) => writeFileSync(cardFile, JSON.stringify({ ...card, ...changes }), { mode: 0o600 });
  const failing = async (changes: object) => {
    put2(changes);
    return command('jobs').then(
      () => 'reached',
      (error: { stderr: string }) => error.stderr,
    );
  };
  expect(await failing({})).toBe('reached');
  expect(await failing({ certificate: make('desk.example').certificate })).toMatch(/No Wherry daemon answers/);
  expect(await failing({ certificate: `${make('other.example').certificate}\n${renewed.certificate}` })).toMatch(
    /No Wherry daemon answers/,
  );
  // Pinned: one that would do by its name and by who vouches for it is not the very one.
  expect(await failing({ selfMade: true })).toBe('reached');
  const both = `${make('desk.example').certificate}\n${renewed.certificate}`;
  expect(await failing({ certificate: both, selfMade: true })).toMatch(/No Wherry daemon answers/);
  expect(await failing({ certificate: both, selfMade: false })).toBe('reached');
  put2({});
}, 90_000);

test('`wherry doctor` finds a daemon with a self-made certificate well, and says what is wrong where it is not', async () => {
  await start('tls: self-made\n');
  const look = async () => (await command('doctor', '--json').catch((error: { stdout: string }) => error)).stdout;
  expect(await look()).toMatch(/at https:\S+ is ready\./);
  const cardFile = join(folder, 'data/daemon.json');
  const card = JSON.parse(readFileSync(cardFile, 'utf8')) as Record<string, unknown>;
  const { certificate } = makeCertificate(['localhost', '127.0.0.1'], Date.now());
  writeFileSync(cardFile, JSON.stringify({ ...card, certificate }), { mode: 0o600 });
  expect(await look()).toMatch(/does not answer \([A-Z_]+\)/);
  writeFileSync(cardFile, JSON.stringify(card), { mode: 0o600 });
}, 60_000);
