// Two Chromiums, each where it is told (a network namespace, or this machine), with a page in each that runs a script of a test.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { rolldown } from 'rolldown';

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
  // Its own names for addresses are told by multicast, which a namespace without a router has not; and a page that the test itself
  // answers comes from no address, so that the server's would be taken for one of another network.
  '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets',
];

/**
 * `program` is the source of the pages' script, which sets `globalThis.program`. The pages are of the origin `url`, whose server need not know
 * them; `within` are the commands that programs of each place begin with.
 */
export async function twoPages<Program extends Functions>(
  program: string,
  url: string,
  within: { readonly sender: readonly string[]; readonly receiver: readonly string[] },
): Promise<TwoPages<Program>> {
  const script = await bundled(program);
  const folder = mkdtempSync(join(tmpdir(), 'wherry-pages-'));
  const browsers: Browser[] = [];
  const close = async () => {
    for (const browser of browsers) await browser.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const open = async (command: readonly string[]): Promise<Member<Program>> => {
    const starter = join(folder, `chromium-${command.at(-1) ?? 'here'}`);
    writeFileSync(starter, `#!/bin/sh\nexec ${[...command, '/usr/bin/chromium'].join(' ')} "$@"\n`);
    chmodSync(starter, 0o755);
    const browser = await chromium.launch({
      executablePath: starter,
      // Hashes of WebCrypto are for secure pages alone.
      args: [...flags, `--unsafely-treat-insecure-origin-as-secure=${url}`],
    });
    browsers.push(browser);
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(30_000);
    await page.route(`${url}/page-of-the-test*`, (route) =>
      route.request().url().endsWith('.js')
        ? route.fulfill({ contentType: 'text/javascript', body: script })
        : route.fulfill({
            contentType: 'text/html',
            body: '<!doctype html><script src="/page-of-the-test.js"></script>',
          }),
    );
    await page.goto(`${url}/page-of-the-test`);
    await page.waitForFunction('globalThis.program !== undefined');
    return {
      page,
      call: (name, ...args) => page.evaluate(`program[${JSON.stringify(name)}](...${JSON.stringify(args)})`),
    };
  };
  try {
    const [sender, receiver] = await Promise.all([open(within.sender), open(within.receiver)]);
    return { sender, receiver, close };
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
