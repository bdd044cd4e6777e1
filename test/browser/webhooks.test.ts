// Webhooks in the console: made with their secret shown once, tested, changed, paused, their dead letters sent again; and who changed what.

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';

let rig: ConsoleRig;
let server: Server;
let url: string;
/** What the receiver answers. */
let status = 204;
const received: {
  readonly type: string;
  readonly id: string;
  readonly text: string;
  headers: Record<string, string>;
}[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    request.on('end', () => {
      const headers = request.headers as Record<string, string>;
      const { type } = JSON.parse(text) as { type: string };
      received.push({ type, id: headers['webhook-id'] ?? '', text, headers });
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`;
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\nwebhooks: [{name: kept, url: "${url}", allowPrivate: true, secretFile: s}]\n`,
    (folder) => {
      for (const name of ['from', 'library']) mkdirSync(join(folder, name));
      writeFileSync(join(folder, 's'), `whsec_${Buffer.alloc(32, 5).toString('base64')}`, { mode: 0o600 });
    },
  );
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await rig?.close();
});

async function copy(name: string): Promise<void> {
  writeFileSync(join(rig.folder, 'from', name), name);
  await rig.api.call('createJob', {
    body: { kind: 'copy', sources: [join(rig.folder, 'from', name)], destination: join(rig.folder, 'library/') },
  });
}

for (const viewport of [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]) {
  test(`a webhook is made, tested, changed, paused, sent its dead letters again, and removed, ${viewport.width} px`, async () => {
    status = 204;
    received.length = 0;
    const page = await rig.page({ viewport });
    const note = (text: string | RegExp) => page.getByRole('region', { name: 'Notes' }).getByText(text);
    await page.goto(`${rig.url}/events`);
    await page.getByRole('navigation', { name: 'Pages about events' }).getByRole('link', { name: 'Webhooks' }).click();
    await page.getByRole('link', { name: /^.*kept/ }).click();
    await page.getByText('Set up in wherry.yaml').waitFor();
    expect(await page.getByRole('button', { name: 'Change', exact: true }).count()).toBe(0);
    await page.getByRole('complementary').getByRole('button', { name: 'Close' }).click();

    await page.getByRole('link', { name: 'Add a webhook' }).click();
    const form = page.getByRole('complementary', { name: 'Add a webhook' });
    const add = form.getByRole('button', { name: 'Add it' });
    expect(await add.isDisabled()).toBe(true);
    await form.getByLabel('Address', { exact: true }).fill('ftp://desk');
    await form.getByLabel(/^Name/).fill('the desk');
    await add.click();
    await form
      .getByRole('alert')
      .getByText(/no http or https address|cannot be sent/)
      .waitFor();
    await form.getByLabel('Address', { exact: true }).fill(url);
    await form.getByLabel('A file failed').uncheck();
    await form.getByLabel(/private or loopback/).check();
    await form.getByLabel(/^Others, by name/).fill('observation.job.complete');
    await add.click();
    await form.getByText('Did you mean observation.job.completed?').waitFor();
    await form.getByLabel(/^Others, by name/).fill('observation.job.created');
    await add.click();
    const drawer = page.getByRole('complementary', { name: 'Webhook the desk' });
    const secret = (await drawer.getByText(/^whsec_/).textContent()) ?? '';
    await drawer.getByText('Nothing to tell it yet.').waitFor();

    const ofDesk = () =>
      received.filter(({ text, headers }) => {
        try {
          new Webhook(secret).verify(text, headers);
          return true;
        } catch {
          return false;
        }
      });
    await drawer.getByRole('button', { name: 'Send a test' }).click();
    await note(/^It answered 204 in \d+ ms\.$/).waitFor();
    expect(ofDesk().map(({ type }) => type)).toEqual(['wherry.test']);
    await copy(`one-${viewport.width}.mov`);
    const messages = drawer.getByRole('list', { name: 'Messages' }).getByRole('listitem').filter({ hasText: '.' });
    await expect
      .poll(() =>
        ofDesk()
          .map(({ type }) => type)
          .sort(),
      )
      .toEqual(['observation.job.created', 'observation.transfer.completed', 'wherry.test']);
    await drawer.getByText('Everything was taken.').waitFor();
    const arrival = messages.filter({ has: page.getByText('transfer.completed', { exact: true }) });
    await arrival.locator('summary').click();
    await drawer.getByText(`"path": "one-${viewport.width}.mov"`).first().waitFor();

    // Shown once: it is gone with the drawer.
    await page.reload();
    await drawer.getByText('Everything was taken.').waitFor();
    expect(await page.getByText(/^whsec_/).count()).toBe(0);

    await drawer.getByRole('button', { name: 'Change' }).click();
    const change = page.getByRole('complementary', { name: 'Change the webhook' });
    expect(await change.getByLabel('A file is proven at its destination').isChecked()).toBe(true);
    expect(await change.getByLabel('A file failed').isChecked()).toBe(false);
    expect(await change.getByLabel(/^Others, by name/).inputValue()).toBe('observation.job.created');
    await change.getByLabel('A file is proven at its destination').uncheck();
    await change.getByRole('button', { name: 'Save' }).click();
    await note('The webhook is changed.').waitFor();
    await drawer.getByRole('button', { name: 'Pause' }).click();
    await drawer.getByText('Paused', { exact: true }).waitFor();
    const before = ofDesk().length;
    await copy(`two-${viewport.width}.mov`);
    await drawer.getByText('Nothing is sent until you resume it. 1 message waiting.').waitFor();
    expect(ofDesk()).toHaveLength(before);

    // Its receiver is gone: the message is a dead letter, and goes out again under its id once it is back.
    status = 410;
    await drawer.getByRole('button', { name: 'Resume' }).click();
    await drawer.getByText('Gone', { exact: true }).waitFor();
    await drawer.getByRole('button', { name: 'Given up', exact: true }).click();
    await expect.poll(() => messages.count()).toBe(1);
    await messages.getByText(/answered 410/).waitFor();
    status = 204;
    await drawer.getByRole('button', { name: 'Send all given up again' }).click();
    await note('1 message sent again.').waitFor();
    await drawer.getByText('None of these.').waitFor();
    await drawer.getByRole('button', { name: 'Resume' }).click();
    await drawer.getByText('Everything was taken.').waitFor();
    const last = ofDesk().slice(before);
    expect(last.map(({ type }) => type)).toEqual(['observation.job.created', 'observation.job.created']);
    expect(new Set(last.map(({ id }) => id)).size).toBe(1);

    // One that was taken can be sent again, too.
    await drawer.getByRole('button', { name: 'Taken', exact: true }).click();
    await messages.first().locator('summary').click();
    await messages.first().getByRole('button', { name: 'Send again' }).click();
    await expect.poll(() => ofDesk().length).toBe(before + 3);

    await drawer.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Keep' }).click();
    await drawer.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove it' }).click();
    await note('The webhook is removed.').waitFor();
    expect((await rig.api.call('listWebhooks')).rows.map(({ name }) => name)).toEqual(['kept']);
    await page.context().close();
  });
}

