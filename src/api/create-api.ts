// The API as one part: HTTP routes, live events and the console, on one port.

import type { IncomingMessage } from 'node:http';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Deliveries } from '../engine/deliveries.ts';
import type { Engine } from '../engine/engine.ts';
import type { Ingest } from '../engine/ingest.ts';
import type { Relay } from '../engine/relay/relay.ts';
import type { Rooms } from '../engine/rooms/rooms.ts';
import type { Clock, NewId } from '../model/clock.ts';
import type { EventDraft } from '../model/event.ts';
import { Fault } from '../model/fault.ts';
import type { StoreReader } from '../store/store.ts';
import { type Access, type AskerRequest, openAccess } from './access.ts';
import { type Audit, isChange, openAudit } from './audit.ts';
import { newSecret, openAuth } from './auth.ts';
import { type Caller, requireScope } from './caller.ts';
import { serveConsole } from './console-files.ts';
import { type ContractDoor, openContractDoor } from './contract/contract-door.ts';
import { type ContractMeans, openSyncContract } from './contract/sync-contract.ts';
import { docsPage } from './docs-page.ts';
import { type DocumentWriter, documentsOf } from './documents.ts';
import { openEventHub } from './event-hub.ts';
import { listenOn, openServer, preflight, securityHeaders, sendError } from './http-server.ts';
import { type Idempotency, openIdempotency } from './idempotency.ts';
import { attachLiveSocket } from './live-socket.ts';
import { openLives } from './lives.ts';
import { openMetrics } from './metrics.ts';
import { isAllowedOrigin, isLoopback } from './origin.ts';
import { addRelayRoutes } from './relay-routes.ts';
import { openRoomDoor, type RoomDoor } from './room-door.ts';
import { type FileLookup, openRoots } from './roots.ts';
import type { ApiLog, Route, Services, SessionCookie, WaitingWatch } from './route.ts';
import { handleRoute } from './route-handler.ts';
import { consoleLink } from './routes/access-routes.ts';
import { routes } from './routes/index.ts';
import { bandwidthKey, settingsCollection } from './routes/overview-routes.ts';
import { openThroughput } from './throughput.ts';

const sweepMs = 3_600_000;

export interface ApiConfig {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM texts; null speaks plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  /** Allows plain HTTP beyond loopback. */
  readonly insecureHttp: boolean;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** Absolute folders: the only ones that the API may read from or write to. */
  readonly roots: readonly string[];
  /** The sync contract may be spoken from this machine without a token. */
  readonly syncWithoutToken: boolean;
  /** WHERRY_TOKEN. */
  readonly adminToken?: string | undefined;
}

export interface ApiParts {
  readonly engine: Engine;
  readonly reader: StoreReader;
  readonly documents: DocumentWriter;
  /** Writes a fact that is of no transfer or job. */
  readonly appendEvent: (event: EventDraft) => Promise<void>;
  /** Calls the listener after each commit that wrote events (Store.onEvents). */
  readonly onEvents: (listener: () => void) => () => void;
  readonly lookup: FileLookup;
  readonly deliveries: Deliveries;
  readonly ingest: Ingest;
  readonly rooms: Rooms;
  /** Bytes of rooms that go through this server. Default: none do. */
  readonly relay?: Relay;
  readonly contract: ContractMeans;
  readonly config: ApiConfig;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: ApiLog;
  /** Folder of the built console; null where there is none. */
  readonly consoleFolder: string | null;
  readonly version: string;
  /** Watches of the configuration that could not begin yet. Default: none. */
  readonly waitingWatches?: () => readonly WaitingWatch[];
  /** Reads the configuration again. Default: there is none to read. */
  readonly reload?: Services['reload'];
  /** Looks at what Wherry needs of this machine. Default: finds nothing. */
  readonly examineMachine?: Services['examineMachine'];
}

export interface Listening {
  /** `http://127.0.0.1:7373`. */
  readonly url: string;
  /** One-time link to the console; it holds a secret. */
  readonly consoleUrl: string;
  /** An admin token that lives as long as this process, for the CLI on this machine. */
  readonly localToken: string;
}

export interface Api {
  /** Answers from now on; until `ready` nothing can be changed yet. Rejects with `config_invalid`, `port_in_use`, `permission`. */
  listen(): Promise<Listening>;
  /** To be called once the engine has started: takes up the bandwidth limit that was set last, and lets changes in. */
  ready(): Promise<void>;
  /** The configuration's limit: what was set by a route before no longer holds. */
  setBandwidth(limit: string | null): Promise<void>;
  /** Other roots, names, origins and admin token, from the next request on. */
  apply(config: Pick<ApiConfig, 'roots' | 'allowedHosts' | 'allowedOrigins' | 'adminToken' | 'syncWithoutToken'>): void;
  /** Under which name older clients know the run of a job; undefined where none of them started it. */
  syncIdOf(jobId: string): string | undefined;
  /** New connections get this certificate; PEM texts. Does nothing where the API speaks plain HTTP. */
  renewTls(pair: { readonly certificate: string; readonly key: string }): void;
  close(): Promise<void>;
}

