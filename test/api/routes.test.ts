// Every route by a request over the network: what it gives is what its schema says.

import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { type RouteName, routePaths } from '../../src/api/route-paths.ts';
import { type RouteShape, routeTable } from '../../src/api/route-table.ts';
import { routes } from '../../src/api/routes/index.ts';
import type { Fault } from '../../src/model/fault.ts';
import { exactPath } from '../../src/model/path-text.ts';
import { problemSchema } from '../../src/model/views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

/** Asks, and checks the answer against the route's own schema, no key more. */
async function call(
  name: RouteName,
  input: { params?: Record<string, string>; query?: string; body?: unknown; headers?: Record<string, string> } = {},
  // biome-ignore lint/suspicious/noExplicitAny: the schema has checked it; each test looks at what it needs
): Promise<{ status: number; value: any }> {
  const [method, template] = routePaths[name];
  const shape: RouteShape = routeTable[name];
  const path = template.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(input.params?.[key] ?? ''));
  const response = await rig.ask(path + (input.query ?? ''), {
    method,
    headers: { ...(input.body === undefined ? {} : { 'content-type': 'application/json' }), ...input.headers },
    ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    const problem = problemSchema.strict().parse(JSON.parse(text));
    expect(problem.status).toBe(response.status);
    return { status: response.status, value: problem };
  }
  expect(response.status).toBe(shape.status ?? 200);
  if (shape.form === 'none') return { status: response.status, value: undefined };
  if (shape.form === 'text' || shape.form === 'html') return { status: response.status, value: text };
  if (shape.form === 'lines') {
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    return { status: response.status, value: lines.map((line) => shape.output.parse(line)) };
  }
  const value: unknown = JSON.parse(text);
  // Parsing strips what a schema does not name; equality afterwards shows that nothing was.
  expect(shape.output.parse(value)).toEqual(value);
  return { status: response.status, value };
}

const copy = () => ({ kind: 'copy', sources: [join(rig.root, 'in')], destination: join(rig.root, 'out') });

test('every route of the table is carried out, and no other', () => {
  expect(routes.map(({ name }) => name).sort()).toEqual(Object.keys(routeTable).sort());
  expect(Object.keys(routePaths).sort()).toEqual(Object.keys(routeTable).sort());
});

test('jobs are asked for, listed page by page, looked at and acted on', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await call('createJob', { body: copy() })).value.id);
  const first = await call('listJobs', { query: '?limit=2&state=running,paused&kind=copy' });
  expect(first.value.rows.map((job: { id: string }) => job.id)).toEqual([ids[2], ids[1]]);
  const second = await call('listJobs', { query: `?limit=2&cursor=${encodeURIComponent(first.value.nextCursor)}` });
  expect(second.value.rows[0].id).toBe(ids[0]);
  const params = { id: ids[0] ?? '' };
  expect((await call('getJob', { params })).value).toMatchObject({
    sources: [join(rig.root, 'in')],
    owner: 'WHERRY_TOKEN',
  });
  expect((await call('pauseJob', { params })).value).toMatchObject({ state: 'paused', actions: ['resume', 'cancel'] });
  expect((await call('pauseJob', { params })).value).toMatchObject({ code: 'state_conflict', status: 409 });
  expect((await call('resumeJob', { params })).value.state).toBe('running');
  expect((await call('cancelJob', { params })).value.state).toBe('cancelled');
  expect((await call('retryJob', { params })).value.state).toBe('running');
  expect((await call('getJob', { params: { id: 'nobody' } })).value).toMatchObject({ code: 'not_found', status: 404 });
});