test('who changed what: by console, script and token, live and from before, with no secret in it', async () => {
  const { token, id } = await rig.api.call('createToken', { body: { name: 'nightly-script', scopes: ['write'] } });
  const asked = await fetch(`${rig.url}/api/v1/settings/bandwidth`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ limit: '30M' }),
  });
  expect(asked.status).toBe(200);
  const page = await rig.page();
  await page.goto(`${rig.url}/changes`);
  const row = (text: string | RegExp) => page.getByRole('main').getByRole('listitem').filter({ hasText: text });
  await row('Set the speed limit').getByText('nightly-script').waitFor();
  await row('Set the speed limit').getByText('30M').waitFor();
  await row('Made a webhook').getByText('the desk').first().waitFor();
  const shown = await row(/.*/).count();
  await page.locator('[data-connection=live]').waitFor();
  await rig.api.call('revokeToken', { params: { id } });
  await row('Revoked a token').waitFor();
  expect(await row(/.*/).count()).toBe(shown + 1);
  await copy('changes.mov');
  await row('Asked for a job')
    .first()
    .getByText(/changes\.mov → library/)
    .waitFor();
  const { rows } = await rig.api.call('listJobs', { query: {} });
  const job = rows.find(({ sources }) => sources[0]?.endsWith('changes.mov'));
  await rig.api.call('cancelJob', { params: { id: job?.id ?? '' } }).catch(() => undefined);
  expect(await page.getByRole('main').textContent()).not.toMatch(/whsec_|wherry_[\w-]{20}/);
  await page.context().close();
});

test('nothing but the refused addresses and events made the browser complain', () => {
  expect(rig.complaints.filter((each) => !/status of (400|422)/.test(each))).toEqual([]);
  expect(rig.complaints).toHaveLength(4);
});
