// Every route by a request over the network: what it gives is what its schema says.

import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { healthOf } from '../../src/api/overview.ts';
import { type RouteName, routePaths } from '../../src/api/route-paths.ts';
import { type RouteShape, routeTable } from '../../src/api/route-table.ts';
import { routes } from '../../src/api/routes/index.ts';
import type { Fault } from '../../src/model/fault.ts';
import { exactPath } from '../../src/model/path-text.ts';
import type { CopyRequest } from '../../src/model/specs.ts';
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

/** Large and slow enough to be acted on while it moves. */
const slowCopy = () => {
  rig.engine.setBandwidth('100k');
  return rig.newCopy(16 * 1024 * 1024);
};

async function submitted(body: CopyRequest): Promise<{ id: string }> {
  return (await call('createJob', { body })).value;
}

/** The id of the job's first transfer, once the ledger has it. */
async function firstTransfer(jobId: string): Promise<string> {
  for (;;) {
    const id = (await call('listTransfers', { query: `?job=${jobId}` })).value.rows[0]?.id;
    if (id !== undefined) return id;
  }
}

test('every route of the table is carried out, and no other', () => {
  expect(routes.map(({ name }) => name).sort()).toEqual(Object.keys(routeTable).sort());
  expect(Object.keys(routePaths).sort()).toEqual(Object.keys(routeTable).sort());
});

test('jobs are asked for, listed page by page, looked at and acted on', async () => {
  const bodies = [slowCopy(), slowCopy(), slowCopy()];
  const ids: string[] = [];
  for (const body of bodies) ids.push((await submitted(body)).id);
  const first = await call('listJobs', { query: '?limit=2&state=pending,running,paused&kind=copy' });
  expect(first.value.rows.map((job: { id: string }) => job.id)).toEqual([ids[2], ids[1]]);
  const second = await call('listJobs', { query: `?limit=2&cursor=${encodeURIComponent(first.value.nextCursor)}` });
  expect(second.value.rows[0].id).toBe(ids[0]);
  const params = { id: ids[0] ?? '' };
  expect((await call('getJob', { params })).value).toMatchObject({
    sources: bodies[0]?.sources,
    destinations: [bodies[0]?.destination],
    owner: 'WHERRY_TOKEN',
  });
  expect((await call('createJob', { body: bodies[0] })).value).toMatchObject({ code: 'busy', status: 409 });
  expect((await call('pauseJob', { params })).value).toMatchObject({ state: 'paused', actions: ['resume', 'cancel'] });
  expect((await call('resumeJob', { params })).value.state).toBe('running');
  expect((await call('cancelJob', { params })).value).toMatchObject({ state: 'cancelled', actions: ['retry'] });
  expect((await call('pauseJob', { params })).value).toMatchObject({ code: 'state_conflict', status: 409 });
  expect((await call('retryJob', { params })).value.state).toBe('running');
  expect((await call('getJob', { params: { id: 'nobody' } })).value).toMatchObject({ code: 'not_found', status: 404 });
  for (const id of ids) await call('cancelJob', { params: { id } });
});

test('a plan comes line by line; a fault before the first line is a problem, after it the last line', async () => {
  const body = rig.newCopy();
  const { value } = await call('planJob', { body });
  const copied = value.filter(({ action }: { action: string }) => action === 'copy');
  expect(copied).toMatchObject([{ path: expect.stringMatching(/\.bin$/), sizeBytes: 1000 }]);
  const client = createClient({ url: rig.url, token: adminToken });
  const lines = async (request: CopyRequest) => {
    const seen: string[] = [];
    for await (const item of client.lines('planJob', { body: request })) seen.push(item.action);
    return seen;
  };
  expect(await lines(body)).toContain('copy');
  await expect(lines({ ...body, destination: '/etc' })).rejects.toMatchObject({ code: 'outside_roots' });
  await expect(lines({ ...body, sources: [join(rig.root, 'missing')] })).rejects.toMatchObject({ code: 'not_found' });
  expect((await call('createJob', { body: { ...body, sources: [join(rig.root, 'missing')] } })).value.status).toBe(404);
});

