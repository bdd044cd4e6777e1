// Requests whose bodies do not come to their end in time are ended, but for those that may take as long as they need.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

export interface BodyDeadline {
  readonly withinMs: number;
  /** True for a route that reads at the pace of others and looks after its own silence. */
  readonly mayTakeLonger: (request: IncomingMessage) => boolean;
  /** Answers on a connection that has heard nothing yet, and closes it. */
  readonly tooLate: (request: IncomingMessage) => void;
}

/** In place of Node's `requestTimeout`, which knows no exception. Its `headersTimeout` is left as it is. */
export function limitBodies(server: Server, { withinMs, mayTakeLonger, tooLate }: BodyDeadline): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if ((length === undefined || length === '0') && encoding === undefined) return;
    if (mayTakeLonger(request)) return;
    const timer = setTimeout(() => {
      if (request.complete) return;
      if (response.headersSent) request.socket.destroy();
      else tooLate(request);
    }, withinMs).unref();
    request.once('close', () => clearTimeout(timer));
  });
}
