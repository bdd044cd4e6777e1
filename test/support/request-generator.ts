// Requests drawn from the OpenAPI document: most nearly right, some right, some nonsense, with ids and paths that really are there.

import type { KnownRooms } from './furnished-rooms.ts';
import type { DocumentedOperation, OpenApiDocument, Schema } from './openapi-check.ts';

/** What is worth naming in a request; grows by what answers hold. */
export interface Known {
  readonly paths: readonly string[];
  /** By the part of the address where they were seen: `jobs`, `transfers`. */
  readonly ids: Map<string, string[]>;
  readonly cursors: string[];
  /** Messages, each after its webhook. */
  readonly deliveries: (readonly [webhook: string, delivery: string])[];
  /** Addresses, without query, that answers have named or that are there. */
  readonly addresses: string[];
  /** Names of events that are taken. */
  readonly commands: readonly string[];
  readonly rooms: KnownRooms;
  /** One-time secrets of the console. */
  readonly links: string[];
}

export interface DrawnRequest {
  /** Undefined where the address or the method is none of the document's. */
  readonly asked: DocumentedOperation | undefined;
  readonly method: string;
  /** Path and query, encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The body as JSON, where it is sent as such. */
  readonly json: unknown;
}

const hostileTexts = [
  '',
  ' ',
  '.',
  '..',
  '../../..',
  '/proc/version',
  '\u0000',
  'a\u0000b',
  '\u001b[31mred',
  '\u202egpj.exe',
  '\ud800',
  '__proto__',
  'constructor',
  '%2e%2e%2f',
  '%',
  "' OR 1=1 --",
  'NaN',
  '1e999',
  '-1',
  '18446744073709551616',
  'true',
  'null',
  '[]',
  '(a+)+$',
  '{name}/{nothing}',
  'file:///proc/version',
  'ssh://nobody@127.0.0.1:1/x',
  '\\\\server\\share',
  'C:\\x',
  'x'.repeat(5000),
  'ä'.repeat(200),
];
const hostileValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [[]],
  [null],
  { length: 3 },
  { toString: 1 },
  ...hostileTexts,
];
const contentTypes = ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', 'multipart/form-data; boundary=x'];
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND'];

