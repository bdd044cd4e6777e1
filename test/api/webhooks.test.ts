// Webhooks against real receivers that fail, hang, redirect and come back; messages are checked with the public library.

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { createDeliveries, deliveryRetryRules } from '../../src/engine/deliveries.ts';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import type { WebhookView } from '../../src/model/webhook-views.ts';
import { openSink } from '../../src/sinks/index.ts';
import { isPublicAddress } from '../../src/sinks/public-address.ts';
import { retryAfterMs } from '../../src/sinks/webhook.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Receiver {
  readonly url: string;
  readonly received: Received[];
  close(): void;
}

let rig: ApiRig;
let client: ReturnType<typeof createClient>;
const receivers: Receiver[] = [];
beforeAll(async () => {
  rig = await openApiRig();
  client = createClient({ url: rig.url, token: adminToken });
});
afterEach(async () => {
  for (const { id } of (await client.call('listWebhooks')).rows) await client.call('removeWebhook', { params: { id } });
  for (const receiver of receivers.splice(0)) receiver.close();
});
afterAll(() => rig.close());

/** `answer` is given how many requests there were before this one. */
async function receive(answer: (response: ServerResponse, before: number) => void): Promise<Receiver> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      received.push({ id: String(request.headers['webhook-id']), headers: request.headers, body });
      answer(response, received.length - 1);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  const receiver = { url: `http://127.0.0.1:${port}/hook`, received, close };
  receivers.push(receiver);
  return receiver;
}

const takes = (response: ServerResponse) => response.writeHead(204).end();
const say = (status: number) => (response: ServerResponse) => response.writeHead(status).end();
const checked = ({ headers, body }: Received, secret: string) =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as {
    type: string;
    data: Record<string, unknown>;
  };
const create = (url: string, more: { allowPrivate?: boolean; events?: string[] } = {}) =>
  client.call('createWebhook', {
    body: { name: 'desk', url, events: ['observation.storage.*'], allowPrivate: true, ...more },
  });
const append = (
  n: number,
  name: 'observation.storage.changed' | 'observation.mount.recovered' = 'observation.storage.changed',
) => rig.store.apply([{ kind: 'append_event', event: { name, at: Date.now(), data: { n } } }]);
const deliveriesOf = async ({ id }: Pick<WebhookView, 'id'>) =>
  (await client.call('listDeliveries', { params: { id }, query: { limit: 1000 } })).rows;
const until = (id: string, state: string, count: number) =>
  expect
    .poll(async () => (await deliveriesOf({ id })).filter((one) => one.state === state).length, { timeout: 25_000 })
    .toBe(count);

test('each event that is wanted arrives once, signed as the public library checks it, with the transfer in it', async () => {
  const receiver = await receive(takes);
  const { id, secret } = await create(receiver.url, {
    events: ['observation.transfer.completed', 'observation.job.*'],
  });
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/=]{40,}$/);
  const job = await rig.engine.submit(rig.newCopy());
  await rig.engine.settled(job.id);
  await expect
    .poll(() => receiver.received.map((one) => checked(one, secret).type), { timeout: 20_000 })
    .toContain('observation.job.completed');
  const messages = receiver.received.map((one) => checked(one, secret));
  expect(messages.filter(({ type }) => type.startsWith('observation.transfer.'))).toMatchObject([
    {
      type: 'observation.transfer.completed',
      data: { jobId: job.id, transfer: { state: 'completed', sizeBytes: 1000 } },
    },
  ]);
  expect(new Set(receiver.received.map((one) => one.id)).size).toBe(receiver.received.length);

  // The check checks: another secret, another body.
  const [first] = receiver.received;
  if (first === undefined) throw new Error('nothing came');
  expect(() => checked(first, `whsec_${Buffer.alloc(32).toString('base64')}`)).toThrow();
  expect(() => checked({ ...first, body: `${first.body} ` }, secret)).toThrow();

  // The secret is shown that once.
  const text = JSON.stringify([await client.call('listWebhooks'), await deliveriesOf({ id })]);
  expect(text).toContain(receiver.url);
  expect(text).not.toContain(secret.slice(6));
});

