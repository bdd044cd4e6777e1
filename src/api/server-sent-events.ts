// The event stream over HTTP (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html).

import type { ServerResponse } from 'node:http';
import type { EventHub, FollowOptions } from './event-hub.ts';
import { eventView } from './present.ts';

export const heartbeatMs = 15_000;

/**
 * Writes until the listener goes away or the signal is aborted. Events carry their cursor as id, so that a listener that comes again
 * with `Last-Event-ID` misses and doubles nothing; progress has no id. The first block only sets the id.
 */
export async function streamEvents(
  response: ServerResponse,
  hub: EventHub,
  options: Omit<FollowOptions, 'heartbeatMs'>,
): Promise<void> {
  const ended = new AbortController();
  const end = () => ended.abort();
  response.on('close', end);
  response.on('error', end);
  options.signal.addEventListener('abort', end);
  if (options.signal.aborted || response.destroyed) end();

  const write = async (text: string): Promise<void> => {
    if (ended.signal.aborted || response.write(text)) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        response.off('drain', go);
        ended.signal.removeEventListener('abort', go);
        resolve();
      };
      response.on('drain', go);
      ended.signal.addEventListener('abort', go);
    });
  };

  try {
    await write(`retry: 2000\nid: ${options.since}\n\n`);
    await hub.follow(
      { ...options, signal: ended.signal, heartbeatMs },
      {
        event: (event) =>
          write(`id: ${event.cursor}\nevent: ${event.name}\ndata: ${JSON.stringify(eventView(event))}\n\n`),
        progress: (progress) => write(`event: ${progress.name}\ndata: ${JSON.stringify(progress)}\n\n`),
        idle: () => write(':\n\n'),
      },
    );
  } finally {
    options.signal.removeEventListener('abort', end);
    response.end();
  }
}
