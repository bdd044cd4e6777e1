// The OpenAPI 3.1 document, made from the route table: the same schemas that check requests.

import { z } from 'zod';
import { type FaultCode, faultTable } from '../model/fault.ts';
import { jobSpecSchema } from '../model/specs.ts';
import { contractRefusalSchema } from '../model/sync-contract.ts';
import * as views from '../model/views.ts';
import { problemMediaType } from './problem.ts';
import { type RouteName, routePaths } from './route-paths.ts';
import { type AnswerForm, type RouteShape, routeTable } from './route-table.ts';

type Json = Record<string, unknown>;

/** Schemas that stand by name among the components. */
const named: Readonly<Record<string, z.ZodType>> = {
  Transfer: views.transferViewSchema,
  TransferProgress: views.transferProgressViewSchema,
  Job: views.jobViewSchema,
  JobProgress: views.jobProgressViewSchema,
  Event: views.eventViewSchema,
  Progress: views.progressViewSchema,
  Receipt: views.receiptViewSchema,
  Overview: views.overviewViewSchema,
  Attention: views.attentionViewSchema,
  PlannedItem: views.plannedItemViewSchema,
  Browse: views.browseViewSchema,
  Explanation: views.explanationViewSchema,
  Token: views.tokenViewSchema,
  CreatedToken: views.createdTokenSchema,
  Session: views.sessionViewSchema,
  Bandwidth: views.bandwidthViewSchema,
  Place: views.placeViewSchema,
  Fault: views.faultViewSchema,
  Eta: views.etaSchema,
  Problem: views.problemSchema,
  ContractRefusal: contractRefusalSchema,
};

const mediaTypes: Readonly<Record<Exclude<AnswerForm, 'none'>, string>> = {
  json: 'application/json',
  lines: 'application/x-ndjson',
  text: 'text/plain',
  html: 'text/html',
  // Whatever the file is.
  bytes: '*/*',
};

let made: { readonly version: string; readonly document: Json } | undefined;

export function openApiDocument(version: string): Json {
  if (made?.version !== version) made = { version, document: build(version) };
  return made.document;
}

function build(version: string): Json {
  const components = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) components.add(schema, { id });
  const answers = new Map<RouteName, string>();
  for (const [name, shape] of shapes()) {
    if (shape.form === 'none') continue;
    const known = Object.entries(named).find(([, schema]) => schema === shape.output);
    const id = known?.[0] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}Answer`;
    if (known === undefined) components.add(shape.output, { id });
    answers.set(name, id);
  }
  const reference = (id: string) => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(components, { uri: reference, io: 'output' });
  const paths: Record<string, Json> = {};
  for (const [name, shape] of shapes()) {
    const [method, path] = routePaths[name];
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(name, shape, method, answers.get(name)) };
  }
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'Wherry',
      version,
      description: 'Moves files and proves that they arrived. Errors are problem documents (RFC 9457) with a `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { console: [] }],
    paths,
    components: {
      schemas: {
        ...Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema as Json)])),
        JobRequest: bare(z.toJSONSchema(jobSpecSchema, { io: 'input' }) as Json),
      },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token (`wherry token create`) or WHERRY_TOKEN' },
        member: { type: 'http', scheme: 'bearer', description: 'The token of a member of a room (`wrm_…`)' },
        console: { type: 'apiKey', in: 'cookie', name: 'wherry_<port>', description: 'The console’s session' },
      },
    },
  };
}

function shapes(): [RouteName, RouteShape][] {
  return Object.entries(routeTable) as [RouteName, RouteShape][];
}