test('many events at once: none is lost, none has two ids', async () => {
  const receiver = await receive(takes);
  const { id, secret } = await create(receiver.url);
  for (let n = 0; n < 300; n++) void append(n);
  await append(300);
  await append(301, 'observation.mount.recovered');
  await until(id, 'delivered', 301);
  const numbers = receiver.received.map((one) => (checked(one, secret).data as { data: { n: number } }).data.n);
  expect([...new Set(numbers)].sort((one, other) => one - other)).toEqual(Array.from({ length: 301 }, (_, n) => n));
  expect(numbers).toHaveLength(301);
});

test('a receiver that fails is asked again, with the same id and body; one that hangs holds up no other', async () => {
  const failing = await receive((response, before) => say(before < 2 ? 500 : 200)(response));
  const hanging = await receive((response, before) => {
    if (before > 0) takes(response);
  });
  const one = await create(failing.url);
  const other = await create(hanging.url);
  await append(1);
  await until(one.id, 'delivered', 1);
  expect(hanging.received).toHaveLength(1);
  expect(failing.received.map(({ id, body }) => `${id} ${body}`)).toEqual(
    Array(3).fill(`${failing.received[0]?.id} ${failing.received[0]?.body}`),
  );
  expect(await deliveriesOf(one)).toMatchObject([{ attempts: 3, dueAt: null, last: { status: 200, error: null } }]);
  await until(other.id, 'delivered', 1);
  expect(await deliveriesOf(other)).toMatchObject([{ attempts: 2 }]);
  expect(new Set(hanging.received.map(({ id }) => id)).size).toBe(1);
});

test('a redirect is not followed; given up, it is a dead letter and an event, and can be replayed under its id', async () => {
  const target = await receive(takes);
  let mended = false;
  const receiver = await receive((response) => {
    if (mended) takes(response);
    else response.writeHead(307, { location: target.url }).end();
  });
  const hook = await create(receiver.url);
  await append(1);
  await until(hook.id, 'dead', 1);
  const [dead] = await deliveriesOf(hook);
  expect(dead).toMatchObject({
    attempts: 4,
    last: { status: 307, error: { code: 'not_taken', message: expect.stringMatching(/redirects are not followed/) } },
  });
  expect(target.received).toEqual([]);
  const { rows } = await client.call('listEvents', { query: { before: '', limit: 50 } });
  expect(rows.find(({ name }) => name === 'observation.webhook.dead')).toMatchObject({
    data: { deliveryId: dead?.id },
  });

  mended = true;
  await client.call('replayDelivery', { params: { id: hook.id, delivery: dead?.id ?? '' } });
  await until(hook.id, 'delivered', 1);
  expect(new Set(receiver.received.map(({ id }) => id))).toEqual(new Set([dead?.id]));
  expect(await client.call('replayDead', { params: { id: hook.id } })).toEqual({ replayed: 0 });
});

test('410 ends it until it is resumed; what was given up is replayed all at once', async () => {
  let gone = true;
  const receiver = await receive((response) => say(gone ? 410 : 200)(response));
  const hook = await create(receiver.url);
  await append(1);
  await until(hook.id, 'dead', 1);
  expect((await client.call('listWebhooks')).rows).toMatchObject([{ id: hook.id, state: 'gone' }]);
  await append(2);
  await until(hook.id, 'pending', 1);
  expect(receiver.received).toHaveLength(1);
  gone = false;
  expect(await client.call('replayDead', { params: { id: hook.id } })).toEqual({ replayed: 1 });
  expect(await client.call('resumeWebhook', { params: { id: hook.id } })).toMatchObject({ state: 'on' });
  await until(hook.id, 'delivered', 2);
});

