// Carries out one route: reads its input, runs it once, sends its answer.

import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import type { Caller } from './caller.ts';
import type { Idempotency } from './idempotency.ts';
import { metricsMediaType } from './metrics.ts';
import { problemOf, RequestFault } from './problem.ts';
import { answered, type Route, type RouteCall, type Services } from './route.ts';

export async function handleRoute(
  route: Route,
  parts: {
    services: Services;
    idempotency: Idempotency;
    caller: Caller | undefined;
    request: FastifyRequest;
    reply: FastifyReply;
    /** Called once it is done and before it is answered; not for an answer that is only given again. */
    carriedOut: () => Promise<void>;
  },
): Promise<unknown> {
  const { services, idempotency, caller, request, reply, carriedOut } = parts;
  const { shape } = route;
  const read = readRequest(route, request);
  const gone = new AbortController();
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Fault('interrupted', 'The asker went away.'));
  });
  const call: RouteCall = { caller, request, reply, signal: gone.signal, engineKey: undefined };

  if (shape.form === 'lines') {
    return await sendLines(route.run(read, services, call) as AsyncIterable<unknown>, reply, services);
  }
  const key = request.headers['idempotency-key'];
  let output: unknown;
  if (route.method === 'POST' && typeof key === 'string' && caller !== undefined) {
    const wish = { key, callerId: caller.id, route: route.name, input: read };
    let secret: unknown;
    const result = await idempotency.once(wish, async (engineKey) => {
      const given = await route.run(read, services, { ...call, engineKey });
      if (shape.secretAnswer !== true) return given;
      secret = given;
      return null;
    });
    if (result.replayed) reply.header('idempotency-replayed', 'true');
    else await carriedOut();
    if (result.replayed && shape.secretAnswer === true) {
      throw new Fault(
        'state_conflict',
        'This was done already under its Idempotency-Key, and its secret is shown only once.',
      );
    }
    output = shape.secretAnswer === true ? secret : result.output;
  } else {
    output = await route.run(read, services, call);
    await carriedOut();
  }

  if (output === answered) return reply;
  reply.status(shape.status ?? 200);
  if (shape.form === 'none') return reply.send();
  if (shape.form === 'html') return reply.type('text/html; charset=utf-8').send(output);
  if (shape.form === 'text') return reply.type(metricsMediaType).send(output);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(output));
}

function readRequest({ shape }: Route, request: FastifyRequest): Record<'params' | 'query' | 'body', unknown> {
  const parse = (part: string, schema: z.ZodType | undefined, value: unknown) => {
    if (schema === undefined) return undefined;
    const read = schema.safeParse(value);
    if (!read.success) throw new RequestFault(part, read.error);
    return read.data;
  };
  const { query } = shape;
  if (shape.body === undefined && request.body !== undefined && request.body !== null) {
    const isEmpty = typeof request.body === 'object' && Object.keys(request.body).length === 0;
    if (!isEmpty) throw new Fault('invalid', 'This route takes no body.');
  }
  return {
    params: parse('params', shape.params, request.params),
    query: parse('query', query, query === undefined ? undefined : listsSplit(request.query as object, query)),
    body: parse('body', shape.body, request.body),
  };
}

/** Lists are given as `a,b` or by naming the parameter several times. */
function listsSplit(query: object, schema: z.ZodObject): object {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => {
      if (!Object.hasOwn(schema.shape, name) || !isList(schema.shape[name])) return [name, value];
      const items = Array.isArray(value) ? value : [value];
      return [name, items.flatMap((item) => String(item).split(',')).filter((item) => item !== '')];
    }),
  );
}

function isList(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return isList(schema.unwrap());
  return schema instanceof z.ZodArray;
}

/** A fault before the first line is answered as any other; after it, it is the last line: {problem}. */
async function sendLines(lines: AsyncIterable<unknown>, reply: FastifyReply, services: Services): Promise<unknown> {
  const iterator = lines[Symbol.asyncIterator]();
  let next = await iterator.next();
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'application/x-ndjson; charset=utf-8',
  });
  try {
    while (next.done !== true && !response.destroyed) {
      await writeAll(response, `${JSON.stringify(next.value)}\n`);
      next = await iterator.next();
    }
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code === 'internal') services.log.error({ err: error }, 'A list of lines broke off.');
    if (!response.destroyed) response.write(`${JSON.stringify({ problem })}\n`);
  } finally {
    await iterator.return?.(undefined)?.catch(() => undefined);
    response.end();
  }
  return reply;
}

function writeAll(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || response.write(text)) {
      resolve();
      return;
    }
    const go = () => {
      response.off('drain', go);
      response.off('close', go);
      resolve();
    };
    response.on('drain', go);
    response.on('close', go);
  });
}
