// Who changed what by the API is a fact in the ledger; looking is none, and no secret is in it.

import { readFileSync } from 'node:fs';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
let client: ReturnType<typeof createClient>;
beforeAll(async () => {
  rig = await openApiRig();
  client = createClient({ url: rig.url, token: adminToken });
});
afterAll(() => rig.close());

/** What has been noted since the last look, oldest first. */
let seen = '';
async function noted(): Promise<readonly Record<string, unknown>[]> {
  const { rows, cursor } = await client.call('listEvents', {
    query: { limit: 1000, ...(seen === '' ? {} : { since: seen }) },
  });
  seen = cursor;
  return rows.filter(({ name }) => name === 'observation.audit.changed').map(({ data }) => data);
}

test('each change says who, from where and what; looking and refusals say nothing', async () => {
  await noted();
  const { id, token } = await client.call('createToken', {
    body: { name: 'the desk', scopes: ['write', 'management'] },
  });
  const desk = createClient({ url: rig.url, token });
  await desk.call('setBandwidth', { body: { limit: '2M' } });
  await desk.call('setBandwidth', { body: { limit: null } });
  const job = await desk.call('createJob', { body: rig.newCopy() });
  for await (const _ of desk.lines('planJob', { body: rig.newCopy() })) expect(_).toBeDefined();
  await desk.call('getJob', { params: { id: job.id } });
  await expect(desk.call('revokeToken', { params: { id } })).rejects.toMatchObject({ code: 'not_authorised' });
  await expect(desk.call('cancelJob', { params: { id: 'none' } })).rejects.toMatchObject({ code: 'not_found' });

  const all = await noted();
  expect(all.map(({ action }) => action)).toEqual(['createToken', 'setBandwidth', 'setBandwidth', 'createJob']);
  expect(all[0]).toMatchObject({
    by: { kind: 'token', id: 'admin' },
    address: '127.0.0.1',
    body: { name: 'the desk' },
  });
  expect(all[1]).toMatchObject({ by: { id, name: 'the desk' }, body: { limit: '2M' } });
  expect(all[3]).toMatchObject({ body: { kind: 'copy' } });
});

test('commands by socket are changes, too', async () => {
  const job = await rig.engine.submit(rig.newCopy());
  await rig.engine.settled(job.id);
  const { rows } = await client.call('listTransfers', { query: { job: job.id } });
  const transferId = rows[0]?.id ?? '';
  await noted();
  const socket = io(`${rig.url}/events`, { auth: { token: adminToken }, transports: ['websocket'] });
  try {
    const refused = (await socket.emitWithAck('command.transfer.pause', { id: transferId })) as { ok: boolean };
    expect(refused.ok).toBe(false);
    expect(await noted()).toEqual([]);
    const other = await rig.engine.submit({ ...rig.newCopy(50_000_000), bandwidth: '1M' });
    let moving: string | undefined;
    await expect
      .poll(async () => {
        moving = (await client.call('listTransfers', { query: { job: other.id } })).rows[0]?.id;
        return moving;
      })
      .toBeDefined();
    expect(await socket.emitWithAck('command.transfer.cancel', { id: moving })).toMatchObject({ ok: true });
    expect(await noted()).toMatchObject([
      { action: 'command.transfer.cancel', body: { id: moving }, by: { id: 'admin' } },
    ]);
  } finally {
    socket.disconnect();
  }
});

test('no secret is in it', async () => {
  await noted();
  const secret = new URL((await client.call('createSessionLink')).url).hash.slice('#secret='.length);
  const answer = await rig.ask('/api/v1/session', {
    method: 'POST',
    body: JSON.stringify({ secret }),
    headers: { 'content-type': 'application/json' },
  });
  expect(answer.status).toBe(200);
  const body = { name: 'x', url: 'https://x.example/hook?key=topsecret', events: ['observation.job.*'] };
  const hook = await client.call('createWebhook', { body });
  const text = JSON.stringify(await noted());
  expect(text).toMatch(/createSessionLink.*openSession.*createWebhook/);
  for (const hidden of [secret, 'topsecret', hook.secret]) expect(text).not.toContain(hidden);
  await client.call('removeWebhook', { params: { id: hook.id } });
});

test('the metrics are those that the guide lists, and no others', async () => {
  await client.call('createWebhook', { body: { name: 'm', url: 'https://x.example/', events: ['observation.job.*'] } });
  const served = await client.call('metrics');
  const guide = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const listed = [...guide.matchAll(/`(wherry_\w+)(?:\{[\w,]+\})?`/g)].map((match) => match[1] ?? '');
  const own = [...served.matchAll(/^# TYPE (wherry_\w+)/gm)]
    .map((match) => match[1] ?? '')
    .filter((name) => !/^wherry_(process|nodejs)_/.test(name));
  expect([...new Set(listed)].sort()).toEqual(own.sort());
  expect(served).toMatch(/^wherry_webhook_messages\{webhook="m",state="dead"\} 0$/m);
});
