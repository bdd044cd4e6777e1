// The OpenAPI document says what the server does: the same routes, schemas that hold together, and refusals of what it does not take.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docsPage } from '../../src/api/docs-page.ts';
import { openApiDocument } from '../../src/api/openapi.ts';
import { routes } from '../../src/api/routes/index.ts';
import { faultCodes } from '../../src/model/fault.ts';
import { contractRefusalSchema } from '../../src/model/sync-contract.ts';
import { problemSchema } from '../../src/model/views.ts';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: Schema;
}
type Schema = { readonly [key: string]: unknown };
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

const document = openApiDocument('1.2.3') as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

test('lists exactly the routes', async () => {
  const served = (await (await rig.ask('/openapi.json')).json()) as Document;
  expect(Object.keys(served.paths)).toEqual(Object.keys(document.paths));
  const listed = operations.map(({ method, path, operation }) => `${method} ${path} ${operation.operationId}`);
  expect(listed.sort()).toEqual(routes.map(({ method, path, name }) => `${method} ${path} ${name}`).sort());
  expect(document.openapi).toBe('3.1.0');
});

test('every path parameter is declared, every reference leads somewhere, and no schema stands twice', () => {
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'path')
      .map(({ name }) => name);
    expect(declared).toEqual(inPath);
    expect(operation.responses.default).toBeDefined();
  }
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) {
    expect(reference).toMatch(/^#\/components\/schemas\//);
    expect(Object.keys(document.components.schemas)).toContain(reference.split('/').at(-1));
  }
  expect(text).not.toContain('$defs');
});

test('the page to read names every route and every error, and needs nothing from elsewhere', () => {
  const { html } = docsPage('1.2.3');
  for (const { path } of operations) expect(html).toContain(path);
  for (const code of faultCodes) expect(html).toContain(`id="${code}"`);
  expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)[a-z]/);
});

/** Values that a schema does not take, and some that it might. */
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer().map(String),
  fc.constantFrom(
    '',
    '-1',
    'NaN',
    '1e999',
    'null',
    '[]',
    '{}',
    '../..',
    '/etc/passwd',
    '\u0000',
    '%',
    'a,b',
    '__proto__',
    'true',
  ),
);

test('whatever comes as parameters, the answer is an answer or a problem, never a failure of ours', async () => {
  const gets = operations.filter(({ method }) => method === 'GET');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...gets),
      fc.array(anything, { minLength: 8, maxLength: 8 }),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      fc.dictionary(fc.constantFrom('extra', 'limit', 'state', '__proto__', 'constructor'), anything, { maxKeys: 2 }),
      async ({ path, operation }, values, chosen, extra) => {
        let next = 0;
        const value = () => values[next++ % values.length] ?? '';
        const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(value().toWellFormed()) || 'x');
        const query = new URLSearchParams(extra);
        (operation.parameters ?? []).forEach(({ name, in: place }, index) => {
          if (place === 'query' && chosen[index]) query.append(name, value());
        });
        await expectNoFailure(await rig.ask(`${filled}?${query}`));
      },
    ),
    { numRuns: 250 },
  );
});

test('whatever comes as a body, the answer is an answer or a problem, never a failure of ours', async () => {
  const posts = operations.filter(
    ({ method, operation }) => method !== 'GET' && operation.operationId !== 'closeSession',
  );
  const names = fc.constantFrom(
    'kind',
    'sources',
    'destination',
    'ids',
    'action',
    'name',
    'data',
    'limit',
    'scopes',
    'secret',
    'expiresInDays',
    '__proto__',
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('copy', 'watch', '/etc', ['/etc'], 'pause', ['read'], 'command.transfer.pause'),
  );
  const body = fc.oneof(
    { weight: 6, arbitrary: fc.dictionary(names, value, { maxKeys: 6 }).map((object) => JSON.stringify(object)) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  );
  const type = fc.constantFrom(
    'application/json',
    'application/json',
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'nonsense',
    'application/json; charset=utf-7',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...posts),
      anything,
      body,
      type,
      async ({ path, method }, id, text, contentType) => {
        const filled = path.replace(/\{\w+\}/g, encodeURIComponent(id.toWellFormed()) || 'x');
        await expectNoFailure(await rig.ask(filled, { method, body: text, headers: { 'content-type': contentType } }));
      },
    ),
    { numRuns: 400 },
  );
});

test('too much is refused before it is read', async () => {
  const body = JSON.stringify({ kind: 'copy', sources: ['/'.repeat(2_000_000)], destination: '/x' });
  const response = await rig.ask('/api/v1/jobs', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(413);
  problemSchema.parse(await response.json());
});

/** Refuses as older clients of syncs know it. */
function speaksContract({ operation }: { readonly operation: Operation }): boolean {
  return JSON.stringify(operation.responses.default).includes('ContractRefusal');
}

async function expectNoFailure(response: Response): Promise<void> {
  const text = await response.text();
  const internal = JSON.stringify(rig.errors);
  expect([response.status, response.url, text.slice(0, 300), internal].join('\n')).toMatch(/^[234]/);
  if (response.status < 400) return;
  const { pathname } = new URL(response.url);
  if (
    operations.some(
      (one) => speaksContract(one) && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]*')}$`).test(pathname),
    )
  ) {
    contractRefusalSchema.parse(JSON.parse(text));
    return;
  }
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  const problem = problemSchema.parse(JSON.parse(text));
  expect(problem.status).toBe(response.status);
  expect(text).not.toMatch(/node_modules|\.ts:\d+|\bat \w+ \(/);
}
