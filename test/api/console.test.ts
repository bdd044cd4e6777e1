// The console's files: served without asking who it is, under a strict policy, and nothing beside them.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';

let folder: string;
let rig: ApiRig;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-console-'));
  mkdirSync(join(folder, 'web/assets'), { recursive: true });
  writeFileSync(join(folder, 'web/index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(folder, 'web/assets/app-1a2b.js'), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'not for anybody');
  rig = await openApiRig({}, join(folder, 'web'));
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const page = { headers: { accept: 'text/html' } };

test('the page and its files are open; every address of a page gives the page', async () => {
  for (const path of ['/', '/index.html', '/transfers', '/jobs/01ABC?tab=facts']) {
    const response = await fetch(rig.url + path, page);
    expect([path, response.status, await response.text()]).toEqual([
      path,
      200,
      '<!doctype html><title>console</title>',
    ]);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
  }
  const script = await fetch(`${rig.url}/assets/app-1a2b.js`);
  expect(script.headers.get('cache-control')).toContain('immutable');
  expect(script.headers.get('content-type')).toContain('javascript');
});

test('what is not the console is not served', async () => {
  for (const path of [
    '/assets/missing.js',
    '/api/v1/missing',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
  ]) {
    const response = await fetch(rig.url + path, page);
    expect([path, (await response.text()).includes('not for anybody')]).toEqual([path, false]);
    expect(response.status).toBeGreaterThanOrEqual(400);
  }
  const post = await fetch(`${rig.url}/transfers`, { method: 'POST', ...page });
  expect(post.status).toBe(401);
});

test('without a build the page says how to make one', async () => {
  const bare = await openApiRig({}, join(folder, 'nothing'));
  const response = await fetch(`${bare.url}/`, page);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('npm run build');
  await bare.close();
});

test('with a certificate it speaks TLS, and the cookie never leaves it', async () => {
  const key = join(folder, 'key.pem');
  const certificate = join(folder, 'certificate.pem');
  const wish = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync('openssl', [...wish, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  const tls = { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  const safe = await openApiRig({ tls });
  expect(safe.url).toMatch(/^https:/);
  const secret = new URL(safe.listening.consoleUrl).hash.slice('#secret='.length);
  const cookie = await new Promise<string>((resolve, reject) => {
    const headers = { origin: safe.url, 'content-type': 'application/json' };
    const agent = new Agent({ ca: tls.certificate });
    const sent = request(`${safe.url}/api/v1/session`, { agent, headers, method: 'POST' }, (response) => {
      resolve(response.headers['set-cookie']?.[0] ?? `status ${response.statusCode}`);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ secret }));
  });
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
  await safe.close();
});
