// A route as one value: its line of the table and what it does.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Deliveries } from '../engine/deliveries.ts';
import type { Engine } from '../engine/engine.ts';
import type { Ingest } from '../engine/ingest.ts';
import type { Rooms } from '../engine/rooms/rooms.ts';
import type { Clock } from '../model/clock.ts';
import type { FaultReport } from '../model/fault.ts';
import type { WatchSpec } from '../model/specs.ts';
import type { AboutView, ReloadView } from '../model/views.ts';
import type { StoreReader } from '../store/store.ts';
import type { Auth } from './auth.ts';
import type { Caller } from './caller.ts';
import type { SyncContract } from './contract/sync-contract.ts';
import type { Documents } from './documents.ts';
import type { EventHub } from './event-hub.ts';
import type { Metrics } from './metrics.ts';
import type { Roots } from './roots.ts';
import { type RouteName, routePaths } from './route-paths.ts';
import { type RouteShape, type RouteTable, routeTable } from './route-table.ts';
import type { Throughput } from './throughput.ts';

/** What every route may use. */
export interface Services {
  readonly engine: Engine;
  readonly reader: StoreReader;
  readonly documents: Documents;
  readonly auth: Auth;
  readonly hub: EventHub;
  readonly roots: Roots;
  readonly metrics: Metrics;
  readonly throughput: Throughput;
  readonly deliveries: Deliveries;
  readonly ingest: Ingest;
  readonly rooms: Rooms;
  /** Syncs that older clients start. */
  readonly contract: SyncContract;
  /** Watches of the configuration that could not begin yet. */
  waitingWatches(): readonly WaitingWatch[];
  /** Reads the configuration again and applies it; `by` says who asked. Rejects with `config_invalid` and has then changed nothing. */
  reload(by: string): Promise<ReloadView>;
  /** Looks at what Wherry needs of this machine, thing by thing. */
  examineMachine(): AsyncIterable<MachineFinding> | Iterable<MachineFinding>;
  readonly clock: Clock;
  readonly log: ApiLog;
  readonly version: string;
  readonly startedAt: number;
  /** False until the engine has started. */
  isReady(): boolean;
  /** Address of the console, without a path. Known once the API listens. */
  url(): string;
  readonly cookie: SessionCookie;
  /** Who asks, in an open route. Rejects as `Access.caller`. */
  known(request: FastifyRequest): Caller | undefined;
  /** A signal that ends with the caller's token or session, or when the API closes. */
  lifeOf(caller: Caller): { readonly signal: AbortSignal; release(): void };
}

export type MachineFinding = AboutView['findings'][number];

/** A watch of the configuration that cannot begin (its folder is not there), and is tried again. */
export interface WaitingWatch {
  /** Stands for a job's id, which it does not have yet. */
  readonly id: string;
  readonly spec: WatchSpec;
  readonly fault: FaultReport;
  readonly since: number;
  readonly nextTryAt: number;
}

/** Where the API writes its log; pino's has this shape. */
export interface ApiLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface SessionCookie {
  set(reply: FastifyReply, value: string, maxAgeSeconds: number): void;
  clear(reply: FastifyReply): void;
}

export interface RouteCall {
  /** Undefined in open routes where nobody said who they are. */
  readonly caller: Caller | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborted when the asker goes away. */
  readonly signal: AbortSignal;
  /** Names this request for the engine where it came with an `Idempotency-Key`. */
  readonly engineKey: string | undefined;
}

/** Given back by a route that has answered by itself. */
export const answered: unique symbol = Symbol('answered');

type Read<Name extends RouteName, Key extends 'params' | 'query' | 'body'> = RouteTable[Name] extends {
  readonly [K in Key]: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;

export interface RouteRead<Name extends RouteName> {
  readonly params: Read<Name, 'params'>;
  readonly query: Read<Name, 'query'>;
  readonly body: Read<Name, 'body'>;
}

type Answer<Name extends RouteName> = RouteTable[Name] extends { readonly form: 'lines' }
  ? AsyncIterable<z.input<RouteTable[Name]['output']>>
  : Promise<z.input<RouteTable[Name]['output']> | typeof answered>;

export interface Route {
  readonly name: RouteName;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly shape: RouteShape;
  run(
    read: Readonly<Record<'params' | 'query' | 'body', unknown>>,
    services: Services,
    call: RouteCall,
  ): Promise<unknown> | AsyncIterable<unknown>;
}

export function route<Name extends RouteName>(
  name: Name,
  run: (read: RouteRead<Name>, services: Services, call: RouteCall) => Answer<Name>,
): Route {
  const [method, path] = routePaths[name];
  return { name, method, path, shape: routeTable[name], run: run as Route['run'] };
}
