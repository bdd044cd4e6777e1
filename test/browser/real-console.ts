// A real daemon with its built console, and a real Chromium that looks at it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { createClient } from '../../src/api/client.ts';

const entry = resolve(import.meta.dirname, '../../src/cli/main.ts');
const token = 'a-token-for-browser-tests-0123456789abcdef';

export interface RealConsole {
  /** Everything of the test lives below it; removed at the end. */
  readonly folder: string;
  readonly url: string;
  /** With all rights, past the browser. */
  readonly api: ReturnType<typeof createClient>;
  /** A new one-time link. */
  link(): Promise<string>;
  /** A page that is signed in; what the browser complains about is kept in `complaints`. */
  page(options?: BrowserContextOptions): Promise<Page>;
  /** A page of its own, nobody signed in. */
  stranger(): Promise<Page>;
  readonly complaints: readonly string[];
  /** Of the daemon; 0 while none runs. */
  readonly pid: number;
  /** Of all tabs' processes. */
  rendererPids(): Promise<readonly number[]>;
  readonly token: string;
  /** Does nothing where the daemon runs; resolves once it answers. */
  start(): Promise<void>;
  stop(how: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  close(): Promise<void>;
}

/**
 * `config` is what stands in wherry.yaml; the folder of the test is a root beside it. `prepare` runs before the daemon starts.
 * `given` is a folder that is not there yet, where its name is looked at; left out: a new one.
 */
export async function openRealConsole(
  config: (folder: string) => string,
  prepare: (folder: string) => Promise<void> | void = () => undefined,
  given?: string,
): Promise<RealConsole> {
  if (given !== undefined) mkdirSync(given);
  const folder = given ?? mkdtempSync(join(tmpdir(), 'wherry-console-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const api = createClient({ url, token });
  mkdirSync(join(folder, 'home'));
  writeFileSync(join(folder, 'wherry.yaml'), config(folder));
  await prepare(folder);
  let daemon: ChildProcess | undefined;
  const complaints: string[] = [];

  const rig: RealConsole = {
    folder,
    url,
    api,
    complaints,
    token,
    get pid() {
      return daemon?.pid ?? 0;
    },
    async rendererPids() {
      const session = await browser.newBrowserCDPSession();
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      await session.detach();
      return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    },
    async link() {
      return (await api.call('createSessionLink')).url;
    },
    async page(options = {}) {
      const page = await open({ viewport: { width: 1440, height: 900 }, ...options });
      await page.goto(await rig.link());
      await page.locator('[data-connection=live]').waitFor();
      return page;
    },
    stranger: () => open({}),
    async start() {
      if (daemon !== undefined && isRunning(daemon)) return;
      const child = spawn(
        process.execPath,
        [
          entry,
          'serve',
          '--data',
          join(folder, 'data'),
          '--config',
          join(folder, 'wherry.yaml'),
          '--listen',
          url.slice(7),
        ],
        {
          cwd: folder,
          env: { ...process.env, HOME: join(folder, 'home'), WHERRY_TOKEN: token },
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      daemon = child;
      let words = '';
      child.stderr.on('data', (piece) => {
        words = (words + piece).slice(-20_000);
      });
      for (;;) {
        if (!isRunning(child)) throw new Error(`The daemon ended (${child.exitCode ?? child.signalCode}): ${words}`);
        const ready = await fetch(`${url}/readyz`).then(
          (answer) => answer.ok,
          () => false,
        );
        if (ready) return;
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    async stop(how) {
      if (daemon === undefined || !isRunning(daemon)) return;
      const ended = once(daemon, 'exit');
      daemon.kill(how);
      await ended;
    },
    async close() {
      await browser.close();
      await rig.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };

  async function open(options: BrowserContextOptions): Promise<Page> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
    page.on('console', (message) => {
      // A daemon that is away is part of the tests; Chromium logs each connection that was refused.
      const expected = /net::ERR_|WebSocket connection|status of 401|status of 50/.test(message.text());
      const refused =
        message.text().includes('status of 400') &&
        /\/(settings\/bandwidth|watches\/test)$/.test(message.location().url);
      // A file may have become whole while its blocks were asked for.
      const whole =
        message.text().includes('status of 409') && /\/transfers\/[^/]+\/blocks$/.test(message.location().url);
      const noEntry = message.text().includes('status of 404') && /\/rooms\/[^/]+\/join$/.test(message.location().url);
      // An upload that another way has overtaken.
      const overtaken =
        message.text().includes('status of 409') && /\/rooms\/[^/]+\/relay\/\w+$/.test(message.location().url);
      if (message.type() === 'error' && !overtaken && !noEntry && !expected && !refused && !whole)
        complaints.push(`${message.text()} (${message.location().url})`);
    });
    return page;
  }

  await rig.start();
  const browser: Browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return rig;
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port could be had.');
  return address.port;
}
