// A proxy in front of an HTTP server of this machine that counts, refuses, damages or rewrites what tests want it to.

import { createServer, type IncomingHttpHeaders, request } from 'node:http';

export interface Passing {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface ProxyRules {
  /** An answer in place of the server's. */
  refuse?(asked: Passing): { readonly status: number; readonly body: string } | undefined;
  /** What the server is given in place of what was sent. */
  damage?(asked: Passing, chunk: Buffer): Buffer;
  /** Changes the headers of the answer. */
  rewrite?(asked: Passing, headers: IncomingHttpHeaders): void;
}

export interface HttpProxy {
  readonly port: number;
  /** Bytes of bodies that went to the server. */
  readonly sent: { bytes: number };
  rules: ProxyRules;
  close(): Promise<void>;
}

export async function proxyTo(target: number, rules: ProxyRules = {}): Promise<HttpProxy> {
  const sent = { bytes: 0 };
  const proxy = { rules };
  const server = createServer((from, to) => {
    const asked = { method: from.method ?? '', url: from.url ?? '', headers: from.headers };
    const refusal = proxy.rules.refuse?.(asked);
    if (refusal !== undefined) {
      from.resume();
      to.writeHead(refusal.status, { 'content-type': 'application/xml', connection: 'close' }).end(refusal.body);
      return;
    }
    let isAnswered = false;
    const onward = request(
      { host: '127.0.0.1', port: target, method: asked.method, path: asked.url, headers: asked.headers },
      (answer) => {
        isAnswered = true;
        proxy.rules.rewrite?.(asked, answer.headers);
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      },
    );
    onward.on('error', () => {
      // Some servers say more after the answer to a HEAD than they may.
      if (!isAnswered) to.destroy();
    });
    from.on('data', (chunk: Buffer) => {
      sent.bytes += chunk.length;
      if (!onward.write(proxy.rules.damage?.(asked, chunk) ?? chunk)) {
        from.pause();
        onward.once('drain', () => from.resume());
      }
    });
    from.on('end', () => onward.end());
    from.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(proxy, {
    port: address.port,
    sent,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
