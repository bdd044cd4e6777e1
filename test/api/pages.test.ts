// In a real browser: the console's own page gets in by its link, and pages of other origins neither read nor change anything.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';

let folder: string;
let rig: ApiRig;
let foreign: Server;
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-pages-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>console</title>');
  rig = await openApiRig({}, folder);
  foreign = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>foreign</title>');
  });
  await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
    ],
  });
});
afterAll(async () => {
  await browser?.close();
  foreign?.close();
  await rig?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the page signs in by its link, asks, changes and listens; a foreign page of the same machine does none of it', async () => {
  const context = await browser.newContext();
  const own = await context.newPage();
  await own.goto(rig.listening.consoleUrl);
  const ask = (method: string, path: string, body?: unknown) =>
    own.evaluate(
      async ([method, path, body]) => {
        const init =
          body === undefined
            ? { method }
            : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
        return (await fetch(path as string, init as RequestInit)).status;
      },
      [method, path, body],
    );
  expect(await ask('GET', '/api/v1/session')).toBe(401);
  expect(await ask('POST', '/api/v1/session', { secret: new URL(rig.listening.consoleUrl).hash.slice(8) })).toBe(200);
  expect(await ask('GET', '/api/v1/overview')).toBe(200);
  expect(await ask('PUT', '/api/v1/settings/bandwidth', { limit: '2M' })).toBe(200);
  expect(await own.evaluate('document.cookie')).toBe('');
  const socket = (target: string) =>
    new Promise<string>((resolve) => {
      const web = new WebSocket(`${target.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
      web.onmessage = ({ data }) => {
        if (String(data).startsWith('0')) web.send('40/events,');
        else resolve(String(data).slice(0, 2));
      };
      web.onclose = () => resolve('closed');
    });
  expect(await own.evaluate(socket, rig.url)).toBe('40');

  // Same machine, other port: to a browser that is the same site, so the cookie goes along; the origin is another.
  const { port } = foreign.address() as AddressInfo;
  const other = await context.newPage();
  await other.goto(`http://127.0.0.1:${port}/`);
  const attack = await other.evaluate(async (target) => {
    const word = (answer: Promise<Response>) =>
      answer.then(
        ({ status }) => String(status),
        () => 'blocked',
      );
    const json = { 'content-type': 'application/json' };
    const body = JSON.stringify({ limit: '1' });
    return {
      read: await word(fetch(`${target}/api/v1/overview`, { credentials: 'include' })),
      blindRead: await word(fetch(`${target}/api/v1/overview`, { mode: 'no-cors', credentials: 'include' })),
      change: await word(
        fetch(`${target}/api/v1/settings/bandwidth`, { method: 'PUT', credentials: 'include', headers: json, body }),
      ),
      blindPost: await word(
        fetch(`${target}/api/v1/session/links`, { method: 'POST', mode: 'no-cors', credentials: 'include' }),
      ),
    };
  }, rig.url);
  expect(attack).toEqual({ read: 'blocked', blindRead: 'blocked', change: 'blocked', blindPost: 'blocked' });
  expect(await other.evaluate(socket, rig.url)).toBe('closed');
  // Nothing that the foreign page sent has changed anything.
  expect(rig.engine.snapshot().bandwidthLimit.bytesPerSecond).toBe(2 * 1024 * 1024);
  await context.close();
});
