// An HTTP server that stands for a camera in tests: ranges by RFC 9110, and bodies that stall or break where a test says so.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Trouble {
  /** `stall`: says nothing more. `break`: resets the connection. `short`: ends, as if that were all. */
  readonly how: 'stall' | 'break' | 'short';
  /** Byte of the file. */
  readonly at: number;
}

export interface CameraServer {
  /** `127.0.0.1:PORT`, the same after each start. */
  readonly address: string;
  readonly requests: string[];
  /** By URL path. */
  readonly troubles: Map<string, Trouble>;
  /** False: ranges are ignored, as the standard allows. */
  knowsRanges: boolean;
  start(): Promise<void>;
  /** Off: nobody listens any more, what is open breaks. */
  stop(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void> | void;

export async function cameraServer(answer: (server: CameraServer) => Answer): Promise<CameraServer> {
  let port = 0;
  let server: Server | undefined;
  const camera: CameraServer = {
    get address() {
      return `127.0.0.1:${port}`;
    },
    requests: [],
    troubles: new Map(),
    knowsRanges: true,
    async start() {
      server = createServer((request, response) => {
        camera.requests.push(
          `${request.method} ${request.url}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`,
        );
        let body = '';
        request.setEncoding('utf8');
        request.on('data', (part: string) => {
          body += part;
        });
        request.on(
          'end',
          () => void Promise.resolve(answer(camera)(request, response, body)).catch(() => response.destroy()),
        );
      });
      const listening = server;
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject);
        listening.listen(port, '127.0.0.1', resolve);
      });
      port = (listening.address() as AddressInfo).port;
    },
    async stop() {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      closing.closeAllConnections();
      await new Promise((resolve) => closing.close(resolve));
    },
  };
  await camera.start();
  return camera;
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** A file, whole or in part, with the trouble that was laid on its path. */
export function sendFile(
  camera: CameraServer,
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
): void {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const range = camera.knowsRanges ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null;
  const from = Number(range?.[1] ?? 0);
  const to = range?.[2] ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
  if (range !== null && from >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const trouble = to - from > 1 ? camera.troubles.get(path) : undefined;
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': trouble?.how === 'short' ? Math.max(0, Math.min(to, trouble.at) - from) : to - from,
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to - 1}/${bytes.length}` }),
  });
  if (trouble === undefined || trouble.at >= to) {
    response.end(bytes.subarray(from, to));
    return;
  }
  const part = bytes.subarray(from, Math.max(from, trouble.at));
  if (trouble.how === 'short') response.end(part);
  else response.write(part, () => void (trouble.how === 'break' && response.socket?.resetAndDestroy()));
}
