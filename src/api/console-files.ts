// Serves the built console: its files, and its page for every address that is a page of it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { workerPolicy } from './http-server.ts';

export interface ConsoleFiles {
  /** Answers where the request is for a page of the console; false where it is not. */
  page(request: FastifyRequest, reply: FastifyReply): boolean;
}

/** `folder` is null, or not there, where the console was not built: then its page says so. */
export async function serveConsole(server: FastifyInstance, folder: string | null): Promise<ConsoleFiles> {
  const there = folder !== null && existsSync(join(folder, 'index.html'));
  if (there) {
    await server.register(fastifyStatic, {
      root: folder,
      cacheControl: false,
      setHeaders: (reply, path) => {
        // Built files carry their content's hash in their names.
        reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
        if (/\/assets\/[^/]*worker[^/]*\.js$/.test(path)) reply.header('content-security-policy', workerPolicy);
      },
    });
  }
  return {
    page(request, reply) {
      if (request.method !== 'GET' || !(request.headers.accept ?? '').includes('text/html')) return false;
      const path = request.url.split('?', 1)[0] ?? '';
      if (path.startsWith('/api/') || /\.[a-z0-9]+$/i.test(path)) return false;
      if (there) {
        void reply.header('cache-control', 'no-cache').sendFile('index.html');
      } else {
        void reply
          .status(503)
          .type('text/html; charset=utf-8')
          .send(
            '<!doctype html><title>Wherry</title><p>The console has not been built. Run <code>npm run build</code> and reload.</p>',
          );
      }
      return true;
    },
  };
}
