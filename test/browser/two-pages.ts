// Two Chromiums, each where it is told (a network namespace, or this machine), with a page in each that transfers a generated file.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { type FrameServer, frameServer } from '../support/frame-server.ts';
import type { TransferPage, TransferState } from './transfer-page.ts';

export interface TransferMember {
  readonly page: Page;
  /** Calls one of the page's own functions. */
  call<Name extends keyof TransferPage>(
    name: Name,
    ...args: Parameters<TransferPage[Name]>
  ): Promise<Awaited<ReturnType<TransferPage[Name]>>>;
  state(): Promise<TransferState>;
}

export interface TwoPages {
  /** Passes signals, and frames of websocket links, on between the pages. */
  readonly server: FrameServer;
  readonly sender: TransferMember;
  readonly receiver: TransferMember;
  close(): Promise<void>;
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Its own names for addresses are told by multicast, which a namespace without a router has not.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/** A Chromium that runs behind that command, such as `ip netns exec …`. */
export async function chromiumWithin(
  folder: string,
  within: readonly string[],
  more: readonly string[] = [],
): Promise<Browser> {
  const program = join(folder, `chromium-${within.at(-1) ?? 'here'}`);
  writeFileSync(program, `#!/bin/sh\nexec ${[...within, '/usr/bin/chromium'].join(' ')} "$@"\n`);
  chmodSync(program, 0o755);
  return chromium.launch({ executablePath: program, args: [...flags, ...more] });
}

/** `address` is where the server can be reached from both. */
export async function twoPages(
  address: string,
  within: { readonly sender: readonly string[]; readonly receiver: readonly string[] },
): Promise<TwoPages> {
  const script = await bundled();
  const folder = mkdtempSync(join(tmpdir(), 'wherry-pages-'));
  const server = await frameServer(address, ({ url }, answer) => {
    if (url === '/page.js') answer.setHeader('content-type', 'text/javascript').end(script);
    else answer.setHeader('content-type', 'text/html').end('<!doctype html><script src="/page.js"></script>');
  });
  const browsers: Browser[] = [];
  const close = async () => {
    for (const browser of browsers) await browser.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const open = async (command: readonly string[]): Promise<TransferMember> => {
    const browser = await chromiumWithin(folder, command, [
      // Hashes of WebCrypto are for secure pages alone.
      `--unsafely-treat-insecure-origin-as-secure=${server.url}`,
    ]);
    browsers.push(browser);
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(server.url);
    await page.waitForFunction('globalThis.transferPage !== undefined');
    const call: TransferMember['call'] = (name, ...args) =>
      page.evaluate(`transferPage[${JSON.stringify(name)}](...${JSON.stringify(args)})`);
    return { page, call, state: () => call('state') };
  };
  try {
    const [sender, receiver] = await Promise.all([open(within.sender), open(within.receiver)]);
    return { server, sender, receiver, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function bundled(): Promise<string> {
  const bundle = await rolldown({ input: resolve(import.meta.dirname, 'transfer-page.ts'), platform: 'browser' });
  const { output } = await bundle.generate({ format: 'iife', name: 'page' });
  await bundle.close();
  return output[0].code;
}
