// Clients that others wrote, unchanged: one generated from the OpenAPI document, an EventSource, and socket.io-client, over a restart of the daemon.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EventSource } from 'eventsource';
import { io } from 'socket.io-client';
import { generateApi } from 'swagger-typescript-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventNames } from '../../src/model/event.ts';
import type { CopyRequest } from '../../src/model/specs.ts';
import type { EventView } from '../../src/model/views.ts';
import { type Daemon, daemonToken, startDaemon } from '../support/daemon.ts';

const project = resolve(import.meta.dirname, '../..');
let folder: string;
let root: string;
let daemon: Daemon;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wherry-clients-')));
  root = join(folder, 'root');
  mkdirSync(root);
  daemon = await startDaemon(folder, { config: `roots: [${root}]\n` });
});
afterAll(async () => {
  await daemon.kill();
  rmSync(folder, { recursive: true, force: true });
});

let copies = 0;

/** Copies one file of this size; resolves when it is there. */
async function copyOne(sizeBytes = 1000): Promise<string> {
  copies += 1;
  const source = join(root, `from ${copies}`);
  mkdirSync(source);
  writeFileSync(join(source, 'clip.mov'), Buffer.alloc(sizeBytes, copies));
  const body: CopyRequest = { kind: 'copy', sources: [source], destination: join(root, `to ${copies}`) };
  const job = await daemon.client.call('createJob', { body });
  for await (const item of daemon.client.live({ since: await firstCursor(), signal: AbortSignal.timeout(20_000) })) {
    if (item.kind === 'event' && item.event.jobId === job.id && item.event.name === 'observation.job.completed') break;
  }
  return job.id;
}

let oldest: string | undefined;
/** A cursor from before everything that these tests do. */
async function firstCursor(): Promise<string> {
  oldest ??= (await daemon.client.call('getOverview')).cursor;
  return oldest;
}

test('a client generated from the document is well typed, and does what the daemon does', async () => {
  const answer = await fetch(`${daemon.url}/openapi.json`, { headers: { authorization: `Bearer ${daemonToken}` } });
  const spec = (await answer.json()) as never;
  const made = (await generateApi({ spec, output: false, silent: true })) as { files: { fileContent: string }[] };
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  const client = join(folder, 'client.ts');
  writeFileSync(client, made.files[0]?.fileContent ?? '');
  const source = join(root, 'generated');
  mkdirSync(source);
  writeFileSync(join(source, 'a.mov'), 'content');
  const program = join(folder, 'program.ts');
  writeFileSync(
    program,
    `import { Api, type Job, type Problem } from './client.ts';
const api = new Api({ baseUrl: '${daemon.url}', baseApiParams: { headers: { authorization: 'Bearer ${daemonToken}' } } });
const job: Job = (await api.api.createJob({ kind: 'copy', sources: ['${source}'], destination: '${root}/generated-to' })).data;
let state: Job['state'] = job.state;
while (state === 'pending' || state === 'running') state = (await api.api.getJob(job.id)).data.state;
const page = await api.api.listTransfers({ job: job.id, state: ['completed'], withTotal: 'true', limit: 5 });
let problem: Problem | undefined;
try {
  await api.api.getTransfer('nobody');
} catch (error) {
  problem = (error as { error: Problem }).error;
}
console.log(JSON.stringify({ state, total: page.data.total, path: page.data.rows[0]?.source.path, code: problem?.code }));
`,
  );
  const wrong = join(folder, 'wrong.ts');
  writeFileSync(wrong, `import type { Job } from './client.ts';\nexport const state: Job['state'] = 'nonsense';\n`);
  const flags = ['--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', '--allowImportingTsExtensions'];
  const compile = (file: string) =>
    spawnSync(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), ...flags, '--ignoreConfig', file], {
      cwd: folder,
      encoding: 'utf8',
    });
  expect(compile(program).stdout).toBe('');
  expect(compile(wrong).stdout).toContain('nonsense');
  const run = spawnSync(
    process.execPath,
    ['--experimental-transform-types', '--no-warnings', pathToFileURL(program).href.slice('file://'.length)],
    { cwd: folder, encoding: 'utf8', timeout: 30_000 },
  );
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual({ state: 'completed', total: 1, path: 'a.mov', code: 'not_found' });
}, 60_000);

