// T34: requests drawn from the OpenAPI document, most of them wrong. None may fail inside, hang, be let in, or show what is not the asker's.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { commands } from '../../../src/api/commands.ts';
import { openApiDocument } from '../../../src/api/openapi.ts';
import type { Scope } from '../../../src/model/views.ts';
import { type Daemon, daemonToken } from '../../support/daemon.ts';
import { exchange } from '../../support/exchange.ts';
import { furnishForeignRoom, furnishRooms, noRooms } from '../../support/furnished-rooms.ts';
import { answerCheck, type OpenApiDocument, operationsOf } from '../../support/openapi-check.ts';
import { type DrawnRequest, type Known, requestGenerator } from '../../support/request-generator.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const requests = 100_000;
const atOnce = 16;
/** After so many each operation must have been carried out at least once. */
const enoughForAll = 20_000;
const hangMs = 15_000;
const mostKnown = 300;
/** To who may not; an address that is too long is not even looked at. */
const refusals = [401, 403, 414, 429];

/** How somebody comes: what is sent, and which scopes that may use. */
interface Comer {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly scopes: readonly Scope[];
}

/** Whom the requests are sent to, and what must not be seen there. */
interface Target {
  readonly url: string;
  readonly comers: readonly Comer[];
  readonly known: Known;
  /** Texts that no answer may hold. */
  readonly secrets: Set<string>;
  /** Ids that requests must leave alone. */
  readonly spared: ReadonlySet<string>;
}

const document = openApiDocument('0') as unknown as OpenApiDocument;
const operations = operationsOf(document);
const check = answerCheck(document);

/** Gives the names of the operations that did what was asked. */
async function besiege(
  target: Target,
  count: number,
  { seed, tally, say }: { readonly seed: number; readonly tally: Tally; readonly say: (line: string) => void },
): Promise<ReadonlySet<string>> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const statuses = new Map<number, number>();
  const reached = new Set<string>();
  let left = count;
  const besieger = async (at: number): Promise<void> => {
    const random = randomFrom(seed * 1000 + at);
    const draw = requestGenerator(document, operations, target.known, random);
    while (left > 0) {
      left -= 1;
      const wish = draw();
      const comer = comerFor(target, wish, random);
      const headers = { ...wish.headers, ...comer.headers };
      const words = `${comer.name}: ${wish.method} ${wish.target} ${wish.body ?? ''}`.slice(0, 400);
      try {
        const answer = await exchange(target.url, wish.target, {
          method: wish.method,
          headers,
          body: wish.body,
          agent,
          timeoutMs: hangMs,
        });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        for (const why of judge(target, wish, comer, answer)) tally.fault(`${why} (${words})`);
        if (answer.status < 300 && wish.asked !== undefined) reached.add(wish.asked.operation.operationId);
        if (random() < 0.3 || answer.status === 201) learn(target, wish, answer.body);
      } catch (error) {
        tally.fault(`${error instanceof Error ? error.message : String(error)} (${words})`);
      }
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: atOnce }, (_, at) => besieger(at)));
  agent.destroy();
  const seconds = (performance.now() - begun) / 1000;
  const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status} × ${times}`);
  say(`${count} requests in ${seconds.toFixed(1)} s: ${counts.join(', ')}`);
  return reached;
}

/** More often than not somebody who may. */
function comerFor({ comers }: Target, { asked }: DrawnRequest, random: () => number): Comer {
  const scope = asked?.operation['x-scope'] as Scope | undefined;
  const able = scope === undefined || random() < 0.45 ? comers : comers.filter((comer) => may(comer, scope));
  return able[Math.floor(random() * able.length)] ?? (comers[0] as Comer);
}

function* judge(
  { secrets }: Target,
  { asked, json }: DrawnRequest,
  comer: Comer,
  { status, headers, body }: Awaited<ReturnType<typeof exchange>>,
): Iterable<string> {
  const mediaType = String(headers['content-type'] ?? '').split(';')[0] ?? '';
  if (status >= 500) yield `${status}: ${body.slice(0, 300)}`;
  for (const secret of secrets) if (body.includes(secret)) yield `what is not the asker's is shown: ${secret}`;
  if (/node_modules|\.ts:\d+|\bat \w+ \(/.test(body) && mediaType !== 'text/html') yield 'an answer shows our inside';
  if (asked === undefined) {
    if (status < 300 && status !== 204) yield `${status} for an address that is none`;
    if (status >= 400 && mediaType !== 'application/problem+json' && body !== '') yield `${status} without a problem`;
    return;
  }
  const { operation } = asked;
  const wrong = check(operation, { status, mediaType, body });
  if (wrong !== undefined) yield wrong;
  const scope = operation['x-scope'];
  if (scope !== undefined && !may(comer, scope as Scope) && !refusals.includes(status)) {
    yield `${operation.operationId}: ${status} for ${comer.name}, who has not the scope ${scope}`;
  }
  if (json !== undefined && status < 300 && operation.requestBody !== undefined && !acceptable(asked.operation, json)) {
    yield `${operation.operationId}: took a body that its schema does not`;
  }
  if (status === 201 && /^create(Job|Watch)$/.test(operation.operationId)) {
    const { owner } = JSON.parse(body) as { owner: string | null };
    if (owner !== comer.name) yield `${operation.operationId}: shown to ${comer.name}, belongs to ${owner}`;
  }
  const newSecret = secretIn[operation.operationId];
  if (newSecret !== undefined && status < 300) {
    secrets.add((JSON.parse(body) as Record<string, string>)[newSecret] ?? '');
    if (secrets.size > 60) secrets.delete([...secrets][20] ?? '');
  }
}