test('a plan comes line by line; a fault before the first line is a problem, after it the last line', async () => {
  const { value } = await call('planJob', { body: copy() });
  expect(value).toEqual([{ action: 'copy', path: join(rig.root, 'in').slice(1), sizeBytes: 1 }]);
  const client = createClient({ url: rig.url, token: adminToken });
  const seen: string[] = [];
  const broken = { ...copy(), kind: 'copy' as const, destination: join(rig.root, 'broken') };
  await expect(async () => {
    for await (const item of client.lines('planJob', { body: broken })) seen.push(item.action);
  }).rejects.toMatchObject({ code: 'io', message: 'The disk failed.' });
  expect(seen).toEqual(['copy']);
  const outside = { ...copy(), kind: 'copy' as const, destination: '/etc' };
  await expect(async () => {
    for await (const _ of client.lines('planJob', { body: outside }));
  }).rejects.toMatchObject({ code: 'outside_roots' });
});

test('transfers are listed, sorted, counted, looked at and acted on', async () => {
  const job = (await call('createJob', { body: copy() })).value;
  const list = await call('listTransfers', { query: `?job=${job.id}&withTotal=true&sort=name&order=asc&offset=0` });
  expect(list.value).toMatchObject({ total: 1, rows: [{ jobId: job.id, state: 'queued' }] });
  const { id } = list.value.rows[0];
  const one = await call('getTransfer', { params: { id } });
  expect(one.value.facts.map((fact: { name: string }) => fact.name)).toEqual(['observation.transfer.queued']);
  expect((await call('pauseTransfer', { params: { id } })).value.state).toBe('paused');
  expect((await call('resumeTransfer', { params: { id } })).value.state).toBe('queued');
  expect((await call('cancelTransfer', { params: { id } })).value).toMatchObject({
    state: 'cancelled',
    actions: ['retry'],
  });
  expect((await call('retryTransfer', { params: { id } })).value.state).toBe('queued');
  const many = await call('actOnTransfers', { body: { action: 'pause', ids: [id, 'nobody', id] } });
  expect(many.value.results).toMatchObject([
    { id, ok: true, transfer: { state: 'paused' } },
    { id: 'nobody', ok: false, problem: { code: 'not_found' } },
  ]);
  expect((await call('listTransfers', { query: '?sort=size&cursor=x' })).value.code).toBe('invalid');
  expect((await call('listReceipts', { query: `?transfer=${id}` })).value).toEqual({ rows: [] });
  expect((await call('listReceipts', { query: '?endpoint=/to&path=a.bin' })).value).toEqual({ rows: [] });
  expect((await call('listReceipts', { query: '?path=a.bin' })).value.code).toBe('invalid');
});

test('events are read on from a cursor, and commands are given by name', async () => {
  const start = (await call('listEvents', { query: '?limit=1000' })).value.cursor;
  const job = (await call('createJob', { body: copy() })).value;
  const page = await call('listEvents', { query: `?since=${encodeURIComponent(start)}` });
  expect(page.value.rows.map((event: { name: string }) => event.name)).toEqual([
    'observation.job.created',
    'observation.transfer.queued',
  ]);
  expect((await call('listEvents', { query: `?job=${job.id}&limit=1` })).value.rows).toHaveLength(1);
  const { transferId } = page.value.rows[1];
  const paused = await call('postEvent', { body: { name: 'command.transfer.pause', data: { id: transferId } } });
  expect(paused.value).toMatchObject({ ok: true, transfer: { state: 'paused' } });
  expect((await call('postEvent', { body: { name: 'command.transfer.fly', data: {} } })).value.code).toBe(
    'unsupported',
  );
  expect((await call('postEvent', { body: { name: 'constructor', data: {} } })).value.code).toBe('unsupported');
  expect((await call('postEvent', { body: { name: 'command.transfer.pause', data: { id: 7 } } })).value.code).toBe(
    'invalid',
  );
  expect((await call('listEvents', { query: '?since=made-up' })).value.code).toBe('invalid');
  const newest = await call('listEvents', { query: '?before=&limit=1' });
  expect(newest.value.rows[0].name).toBe('observation.transfer.paused');
  expect((await call('listEvents', { query: '?before=&since=' })).value.code).toBe('invalid');
  expect(
    (await call('listEvents', { query: '?since=made-up', headers: { accept: 'text/event-stream' } })).value.code,
  ).toBe('invalid');
});