test('transfers are listed, sorted, counted, looked at and acted on', async () => {
  const job = await submitted(slowCopy());
  const id = await firstTransfer(job.id);
  const list = await call('listTransfers', { query: `?job=${job.id}&withTotal=true&sort=name&order=asc&offset=0` });
  expect(list.value).toMatchObject({ total: 1, rows: [{ jobId: job.id, sizeBytes: 16 * 1024 * 1024 }] });
  expect((await call('pauseTransfer', { params: { id } })).value).toMatchObject({
    state: 'paused',
    actions: ['resume', 'cancel'],
  });
  expect((await call('pauseTransfer', { params: { id } })).value.code).toBe('state_conflict');
  expect((await call('resumeTransfer', { params: { id } })).value.state).toMatch(/queued|transferring/);
  expect((await call('cancelTransfer', { params: { id } })).value).toMatchObject({
    state: 'cancelled',
    actions: ['retry'],
  });
  expect((await call('retryTransfer', { params: { id } })).value.state).toMatch(/queued|transferring/);
  const many = await call('actOnTransfers', { body: { action: 'pause', ids: [id, 'nobody', id] } });
  expect(many.value.results).toMatchObject([
    { id, ok: true, transfer: { state: 'paused' } },
    { id: 'nobody', ok: false, problem: { code: 'not_found' } },
  ]);
  expect((await call('listTransfers', { query: '?sort=size&cursor=x' })).value.code).toBe('invalid');
  const one = await call('getTransfer', { params: { id } });
  const names = one.value.facts.map((fact: { name: string }) => fact.name.replace('observation.transfer.', ''));
  expect(names).toEqual(expect.arrayContaining(['queued', 'paused', 'resumed', 'cancelled']));
  await call('cancelJob', { params: { id: job.id } });
});

test('the blocks of a copy that is held back stand at the destination as told; of one that is over none are told', async () => {
  rig.engine.setBandwidth('8M');
  const body = rig.newCopy(40_000_000);
  const [name] = readdirSync(body.sources[0] ?? '');
  const content = randomBytes(40_000_000);
  writeFileSync(join(body.sources[0] ?? '', name ?? ''), content);
  const job = await submitted(body);
  const params = { id: await firstTransfer(job.id) };
  const blocks = async () => (await call('getTransferBlocks', { params })).value;
  await expect.poll(async () => (await blocks()).verifiedBytes, { timeout: 20_000 }).toBeGreaterThan(0);
  await call('pauseTransfer', { params });
  const paused = await blocks();
  expect(paused).toMatchObject({ transferId: params.id, sizeBytes: 40_000_000, blockBytes: 8_388_608 });
  expect(paused.verifiedBytes).toBeLessThan(40_000_000);
  const found = readdirSync(body.destination, { recursive: true }).map(String);
  const partial = found.find((path) => path.endsWith('.partial'));
  const written = readFileSync(join(body.destination, partial ?? ''));
  for (const { from, to } of paused.ranges) {
    expect(written.subarray(from, to).equals(content.subarray(from, to))).toBe(true);
  }
  // Not simply everything: what is not told of is not there.
  expect(written.equals(content)).toBe(false);
  rig.engine.setBandwidth(null);
  await call('resumeTransfer', { params });
  expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
  expect(await blocks()).toMatchObject({ status: 409, code: 'state_conflict' });
  expect((await call('getTransferBlocks', { params: { id: 'nobody' } })).value).toMatchObject({ status: 404 });
}, 60_000);

test('a copy that arrived has its receipt, by its transfer and by where it stands', async () => {
  rig.engine.setBandwidth(null);
  const body = rig.newCopy(5000);
  const job = await submitted(body);
  expect(await rig.engine.settled(job.id)).toMatchObject({ state: 'completed' });
  const id = await firstTransfer(job.id);
  const { value } = await call('getTransfer', { params: { id } });
  expect(value.transfer).toMatchObject({ state: 'completed', bytesDone: 5000, actions: [], speedBytesPerSecond: null });
  expect(value.receipts).toMatchObject([{ sizeBytes: 5000, verify: 'read-back' }]);
  const { endpoint, path } = value.receipts[0].destination;
  const query = `endpoint=${encodeURIComponent(endpoint)}&path=${encodeURIComponent(path)}`;
  expect((await call('listReceipts', { query: `?${query}` })).value.rows).toEqual(value.receipts);
  expect((await call('listReceipts', { query: `?transfer=${id}` })).value.rows).toEqual(value.receipts);
  expect((await call('listReceipts', { query: '?endpoint=/to&path=a.bin' })).value).toEqual({ rows: [] });
  expect((await call('listReceipts', { query: '?path=a.bin' })).value.code).toBe('invalid');
  expect((await call('getOverview')).value.arrived[0].id).toBe(id);
});