function operation(name: RouteName, shape: RouteShape, method: string, answer: string | undefined): Json {
  const parameters = [
    ...parametersOf(shape.params, 'path'),
    ...parametersOf(shape.query, 'query'),
    ...(method === 'POST' ? [idempotencyKey] : []),
    ...(name === 'listEvents' ? [lastEventId] : []),
  ];
  const content: Json = {};
  if (answer !== undefined)
    content[mediaTypes[shape.form === 'none' ? 'json' : (shape.form ?? 'json')]] = {
      schema: { $ref: `#/components/schemas/${answer}` },
    };
  if (name === 'listEvents') {
    content['text/event-stream'] = { schema: { type: 'string', description: 'Events with ids, progress without' } };
  }
  const refused = shape.refusals === 'contract' ? contractRefusal : problem;
  return {
    operationId: name,
    summary: shape.summary,
    tags: [tagOf(routePaths[name][1])],
    ...(shape.scope === 'open' ? { security: [] } : { 'x-scope': shape.scope }),
    ...(shape.members === true ? { security: [{ member: [] }, { bearer: [] }, { console: [] }] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(shape.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema:
                  shape.body === jobSpecSchema
                    ? { $ref: '#/components/schemas/JobRequest' }
                    : bare(z.toJSONSchema(shape.body, { io: 'input' }) as Json),
              },
            },
          },
        }),
    responses: {
      [String(shape.status ?? 200)]: {
        description: shape.summary,
        ...(Object.keys(content).length === 0 ? {} : { content }),
      },
      ...(shape.form === 'bytes' ? partly : {}),
      ...Object.fromEntries(refusals(shape, method).map((status) => [String(status), refused(statusWords(status))])),
      default: refused('Trouble of this machine or of a place that the request names (5xx)'),
    },
  };
}

const partly: Json = {
  206: { description: 'The range that was asked for' },
  304: { description: 'It is still what `If-None-Match` names' },
  416: { description: 'The range holds no byte of it' },
};

/** Statuses below 500 with which a route may refuse. */
function refusals(shape: RouteShape, method: string): number[] {
  const statuses = new Set(codesOf(shape, method).map((code) => faultTable[code].httpStatus));
  if (shape.params !== undefined) statuses.add(414);
  if (method !== 'GET') for (const status of [413, 415]) statuses.add(status);
  return [...statuses].filter((status) => status < 500).sort((a, b) => a - b);
}

/** By its scope: who asks. By what it takes: whether it makes sense, and whether it is there. By what it does: whether that goes now. */
function codesOf({ scope, params, query, problems = [] }: RouteShape, method: string): FaultCode[] {
  const codes: FaultCode[] = ['not_authorised', ...problems];
  if (scope !== 'open') codes.push('not_authenticated', 'rate_limited');
  if (method !== 'GET' || query !== undefined || params !== undefined) codes.push('invalid');
  if (params !== undefined) codes.push('not_found');
  if (method === 'POST') codes.push('state_conflict');
  return codes;
}

function statusWords(status: number): string {
  if (status === 414) return 'The address is too long';
  if (status === 413) return 'The body is larger than 1 MiB';
  if (status === 415) return 'The body is not application/json';
  const codes = Object.entries(faultTable).filter(([, { httpStatus }]) => httpStatus === status);
  return codes.map(([code, { sentence }]) => `${code}: ${sentence}`).join(' ');
}

function problem(description: string): Json {
  const mediaType = problemMediaType.split(';')[0] ?? problemMediaType;
  return { description, content: { [mediaType]: { schema: { $ref: '#/components/schemas/Problem' } } } };
}

function contractRefusal(description: string): Json {
  return { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/ContractRefusal' } } } };
}

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same request with the same key is carried out once (24 hours)',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
};

const lastEventId: Json = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'For the stream: the id of the last event seen',
  schema: { type: 'string' },
};

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    ...(property.type === 'array' ? { style: 'form', explode: false } : {}),
    schema: property,
  }));
}

function tagOf(path: string): string {
  if (path.startsWith('/api/v2/sync/') || path.startsWith('/sync/')) return 'sync contract';
  if (path.startsWith('/rooms/') || path === '/file-transfers') return 'rooms';
  return path.startsWith('/api/v1/') ? (path.split('/')[3] ?? 'service') : 'service';
}

/** Without the keys that only stand at the top of a document of its own. */
function bare({ $schema: _schema, $id: _id, ...rest }: Json): Json {
  return rest;
}
