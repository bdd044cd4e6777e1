// Bodies that do not come to their end: ended in time, but for those that may take as long as they need.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { limitBodies } from '../../src/api/body-deadline.ts';
import { openServer } from '../../src/api/http-server.ts';
import { isRelayUpload } from '../../src/api/relay-headers.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** Answers once a body is whole. */
async function slowServer(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end());
  });
  limitBodies(server, {
    withinMs: 200,
    mayTakeLonger: isRelayUpload,
    tooLate: ({ socket }) => void socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'),
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Sends a body of two bytes of which the second one waits for `second`; gives the status line. */
async function ask(port: number, line: string, second: Promise<unknown>): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.on('data', (piece) => {
    said += piece.toString();
  });
  socket.on('error', () => undefined);
  socket.write(`${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\na`);
  void second.then(() => socket.write('b'));
  await once(socket, 'close');
  return said.split('\r\n', 1)[0] ?? '';
}

test('a body that stops in the middle is ended by 408; an upload to the relay is waited for', async () => {
  const port = await slowServer();
  const never = new Promise(() => undefined);
  const first = ask(port, 'POST /api/v1/jobs', never);
  const upload = ask(port, 'PATCH /api/v1/rooms/r/relay/u', first);
  expect(await first).toBe('HTTP/1.1 408 Request Timeout');
  // Begun no later than the one that was ended, and its second byte came after that.
  expect(await upload).toBe('HTTP/1.1 200 OK');
  // The control: one that comes whole is answered.
  expect(await ask(port, 'POST /api/v1/jobs', Promise.resolve())).toBe('HTTP/1.1 200 OK');
});

test.each([
  ['PATCH', '/api/v1/rooms/r/relay/u', true],
  ['PATCH', '/api/v1/rooms/r/relay/u?a=/b', true],
  ['POST', '/api/v1/rooms/r/relay/u', false],
  ['PATCH', '/api/v1/rooms/r/relay/u/acknowledged', false],
  ['PATCH', '/api/v1/jobs?/api/v1/rooms/r/relay/u', false],
])('%s %s may take longer: %s', (method, url, may) => {
  expect(isRelayUpload({ method, url })).toBe(may);
});

test('slow headers are still ended by Node itself', () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const { server } = openServer({ tls: null, log });
  expect([server.requestTimeout, server.headersTimeout]).toEqual([0, 60_000]);
});
