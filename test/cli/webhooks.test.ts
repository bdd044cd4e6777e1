// `wherry webhooks` on a real daemon: made, tested, looked at, removed.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, objects, openBench, type Started } from './command.ts';

let bench: Bench;
let daemon: Started;
beforeAll(async () => {
  bench = openBench();
  daemon = bench.start(['serve', '--data', 'data', '--listen', '127.0.0.1:0', '--no-demo']);
  await daemon.said(/Ctrl-C\.\n/);
});
afterAll(() => bench.close());

const run = (...words: string[]) => bench.run('webhooks', ...words, '--data', 'data');

test('add shows the secret once; test says what the receiver answers; rm ends it', async () => {
  let status = 500;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  try {
    const added = await run('add', '--allow-private', '--name', 'the\u001b[2Jdesk', url);
    expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^whsec_\S+\n$/) });
    const listed = await run('ls');
    expect(listed.out).toMatch(/^\S+ +on +0 +0 +the\\x1b\[2Jdesk {2}http/m);
    expect(listed.out).not.toContain(added.out.trim().slice(6));
    const [hook] = objects(await run('ls', '--json'));
    const id = String(hook?.id);
    expect(await run('test', id)).toMatchObject({ code: 5, err: expect.stringMatching(/answered 500\./) });
    status = 200;
    expect(await run('test', id)).toMatchObject({ code: 0, err: expect.stringMatching(/it answered 200 in \d+ ms/) });
    expect((await run('messages', id, '--state', 'dead')).out).toMatch(/dead +1 +wherry\.test +\S+ answered 500\.$/m);
    expect((await run('messages', id)).out.trim().split('\n')).toHaveLength(3);
    expect(await run('replay', id)).toMatchObject({ code: 0, err: expect.stringMatching(/1 message sent again/) });
    expect(await run('rm', id)).toMatchObject({ code: 0 });
    expect((await run('ls')).out.trim().split('\n')).toHaveLength(1);
  } finally {
    server.close();
  }
});

test.each([
  [['ad', 'x'], /Did you mean "add"\?/],
  [['add'], /needs one address/],
  [['add', 'ftp://x'], /no http or https address|cannot be sent to/],
  [['add', '--event', 'observation.job.create', 'https://x'], /Did you mean observation\.job\.created\?/],
  [['rm'], /needs an id/],
])('%j is refused', async (words, sentence) => {
  expect(await run(...words)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(sentence) });
});