/** What an answer shows this once. */
const secretIn: Readonly<Record<string, string>> = {
  createToken: 'token',
  createRoom: 'memberToken',
  joinRoom: 'memberToken',
};

/** As docs/api.md says: admin may everything, write and management hold read. */
function may({ scopes }: Pick<Comer, 'scopes'>, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin') || (scope === 'read' && scopes.length > 0);
}

const bodies = new Map<string, (json: unknown) => boolean>();

function acceptable(operation: (typeof operations)[number]['operation'], json: unknown): boolean {
  let accepts = bodies.get(operation.operationId);
  if (accepts === undefined) {
    const schema = operation.requestBody?.content['application/json'].schema ?? {};
    const asAnswer = { operationId: 'body', responses: { 200: { content: { 'application/json': { schema } } } } };
    accepts = (value) =>
      check(asAnswer, { status: 200, mediaType: 'application/json', body: JSON.stringify(value) }) === undefined;
    bodies.set(operation.operationId, accepts);
  }
  return accepts(json);
}

/** Takes ids and cursors out of an answer, for later requests to name. */
function learn({ known, spared }: Target, { asked, target }: DrawnRequest, body: string): void {
  const part = asked?.path.split('/')[3];
  if (part === undefined || asked === undefined) return;
  const take = (list: string[], pattern: RegExp) => {
    for (const [, value = ''] of [...body.slice(0, 20_000).matchAll(pattern)].slice(0, 5)) {
      if (spared.has(value)) continue;
      list.push(value);
      if (list.length > mostKnown) list.shift();
    }
  };
  if (asked.operation.tags?.includes('rooms') === true) {
    for (const [, transfer = '', room = ''] of body.matchAll(/"transfer_id":"([^"]+)","room_id":"([^"]+)"/g)) {
      known.rooms.transfers.push([room, transfer]);
    }
    known.rooms.transfers.splice(0, known.rooms.transfers.length - mostKnown);
    return;
  }
  const ids = known.ids.get(part) ?? [];
  known.ids.set(part, ids);
  take(ids, /"id":"([^"]+)"/g);
  take(known.cursors, /"(?:nextCursor|cursor)":"([^"]+)"/g);
  take(known.links, /#secret=([\w-]+)/g);
  if (asked?.path.startsWith('/api/v1/webhooks/{id}/')) {
    const deliveries: string[] = [];
    take(deliveries, /"id":"(msg_\w+)"/g);
    for (const delivery of deliveries) known.deliveries.push([target.split('/')[4] ?? '', delivery]);
    known.deliveries.splice(0, known.deliveries.length - mostKnown);
  }
}