test.each([
  [429, '1', 1],
  [503, () => new Date(Date.now() + 2_000).toUTCString(), 1],
  // The control: without the header, or where it cannot be read, and with another status it is asked again at once.
  [429, undefined, 0],
  [503, 'soon', 0],
  [500, '1', 0],
] as const)('%d with Retry-After %s: nothing goes there before then', async (status, after, leastSeconds) => {
  const at: number[] = [];
  const receiver = await receive((response, before) => {
    at.push(Date.now());
    if (before > 0) return void takes(response);
    const value = typeof after === 'function' ? after() : after;
    response.writeHead(status, value === undefined ? {} : { 'retry-after': value }).end();
  });
  const { id } = await create(receiver.url);
  await append(1);
  await expect.poll(async () => (await deliveriesOf({ id }))[0]?.attempts ?? 0, { timeout: 5_000 }).toBeGreaterThan(0);
  await append(2);
  const { heldUntil } = (await client.call('listWebhooks')).rows[0] ?? {};
  if (leastSeconds > 0) expect(Date.parse(heldUntil ?? '')).toBeGreaterThan(at[0] ?? 0);
  else expect(heldUntil).toBeNull();
  await until(id, 'delivered', 2);
  const waited = (at[1] ?? 0) - (at[0] ?? 0);
  if (leastSeconds > 0) expect(waited).toBeGreaterThanOrEqual(950 * leastSeconds);
  else expect(waited).toBeLessThan(900);
  expect((await client.call('listWebhooks')).rows).toMatchObject([{ heldUntil: null }]);
});

test('a Retry-After is seconds or a date as HTTP writes it, and nothing else', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  expect(retryAfterMs('120', now)).toBe(120_000);
  expect(retryAfterMs('Fri, 02 Jan 2026 03:05:05 GMT', now)).toBe(60_000);
  expect(retryAfterMs('Fri, 02 Jan 2026 03:00:00 GMT', now)).toBe(0);
  for (const text of [undefined, '', '-1', '1.5', 'soon', '9'.repeat(12), '2026-01-02T03:05:05Z']) {
    expect(retryAfterMs(text, now)).toBeNull();
  }
});

test('edited, it keeps its secret and messages; paused, it gathers what happens until it is resumed', async () => {
  const old = await receive(takes);
  const next = await receive(takes);
  const hook = await create(old.url);
  await append(1);
  await until(hook.id, 'delivered', 1);
  expect(await client.call('pauseWebhook', { params: { id: hook.id } })).toMatchObject({ state: 'paused' });
  await append(2);
  await until(hook.id, 'pending', 1);
  const body = { name: 'the other desk', url: next.url, events: ['observation.mount.*'], allowPrivate: true };
  expect(await client.call('editWebhook', { params: { id: hook.id }, body })).toMatchObject({
    ...{ id: hook.id, state: 'paused', counts: { pending: 1, delivered: 1 } },
    ...body,
  });
  await append(3);
  await append(4, 'observation.mount.recovered');
  await until(hook.id, 'pending', 2);
  expect(next.received).toEqual([]);
  expect(await client.call('resumeWebhook', { params: { id: hook.id } })).toMatchObject({ state: 'on' });
  await until(hook.id, 'delivered', 3);
  expect(next.received.map((one) => checked(one, hook.secret).type).sort()).toEqual([
    'observation.mount.recovered',
    'observation.storage.changed',
  ]);
  expect(old.received).toHaveLength(1);
  for (const wrong of [{ url: 'ftp://x/' }, { events: ['observation.nothing'] }]) {
    await expect(
      client.call('editWebhook', { params: { id: hook.id }, body: { ...body, ...wrong } }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(invalid|unsupported)$/) });
  }
  expect((await client.call('listWebhooks')).rows).toMatchObject([{ url: next.url }]);
});

test('a 410 that comes late ends neither what was replayed nor a webhook that was resumed or got another address meanwhile', async () => {
  const held: ServerResponse[] = [];
  const receiver = await receive((response) => {
    if (held.length < 2) held.push(response);
    else takes(response);
  });
  const hook = await create(receiver.url);
  await append(1);
  await append(2);
  await expect.poll(() => held.length).toBe(2);
  const both = await deliveriesOf(hook);
  for (const { id } of both) {
    const params = { id: hook.id, delivery: id };
    expect(await client.call('replayDelivery', { params })).toMatchObject({ state: 'pending', attempts: 0 });
  }
  await client.call('resumeWebhook', { params: { id: hook.id } });
  for (const response of held) say(410)(response);
  await until(hook.id, 'delivered', 2);
  expect((await client.call('listWebhooks')).rows).toMatchObject([{ state: 'on', counts: { dead: 0 } }]);
});

