// Ingest by HTTP: events as signed messages (Standard Webhooks), singly or many in one.

import { createHash } from 'node:crypto';
import type { IngestEvent, IngestType } from '../model/ingest.ts';
import type { SinkOptions } from './index.ts';
import type { IngestCall, IngestSink } from './sink.ts';
import { webhookSink } from './webhook.ts';

/** A message of many events is closed at this size. */
const mostBytes = 512 * 1024;

/** Rejects with `invalid`: the address or the secret is none. */
export function webhookIngest(options: SinkOptions): IngestSink {
  const sink = webhookSink(options);
  const send = (id: string, type: IngestType, timestamp: string, data: unknown, { signal }: IngestCall) =>
    sink.send({ id, payload: JSON.stringify({ type, timestamp, data }) }, { signal, now: Date.now() });
  const sendOne = (event: IngestEvent, call: IngestCall) =>
    send(event.id, event.eventType, event.timestamp, event, call);

  return {
    onFileSynced: async (event, call) => {
      await sendOne(event, call);
      return true;
    },
    onBatchSynced: async (events, call) => {
      const part = firstPart(events);
      const [first] = part;
      if (first === undefined) return 0;
      const ids = part.map(({ id }) => id).join(' ');
      const id = `batch-${createHash('sha256').update(ids).digest('hex').slice(0, 32)}`;
      const { timestamp } = part.at(-1) ?? first;
      await send(id, 'batch_synced', timestamp, { id, eventType: 'batch_synced', timestamp, events: part }, call);
      return part.length;
    },
    onSyncComplete: async (syncId, { id, timestamp, ...summary }, call) => {
      await send(id, 'sync_complete', timestamp, { id, eventType: 'sync_complete', timestamp, syncId, summary }, call);
      return true;
    },
  };
}

/** As many of the first as fit into one message; at least one. */
function firstPart(events: readonly IngestEvent[]): readonly IngestEvent[] {
  let bytes = 0;
  const count = events.findIndex((event) => {
    bytes += Buffer.byteLength(JSON.stringify(event));
    return bytes > mostBytes;
  });
  return count < 0 ? events : events.slice(0, Math.max(1, count));
}