async function torment({ runs, seed, scale, scratch, say }: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const count = Math.round(runs * scale);
  await onStage(scratch, async (stage) => {
    const root = stage.folder('root');
    const outside = stage.folder('outside');
    const canary = `canary-${randomBytes(8).toString('hex')}`;
    writeFileSync(join(outside, `${canary}.txt`), `${canary} inside\n`);
    symlinkSync(outside, join(root, 'leads out'));
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(join(root, name));
      for (let at = 0; at < 3; at++) writeFileSync(join(root, name, `clip ${at}.mov`), randomBytes(5_000 * at));
    }
    const card = stage.folder('card');
    makeCard(card);
    const daemon = await stage.daemon('daemon', {
      config: `roots: [${root}]\nlogs: {level: warn}\nmediaBase: ${root}/media\nplugins: [${plugin}]\n${manyJoins}${pipelines}`,
      env: { WHERRY_LABELLED_FOLDERS: card },
    });
    const token = async (name: string, scopes: Scope[]) => ({
      ...(await daemon.client.call('createToken', { body: { name, scopes } })),
      comer: name,
    });
    const tokens = await Promise.all([
      token('a reader', ['read']),
      token('a writer', ['write']),
      token('a listener', ['management']),
      token('both', ['write', 'management']),
      token('an admin', ['admin']),
      token('another admin', ['admin']),
    ]);
    const able = tokens.filter(({ scopes }) => may({ scopes }, 'write')).map((one) => one.token);
    const ended = await token('revoked', ['admin']);
    await daemon.client.call('revokeToken', { params: { id: ended.id } });
    const session = await signIn(daemon);
    const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
    const own = JSON.parse(readFileSync(join(scratch, 'daemon/data/daemon.json'), 'utf8')) as { token: string };
    const page = { cookie: session, origin: daemon.url };
    const target: Target = {
      url: daemon.url,
      comers: [
        ...tokens.map(({ name, scopes, token: value }) => ({ name, scopes, headers: bearer(value) })),
        { name: 'the console', scopes: ['admin'], headers: page },
        { name: 'nobody', scopes: [], headers: {} },
        { name: 'a guesser', scopes: [], headers: bearer(`wherry_${randomBytes(32).toString('base64url')}`) },
        { name: 'a revoked token', scopes: [], headers: bearer(ended.token) },
        { name: 'another site with the cookie', scopes: [], headers: { ...page, origin: 'https://evil.example' } },
        { name: 'a form with the cookie', scopes: [], headers: { cookie: session } },
        { name: 'a rebound name', scopes: [], headers: { ...bearer(daemonToken), host: 'evil.example' } },
      ],
      known: {
        paths: [
          root,
          ...['a', 'b', 'c', 'a/clip 1.mov', 'missing', 'leads out', 'a/../..'].map((name) => `${root}/${name}`),
          ...Array.from({ length: 30 }, (_, at) => `${root}/to ${at}`),
          outside,
          '/proc/version',
        ],
        ids: new Map(),
        cursors: [],
        deliveries: [],
        addresses: [],
        commands: Object.keys(commands),
        links: [],
        rooms: noRooms(),
      },
      secrets: new Set([canary, ...tokens.map((one) => one.token), ended.token, daemonToken, own.token, session]),
      spared: new Set(tokens.map(({ id }) => id)),
    };
    await furnish(daemon, root);
    const makeRooms = async () => {
      await furnishRooms(daemon.url, able, target.known.rooms);
      const foreign = await furnishForeignRoom(daemon.url, daemonToken, canary, target.known.rooms);
      for (const one of foreign) target.secrets.add(one);
    };
    await makeRooms();
    target.known.addresses.push(...(await furnishRecording(daemon, root)));
    const before = readdirSync(scratch).sort().join();
    const reached = new Set<string>();
    const slices = Math.max(1, Math.ceil(count / 5_000));
    for (let slice = 0; slice < slices; slice++) {
      const done = await besiege(target, Math.ceil(count / slices), { seed: seed + slice, tally, say });
      for (const name of done) reached.add(name);
      await tidy(daemon);
      await beginSlowCopy(daemon.client, root);
      await makeRooms();
    }
    const missed = operations.map(({ operation }) => operation.operationId).filter((name) => !reached.has(name));
    if (count >= enoughForAll && missed.length > 0) tally.fault(`no request was good enough for ${missed.join(', ')}`);
    if (readdirSync(scratch).sort().join() !== before) tally.fault('something was written outside the root');
    if (readdirSync(outside).join() !== `${canary}.txt`) tally.fault('the folder outside is not as it was');
    const { transfers } = await daemon.client.call('getOverview');
    say(`the ledger holds ${Object.values(transfers).reduce((sum, more) => sum + more, 0)} transfers`);
    if ((await daemon.stop()) !== 0) tally.fault('it does not stop in order');
  });
  return tally.result(count);
}

