// Two Chromiums, each where it is told (a network namespace, or this machine), with a page in each that runs a script of a test.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { type FrameServer, frameServer } from '../support/frame-server.ts';

/** Functions that a page's script puts at hand, by their names. */
type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

export interface Member<Program extends Functions> {
  readonly page: Page;
  /** Calls one of the page's own functions. */
  call<Name extends keyof Program & string>(
    name: Name,
    ...args: Parameters<Program[Name]>
  ): Promise<Awaited<ReturnType<Program[Name]>>>;
}

export interface TwoPages<Program extends Functions> {
  /** Passes signals, and frames of websocket links, on between the pages. */
  readonly server: FrameServer;
  readonly sender: Member<Program>;
  readonly receiver: Member<Program>;
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

/** `program` is the source of the pages' script, which sets `globalThis.program`; `address` is where the server can be reached from both. */
export async function twoPages<Program extends Functions>(
  program: string,
  address: string,
  within: { readonly sender: readonly string[]; readonly receiver: readonly string[] },
): Promise<TwoPages<Program>> {
  const script = await bundled(program);
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
  const open = async (command: readonly string[]): Promise<Member<Program>> => {
    const browser = await chromiumWithin(folder, command, [
      // Hashes of WebCrypto are for secure pages alone.
      `--unsafely-treat-insecure-origin-as-secure=${server.url}`,
    ]);
    browsers.push(browser);
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(server.url);
    await page.waitForFunction('globalThis.program !== undefined');
    return {
      page,
      call: (name, ...args) => page.evaluate(`program[${JSON.stringify(name)}](...${JSON.stringify(args)})`),
    };
  };
  try {
    const [sender, receiver] = await Promise.all([open(within.sender), open(within.receiver)]);
    return { server, sender, receiver, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function bundled(program: string): Promise<string> {
  const bundle = await rolldown({ input: program, platform: 'browser' });
  const { output } = await bundle.generate({ format: 'iife', name: 'page' });
  await bundle.close();
  return output[0].code;
}
