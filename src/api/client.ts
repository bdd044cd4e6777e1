// The typed client of the API, for browsers and Node alike: routes by name, lines of a plan, and the event stream.

import type { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { faultFromProblem, faultOfResponse } from '../model/problem.ts';
import type { EventView, Problem, ProgressView } from '../model/views.ts';
import { clientHeader } from './client-header.ts';
import { type RouteName, routePaths } from './route-paths.ts';
import type { RouteShape, RouteTable } from './route-table.ts';
import { readLines, readServerEvents } from './stream-reading.ts';

type Part<Name extends RouteName, Key extends 'params' | 'query' | 'body'> = RouteTable[Name] extends {
  readonly [K in Key]: infer Schema extends z.ZodType;
}
  ? Key extends 'query'
    ? { readonly query?: z.input<Schema> }
    : { readonly [K in Key]: z.input<Schema> }
  : unknown;

/** What a route takes: `params` of its path, `query`, `body`. */
export type RouteInput<Name extends RouteName> = Part<Name, 'params'> & Part<Name, 'query'> & Part<Name, 'body'>;
/** What a route gives; for routes that answer by lines, one line. */
export type RouteOutput<Name extends RouteName> = z.output<RouteTable[Name]['output']>;

type StreamName = {
  [Name in RouteName]: RouteTable[Name] extends { readonly form: 'lines' } ? Name : never;
}[RouteName];
type CallName = Exclude<RouteName, StreamName>;
type Arguments<Name extends RouteName> =
  Record<never, never> extends RouteInput<Name>
    ? [input?: RouteInput<Name>, options?: CallOptions]
    : [input: RouteInput<Name>, options?: CallOptions];

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Sent as `Idempotency-Key`: the same request with the same key is carried out once. */
  readonly idempotencyKey?: string;
}

export interface ClientOptions {
  /** `http://127.0.0.1:7373`, without a path; '' for the page's own origin. */
  readonly url: string;
  /** Bearer token; a browser leaves it out and goes by its cookie. */
  readonly token?: string;
  /** Default is the platform's own. */
  readonly fetch?: typeof fetch;
}

/** One thing from the event stream. `ready` comes at each (re)connection, with the cursor from which it goes on. */
export type LiveItem =
  | { readonly kind: 'ready'; readonly cursor: string }
  | { readonly kind: 'event'; readonly event: EventView }
  | { readonly kind: 'progress'; readonly progress: ProgressView }
  | { readonly kind: 'lost'; readonly error: Fault };

export interface Client {
  /** Rejects with the Fault that the server's problem names, or with `unreachable` where no daemon answers. */
  call<Name extends CallName>(name: Name, ...rest: Arguments<Name>): Promise<RouteOutput<Name>>;
  /** Rejects like `call`, at any line. */
  lines<Name extends StreamName>(
    name: Name,
    input: RouteInput<Name>,
    options?: CallOptions,
  ): AsyncIterable<RouteOutput<Name>>;
  /**
   * Events after `since` (left out: from now on), in order, none twice and none missed, and progress as it comes. Connects again by
   * itself; `lost` says that it is doing so. Ends when the signal is aborted; rejects where the server refuses (a Fault that is not transient).
   */
  live(options: { readonly since?: string; readonly signal: AbortSignal }): AsyncIterable<LiveItem>;
}

export function createClient(options: ClientOptions): Client {
  const ask = options.fetch ?? fetch;

  async function send(
    name: RouteName,
    input: LooseInput,
    call: CallOptions,
    accept: string,
    headers: Record<string, string> = {},
  ) {
    const [method, template] = routePaths[name];
    const hasBody = input.body !== undefined;
    let response: Response;
    try {
      response = await ask(options.url + fillPath(template, input.params) + queryText(input.query), {
        method,
        headers: {
          accept,
          [clientHeader]: '1',
          ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
          ...(hasBody ? { 'content-type': 'application/json' } : {}),
          ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
          ...headers,
        },
        ...(hasBody ? { body: JSON.stringify(input.body) } : {}),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
        credentials: 'same-origin',
        redirect: 'error',
      });
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      throw new Fault(
        'unreachable',
        `No Wherry daemon answers at ${options.url === '' ? 'this address' : options.url}.`,
        { cause: error },
      );
    }
    if (!response.ok) throw await faultOfResponse(response);
    return response;
  }

  return {
    async call(name, ...[input, call]) {
      const response = await send(name, (input ?? {}) as LooseInput, call ?? {}, 'application/json');
      if (response.status === 204) return undefined as never;
      const isJson = (response.headers.get('content-type') ?? '').includes('json');
      return (isJson ? await response.json() : await response.text()) as never;
    },
    async *lines(name, input, call = {}) {
      const response = await send(name, input as LooseInput, call, 'application/x-ndjson');
      for await (const line of readLines(response)) {
        const value = JSON.parse(line) as { problem?: Problem };
        if (value.problem !== undefined) throw faultFromProblem(value.problem);
        yield value as never;
      }
    },
    async *live({ since, signal }) {
      let cursor = since;
      for (let pauseMs = 250; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 5000)) {
        try {
          const query = cursor === undefined ? {} : { query: { since: cursor } };
          const response = await send('listEvents', query, { signal }, 'text/event-stream');
          for await (const message of readServerEvents(response)) {
            pauseMs = 250;
            if (message.id !== undefined) cursor = message.id;
            if (message.data === undefined) {
              if (message.id !== undefined) yield { kind: 'ready', cursor: message.id };
            } else if (message.id === undefined) {
              yield {
                kind: 'progress',
                progress: JSON.parse(message.data) as ProgressView,
              };
            } else
              yield {
                kind: 'event',
                event: JSON.parse(message.data) as EventView,
              };
          }
          if (signal.aborted) return;
          yield {
            kind: 'lost',
            error: new Fault('network', 'The connection to the daemon ended.'),
          };
        } catch (error) {
          if (signal.aborted) return;
          const fault =
            error instanceof Fault
              ? error
              : new Fault('network', 'The connection to the daemon broke.', {
                  cause: error,
                });
          if (fault.meaning.retry !== 'transient') throw fault;
          yield { kind: 'lost', error: fault };
        }
        await pause(pauseMs, signal);
      }
    },
  };
}

interface LooseInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export type { RouteName, RouteShape };

function fillPath(template: string, params: Readonly<Record<string, unknown>> | undefined): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params?.[name] ?? '')));
}

function queryText(query: Readonly<Record<string, unknown>> | undefined): string {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) pairs.set(key, Array.isArray(value) ? value.join(',') : String(value));
  }
  const text = pairs.toString();
  return text === '' ? '' : `?${text}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