test('the overview says in words how things are, and what to do', async () => {
  const { value } = await call('getOverview');
  expect(value.health.level).toBe('needs-you');
  expect(value.health.sentence).toContain('1 place or job needs you.');
  expect(value.attention[0]).toMatchObject({ what: 'mount', title: '/hung', code: 'unreachable' });
});

test('the limit on bandwidth is set, lifted, and kept over a restart', async () => {
  expect((await call('setBandwidth', { body: { limit: '2M' } })).value.bytesPerSecond).toBe(2 * 1024 * 1024);
  expect((await call('setBandwidth', { body: { limit: 'nonsense' } })).value.code).toBe('invalid');
  rig.engine.setBandwidth(null);
  await rig.restart();
  expect((await call('getBandwidth')).value.timetable).toBe('2M');
  await call('setBandwidth', { body: { limit: null } });
  await rig.restart();
  expect((await call('getBandwidth')).value.bytesPerSecond).toBeNull();
});

test('browsing stays inside the roots, symlinks included, and pages through folders in order', async () => {
  const folder = join(rig.root, 'browsed');
  mkdirSync(join(folder, 'b-folder'), { recursive: true });
  writeFileSync(join(folder, 'a-file'), 'x');
  writeFileSync(Buffer.from(`${folder}/z\xff`, 'latin1'), 'x');
  symlinkSync('/etc', join(folder, 'way-out'));
  symlinkSync('/nowhere-at-all', join(folder, 'dangling'));
  const query = `?limit=2&path=${encodeURIComponent(folder)}`;
  const first = (await call('browse', { query })).value;
  expect(first.rows.map((row: { name: string; kind: string }) => `${row.kind} ${row.name}`)).toEqual([
    'folder b-folder',
    'file a-file',
  ]);
  const rest = (
    await call('browse', {
      query: `?limit=9&path=${encodeURIComponent(folder)}&cursor=${encodeURIComponent(first.nextCursor)}`,
    })
  ).value;
  expect(rest.rows.map((row: { name: string }) => row.name)).toEqual(['dangling', 'way-out', 'z\\xff']);
  expect(exactPath(rest.rows[2])).toBe(`${folder}/z\udcff`);
  expect(rest.nextCursor).toBeNull();
  expect((await call('browse')).value.rows[0]).toMatchObject({ path: rig.root, kind: 'folder' });
  for (const path of [
    '/',
    '/etc',
    join(folder, 'way-out'),
    join(folder, 'way-out/ssh'),
    `${folder}/../../..`,
    join(folder, 'dangling'),
    `${rig.root}-beside`,
  ]) {
    const { value } = await call('browse', { query: `?path=${encodeURIComponent(path)}` });
    expect([path, value.code, value.status]).toEqual([path, 'outside_roots', 400]);
  }
  expect((await call('browse', { query: '?path=relative' })).value.code).toBe('invalid');
  expect((await call('browse', { query: `?path=${encodeURIComponent(`${folder}/missing`)}` })).value.code).toBe(
    'not_found',
  );
  expect((await call('browse', { query: `?cursor=zzz&path=${encodeURIComponent(folder)}` })).value.code).toBe(
    'invalid',
  );
});

test('jobs may only name places inside the roots', async () => {
  symlinkSync('/etc', join(rig.root, 'leads-out'));
  for (const change of [
    { sources: ['/etc'] },
    { destination: '/tmp' },
    { destination: join(rig.root, 'leads-out/new') },
  ]) {
    expect((await call('createJob', { body: { ...copy(), ...change } })).value.code).toBe('outside_roots');
  }
  expect((await call('createJob', { body: { ...copy(), sources: ['in'] } })).value.code).toBe('invalid');
});