test('events are read on from a cursor, and commands are given by name', async () => {
  const start = (await call('listEvents', { query: '?before=&limit=1' })).value.rows[0].cursor;
  const job = await submitted(slowCopy());
  const id = await firstTransfer(job.id);
  const page = await call('listEvents', { query: `?since=${encodeURIComponent(start)}` });
  const names = page.value.rows.map((event: { name: string }) => event.name);
  expect(names[0]).toBe('observation.job.created');
  expect(names).toContain('observation.transfer.queued');
  expect((await call('listEvents', { query: `?job=${job.id}&limit=1` })).value.rows).toHaveLength(1);
  const paused = await call('postEvent', { body: { name: 'command.transfer.pause', data: { id } } });
  expect(paused.value).toMatchObject({ ok: true, transfer: { state: 'paused' } });
  await call('cancelJob', { params: { id: job.id } });
  expect((await call('postEvent', { body: { name: 'command.transfer.fly', data: {} } })).value.code).toBe(
    'unsupported',
  );
  expect((await call('postEvent', { body: { name: 'constructor', data: {} } })).value.code).toBe('unsupported');
  expect((await call('postEvent', { body: { name: 'command.transfer.pause', data: { id: 7 } } })).value.code).toBe(
    'invalid',
  );
  expect((await call('listEvents', { query: '?since=made-up' })).value.code).toBe('invalid');
  const newest = await call('listEvents', { query: '?before=&limit=2' });
  expect(newest.value.rows.map(({ name }: { name: string }) => name)).toEqual([
    'observation.audit.changed',
    'observation.job.cancelled',
  ]);
  expect((await call('listEvents', { query: '?before=&since=' })).value.code).toBe('invalid');
  expect(
    (await call('listEvents', { query: '?since=made-up', headers: { accept: 'text/event-stream' } })).value.code,
  ).toBe('invalid');
});

test('the overview says in words how things are, and what to do', async () => {
  const body = rig.newCopy(20_000_000);
  const blocked = `${body.destination}/${readdirSync(body.sources[0] ?? '')[0]}`;
  mkdirSync(blocked, { recursive: true });
  rig.engine.setBandwidth(null);
  await rig.engine.settled((await submitted({ ...body, conflict: 'fail' })).id);
  const { value } = await call('getOverview');
  expect(value.health).toMatchObject({
    level: 'needs-you',
    sentence: expect.stringContaining('1 file failed and needs you.'),
  });
  const item = value.attention.find(({ what }: { what: string }) => what === 'transfer');
  expect(item).toMatchObject({ severity: 'needs-you', count: 1, action: 'retry', code: 'exists' });
});

test('what has one cause is one thing that needs somebody, whichever jobs it belongs to; another place is another cause', async () => {
  const archive = join(rig.root, 'archive');
  const other = join(rig.root, 'elsewhere');
  for (const folder of [archive, other]) mkdirSync(folder);
  const refuse = async (destination: string) => {
    const { sources } = rig.newCopy();
    const name = readdirSync(sources[0] ?? '')[0] ?? '';
    writeFileSync(join(destination, name), 'an older one');
    const { id } = await submitted({ kind: 'copy', sources, destination, conflict: 'fail' });
    await rig.engine.settled(id);
    return id;
  };
  await refuse(archive);
  await refuse(archive);
  const alone = await refuse(other);
  const { value } = await call('getOverview');
  const items = value.attention.filter(({ title, key }: { title: string; key: string }) =>
    [archive, other].some((place) => `${key} ${title}`.includes(place)),
  );
  expect(items).toHaveLength(2);
  expect(items.find(({ count }: { count: number }) => count === 2)).toMatchObject({
    ...{ jobId: null, action: 'retry', code: 'exists', title: expect.stringMatching(/ and 1 other$/) },
    transferIds: [expect.any(String), expect.any(String)],
  });
  expect(items.find(({ count }: { count: number }) => count === 1)).toMatchObject({ jobId: alone });
});

test('the line of health puts what is wrong first', async () => {
  const { transfers } = (await call('getOverview')).value;
  const counts = Object.fromEntries(Object.keys(transfers).map((state) => [state, 0])) as typeof transfers;
  const figures = { counts, attention: [], active: 0, runningJobs: 0 };
  expect(healthOf(figures)).toEqual({ level: 'well', sentence: 'All is well. Nothing to do.' });
  expect(healthOf({ ...figures, active: 1, counts: { ...counts, queued: 2 } }).sentence).toBe(
    'All is well. 1 file moving, 2 queued.',
  );
  expect(healthOf({ ...figures, counts: { ...counts, waiting: 3 } })).toEqual({
    level: 'waits',
    sentence: '3 waiting.',
  });
  expect(healthOf({ ...figures, active: 4, counts: { ...counts, failed: 2 } })).toEqual({
    level: 'needs-you',
    sentence: '2 files failed and need you. 4 files moving.',
  });
  expect(healthOf({ ...figures, runningJobs: 3, watches: 3 }).sentence).toBe(
    'All 3 watches are well; nothing to move right now.',
  );
  expect(healthOf({ ...figures, runningJobs: 1, watches: 1, active: 2, roomSeconds: 9.2 * 3600 }).sentence).toBe(
    'The watch is well. 2 files moving. The destination has room for 9 hours at this rate.',
  );
});

