// The receiving side of rooms alone in a real Chromium: built like the console, served with its headers, no daemon.

import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { serveConsole } from '../../src/api/console-files.ts';
import { openServer, securityHeaders } from '../../src/api/http-server.ts';

export interface ReceivingRig {
  readonly folder: string;
  readonly url: string;
  readonly context: BrowserContext;
  /** A page that is ready to run the fixture's scenarios. */
  page(): Promise<Page>;
  reload(page: Page): Promise<void>;
  /** Of all tabs' processes. */
  rendererPids(): Promise<readonly number[]>;
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** The browser keeps its files on disk, as a user's does: one without a profile keeps them in memory. */
export async function openReceivingRig(): Promise<ReceivingRig> {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-receiving-'));
  const built = join(folder, 'built');
  await build({
    configFile: false,
    root: resolve(import.meta.dirname, 'fixtures/receiving'),
    logLevel: 'warn',
    worker: { format: 'es' },
    publicDir: resolve(import.meta.dirname, '../../web/public'),
    build: { outDir: built, emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false } },
  });
  const silent = () => undefined;
  const server = openServer({ tls: null, log: { info: silent, warn: silent, error: silent } });
  server.addHook('onRequest', async (_request, reply) => void reply.headers(securityHeaders));
  const files = await serveConsole(server, built);
  server.setNotFoundHandler((request, reply) => {
    if (!files.page(request, reply)) void reply.status(404).send();
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: '/usr/bin/chromium',
    downloadsPath: join(folder, 'downloads'),
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  });
  const complaints: string[] = [];
  const ready = (page: Page) => page.locator('body[data-ready]').waitFor({ state: 'attached' });
  return {
    ...{ folder, url, context, complaints },
    async page() {
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
      page.on(
        'console',
        (message) => message.type() === 'error' && complaints.push(`${message.text()} (${message.location().url})`),
      );
      await page.goto(`${url}/rooms/x`);
      await ready(page);
      return page;
    },
    async rendererPids() {
      const session = await context.browser()?.newBrowserCDPSession();
      const info = await session?.send('SystemInfo.getProcessInfo');
      return (info?.processInfo ?? []).filter(({ type }) => type === 'renderer').map(({ id }) => id);
    },
    async reload(page) {
      await page.reload();
      await ready(page);
    },
    async close() {
      await context.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
