// Events: read by cursor, followed as a stream, and commands given by name.

import { Fault } from '../../model/fault.ts';
import { runCommand } from '../commands.ts';
import { eventView } from '../present.ts';
import { answered, route } from '../route.ts';
import { streamEvents } from '../server-sent-events.ts';

export const eventRoutes = [
  route('listEvents', async ({ query }, services, { request, reply, caller }) => {
    const { reader, hub } = services;
    const filter = {
      ...(query.transfer === undefined ? {} : { transferId: query.transfer }),
      ...(query.job === undefined ? {} : { jobId: query.job }),
      ...(query.name === undefined ? {} : { name: query.name }),
    };
    const wantsStream = (request.headers.accept ?? '').includes('text/event-stream');
    if (query.before !== undefined && (wantsStream || query.since !== undefined)) {
      throw new Fault('invalid', 'Events before a cursor are asked for without `since` and not as a stream.');
    }
    if (!wantsStream) {
      const page = await reader.events({
        limit: query.limit,
        ...filter,
        ...(query.since === undefined ? {} : { since: query.since }),
        ...(query.before === undefined ? {} : { before: query.before }),
      });
      return { rows: page.events.map(eventView), cursor: page.cursor };
    }
    const last = request.headers['last-event-id'];
    const since = (typeof last === 'string' && last !== '' ? last : query.since) ?? (await reader.eventCursor());
    // A cursor that is none is refused here, while the answer can still be a problem document.
    await reader.events({ since, limit: 1 });
    const life = caller === undefined ? undefined : services.lifeOf(caller);
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.raw.flushHeaders();
    streamEvents(reply.raw, hub, { since, ...filter, signal: life?.signal ?? new AbortController().signal })
      .catch((error: unknown) => services.log.error({ err: error }, 'An event stream broke off.'))
      .finally(() => life?.release());
    return answered;
  }),
  route('postEvent', ({ body }, services, { caller }) =>
    runCommand(body.name, body.data, services, caller?.name ?? ''),
  ),
];
