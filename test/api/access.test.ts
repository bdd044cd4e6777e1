// Who gets in: tokens, scopes, sessions, one-time links, hosts and origins.

import { request } from 'node:http';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkOrigin } from '../../src/api/origin.ts';
import { routes } from '../../src/api/routes/index.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig({ allowedHosts: ['desk.example'], allowedOrigins: ['https://pages.example'] });
});
// A new API counts failures from nothing.
beforeEach(() => rig.restart());
afterAll(() => rig.close());

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** A request whose every header is chosen here: fetch would not let us lie about Host and Origin. */
function raw(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Reply> {
  const { port } = new URL(rig.url);
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: options.headers ?? {}, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          body += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function newToken(scopes: string[], more: object = {}): Promise<{ id: string; token: string }> {
  const response = await rig.ask('/api/v1/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: scopes.join(' '), scopes, ...more }),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { id: string; token: string };
}

/** Signs in as the console's page does; gives back the cookie. */
async function signIn(): Promise<{ cookie: string; origin: string }> {
  const secret = new URL(rig.listening.consoleUrl).hash.replace('#secret=', '');
  const reply = await raw('/api/v1/session', {
    method: 'POST',
    headers: { origin: rig.url, 'content-type': 'application/json' },
    body: JSON.stringify({ secret }),
  });
  expect(reply.status).toBe(200);
  const [header = ''] = reply.headers['set-cookie'] as string[];
  expect(header).toMatch(
    new RegExp(`^wherry_${new URL(rig.url).port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Max-Age=\\d+$`),
  );
  return { cookie: header.split(';', 1)[0] ?? '', origin: rig.url };
}

test('without credentials only the open routes answer', async () => {
  for (const { name, method, path, shape } of routes) {
    const reply = await raw(path.replace('{id}', 'x'), { method });
    if (shape.scope !== 'open') {
      expect([name, reply.status]).toEqual([name, 401]);
      expect(reply.headers['www-authenticate']).toContain('Bearer');
    } else expect([name, reply.status]).toEqual([name, ['openSession', 'joinRoom'].includes(name) ? 400 : 200]);
  }
  expect((await raw('/api/v1/nothing-here')).status).toBe(401);
  expect((await raw('/api/v1/nothing-here', { headers: bearer(adminToken) })).status).toBe(404);
});

test('each scope opens its routes and no others', async () => {
  const opens: Record<string, string[]> = {
    read: ['read'],
    write: ['read', 'write'],
    management: ['read', 'management'],
    admin: ['read', 'write', 'management', 'admin'],
  };
  for (const [scope, allowed] of Object.entries(opens)) {
    const { token } = await newToken([scope]);
    for (const { name, method, path, shape } of routes) {
      if (shape.scope === 'open' || name === 'closeSession') continue;
      const reply = await raw(path.replace('{id}', 'x'), { method, headers: bearer(token) });
      const refused = reply.status === 403;
      expect([scope, name, refused]).toEqual([scope, name, !allowed.includes(shape.scope)]);
      if (!refused) continue;
      const why = expect.stringContaining(shape.scope);
      // What existing clients call has an error form of its own.
      const told =
        shape.refusals !== 'contract' ? { code: 'not_authorised', detail: why } : { success: false, error: why };
      expect([name, JSON.parse(reply.body)]).toMatchObject([name, told]);
    }
  }
});

test('tokens are kept as hashes, shown once, live over a restart, and end when they are revoked or too old', async () => {
  const { id, token } = await newToken(['read']);
  const kept = JSON.stringify(await rig.store.documents('api.tokens'));
  expect(kept).toContain(id);
  expect(kept).not.toContain(token.slice(7));
  const listed = await (await rig.ask('/api/v1/tokens')).text();
  expect(listed).toContain(id);
  expect(listed).not.toContain(token.slice(7));
  await rig.restart();
  expect((await raw('/api/v1/overview', { headers: bearer(token) })).status).toBe(200);
  expect((await rig.ask(`/api/v1/tokens/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect((await raw('/api/v1/overview', { headers: bearer(token) })).status).toBe(401);
  expect((await rig.ask(`/api/v1/tokens/${id}`, { method: 'DELETE' })).status).toBe(404);
  const short = await newToken(['read'], { expiresInDays: 1 / 86_400_000 });
  expect((await raw('/api/v1/overview', { headers: bearer(short.token) })).status).toBe(401);
});

test('the local token that serve writes for the CLI is an admin', async () => {
  expect((await raw('/api/v1/tokens', { headers: bearer(rig.listening.localToken) })).status).toBe(200);
});

test('the one-time secret stands in the fragment, opens one session, and none when it is replayed', async () => {
  const link = new URL(rig.listening.consoleUrl);
  expect(link.search).toBe('');
  expect(link.hash).toMatch(/^#secret=[\w-]{43}$/);
  const { cookie, origin } = await signIn();
  const replay = await raw('/api/v1/session', {
    method: 'POST',
    headers: { origin, 'content-type': 'application/json' },
    body: JSON.stringify({ secret: link.hash.slice(8) }),
  });
  expect(replay.status).toBe(401);
  expect(replay.headers['set-cookie']).toBeUndefined();
  expect((await raw('/api/v1/session', { headers: { origin, cookie } })).status).toBe(200);
  expect(JSON.stringify(await rig.store.documents('api.sessions'))).not.toContain(cookie.split('=')[1]);
});

test('of two who use a secret at the same moment one gets in', async () => {
  const secret = new URL(rig.listening.consoleUrl).hash.slice(8);
  const replies = await Promise.all(
    [1, 2, 3, 4].map(() =>
      raw('/api/v1/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ secret }),
      }),
    ),
  );
  expect(replies.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
});

test('a session lives over a restart on its port and ends with signing out', async () => {
  const { cookie } = await signIn();
  await rig.restart({ listen: { host: '127.0.0.1', port: Number(new URL(rig.url).port) } });
  const headers = { origin: rig.url, cookie };
  expect((await raw('/api/v1/session', { headers })).status).toBe(200);
  const out = await raw('/api/v1/session', { method: 'DELETE', headers });
  expect(out.status).toBe(204);
  expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0');
  expect((await raw('/api/v1/session', { headers })).status).toBe(401);
});

test('a cookie counts only with the console’s own page behind it', async () => {
  const { cookie, origin } = await signIn();
  const body = JSON.stringify({ limit: null });
  const put = (headers: Record<string, string>) =>
    raw('/api/v1/settings/bandwidth', {
      method: 'PUT',
      body,
      headers: { cookie, 'content-type': 'application/json', ...headers },
    });
  expect((await put({ origin })).status).toBe(200);
  expect((await put({})).status).toBe(401);
  expect((await put({ 'wherry-client': '1' })).status).toBe(401);
  expect((await put({ 'sec-fetch-site': 'same-origin' })).status).toBe(401);
  expect((await put({ origin: 'https://evil.example' })).status).toBe(403);
  expect((await put({ origin: 'null' })).status).toBe(403);
  // An allowed foreign page may ask with a token, not with somebody's cookie.
  expect((await put({ origin: 'https://pages.example' })).status).toBe(401);
  const get = (headers: Record<string, string>) => raw('/api/v1/overview', { headers: { cookie, ...headers } });
  expect((await get({})).status).toBe(401);
  expect((await get({ 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  expect((await get({ 'sec-fetch-site': 'same-site', 'wherry-client': '1' })).status).toBe(401);
  expect((await get({ 'sec-fetch-site': 'cross-site' })).status).toBe(401);
  expect((await get({ 'wherry-client': '1' })).status).toBe(200);
});

test('a foreign origin is refused even with a good token; an allowed one gets CORS without credentials', async () => {
  const { port } = new URL(rig.url);
  for (const origin of [
    'https://evil.example',
    'null',
    `http://localhost:${Number(port) + 1}`,
    `http://127.0.0.1`,
    `http://localhost:${port}`,
  ]) {
    const reply = await raw('/api/v1/overview', { headers: { ...bearer(adminToken), origin } });
    expect([origin, reply.status]).toEqual([origin, 403]);
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    expect((await raw('/healthz', { headers: { origin } })).status).toBe(403);
  }
  const allowed = { origin: 'https://pages.example' };
  const good = await raw('/api/v1/overview', { headers: { ...bearer(adminToken), ...allowed } });
  expect(good.status).toBe(200);
  expect(good.headers['access-control-allow-origin']).toBe('https://pages.example');
  expect(good.headers['access-control-allow-credentials']).toBeUndefined();
  const asked = await raw('/api/v1/jobs', {
    method: 'OPTIONS',
    headers: { ...allowed, 'access-control-request-method': 'POST' },
  });
  expect(asked.status).toBe(204);
  expect(asked.headers['access-control-allow-headers']).toContain('authorization');
});

test('a Host that is not ours is refused: a name that was made to point here reads nothing', async () => {
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.1.5',
    '[::2]',
    'a b',
    '127.0.0.1@evil',
  ]) {
    const reply = await raw('/api/v1/overview', { headers: { ...bearer(adminToken), host } });
    expect([host, reply.status]).toEqual([host, 403]);
  }
  for (const host of ['localhost', '127.0.0.1:9999', '[::1]:1', 'LOCALHOST:80', 'desk.example', 'Desk.Example.:443']) {
    const reply = await raw('/api/v1/overview', { headers: { ...bearer(adminToken), host } });
    expect([host, reply.status]).toEqual([host, 200]);
  }
});

test('beyond loopback addresses are taken as hosts, unknown names are not', () => {
  const rules = { listenHost: '0.0.0.0', secure: true, allowedHosts: [], allowedOrigins: [] };
  expect(checkOrigin({ host: '192.168.1.5:7373', origin: 'https://192.168.1.5:7373' }, rules)).toBe('own');
  expect(() => checkOrigin({ host: '192.168.1.5:7373', origin: 'http://192.168.1.5:7373' }, rules)).toThrow(
    /may not talk/,
  );
  expect(() => checkOrigin({ host: 'rebound.example' }, rules)).toThrow(/not one of this daemon/);
});

test('listening beyond loopback needs TLS or a word that says it is meant', async () => {
  await expect(rig.restart({ listen: { host: '0.0.0.0', port: 0 } })).rejects.toMatchObject({ code: 'config_invalid' });
  await rig.restart({ listen: { host: '0.0.0.0', port: 0 }, insecureHttp: true });
  expect(rig.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect((await rig.ask('/api/v1/overview')).status).toBe(200);
  const { port } = new URL(rig.url);
  await expect(openApiRig({ listen: { host: '127.0.0.1', port: Number(port) } })).rejects.toMatchObject({
    code: 'port_in_use',
  });
});

test('who guesses is slowed down; who knows is not kept out by it', async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 25; i++) statuses.push((await raw('/api/v1/overview', { headers: bearer(`guess-${i}`) })).status);
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(401));
  expect(statuses.slice(20)).toEqual(Array(5).fill(429));
  const late = await raw('/api/v1/overview', { headers: bearer('guess') });
  expect(Number(late.headers['retry-after'])).toBeGreaterThan(0);
  expect((await raw('/api/v1/overview', { headers: bearer(adminToken) })).status).toBe(200);
  // A token short enough to be guessed is not looked at while somebody guesses.
  await rig.restart({ adminToken: 'short' });
  expect((await raw('/api/v1/overview', { headers: bearer('short') })).status).toBe(200);
  for (let i = 0; i < 20; i++) await raw('/api/v1/overview', { headers: bearer(`guess-${i}`) });
  expect((await raw('/api/v1/overview', { headers: bearer('short') })).status).toBe(429);
  const secret = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"secret":"wrong"}' };
  expect((await raw('/api/v1/session', secret)).status).toBe(429);
});

