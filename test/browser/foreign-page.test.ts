// A page of another origin in the browser of somebody who is signed in: what it sends carries the cookie, and still does nothing.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsoleRig, openConsoleRig } from './console-rig.ts';

let rig: ConsoleRig;
let foreign: Server;
let naive: Server;
/** What the naive server did for the sake of the cookie alone. */
const done: string[] = [];

beforeAll(async () => {
  rig = await openConsoleRig(
    (folder) => `roots: [${folder}]\n`,
    (folder) => {
      const file = openSync(join(folder, 'long.mov'), 'w');
      ftruncateSync(file, 4_000_000_000);
      closeSync(file);
    },
  );
  foreign = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<h1>Win a prize</h1>'));
  naive = createServer((request, answer) => {
    if (isSignedIn(request.headers.cookie)) done.push(`${request.method} ${request.url}`);
    answer.end();
  });
  naive.on('upgrade', ({ headers }, socket) => {
    if (!isSignedIn(headers.cookie)) return void socket.destroy();
    done.push('socket');
    // The handshake of RFC 6455, 4.2.2.
    const accept = createHash('sha1')
      .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.end(`${[...lines, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`);
  });
  await Promise.all([foreign, naive].map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
});
afterAll(async () => {
  await rig?.close();
  for (const server of [foreign, naive]) server?.closeAllConnections();
  for (const server of [foreign, naive]) server?.close();
});

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function isSignedIn(cookie: string | undefined): boolean {
  return cookie?.includes(`wherry_${new URL(rig.url).port}=`) === true;
}

/** By fetch, by a form and by a socket, as such a page can without anybody's leave: how the form was answered, and what became of the socket. */
async function attack(page: Page, target: string, path: string): Promise<{ form: number; socket: unknown }> {
  const posted = page.waitForResponse(
    (answer) => answer.url() === target + path && answer.frame() !== page.mainFrame(),
  );
  const socket = await page.evaluate(`(async () => {
    const target = ${JSON.stringify(target)}, path = ${JSON.stringify(path)};
    const options = { method: 'POST', mode: 'no-cors', credentials: 'include' };
    await fetch(target + path, options).catch(() => 'its answer was kept from the page');
    const frame = document.createElement('iframe');
    frame.name = 'hidden ' + target;
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action: target + path, target: frame.name });
    document.body.append(form);
    form.submit();
    return new Promise((resolve) => {
      const socket = new WebSocket(target.replace('http', 'ws') + '/socket.io/?EIO=4&transport=websocket');
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    });
  })()`);
  return { form: (await posted).status(), socket };
}

test('requests, forms and sockets of a foreign page carry the cookie: a server that goes by it obeys, the daemon does not', async () => {
  const { id } = await rig.api.call('createJob', {
    body: {
      kind: 'copy',
      sources: [join(rig.folder, 'long.mov')],
      destination: join(rig.folder, 'out/'),
      bandwidth: '1M',
    },
  });
  await expect.poll(async () => (await rig.api.call('getJob', { params: { id } })).state).toBe('running');
  const console_ = await rig.page();
  const page = await console_.context().newPage();
  await page.goto(addressOf(foreign));
  const pause = `/api/v1/jobs/${id}/pause`;

  expect(await attack(page, addressOf(naive), pause)).toEqual({ form: 200, socket: 'open' });
  expect(done.toSorted()).toEqual([`POST ${pause}`, `POST ${pause}`, 'socket']);

  expect(await attack(page, rig.url, pause)).toEqual({ form: 403, socket: 'refused' });
  expect((await rig.api.call('getJob', { params: { id } })).state).toBe('running');

  // The like request of the console's own page is let in.
  expect(await console_.evaluate(`fetch('${pause}', { method: 'POST' }).then(({ status }) => status)`)).toBe(200);
  expect((await rig.api.call('getJob', { params: { id } })).state).toBe('paused');
  await console_.context().close();
});