/** Work in each state, so that requests can name some: done, failed, under way, and a watch. */
async function furnish({ client }: Daemon, root: string): Promise<void> {
  const from = (name: string) => `${root}/${name}`;
  await client.call('createJob', { body: { kind: 'copy', sources: [from('a')], destination: from('to 1') } });
  writeFileSync(from('to 2'), 'a file where a folder would have to be\n');
  await client.call('createJob', { body: { kind: 'copy', sources: [from('b')], destination: `${from('to 3')}/` } });
  mkdirSync(from('large'));
  for (const name of ['one.mov', 'other.mov']) {
    writeFileSync(from(`large/${name}`), '');
    truncateSync(from(`large/${name}`), 400_000_000);
  }
  await beginSlowCopy(client, root);
  await client.call('createWatch', { body: { source: from('c'), destinations: [from('to 5')] } });
  const isMoving = async () => {
    const { transfers } = await client.call('getOverview');
    return (transfers.completed ?? 0) > 0 && (transfers.transferring ?? 0) > 0 ? true : undefined;
  };
  if ((await until(isMoving, 20_000)) === undefined) throw new Error('The daemon has not begun its copies.');
}

const plugin = resolve(import.meta.dirname, '../../../examples/device-plugin');
/** From one address all come, and most of them with wrong keys. */
const manyJoins = 'rooms: {rooms: 100000, rates: {wrongCodesPerMinute: 10000, joinsPerMinute: 100000}}\n';
const pipelines = `pipelines:
  - name: films
    files: ['*.mp4']
    steps: [{ step: thumbnail }, { step: transcode, preset: hls }]
`;

/** A device of two files, one of which is a film. */
function makeCard(card: string): void {
  writeFileSync(join(card, 'label.json'), '{"serial":"card"}');
  mkdirSync(join(card, 'DCIM'));
  writeFileSync(join(card, 'DCIM/sound.wav'), randomBytes(5_000));
  const film = ['-f', 'lavfi', '-i', 'testsrc2=duration=1:size=160x120:rate=10', '-pix_fmt', 'yuv420p'];
  execFileSync('ffmpeg', ['-loglevel', 'error', ...film, join(card, 'DCIM/film.mp4')]);
}