test('the limit on bandwidth is set, lifted, and kept over a restart', async () => {
  expect((await call('setBandwidth', { body: { limit: '2M' } })).value.bytesPerSecond).toBe(2 * 1024 * 1024);
  expect((await call('setBandwidth', { body: { limit: 'nonsense' } })).value.code).toBe('invalid');
  rig.engine.setBandwidth(null);
  await rig.restart();
  expect((await call('getBandwidth')).value.bytesPerSecond).toBe(2 * 1024 * 1024);
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
    expect((await call('createJob', { body: { ...rig.newCopy(), ...change } })).value.code).toBe('outside_roots');
  }
  expect((await call('createJob', { body: { ...rig.newCopy(), sources: ['in'] } })).value.code).toBe('invalid');
});

test('a job that rested goes on only where its places are still inside', async () => {
  const body = slowCopy();
  const target = body.destination;
  const job = await submitted(body);
  const id = await firstTransfer(job.id);
  await call('pauseJob', { params: { id: job.id } });
  rmSync(target, { recursive: true, force: true });
  symlinkSync('/etc', target);
  expect((await call('resumeJob', { params: { id: job.id } })).value.code).toBe('outside_roots');
  expect((await call('resumeTransfer', { params: { id } })).value.code).toBe('outside_roots');
  const many = await call('actOnTransfers', { body: { action: 'resume', ids: [id] } });
  expect(many.value.results[0]).toMatchObject({ ok: false, problem: { code: 'outside_roots' } });
  unlinkSync(target);
  expect((await call('resumeJob', { params: { id: job.id } })).value.state).toBe('running');
  await call('cancelJob', { params: { id: job.id } });
  const follows = { ...rig.newCopy(), symlinks: 'follow' };
  expect((await call('createJob', { body: follows })).value.code).toBe('outside_roots');
});

test('a path is explained', async () => {
  rig.engine.setBandwidth(null);
  const body = rig.newCopy();
  const job = await submitted(body);
  await rig.engine.settled(job.id);
  const [name = ''] = readdirSync(body.destination);
  const { value } = await call('explain', { query: `?path=${encodeURIComponent(join(body.destination, name))}` });
  expect(value.transfers).toMatchObject([{ jobId: job.id, state: 'completed' }]);
  expect(value.facts.length).toBeGreaterThan(0);
  const bytes = Buffer.from(join(body.destination, name)).toString('base64');
  expect((await call('explain', { query: `?pathBytes=${encodeURIComponent(bytes)}` })).value.summary).toBe(
    value.summary,
  );
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

test('until the engine has started the API looks but changes nothing', async () => {
  await rig.restart({}, 'starting');
  expect((await call('readiness')).status).toBe(503);
  expect((await call('createJob', { body: rig.newCopy() })).value).toMatchObject({
    code: 'unreachable',
    transient: true,
  });
  expect((await call('listJobs')).status).toBe(200);
  await rig.restart();
  expect((await call('readiness')).status).toBe(200);
});

test('the same request under one Idempotency-Key is carried out once, side by side and later', async () => {
  rig.engine.setBandwidth(null);
  const key = { 'idempotency-key': 'once-and-no-more' };
  const body = rig.newCopy();
  const count = async () => (await call('listJobs', { query: '?limit=1000' })).value.rows.length;
  const before = await count();
  const answers = await Promise.all([1, 2, 3].map(() => call('createJob', { body, headers: key })));
  expect(new Set(answers.map(({ value }) => value.id)).size).toBe(1);
  await rig.restart();
  expect((await call('createJob', { body, headers: key })).value.id).toBe(answers[0]?.value.id);
  expect(await count()).toBe(before + 1);
  const other = await call('createJob', { body: { ...body, move: true }, headers: key });
  expect(other.value.code).toBe('invalid');
  expect((await call('createJob', { body, headers: { 'idempotency-key': 'has a space' } })).value.code).toBe('invalid');
  const token = await call('createToken', { body: { name: 't', scopes: ['read'] }, headers: key });
  expect(token.value.token).toMatch(/^wherry_/);
  const again = await call('createToken', { body: { name: 't', scopes: ['read'] }, headers: key });
  expect(again.value.code).toBe('state_conflict');
});

test('the typed client gives what the server says, and its faults', async () => {
  const client = createClient({ url: rig.url, token: adminToken });
  const page = await client.call('listTransfers', { query: { state: ['completed', 'cancelled'], limit: 2 } });
  expect(page.rows).toHaveLength(2);
  await expect(client.call('getTransfer', { params: { id: 'x/../y' } })).rejects.toMatchObject({ code: 'not_found' });
  const nobody = createClient({ url: 'http://127.0.0.1:9' });
  await expect(nobody.call('getOverview')).rejects.toMatchObject({ code: 'unreachable' } satisfies Partial<Fault>);
});