test('a job that rested goes on only where its places are still inside', async () => {
  const target = join(rig.root, 'later');
  const job = (await call('createJob', { body: { ...copy(), destination: target } })).value;
  const id = (await call('listTransfers', { query: `?job=${job.id}` })).value.rows[0].id;
  await call('pauseTransfer', { params: { id } });
  await call('pauseJob', { params: { id: job.id } });
  symlinkSync('/etc', target);
  expect((await call('resumeJob', { params: { id: job.id } })).value.code).toBe('outside_roots');
  expect((await call('resumeTransfer', { params: { id } })).value.code).toBe('outside_roots');
  const many = await call('actOnTransfers', { body: { action: 'resume', ids: [id] } });
  expect(many.value.results[0]).toMatchObject({ ok: false, problem: { code: 'outside_roots' } });
  unlinkSync(target);
  expect((await call('resumeJob', { params: { id: job.id } })).value.state).toBe('running');
  const follows = { ...copy(), symlinks: 'follow' };
  expect((await call('createJob', { body: follows })).value.code).toBe('outside_roots');
});

test('a path is explained', async () => {
  const { value } = await call('explain', { query: `?path=${encodeURIComponent(join(rig.root, 'a'))}` });
  expect(value).toMatchObject({
    summary: 'It is here.',
    facts: [{ text: 'It came.', at: '1970-01-01T00:00:00.001Z' }],
  });
  expect((await call('explain', { query: '?path=/etc/passwd' })).value.code).toBe('outside_roots');
  expect((await call('explain')).value.code).toBe('invalid');
});

test('the services answer: health, readiness, metrics, the document and the page', async () => {
  expect((await call('health')).value).toEqual({ status: 'ok' });
  expect((await call('readiness')).value).toEqual({ status: 'ready' });
  const { value } = await call('metrics');
  const names = [...String(value).matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
  expect(names).toContain('wherry_transfers');
  expect(names.filter((name) => !name?.startsWith('wherry_'))).toEqual([]);
  expect((await call('docs')).value).toContain('<h1>Wherry API');
});

test('the same request under one Idempotency-Key is carried out once, side by side and later', async () => {
  const key = { 'idempotency-key': 'once-and-no-more' };
  const count = async () => (await call('listJobs', { query: '?limit=1000' })).value.rows.length;
  const before = await count();
  const answers = await Promise.all([1, 2, 3].map(() => call('createJob', { body: copy(), headers: key })));
  expect(new Set(answers.map(({ value }) => value.id)).size).toBe(1);
  await rig.restart();
  expect((await call('createJob', { body: copy(), headers: key })).value.id).toBe(answers[0]?.value.id);
  expect(await count()).toBe(before + 1);
  const other = await call('createJob', { body: { ...copy(), move: true }, headers: key });
  expect(other.value.code).toBe('invalid');
  expect((await call('createJob', { body: copy(), headers: { 'idempotency-key': 'has a space' } })).value.code).toBe(
    'invalid',
  );
  const token = await call('createToken', { body: { name: 't', scopes: ['read'] }, headers: key });
  expect(token.value.token).toMatch(/^wherry_/);
  const again = await call('createToken', { body: { name: 't', scopes: ['read'] }, headers: key });
  expect(again.value.code).toBe('state_conflict');
});

test('the typed client gives what the server says, and its faults', async () => {
  const client = createClient({ url: rig.url, token: adminToken });
  const page = await client.call('listTransfers', { query: { state: ['queued', 'paused'], limit: 2 } });
  expect(page.rows).toHaveLength(2);
  await expect(client.call('getTransfer', { params: { id: 'x/../y' } })).rejects.toMatchObject({ code: 'not_found' });
  const nobody = createClient({ url: 'http://127.0.0.1:9' });
  await expect(nobody.call('getOverview')).rejects.toMatchObject({ code: 'unreachable' } satisfies Partial<Fault>);
});