test('answers carry a strict policy and no cache', async () => {
  for (const path of ['/api/v1/overview', '/docs', '/']) {
    const { headers } = await raw(path, { headers: { ...bearer(adminToken), accept: 'text/html' } });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
  expect((await raw('/api/v1/overview', { headers: bearer(adminToken) })).headers['cache-control']).toBe('no-store');
});

test('sockets are checked like requests: before the upgrade their Host and Origin, then who asks', async () => {
  const connect = (options: object) =>
    new Promise<string>((resolve) => {
      const socket = io(`${rig.url}/events`, {
        transports: ['websocket'],
        reconnection: false,
        forceNew: true,
        ...options,
      });
      const end = (word: string) => {
        socket.disconnect();
        resolve(word);
      };
      socket.on('connect', () => end('connected'));
      socket.on('connect_error', (error: Error & { data?: { code: string } }) => end(error.data?.code ?? 'refused'));
    });
  const { token: reader } = await newToken(['read']);
  const { token: listener } = await newToken(['management']);
  const { cookie, origin } = await signIn();
  expect(await connect({ auth: { token: listener } })).toBe('connected');
  expect(await connect({ auth: { token: listener }, extraHeaders: { origin: 'https://pages.example' } })).toBe(
    'connected',
  );
  expect(await connect({ auth: { token: listener }, extraHeaders: { origin: 'https://evil.example' } })).toBe(
    'refused',
  );
  expect(await connect({ auth: { token: listener }, extraHeaders: { host: 'evil.example' } })).toBe('refused');
  expect(await connect({ auth: { token: reader } })).toBe('not_authorised');
  expect(await connect({ auth: { token: 'nobody' } })).toBe('not_authenticated');
  expect(await connect({})).toBe('not_authenticated');
  expect(await connect({ extraHeaders: { cookie, origin } })).toBe('connected');
  expect(await connect({ extraHeaders: { cookie } })).toBe('not_authenticated');
  expect(await connect({ extraHeaders: { cookie, origin: 'https://pages.example' } })).toBe('not_authenticated');
  const polled = await raw('/socket.io/?EIO=4&transport=polling', { headers: { origin: 'https://evil.example' } });
  expect(polled.status).toBe(403);
});