/** Rejects with `config_invalid` for plain HTTP beyond loopback, and with `ledger`. */
export async function createApi(parts: ApiParts): Promise<Api> {
  const { engine, reader, config, clock, log, version } = parts;
  const secure = config.tls !== null;
  if (!secure && !config.insecureHttp && !isLoopback(config.listen.host)) {
    throw new Fault(
      'config_invalid',
      `Listening on ${config.listen.host} without TLS would send tokens in the clear; set up \`tls:\`, listen on 127.0.0.1, or allow it with --insecure-http.`,
    );
  }
  // Node would listen on both loopback addresses with two servers, of which the sockets know one.
  const host = config.listen.host === 'localhost' ? '127.0.0.1' : config.listen.host;
  const documents = documentsOf(reader, parts.documents);
  const localToken = `wherry_${newSecret()}`;
  const auth = await openAuth({ documents, clock, newId: parts.newId, adminToken: config.adminToken, localToken });
  const hub = openEventHub({ engine, reader, onEvents: parts.onEvents, clock });
  const metrics = openMetrics({ engine, reader, hub, deliveries: parts.deliveries, rooms: parts.rooms, version });
  const audit = openAudit({ append: parts.appendEvent, clock, log });
  const throughput = openThroughput({ bytesPerSecond: () => engine.snapshot().bytesPerSecond, clock });
  const idempotency = openIdempotency(documents, clock);
  const lives = openLives(auth, clock);
  const rules = { listenHost: host, secure, allowedHosts: config.allowedHosts, allowedOrigins: config.allowedOrigins };
  const callers = new WeakMap<FastifyRequest, Caller>();
  let port = config.listen.port;
  let started = false;
  let { adminToken } = config;
  const cookieName = () => `wherry_${port}`;
  const access = openAccess({ auth, clock, rules, cookieName, onFailure: metrics.authenticationFailed });
  const door = openContractDoor(access, config.syncWithoutToken);
  const roomDoor = openRoomDoor(access, parts.rooms);
  const url = () => `${secure ? 'https' : 'http'}://${urlHost(host)}:${port}`;

  const roots = openRoots(config.roots, parts.lookup);
  const contract = await openSyncContract({
    ...{ engine, reader, documents, hub, roots, clock },
    means: parts.contract,
  });
  const services: Services = {
    contract,
    engine,
    reader,
    documents,
    auth,
    hub,
    roots,
    metrics,
    throughput,
    deliveries: parts.deliveries,
    ingest: parts.ingest,
    rooms: parts.rooms,
    known: (request) => roomDoor.known(asker(request)),
    waitingWatches: parts.waitingWatches ?? (() => []),
    reload:
      parts.reload ??
      (() => Promise.reject(new Fault('unsupported', 'This API was not started from a configuration.'))),
    examineMachine: parts.examineMachine ?? (() => []),
    clock,
    log,
    version,
    startedAt: clock.now(),
    isReady: () => started,
    url,
    cookie: sessionCookie(cookieName, secure),
    lifeOf: lives.of,
  };

  const server = openServer({ tls: config.tls, log });
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const kind = access.origin(asker(request));
    if (kind === 'allowed') {
      reply.headers({
        'access-control-allow-origin': request.headers.origin,
        vary: 'Origin',
        'cross-origin-resource-policy': 'cross-origin',
      });
      if (request.method === 'OPTIONS') return reply.status(204).headers(preflight).send();
    }
  });
  server.addHook('onResponse', async (request, reply) => {
    const { routeName } = request.routeOptions.config as { routeName?: string };
    if (routeName !== undefined)
      metrics.answered(routeName, request.method, reply.statusCode, reply.elapsedTime / 1000);
  });
  server.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    sendError(error, request, reply, { log, retryAfterSeconds: access.retryAfterSeconds });
  });
  const consoleFiles = await serveConsole(server, parts.consoleFolder);
  server.setNotFoundHandler((request, reply) => {
    if (consoleFiles.page(request, reply)) return;
    requireScope(access.caller(asker(request)), 'read');
    const methods = methodsAt(request.url);
    if (methods.length === 0) throw new Fault('not_found', 'The API has no such address.');
    reply.header('allow', methods.join(', '));
    throw Object.assign(new Error(`This address takes ${methods.join(' and ')}.`), { statusCode: 405 });
  });
  for (const route of routes)
    addRoute(server, route, { access, door, roomDoor, callers, services, idempotency, audit });
  if (parts.relay !== undefined) {
    addRelayRoutes(server, {
      relay: parts.relay,
      gate: parts.rooms.gate,
      requireReady: () => requireReady(services),
    });
  }

  const live = attachLiveSocket(server.server, {
    engine,
    reader,
    roots: services.roots,
    hub,
    isAllowedOrigin: (origin) => isAllowedOrigin(origin, rules),
    requireReady: () => requireReady(services),
    admit: (request) => void access.origin(socketAsker(request)),
    identify: (request, token) => access.caller(socketAsker(request), token),
    contract,
    identifyContract: (request, token) => door.caller(socketAsker(request), token),
    rooms: parts.rooms,
    identifyMember: (request, token) => roomDoor.caller(socketAsker(request), 'read', token),
    lifeOf: lives.of,
    audit,
    onError: (error) => log.error({ err: error }, 'A live connection broke off.'),
  });
  let sweeper: NodeJS.Timeout | undefined;

  return {
    syncIdOf: (jobId) => services.contract.syncIdOf(jobId),
    async setBandwidth(limit) {
      engine.setBandwidth(limit);
      await documents.remove(settingsCollection, bandwidthKey);
    },
    apply(next) {
      services.roots.replace(next.roots);
      rules.allowedHosts = next.allowedHosts;
      rules.allowedOrigins = next.allowedOrigins;
      door.isOpen = next.syncWithoutToken;
      if (next.adminToken === adminToken) return;
      adminToken = next.adminToken;
      auth.replaceAdminToken(adminToken);
    },
    async ready() {
      const kept = (await documents.get(settingsCollection, bandwidthKey)) as { limit: string } | undefined;
      if (kept !== undefined) engine.setBandwidth(kept.limit);
      started = true;
    },
    renewTls({ certificate, key }) {
      const tlsServer: object = server.server;
      if (tlsServer instanceof TlsServer) tlsServer.setSecureContext({ cert: certificate, key });
    },
    async listen() {
      await listenOn(server, host, port);
      const address = server.server.address();
      if (typeof address === 'object' && address !== null) port = address.port;
      sweeper = setInterval(() => {
        idempotency.sweep().catch((error: unknown) => log.warn({ err: error }, 'Old answers could not be removed.'));
      }, sweepMs);
      sweeper.unref();
      return { url: url(), consoleUrl: consoleLink(url(), auth.createLink('start').secret), localToken };
    },
    async close() {
      clearInterval(sweeper);
      lives.close();
      await live.close();
      await server.close();
      hub.close();
      throughput.close();
      metrics.close();
    },
  };
}

