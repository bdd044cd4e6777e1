// One request whose every header is chosen by the test, over node:http: fetch would not let it lie about Host, Origin and Cookie.

import { type Agent, request } from 'node:http';

export interface Exchange {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Resolves with the whole answer; of an event stream with its head alone. Rejects where none comes within `timeoutMs`. */
export function exchange(
  url: string,
  target: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | undefined;
    readonly agent?: Agent;
    readonly timeoutMs?: number;
  } = {},
): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  const { method = 'GET', headers = {}, body, agent, timeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const given = body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(
      { host: hostname, port, path: target, method, headers: given, agent: agent ?? false },
      (response) => {
        const answer = { status: response.statusCode ?? 0, headers: response.headers };
        if (`${response.headers['content-type']}`.startsWith('text/event-stream')) {
          clearTimeout(late);
          resolve({ ...answer, body: '' });
          sent.destroy();
          return;
        }
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', reject);
        response.on('end', () => {
          clearTimeout(late);
          resolve({ ...answer, body: text });
        });
      },
    );
    const late = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    sent.on('error', (error) => {
      clearTimeout(late);
      reject(error);
    });
    sent.end(body);
  });
}