interface Seen {
  readonly cursors: string[];
  has(jobId: string): Promise<void>;
  take(event: EventView): void;
}

/** What a listener has heard, and who waits for something. */
function listening(): Seen {
  const cursors: string[] = [];
  const jobs = new Set<string>();
  const waiting = new Map<string, () => void>();
  return {
    cursors,
    take(event) {
      cursors.push(event.cursor);
      if (event.name !== 'observation.job.completed' || event.jobId === null) return;
      jobs.add(event.jobId);
      waiting.get(event.jobId)?.();
    },
    has: (jobId) =>
      jobs.has(jobId) ? Promise.resolve() : new Promise((resolve) => void waiting.set(jobId, () => resolve())),
  };
}

async function allCursors(since: string): Promise<string[]> {
  const cursors: string[] = [];
  for (let cursor = since; ; ) {
    const page = await daemon.client.call('listEvents', { query: { since: cursor, limit: 1000 } });
    if (page.rows.length === 0) return cursors;
    cursors.push(...page.rows.map((row) => row.cursor));
    cursor = page.cursor;
  }
}

async function restart(): Promise<void> {
  const port = Number(new URL(daemon.url).port);
  await daemon.kill();
  daemon = await startDaemon(folder, { config: `roots: [${root}]\n`, port });
}

test('an EventSource and socket.io-client hear each event once, in order, though the daemon is killed in between', async () => {
  const since = (await daemon.client.call('getOverview')).cursor;
  const byStream = listening();
  const bySocket = listening();
  const stream = new EventSource(`${daemon.url}/api/v1/events?since=${encodeURIComponent(since)}`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${daemonToken}` } }),
  });
  for (const name of eventNames) {
    stream.addEventListener(name, ({ data }) => byStream.take(JSON.parse(String(data)) as EventView));
  }

  let last = since;
  const socket = io(`${daemon.url}/events`, {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    auth: (give) => give({ token: daemonToken, since: last }),
  });
  socket.on('event', (event: EventView) => {
    last = event.cursor;
    bySocket.take(event);
  });

  // The control: one that comes back without saying what it heard last.
  const byForgetful = listening();
  const forgetful = io(`${daemon.url}/events`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth: { token: daemonToken },
  });
  forgetful.on('event', byForgetful.take);

  const connected = () => new Promise<void>((resolve) => void forgetful.once('connect', resolve));
  await connected();
  const first = await copyOne();
  await Promise.all([byStream.has(first), bySocket.has(first), byForgetful.has(first)]);
  await restart();
  const second = await copyOne();
  await Promise.all([byStream.has(second), bySocket.has(second)]);
  forgetful.connect();
  await connected();
  const third = await copyOne();
  await Promise.all([byStream.has(third), bySocket.has(third), byForgetful.has(third)]);
  const known = await allCursors(since);
  const upTo = known.slice(0, known.indexOf(bySocket.cursors.at(-1) ?? '') + 1);
  expect(upTo.length).toBeGreaterThan(10);
  expect(bySocket.cursors).toEqual(upTo);
  const streamed = known.slice(0, known.indexOf(byStream.cursors.at(-1) ?? '') + 1);
  expect(byStream.cursors).toEqual(streamed);
  const forgot = known.slice(0, known.indexOf(byForgetful.cursors.at(-1) ?? '') + 1);
  expect(new Set(byForgetful.cursors).size).toBeLessThan(forgot.length);
  stream.close();
  socket.disconnect();
  forgetful.disconnect();
}, 90_000);
