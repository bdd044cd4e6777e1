// Every route of syncs that are kept: what it does, what it refuses, and to whom.

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/client.ts';
import { routePaths } from '../../src/api/route-paths.ts';
import { syncRouteTable } from '../../src/api/sync-route-table.ts';
import type { Fault } from '../../src/model/fault.ts';
import type { SyncDefinitionRequest } from '../../src/model/sync-spec.ts';
import type { Scope } from '../../src/model/views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
let client: Client;
let reader: Client;
let count = 0;
let at: (...parts: string[]) => string;
beforeAll(async () => {
  rig = await openApiRig();
  client = createClient({ url: rig.url, token: adminToken });
  const { token } = await client.call('createToken', { body: { name: 'looks', scopes: ['read'] } });
  reader = createClient({ url: rig.url, token });
});
afterAll(() => rig.close());
beforeEach(() => {
  const folder = join(rig.root, `round-${++count}`);
  at = (...parts) => join(folder, ...parts);
  mkdirSync(at('in/one'), { recursive: true });
  for (const name of ['a.txt', 'b.txt']) writeFileSync(at('in/one', name), name);
});

const body = (more: Partial<SyncDefinitionRequest> = {}): SyncDefinitionRequest => ({
  name: `sync ${count}`,
  source: at('in'),
  destinations: [at('out')],
  ...more,
});
const refusal = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'taken',
    ({ code }: Fault) => code,
  );
const linesOf = async <Line>(lines: AsyncIterable<Line>) => {
  const all: Line[] = [];
  for await (const line of lines) all.push(line);
  return all;
};
const atRest = async (id: string) => {
  await rig.engine.settled(id);
  return client.call('getJob', { params: { id } });
};

test('made, listed, looked at, changed and removed', async () => {
  const made = await client.call('createSync', {
    body: body({ schedule: { everyMinutes: 30 }, folders: ['one'], cleanup: {} }),
  });
  expect(made).toMatchObject({
    spec: { folders: [{ from: 'one', to: 'one' }] },
    schedule: { everyMinutes: 30 },
    enabled: true,
  });
  expect(made.nextAt).not.toBeNull();
  const params = { id: made.id };
  expect((await reader.call('listSyncs')).rows.map(({ id }) => id)).toContain(made.id);
  expect(await reader.call('getSync', { params })).toMatchObject({
    name: made.name,
    spec: { cleanup: { ageHours: 24 } },
  });
  const edited = await client.call('editSync', {
    params,
    body: body({ schedule: { cron: '0 3 * * *', timezone: 'Europe/Berlin' }, enabled: false }),
  });
  expect(edited).toMatchObject({ enabled: false, nextAt: null, spec: { folders: [], cleanup: null } });
  await client.call('removeSync', { params });
  expect(await refusal(client.call('getSync', { params }))).toBe('not_found');
  expect((await client.call('listSyncs')).rows.map(({ id }) => id)).not.toContain(made.id);
});

test('planned, run, known and cleared', async () => {
  const unsaved = await linesOf(client.lines('planUnsavedSync', { body: body() }));
  expect(unsaved.filter((item) => item.action === 'copy')).toHaveLength(2);
  const { id } = await client.call('createSync', { body: body() });
  const params = { id };
  expect((await linesOf(client.lines('planSync', { params }))).filter((item) => item.action === 'copy')).toHaveLength(
    2,
  );
  expect(readdirSync(at())).toEqual(['in']);
  const job = await client.call('runSync', { params });
  expect(job).toMatchObject({ kind: 'sync', spec: { definition: id } });
  expect(await atRest(job.id)).toMatchObject({ state: 'completed', counts: { completed: 2 } });
  expect(readFileSync(at('out/one/a.txt'), 'utf8')).toBe('a.txt');
  expect(await reader.call('getJobSync', { params: { id: job.id } })).toMatchObject({
    folders: [expect.objectContaining({ state: 'done', found: 2, transferred: 2 })],
  });
  const known = await linesOf(reader.lines('getSyncManifest', { params }));
  expect(known.map(({ path }) => path).sort()).toEqual(['one/a.txt', 'one/b.txt']);
  expect(await client.call('clearSyncManifest', { params })).toEqual({ files: 2 });
  expect(await linesOf(client.lines('getSyncManifest', { params }))).toEqual([]);
  // What stands there is known by its receipt: it is looked at, and not moved.
  const again = await client.call('runSync', { params });
  expect(await atRest(again.id)).toMatchObject({ state: 'completed', counts: { completed: 0, skipped: 2 } });
});

