// What the API says to requests that it does not take, and what holds while others write: problems, pages, and keys.

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routes } from '../../src/api/routes/index.ts';
import { problemSchema } from '../../src/model/views.ts';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

const json = { 'content-type': 'application/json' };

test.each([
  ['an address that is none', 404, '/api/v1/nothing', {}],
  ['an id that nobody has', 404, '/api/v1/jobs/nobody', {}],
  ['an id that is too long', 400, `/api/v1/jobs/${'x'.repeat(2000)}`, {}],
  ['an address that cannot be read', 400, '/api/v1/jobs/%zz', {}],
  ['a method that the address does not take', 405, '/api/v1/jobs', { method: 'DELETE' }],
  [
    'a body that is too large',
    413,
    '/api/v1/jobs',
    { method: 'POST', headers: json, body: `"${'x'.repeat(2_000_000)}"` },
  ],
  [
    'a body that is no JSON by its type',
    415,
    '/api/v1/jobs',
    { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' },
  ],
  ['half a JSON', 400, '/api/v1/jobs', { method: 'POST', headers: json, body: '{"kind": "copy", ' }],
  [
    'a key that would change every object',
    400,
    '/api/v1/jobs',
    { method: 'POST', headers: json, body: '{"__proto__": {"kind": "copy"}}' },
  ],
  [
    'a number where a list belongs',
    400,
    '/api/v1/jobs',
    { method: 'POST', headers: json, body: '{"kind": "copy", "sources": 7, "destination": "/x"}' },
  ],
  ['a body where none belongs', 400, '/api/v1/storage/check', { method: 'POST', headers: json, body: '{"a": 1}' }],
  ['a parameter that is not known', 400, '/api/v1/jobs?colour=red', {}],
  ['a cursor that was never given out', 400, '/api/v1/jobs?cursor=bm9uc2Vuc2U', {}],
])('%s is answered by a problem', async (_, status, path, init) => {
  const answer = await rig.ask(path, init);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const problem = problemSchema.strict().parse(await answer.json());
  expect([answer.status, problem.status]).toEqual([status, status]);
  expect(problem.title.length * problem.detail.length * problem.remedy.length).toBeGreaterThan(0);
  expect(rig.errors).toEqual([]);
});

test('who asks by the wrong method hears which ones an address takes', async () => {
  for (const path of new Set(routes.map((route) => route.path))) {
    const address = path.replace(/\{\w+\}/, 'x');
    const fits = (other: string) => new RegExp(`^${other.replace(/\{\w+\}/g, '[^/]+')}$`).test(address);
    const taken = routes.filter((route) => fits(route.path)).map(({ method }) => method);
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] as const) {
      if (taken.some((one) => one === method)) continue;
      const answer = await rig.ask(address, { method });
      expect([address, method, answer.status]).toEqual([address, method, 405]);
      expect((answer.headers.get('allow') ?? '').split(', ').sort()).toEqual([...new Set(taken)].sort());
    }
  }
});

async function submitOne(): Promise<string> {
  return (await rig.engine.submit(rig.newCopy())).id;
}

test.each(['jobs', 'transfers'])(
  'pages of %s stay what they are while rows are added: none missed, none twice',
  async (list) => {
    const jobs: string[] = [];
    for (let at = 0; at < 7; at++) jobs.push(await submitOne());
    await Promise.all(jobs.map((id) => rig.engine.settled(id)));
    const first = (await (await rig.ask(`/api/v1/${list}?limit=1000`)).json()) as { rows: { id: string }[] };
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = (await (await rig.ask(`/api/v1/${list}?limit=2${cursor}`)).json()) as {
        rows: { id: string }[];
        nextCursor: string | null;
      };
      seen.push(...page.rows.map(({ id }) => id));
      await rig.engine.settled(await submitOne());
      cursor = page.nextCursor === null ? '' : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor !== '');
    expect(seen).toEqual(first.rows.map(({ id }) => id));
    // The control: pages by number move under the reader.
    const byNumber: string[] = [];
    for (let offset = 0; offset < first.rows.length; offset += 2) {
      const page = (await (await rig.ask(`/api/v1/transfers?limit=2&offset=${offset}`)).json()) as {
        rows: { id: string }[];
      };
      byNumber.push(...page.rows.map(({ id }) => id));
      await rig.engine.settled(await submitOne());
    }
    expect(new Set(byNumber).size).toBeLessThan(byNumber.length);
  },
);

test('a key of one caller says nothing to another: each gets a job of their own', async () => {
  const token = async (name: string) => {
    const body = JSON.stringify({ name, scopes: ['write'] });
    const made = await rig.ask('/api/v1/tokens', { method: 'POST', headers: json, body });
    return ((await made.json()) as { token: string }).token;
  };
  const [anna, ben] = [await token('Anna'), await token('Ben')];
  const ask = async (who: string, body: object) => {
    const headers = { ...json, authorization: `Bearer ${who}`, 'idempotency-key': 'the-same' };
    const answer = await rig.ask('/api/v1/jobs', { method: 'POST', headers, body: JSON.stringify(body) });
    return {
      replayed: answer.headers.get('idempotency-replayed'),
      ...((await answer.json()) as { id: string; owner: string }),
    };
  };
  const wish = rig.newCopy();
  const first = await ask(anna, wish);
  await rig.engine.settled(first.id);
  expect(await ask(anna, wish)).toMatchObject({ id: first.id, owner: 'Anna', replayed: 'true' });
  const other = await ask(ben, wish);
  expect(other).toMatchObject({ owner: 'Ben', replayed: null });
  expect(other.id).not.toBe(first.id);
});

/** What comes back for these bytes, until the other side closes. */
function said(bytes: string): Promise<string> {
  const { hostname, port } = new URL(rig.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes, 'latin1'));
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', (error: Error & { code?: string }) =>
      error.code === 'ECONNRESET' ? resolve(text) : reject(error),
    );
  });
}

const start = 'POST /api/v1/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';

test.each([
  ['bytes that are no HTTP', 400, '\u0016\u0003\u0001 hello\r\n\r\n'],
  [
    'two lengths, by which one request could hide behind another',
    400,
    `${start}content-length: 2\r\ncontent-length: 5\r\n\r\n{}`,
  ],
  ['a length beside chunks', 400, `${start}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a length that is no number', 400, `${start}content-length: -1\r\n\r\n`],
  ['a line break inside a header', 400, `${start}x: a\rb\r\n\r\n`],
  ['headers without an end', 431, `${start}x: ${'y'.repeat(40_000)}`],
])('%s: a problem, and the connection ends', async (_, status, bytes) => {
  const [head = '', body = ''] = (await said(bytes)).split('\r\n\r\n', 2);
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain('application/problem+json');
  expect(problemSchema.strict().parse(JSON.parse(body)).status).toBe(status);
});