test('a test message is sent at once and answered with what became of it', async () => {
  const receiver = await receive((response, before) => say(before === 0 ? 503 : 200)(response));
  const { id, secret } = await create(receiver.url);
  expect(await client.call('testWebhook', { params: { id } })).toMatchObject({ state: 'dead', last: { status: 503 } });
  expect(await client.call('testWebhook', { params: { id } })).toMatchObject({
    state: 'delivered',
    type: 'wherry.test',
  });
  expect(receiver.received.map((one) => checked(one, secret).type)).toEqual(['wherry.test', 'wherry.test']);
});

describe('private places', () => {
  test.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433'])(
    'are not told anything unless it is allowed: %s',
    async (host) => {
      const receiver = await receive(takes);
      const hook = await create(receiver.url.replace('127.0.0.1', host), { allowPrivate: false });
      expect(await client.call('testWebhook', { params: { id: hook.id } })).toMatchObject({
        state: 'dead',
        last: {
          status: null,
          error: { code: 'not_authorised', message: expect.stringMatching(/is not a public address/) },
        },
      });
      expect(receiver.received).toEqual([]);
    },
  );

  test.each([
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
    ['10.1.2.3', false],
    ['172.31.0.1', false],
    ['172.32.0.1', true],
    ['192.168.1.1', false],
    ['169.254.169.254', false],
    ['100.100.1.1', false],
    ['0.0.0.0', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['::1', false],
    ['::', false],
    ['fe80::1%eth0', false],
    ['fd00::1', false],
    ['::ffff:10.0.0.1', false],
    ['64:ff9b::a00:1', false],
    ['2002:a00:1::', false],
    ['no address', false],
  ])('%s is public: %s', (address, is) => expect(isPublicAddress(address)).toBe(is));
});

test('after a stop it goes on where it was: what happened meanwhile arrives, nothing twice', async () => {
  const receiver = await receive(takes);
  const open = () =>
    createDeliveries({
      ...{ store: rig.store, openSink, clock: systemClock, random: systemRandom, rules: deliveryRetryRules },
      ...{ present: ({ data }) => data, newId: idSource(systemClock, systemRandom) },
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  await rig.deliveries.stop();
  let deliveries = open();
  await deliveries.start();
  const { id } = await deliveries.create({
    name: 'x',
    url: receiver.url,
    events: ['observation.storage.*'],
    allowPrivate: true,
  });
  await append(1);
  await expect.poll(() => receiver.received.length).toBe(1);
  await deliveries.stop();
  await append(2);
  deliveries = open();
  await deliveries.start();
  await append(3);
  await expect.poll(async () => (await deliveries.counts(id)).delivered).toBe(3);
  expect(receiver.received.map(({ body }) => JSON.parse(body).data.n)).toEqual([1, 2, 3]);
  await deliveries.remove(id);
  await deliveries.stop();
});

describe('asked wrongly', () => {
  test('addresses, events and scopes that are none are refused', async () => {
    for (const url of ['ftp://x/', 'nonsense', 'http://user:word@x/', 'file:///etc/passwd']) {
      await expect(create(url)).rejects.toMatchObject({ code: expect.stringMatching(/^(invalid|unsupported)$/) });
    }
    await expect(create('https://x.example/', { events: ['observation.transfer.complete'] })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/Did you mean observation\.transfer\.completed\?/),
    });
    const { token } = await client.call('createToken', { body: { name: 'reader', scopes: ['read', 'write'] } });
    await expect(createClient({ url: rig.url, token }).call('listWebhooks')).rejects.toMatchObject({
      code: 'not_authorised',
    });
    await expect(client.call('testWebhook', { params: { id: 'none' } })).rejects.toMatchObject({ code: 'not_found' });
  });
});