function addRoute(
  server: FastifyInstance,
  route: Route,
  parts: {
    access: Access;
    door: ContractDoor;
    roomDoor: RoomDoor;
    callers: WeakMap<FastifyRequest, Caller>;
    services: Services;
    idempotency: Idempotency;
    audit: Audit;
  },
): void {
  const { access, door, roomDoor, callers, services, idempotency, audit } = parts;
  const { scope, refusals, members, isPrivate } = route.shape;
  const callerOf = (request: FastifyRequest) => {
    if (members === true) return roomDoor.caller(asker(request), scope);
    const identify = refusals === 'contract' ? door.caller : access.caller;
    return requireScope(identify(asker(request)), scope === 'open' ? 'read' : scope);
  };
  server.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ':$1'),
    config: { routeName: route.name, refusals: route.shape.refusals },
    // Before the body is read: what nobody may send is not even received.
    onRequest: async (request, reply) => {
      if (route.name === 'docs') reply.header('content-security-policy', docsPolicy(services.version));
      if (route.shape.scope === 'open') return;
      callers.set(request, callerOf(request));
      if (route.shape.scope === 'write') requireReady(services);
    },
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      try {
        const caller = callers.get(request);
        const carriedOut = async () => {
          if (!isChange(route.name, route.method)) return;
          const { params, body, ip } = request;
          const asked = isPrivate === true ? { params: undefined, body: undefined } : { params, body };
          await audit.note({ caller, address: ip, action: route.name, ...asked });
        };
        return await handleRoute(route, { services, idempotency, caller, request, reply, carriedOut });
      } catch (error) {
        if (route.name === 'openSession' && error instanceof Fault && error.code === 'not_authenticated') {
          access.secretFailed(request.ip);
        }
        throw error;
      }
    },
  });
}

/** What may be asked at an address by another method; nothing where no route has it. */
function methodsAt(url: string): string[] {
  const asked = (url.split('?', 1)[0] ?? '').split('/');
  const isAt = (path: string) => {
    const parts = path.split('/');
    return parts.length === asked.length && parts.every((part, at) => part.startsWith('{') || part === asked[at]);
  };
  return [...new Set(routes.filter(({ path }) => isAt(path)).map(({ method }) => method))];
}

function requireReady(services: Services): void {
  if (!services.isReady()) throw new Fault('unreachable', 'The daemon is still starting; ask again in a moment.');
}

function docsPolicy(version: string): string {
  return `default-src 'none'; style-src ${docsPage(version).styleSource}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

function sessionCookie(name: () => string, secure: boolean): SessionCookie {
  const write = (reply: FastifyReply, value: string, maxAgeSeconds: number) => {
    const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure ? '; Secure' : ''}`;
    reply.header('set-cookie', `${name()}=${value}; ${flags}`);
  };
  return { set: write, clear: (reply) => write(reply, '', 0) };
}

function asker(request: FastifyRequest): AskerRequest {
  return { headers: request.headers, method: request.method, address: request.ip };
}

function socketAsker(request: IncomingMessage): AskerRequest {
  return { headers: request.headers, method: request.method ?? 'GET', address: request.socket.remoteAddress ?? '' };
}

/** The host as it stands in a URL; an address for all interfaces is reached by loopback. */
function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
