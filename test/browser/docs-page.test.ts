// The page about the API as a browser shows it: signed in, without the network, under its own policy.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await openConsoleRig((folder) => `roots: ['${folder}']\n`);
});
afterAll(() => rig.close());

test('it is readable with nothing but the daemon: its own style, no script, nothing from elsewhere, no complaint', async () => {
  const page = await rig.page();
  const hosts = new Set<string>();
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  const answer = await page.goto(`${rig.url}/docs`);
  expect(answer?.status()).toBe(200);
  expect(answer?.headers()['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+';/);
  expect([...hosts]).toEqual([new URL(rig.url).host]);
  // The style is in force: without it the body would be as wide as the window.
  const width = await page.evaluate<number>('document.body.getBoundingClientRect().width');
  expect(width).toBeLessThan(1200);
  await page.getByText('POST /api/v1/jobs', { exact: true }).waitFor();
  const schema = page.locator('#schema-Transfer');
  await schema.locator('summary').click();
  await schema.getByText('"sizeBytes"').waitFor();
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
  expect(overflow).toBeLessThanOrEqual(0);
  expect(rig.complaints).toEqual([]);
  // The control: what the policy does not name is not carried out, and the browser says so.
  const blocked = page.waitForEvent('console', {
    predicate: (message) => message.text().includes('Content Security Policy'),
  });
  await page.evaluate(
    "document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = 1' }))",
  );
  await blocked;
  expect(await page.title()).toBe('Wherry API');
  const stranger = await rig.stranger();
  expect((await stranger.goto(`${rig.url}/docs`))?.status()).toBe(401);
});
