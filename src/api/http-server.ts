// The HTTP server under the API: its limits, its headers, and how it tells of errors.

import type { Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Fault } from '../model/fault.ts';
import type { Problem } from '../model/views.ts';
import { limitBodies } from './body-deadline.ts';
import { clientHeader } from './client-header.ts';
import { codeForStatus, problemMediaType, problemOf } from './problem.ts';
import { isRelayUpload, tusHeaders } from './relay-headers.ts';
import type { ApiLog } from './route.ts';
import type { RouteShape } from './route-table.ts';

const bodyLimitBytes = 1024 * 1024;
const bodyWithinMs = 60_000;
const headersWithinMs = 60_000;

/** `tls` holds PEM texts; null speaks plain HTTP. */
export function openServer({
  tls,
  log,
}: {
  tls: { certificate: string; key: string } | null;
  log: ApiLog;
}): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    // Longer ones than any id are for the schemas to refuse.
    routerOptions: { maxParamLength: 8192 },
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    ...(tls === null ? {} : { https: { cert: tls.certificate, key: tls.key } }),
    frameworkErrors: (error: Error & { statusCode?: number }, _request, reply) => {
      const problem = problemOf(new Fault('invalid', 'The address of the request cannot be read.'), {
        status: error.statusCode ?? 400,
      });
      void (reply as unknown as FastifyReply)
        .status(problem.status)
        .type(problemMediaType)
        .send(JSON.stringify(problem));
    },
    clientErrorHandler: (error: Error & { code?: string }, socket: Socket) => {
      if (error.code === 'ECONNRESET' || socket.destroyed) return;
      log.info({ code: error.code }, 'A request was no proper HTTP.');
      refuse(socket, error.code);
    },
  }) as unknown as FastifyInstance;
  // Bodies have a deadline of their own: the relay's come as slowly as their receivers read.
  server.server.requestTimeout = 0;
  server.server.headersTimeout = headersWithinMs;
  limitBodies(server.server, {
    withinMs: bodyWithinMs,
    mayTakeLonger: isRelayUpload,
    tooLate: ({ socket }) => refuse(socket, 'ERR_HTTP_REQUEST_TIMEOUT'),
  });
  const parseJson = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parseJson(request, body as string, done);
  });
  return server;
}

function refuse(socket: Socket, code: string | undefined): void {
  const [status, words, fault] = improper(code);
  const body = JSON.stringify(problemOf(fault, { status }));
  socket.end(
    `HTTP/1.1 ${status} ${words}\r\ncontent-type: ${problemMediaType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function improper(code: string | undefined): [status: number, words: string, fault: Fault] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return [408, 'Request Timeout', new Fault('timeout', 'The request did not come to its end in time.')];
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return [431, 'Request Header Fields Too Large', new Fault('invalid', 'The headers are larger than 16 KiB.')];
  }
  return [400, 'Bad Request', new Fault('invalid', 'The request is no proper HTTP.')];
}

export function sendError(
  error: Error & { statusCode?: number; code?: string },
  request: FastifyRequest,
  reply: FastifyReply,
  { log, retryAfterSeconds }: { log: ApiLog; retryAfterSeconds: (address: string) => number },
): void {
  const status = error.statusCode;
  const isHttp = !(error instanceof Fault) && status !== undefined && status >= 400 && status < 500;
  const fault = isHttp ? new Fault(codeForStatus(status), error.message) : error;
  const problem = problemOf(fault, {
    instance: request.url.split('?', 1)[0] ?? '/',
    ...(isHttp ? { status } : {}),
  });
  if (problem.code === 'internal')
    log.error({ err: error, method: request.method, url: problem.instance }, 'A request failed.');
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="wherry"');
  if (problem.status === 429) reply.header('retry-after', String(retryAfterSeconds(request.ip)));
  if (problem.status === 413) reply.header('connection', 'close');
  const { refusals } = request.routeOptions.config as { refusals?: RouteShape['refusals'] };
  const isContract = refusals === 'contract';
  void reply
    .header('cache-control', 'no-store')
    .status(problem.status)
    .type(isContract ? 'application/json; charset=utf-8' : problemMediaType)
    .send(JSON.stringify(isContract ? { success: false, error: contractWords(problem) } : problem));
}

/** As older clients of syncs are told why: of a request that makes no sense, which field. */
function contractWords({ detail, issues = [] }: Problem): string {
  if (issues.length === 0) return detail;
  const words = issues.map(({ at, message }) =>
    message.startsWith('Missing ') ? message : `${at.replace(/^body\./, '')}: ${message}`,
  );
  return words.join('; ');
}

/** Rejects with `port_in_use`, `permission`, `config_invalid` (not an address of this machine). */
export async function listenOn(server: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') throw new Fault('port_in_use', `Port ${port} on ${host} is taken.`, { cause: error });
    if (code === 'EACCES')
      throw new Fault('permission', `Port ${port} on ${host} may not be used by this user.`, { cause: error });
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new Fault('config_invalid', `${host} is not an address of this machine.`, { cause: error });
    }
    throw error;
  }
}

const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** A worker of the console hashes in WebAssembly; no page may compile any. */
export const workerPolicy = contentPolicy.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'");

export const securityHeaders = {
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export const preflight = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': `authorization, content-type, idempotency-key, last-event-id, range, ${tusHeaders.request}, ${clientHeader}`,
  'access-control-max-age': '600',
};