export function requestGenerator(
  document: OpenApiDocument,
  operations: readonly DocumentedOperation[],
  known: Known,
  random: () => number,
): () => DrawnRequest {
  const chance = (part: number) => random() < part;
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));

  let part = '';
  let operationId = '';
  const oneOf = (values: readonly string[] = []): string => (values.length > 0 ? pick(values) : 'nobody');

  const text = (name: string): string => {
    if (chance(0.08)) return pick(hostileTexts);
    if (name === 'joinHash') return known.rooms.joinHash;
    if (name === 'joinKey') return known.rooms.joinKey;
    if (operationId === 'createRoom' && name === 'id') return `room-${whole(1, 1e6)}`;
    const rooms = /^(close|leave)Room$|^removeRoomMember$/.test(operationId) ? known.rooms.passing : known.rooms;
    if (name === 'room_id' || (part === 'rooms' && name === 'id')) return oneOf(rooms.ids);
    if (/^(memberId|receiver_id)$/.test(name)) return oneOf(rooms.members);
    if (name === 'transfer_id') return oneOf(known.rooms.transfers.map(([, transfer]) => transfer));
    if (name === 'mime_type') return pick(['video/mp4', 'image/png']);
    if (name === 'job') return oneOf(known.ids.get('jobs'));
    if (name === 'device') return oneOf(known.ids.get('devices'));
    if (name === 'transfer') return oneOf(known.ids.get('transfers'));
    if (/^(ids?|delivery)$/.test(name)) return oneOf(known.ids.get(chance(0.95) ? part : 'jobs'));
    if (name === 'name' && part === 'events') return oneOf(known.commands);
    if (name === 'events') return pick(['observation.transfer.*', 'observation.job.created', 'observation.storage.*']);
    if (name === 'secret') return known.links.pop() ?? 'none';
    if (/^(cursor|since|before|last-event-id)$/i.test(name)) return known.cursors.length > 0 ? pick(known.cursors) : '';
    if (name === 'associateWith') return `flight ${whole(1, 3)}`;
    if (name === 'pipeline') return pick(['none', 'films']);
    if (/path|source|destination|endpoint|moveTo|Dir$/i.test(name)) return pick(known.paths);
    if (/^names?$/.test(name)) return `name ${whole(1, 20)}.mov`;
    if (name === 'to') return pick(['{name}', 'day/{name}', '{mtime:yyyy}/{name}']);
    if (/limit|bandwidth/.test(name)) return pick(['900M', 'off', '08:00,900M 19:00,off']);
    if (/url/i.test(name)) return 'http://127.0.0.1:9/hook';
    return `text ${whole(1, 1000)}`;
  };

  const number = ({ minimum, maximum, type }: Schema): number => {
    const least = typeof minimum === 'number' ? Math.max(minimum, -1000) : 0;
    const most = typeof maximum === 'number' ? Math.min(maximum, least + 5000) : least + 100;
    const value = chance(0.2) ? pick([least, most]) : least + random() * (most - least);
    return type === 'integer' ? Math.floor(value) : value;
  };

  const object = (schema: Schema, name: string, depth: number): Record<string, unknown> => {
    if (name === 'data') return { id: oneOf(known.ids.get('transfers')) };
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    const required = (schema.required ?? []) as readonly string[];
    const pairs = Object.entries(properties)
      .filter(([name]) => required.includes(name) || chance(0.25))
      .map(([name, property]) => [name, draw(property, name, depth + 1)] as const);
    return Object.fromEntries(pairs);
  };

  const draw = (schema: Schema, name: string, depth = 0): unknown => {
    if (typeof schema.$ref === 'string') {
      return draw(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, name, depth);
    }
    if ('const' in schema) return schema.const;
    if (Array.isArray(schema.enum)) return pick(schema.enum as unknown[]);
    const choices = (schema.oneOf ?? schema.anyOf) as readonly Schema[] | undefined;
    if (choices !== undefined) return draw(pick(choices), name, depth);
    const type = Array.isArray(schema.type) ? pick(schema.type as string[]) : schema.type;
    if (type === 'object') return object(schema, name, depth);
    if (type === 'array') {
      const least = typeof schema.minItems === 'number' ? schema.minItems : 0;
      const count = depth > 6 ? least : whole(least, least + 2);
      return Array.from({ length: count }, () => draw((schema.items ?? {}) as Schema, name, depth + 1));
    }
    if (type === 'integer' || type === 'number') return number({ ...schema, type });
    if (type === 'boolean') return chance(0.5);
    if (type === 'null') return null;
    return text(name);
  };

  /** The value with one thing in it changed: replaced, taken away, or put in beside the rest. */
  const spoilt = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || chance(0.15)) return pick(hostileValues);
    if (Array.isArray(value)) return value.map((item, at) => (at === 0 ? spoilt(item) : item));
    const pairs = Object.entries(value);
    const wish = random();
    if (wish < 0.25 || pairs.length === 0)
      return { ...value, [pick(['extra', 'kind', 'owner', 'id'])]: pick(hostileValues) };
    const at = whole(0, pairs.length - 1);
    if (wish < 0.45) return Object.fromEntries(pairs.filter((_, index) => index !== at));
    return Object.fromEntries(pairs.map(([key, inner], index) => [key, index === at ? spoilt(inner) : inner]));
  };

  const encoded = (value: unknown): string =>
    encodeURIComponent((Array.isArray(value) ? value.join(',') : String(value)).toWellFormed());

  const templates = new Map(
    operations.map(({ path }) => [path, new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)] as const),
  );
  const addressFor = (path: string): string | undefined => {
    const fitting = known.addresses.filter((address) => templates.get(path)?.test(address));
    return fitting.length === 0 ? undefined : pick(fitting);
  };

  const stray = (): DrawnRequest => {
    const { path } = pick(operations);
    const unknownPath = chance(0.5);
    const target = unknownPath
      ? `/api/v1/${pick(['nothing', '%', '..%2f..%2fetc', 'jobs/x/y/z', '//', 'jobs;a=b', '%00'])}`
      : path.replace(/\{\w+\}/g, () => encoded(text('id')) || 'x');
    const taken = operations.filter((one) => one.path === path).map(({ method }) => method);
    const method = unknownPath ? 'GET' : pick(methods.filter((one) => !taken.includes(one)));
    return { asked: undefined, method, target, headers: {}, body: undefined, json: undefined };
  };

  return () => {
    if (chance(0.03)) return stray();
    const asked = pick(operations);
    const { path, method, operation } = asked;
    part = path.split('/')[3] ?? '';
    operationId = operation.operationId;
    const query: string[] = [];
    const headers: Record<string, string> = {};
    let target = path;
    const pair = path.includes('{delivery}') && chance(0.7) ? known.deliveries.at(whole(-5, -1)) : undefined;
    const real = /content|\{folder\}/.test(path) && chance(0.7) ? addressFor(path) : undefined;
    const shared = path.includes('{transfer_id}') && chance(0.8) ? known.rooms.transfers.at(whole(-20, -1)) : undefined;
    if (real !== undefined) target = real;
    if (shared !== undefined) target = target.replace('{room_id}', shared[0]).replace('{transfer_id}', shared[1]);
    if (pair !== undefined) target = target.replace('{id}', pair[0]).replace('{delivery}', pair[1]);
    for (const parameter of operation.parameters ?? []) {
      const { name } = parameter;
      const value = chance(0.9) ? draw(parameter.schema, name) : pick(hostileTexts);
      if (parameter.in === 'path') target = target.replace(`{${name}}`, () => encoded(value) || 'x');
      else if (parameter.in === 'query' && (parameter.required || chance(0.3))) query.push(`${name}=${encoded(value)}`);
      else if (parameter.in === 'header' && chance(0.25)) {
        headers[name.toLowerCase()] = /key/i.test(name)
          ? `key-${whole(1, 40)}`
          : `${value}`.replace(/[^\x20-\x7e]/g, '?');
      }
    }
    if (chance(0.05))
      query.push(`${pick(['extra', 'limit', 'state', '__proto__', 'cursor'])}=${encoded(pick(hostileTexts))}`);
    if (query.length > 0) target += `?${query.join('&')}`;
    if (path === '/api/v1/events' && method === 'GET' && chance(0.1)) headers.accept = 'text/event-stream';

    const schema = operation.requestBody?.content['application/json'].schema;
    if (schema === undefined && !chance(0.03))
      return { asked, method, target, headers, body: undefined, json: undefined };
    if (method === 'GET') return { asked, method, target, headers, body: undefined, json: undefined };
    const right = schema === undefined ? {} : draw(schema, operation.operationId);
    const json = chance(0.5) ? right : spoilt(right);
    const whole_ = JSON.stringify(json) ?? '';
    const body = chance(0.04) ? whole_.slice(0, whole(0, whole_.length)) : whole_;
    const isJson = !chance(0.03);
    headers['content-type'] = isJson ? 'application/json' : pick(contentTypes);
    return { asked, method, target, headers, body, json: isJson && body === whole_ ? json : undefined };
  };
}