/** Gives the addresses of what a recording holds. */
async function furnishRecording({ url, client }: Daemon, root: string): Promise<string[]> {
  const seen = await until(
    async () => ((await client.call('lookForDevices')).rows.some(({ connected }) => connected) ? true : undefined),
    20_000,
  );
  if (seen === undefined) throw new Error('The daemon has not seen its device.');
  await client.call('queueBatch', { body: { device: 'label-card', downloadDir: `${root}/downloads` } });
  const film = await until(async () => {
    const { rows } = await client.call('listRecordings', { query: { search: 'film' } });
    return rows.find(({ files }) => files.some(({ role }) => role === 'hls'));
  }, 120_000);
  if (film === undefined) throw new Error('The film has become no recording.');
  const addresses = [film.original, ...film.files].flatMap((file) => file.url ?? []);
  const playlist = addresses.find((address) => address.endsWith('.m3u8')) ?? addresses.at(-1) ?? '';
  const asked = await exchange(url, playlist, { headers: { authorization: `Bearer ${daemonToken}` } });
  const variant = asked.body.split('\n').find((line) => line.endsWith('.m3u8')) ?? '';
  return [...addresses, new URL(variant, url + playlist).pathname].map((address) => address.split('?')[0] ?? '');
}

/** Something that can be paused, resumed and cancelled. */
async function beginSlowCopy(client: Daemon['client'], root: string): Promise<void> {
  const slow = { bandwidth: '1M', sources: [`${root}/large`], destination: `${root}/to 4` };
  await client.call('createJob', { body: { kind: 'copy', ...slow } });
}

/** Ends what the requests have begun, so that later ones find a daemon with time for them. */
async function tidy({ client }: Daemon): Promise<void> {
  await client.call('setBandwidth', { body: { limit: null } });
  // What an earlier request asked to end may end by itself meanwhile.
  for (const { id } of (await client.call('listWatches')).rows) {
    await client.call('removeWatch', { params: { id } }).catch(() => undefined);
  }
  for (const { id } of (await client.call('listWebhooks')).rows) await client.call('removeWebhook', { params: { id } });
  const { rows } = await client.call('listJobs', {
    query: { state: ['pending', 'running', 'waiting', 'paused'], limit: 1000 },
  });
  for (const { id } of rows) await client.call('cancelJob', { params: { id } }).catch(() => undefined);
}

/** Gives the cookie. */
async function signIn({ url, client }: Daemon): Promise<string> {
  const link = await client.call('createSessionLink');
  const answer = await exchange(url, '/api/v1/session', {
    method: 'POST',
    headers: { origin: url, 'content-type': 'application/json' },
    body: JSON.stringify({ secret: new URL(link.url).hash.slice('#secret='.length) }),
  });
  return String(answer.headers['set-cookie']?.[0] ?? '').split(';', 1)[0] ?? '';
}

/** A service as it is written in an afternoon: asks nobody who they are, believes what it reads, and lists any folder that is named. */
function naiveServer(secrets: readonly string[]) {
  return createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece;
    });
    request.on('end', () => {
      try {
        const value = body === '' ? {} : (JSON.parse(body) as Record<string, string[]>);
        const { searchParams, pathname } = new URL(request.url ?? '/', 'http://localhost');
        const folder = searchParams.get('path');
        const rows = folder === null ? secrets : readdirSync(folder);
        const names = value.sources?.map((name) => name.toUpperCase());
        const text = JSON.stringify({ rows, names, of: decodeURIComponent(pathname) });
        response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      } catch (error) {
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String((error as Error).stack));
      }
    });
  });
}

async function control({ seed, scratch, say }: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const secret = randomBytes(8).toString('hex');
  const server = naiveServer([secret]);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const count = 500;
  try {
    const target: Target = {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      comers: [{ name: 'nobody', scopes: [], headers: {} }],
      known: {
        paths: [scratch, '/proc/version'],
        ids: new Map(),
        cursors: [],
        deliveries: [],
        addresses: [],
        commands: [],
        links: [],
        rooms: noRooms(),
      },
      secrets: new Set([secret]),
      spared: new Set(),
    };
    await besiege(target, count, { seed, tally, say });
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return tally.result(count);
}

export const generatedRequests: Row = {
  id: 'T34',
  title: 'requests generated from the OpenAPI document',
  runs: requests,
  run: torment,
  control,
};
