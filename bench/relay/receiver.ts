// A receiver of the relay's race, as a process of its own: reads an upload to its end, acknowledging every 2 MiB, and says when it is through.

import { Agent, type IncomingMessage, request } from 'node:http';

export interface Wanted {
  readonly url: string;
  readonly path: string;
  readonly sizeBytes: number;
}

const acknowledgeBytes = 2 * 2 ** 20;
const agent = new Agent({ keepAlive: true });
const headers = { authorization: 'Bearer token-ben' };

process.on('message', ({ url, path, sizeBytes }: Wanted) => {
  let at = 0;
  let told = 0;
  let isTelling = false;
  const tell = (): void => {
    if (isTelling || (at - told < acknowledgeBytes && at < sizeBytes)) return;
    isTelling = true;
    told = at;
    const body = JSON.stringify({ offset: at });
    const type = { 'content-type': 'application/json', 'content-length': body.length };
    const asking = request(`${url}${path}/acknowledged`, { agent, method: 'POST', headers: { ...headers, ...type } });
    asking.on('response', (answer) => {
      answer.resume().on('end', () => {
        isTelling = false;
        if (told === sizeBytes) process.send?.({ doneAt: Date.now() });
        else tell();
      });
    });
    asking.end(body);
  };
  request(`${url}${path}`, { headers: { ...headers, range: 'bytes=0-' } }, (answer: IncomingMessage) => {
    process.send?.({ status: answer.statusCode });
    answer.on('data', (bytes: Buffer) => {
      at += bytes.length;
      tell();
    });
  }).end();
});
process.send?.('ready');
