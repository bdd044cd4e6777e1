// `wherry/react` in somebody else's app: the example is checked, built and served from another origin, and follows a real daemon.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';

const repository = resolve(import.meta.dirname, '../..');
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

let app: string;
let allowed: Server;
let other: Server;
let rig: ConsoleRig;
const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** The example with its packages as npm would put them beside it. */
function installed(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-react-'));
  cpSync(join(repository, 'examples/react-panel'), folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@types'), { recursive: true });
  mkdirSync(join(modules, '@vitejs'));
  for (const name of [
    'react',
    'react-dom',
    'zod',
    'vite',
    '@types/react',
    '@types/react-dom',
    '@vitejs/plugin-react',
  ]) {
    symlinkSync(join(repository, 'node_modules', name), join(modules, name));
  }
  mkdirSync(join(modules, 'wherry'));
  cpSync(join(repository, 'package.json'), join(modules, 'wherry/package.json'));
  cpSync(join(repository, 'dist/react'), join(modules, 'wherry/dist/react'), { recursive: true });
  return folder;
}

function run(tool: string, args: readonly string[]): void {
  const done = spawnSync(process.execPath, [join(repository, 'node_modules', tool), ...args], { cwd: app });
  if (done.status !== 0) throw new Error(`${tool} ended with ${done.status}: ${done.stdout}${done.stderr}`);
}

function serve(): Server {
  return createServer(({ url = '/' }, answer) => {
    const path = url === '/' ? '/index.html' : url;
    try {
      const body = readFileSync(join(app, 'dist', path));
      answer.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch {
      answer.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
}

beforeAll(async () => {
  app = installed();
  run('typescript/bin/tsc', ['--noEmit']);
  run('vite/bin/vite.js', ['build', '--logLevel', 'warn']);
  allowed = serve();
  other = serve();
  await Promise.all([allowed, other].map((server) => once(server, 'listening')));
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\nallowedOrigins: [${originOf(allowed)}]\n`,
    (folder) => {
      mkdirSync(join(folder, 'library'));
      for (const name of ['notes.txt', 'later.txt']) writeFileSync(join(folder, name), name);
      for (const name of ['long.mov', 'longer.mov']) {
        const file = openSync(join(folder, name), 'w');
        ftruncateSync(file, 400_000_000);
        closeSync(file);
      }
    },
  );
});
afterAll(async () => {
  await rig?.close();
  for (const server of [allowed, other]) {
    server?.closeAllConnections();
    server?.close();
  }
  rmSync(app, { recursive: true, force: true });
});
// A test that failed while the daemon was away leaves the next one a daemon.
beforeEach(() => rig.start());

async function open(server: Server, token: string): Promise<Page> {
  const page = await rig.stranger();
  await page.goto(originOf(server));
  await page.getByLabel('Address of the daemon').fill(`${rig.url}/`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Connect' }).click();
  return page;
}

const copy = async (name: string, bandwidth?: string) =>
  rig.api.call('createJob', {
    body: {
      ...{ kind: 'copy', sources: [join(rig.folder, name)], destination: join(rig.folder, 'library/') },
      ...(bandwidth === undefined ? {} : { bandwidth }),
    },
  });

test('another app shows, cancels and tries again what a daemon moves, and is told of each file that has arrived, once', async () => {
  const { token } = await rig.api.call('createToken', { body: { name: 'desk', scopes: ['management', 'write'] } });
  await copy('long.mov', '6M');
  const page = await open(allowed, token);
  const panel = page.getByRole('region', { name: 'Files on their way' });
  const row = (list: string, name: string) =>
    panel.getByRole('list', { name: list }).getByRole('listitem').filter({ hasText: name });
  const arrived = page.getByRole('list', { name: 'Files of the session' }).getByRole('listitem');

  // What was under way before the page was opened, and what comes after.
  await row('Under way', 'long.mov').waitFor();
  await page.getByRole('heading', { name: 'Session desk (1 on their way)' }).waitFor();
  const bar = panel.getByRole('progressbar', { name: 'Progress of long.mov' });
  await expect
    .poll(async () => Number(await bar.getAttribute('aria-valuenow')), { timeout: 15_000 })
    .toBeGreaterThan(0);
  const before = Number(await bar.getAttribute('aria-valuenow'));
  await expect
    .poll(async () => Number(await bar.getAttribute('aria-valuenow')), { timeout: 15_000 })
    .toBeGreaterThan(before);
  await row('Under way', 'long.mov')
    .getByText(/MB of 400 MB · \d+ % · [\d.]+ [kM]B\/s/)
    .waitFor();
  await copy('notes.txt');
  await row('Done', 'notes.txt').getByText('Proven').waitFor();
  await expect.poll(() => arrived.allTextContents()).toEqual(['notes.txt']);

  await row('Under way', 'long.mov').getByRole('button', { name: 'Cancel long.mov' }).click();
  await row('Done', 'long.mov').getByText('Cancelled').waitFor();
  await page.getByRole('heading', { name: 'Session desk', exact: true }).waitFor();
  await row('Done', 'long.mov').getByRole('button', { name: 'Try long.mov again' }).click();
  await row('Under way', 'long.mov').getByText('Moving').waitFor();

  // Over a kill of the daemon: it says so, comes back, and nothing is told twice.
  await rig.stop('SIGKILL');
  await panel.getByText(/The connection to the daemon|No Wherry daemon answers/).waitFor();
  await rig.start();
  await copy('later.txt');
  await row('Done', 'later.txt').getByText('Proven').waitFor({ timeout: 30_000 });
  await row('Under way', 'long.mov').getByText('Moving').waitFor({ timeout: 30_000 });
  expect(await arrived.allTextContents()).toEqual(['notes.txt', 'later.txt']);

  // Out of view only.
  await panel.getByRole('button', { name: 'Clear completed' }).click();
  await expect.poll(() => panel.getByRole('listitem').count()).toBe(1);
  const { id } = await copy('longer.mov', '3M');
  await row('Under way', 'longer.mov').getByText('Moving').waitFor();
  await panel.getByRole('button', { name: 'Dismiss all' }).click();
  await expect.poll(() => panel.getByRole('listitem').count()).toBe(0);
  await copy('notes.txt');
  const stateOf = async () => (await rig.api.call('listTransfers', { query: { job: id } })).rows[0];
  const bytes = (await stateOf())?.bytesDone ?? 0;
  await expect.poll(async () => (await stateOf())?.bytesDone ?? 0, { timeout: 15_000 }).toBeGreaterThan(bytes);
  expect((await stateOf())?.state).toBe('transferring');
  expect(await row('Under way', 'longer.mov').count()).toBe(0);
  await page.context().close();
});

test('a token that is nobody’s is said so; an origin that is not listed learns nothing, also with a good token', async () => {
  const page = await open(allowed, 'wherry_nobody');
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Token').waitFor();
  await page.context().close();

  const { token } = await rig.api.call('createToken', { body: { name: 'other', scopes: ['management'] } });
  const stranger = await open(other, token);
  await stranger.getByText(/No Wherry daemon answers/).waitFor();
  expect(await stranger.getByRole('listitem').count()).toBe(0);
  await stranger.context().close();
  const control = await open(allowed, token);
  await control.getByRole('listitem').first().waitFor();
  await control.context().close();
});
