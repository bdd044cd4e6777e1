// A receiver that answers 422 to one event: it is set aside, shown by API and command, told once more, and dropped.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, objects, openBench, type Started } from './command.ts';

let bench: Bench;
let daemon: Started;
let receiver: Server;
/** Paths of files that were taken, and what stands in the path of those that are refused. */
const taken: string[] = [];
let refused = 'odd';
beforeAll(async () => {
  receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const { data } = JSON.parse(text) as { data: { filePath?: string } };
      const isOdd = refused !== '' && data.filePath?.includes(refused) === true;
      if (!isOdd && data.filePath !== undefined) taken.push(data.filePath);
      response.writeHead(isOdd ? 422 : 200).end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  bench = openBench();
  writeFileSync(bench.path('secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
  const sink = {
    ...{ name: 'desk', kind: 'webhook', secretFile: bench.path('secret'), allowPrivate: true },
    ...{ url: `http://127.0.0.1:${(receiver.address() as { port: number }).port}/`, events: ['file_synced'] },
    jobs: ['copy'],
  };
  writeFileSync(bench.path('wherry.yaml'), `roots: [.]\nsinks: ${JSON.stringify([sink])}\n`);
  daemon = bench.start(['serve', '--data', 'data', '--config', 'wherry.yaml', '--listen', '127.0.0.1:0', '--no-demo']);
  await daemon.said(/Ctrl-C\.\n/);
});
afterAll(async () => {
  await bench.close();
  receiver.close();
});

const sinks = (...words: string[]) => bench.run('sinks', ...words, '--data', 'data');
const names = () => taken.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort();

test('all others are told; the one is shown with why, told again once it is taken, or dropped', {
  timeout: 120_000,
}, async () => {
  for (const name of ['a.txt', 'odd.txt', 'z.txt']) writeFileSync(join(bench.folder, name), name);
  expect((await bench.run('copy', '--data', 'data', 'a.txt', 'odd.txt', 'z.txt', 'out/')).code).toBe(0);
  const aside = async () => Number(objects(await sinks('ls', '--json'))[0]?.setAside);
  await expect.poll(aside, { timeout: 60_000, interval: 300 }).toBe(1);
  await expect.poll(names, { timeout: 60_000 }).toEqual(['a.txt', 'z.txt']);
  const shown = await sinks('aside', 'desk');
  expect(shown.out).toMatch(/file_synced +\S+odd\.txt +127\.0\.0\.1:\d+ answered 422\./);
  expect(await sinks('replay', 'desk')).toMatchObject({ code: 1, err: expect.stringMatching(/1 event not taken/) });
  refused = '';
  expect(await sinks('replay', 'desk')).toMatchObject({ code: 0, err: expect.stringMatching(/1 event taken/) });
  expect(names()).toEqual(['a.txt', 'odd.txt', 'z.txt']);
  expect(await aside()).toBe(0);
  refused = 'more';
  writeFileSync(join(bench.folder, 'more.txt'), 'more');
  expect((await bench.run('copy', '--data', 'data', 'more.txt', 'out/')).code).toBe(0);
  await expect.poll(aside, { timeout: 60_000, interval: 300 }).toBe(1);
  const [row] = objects(await sinks('aside', 'desk', '--json'));
  expect(await sinks('drop', 'desk', 'nothing')).toMatchObject({ code: 3 });
  expect(await sinks('drop', 'desk', String(row?.id))).toMatchObject({ code: 0 });
  expect(await aside()).toBe(0);
  expect(await sinks('aside', 'nobody')).toMatchObject({ code: 3, err: expect.stringMatching(/no sink nobody/) });
  expect(await sinks('asid')).toMatchObject({ code: 2, err: expect.stringMatching(/Did you mean "aside"/) });
});