test('a second run while one goes on, a second sync into the same folder, and an unknown job are told so', async () => {
  writeFileSync(at('in/large.bin'), Buffer.alloc(4_000_000));
  const { id } = await client.call('createSync', { body: body({ bandwidth: '200k' }) });
  const other = await client.call('createSync', { body: body({ name: `other ${count}` }) });
  const job = await client.call('runSync', { params: { id } });
  expect(await refusal(client.call('runSync', { params: { id } }))).toBe('busy');
  expect(await refusal(client.call('runSync', { params: { id: other.id } }))).toBe('busy');
  await client.call('cancelJob', { params: { id: job.id } });
  await rig.engine.settled(job.id);
  expect(readdirSync(at('out'), { recursive: true }).filter((name) => String(name).includes('partial'))).toEqual([]);
  const copy = await client.call('createJob', { body: rig.newCopy() });
  expect(await refusal(client.call('getJobSync', { params: { id: copy.id } }))).not.toBe('taken');
  expect(await refusal(client.call('getJobSync', { params: { id: 'nothing' } }))).toBe('not_found');
});

describe('what makes no sense is refused, and nothing is kept', () => {
  const wrong: Record<string, (given: SyncDefinitionRequest) => unknown> = {
    'no source': ({ source: _, ...rest }) => rest,
    'no destination': (given) => ({ ...given, destinations: [] }),
    'a place outside the roots': (given) => ({ ...given, source: '/etc' }),
    'a destination outside the roots': (given) => ({ ...given, destinations: ['/tmp'] }),
    'a host that is an option': (given) => ({ ...given, source: 'ssh://-oProxyCommand=touch%20pwned/x' }),
    'a user that is an option': (given) => ({ ...given, source: 'ssh://-oProxyCommand=x@host/x' }),
    'a folder that leads out': (given) => ({ ...given, folders: ['../other'] }),
    'an absolute folder': (given) => ({ ...given, folders: ['/etc'] }),
    'a folder below another': (given) => ({
      ...given,
      folders: [
        { from: 'one', to: 'x' },
        { from: 'two', to: 'x/y' },
      ],
    }),
    'the source itself': (given) => ({ ...given, destinations: [given.source] }),
    'a schedule that is none': (given) => ({ ...given, schedule: { cron: 'now and then' } }),
    'a time zone that is none': (given) => ({ ...given, schedule: { cron: '* * * * *', timezone: 'Mars/Base' } }),
    'more than all of it': (given) => ({ ...given, maxDelete: '101%' }),
    'a key that is none': (given) => ({ ...given, cleenup: {} }),
  };
  test.each(Object.keys(wrong))('%s', async (what) => {
    const given = wrong[what]?.(body()) as SyncDefinitionRequest;
    const before = (await client.call('listSyncs')).rows.length;
    const attempts = [() => client.call('createSync', { body: given })] as (() => Promise<unknown>)[];
    // When it would run does not matter to a plan.
    if (!/schedule|time zone/.test(what))
      attempts.push(() => linesOf(client.lines('planUnsavedSync', { body: given })));
    for (const attempt of attempts) {
      expect(await refusal(attempt()), what).toMatch(
        /^(invalid|name_unsafe|unsupported|outside_roots|exists|not_authorised)$/,
      );
    }
    expect((await client.call('listSyncs')).rows).toHaveLength(before);
  });
});

test('a folder that becomes a symlink out of the roots after the sync was kept is not followed', async () => {
  const { id } = await client.call('createSync', { body: body() });
  rmSync(at('in'), { recursive: true });
  symlinkSync('/etc', at('in'));
  expect(await refusal(client.call('runSync', { params: { id } }))).not.toBe('taken');
  expect(await refusal(linesOf(client.lines('planSync', { params: { id } })))).not.toBe('taken');
});

test('each route asks for its scope, and says that an id is unknown', async () => {
  const { id } = await client.call('createSync', { body: body() });
  const tokenless = rig.url;
  const all = Object.entries(syncRouteTable) as [keyof typeof syncRouteTable, { scope: Scope; body?: unknown }][];
  for (const [name, { scope, body: takes }] of all) {
    const [method, path] = routePaths[name];
    const ask = (token: string | undefined, target: string) =>
      fetch(`${tokenless}${path.replace('{id}', target)}`, {
        method,
        headers: {
          ...(takes === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(takes === undefined ? {} : { body: JSON.stringify(body()) }),
      });
    expect((await ask(undefined, id)).status, name).toBe(401);
    if (path.includes('{id}')) expect((await ask(adminToken, 'unknown')).status, name).toBe(404);
    if (scope === 'read') continue;
    const { token } = await client.call('createToken', { body: { name: `${name}`, scopes: ['read'] } });
    expect((await ask(token, id)).status, name).toBe(403);
  }
  expect((await client.call('getSync', { params: { id } })).name).toBe(`sync ${count}`);
});
