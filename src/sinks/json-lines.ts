// Ingest as JSON lines: each event a line at the end of a file, durable, none doubled after a crash.

import type { AppendInput, Tail, TailInput } from './json-lines-operations.ts';
import type { IngestSink } from './sink.ts';

/** Carries out an operation of json-lines-operations.ts where the file lies. Rejects with its Fault. */
export type FileCall = <Output>(path: string, operation: string, input: unknown) => Promise<Output>;

/** A crash can leave one batch that nobody knows was written; more is looked at to be on the safe side. */
const tailLines = 2_000;
const batchLines = 500;

/** `path` is absolute. Nothing is opened until there is something to write. One sink a file: nobody else writes to it. */
export function jsonLinesSink({ path, run }: { readonly path: string; readonly run: FileCall }): IngestSink {
  let end: { readonly sizeBytes: number; readonly ids: Set<string> } | undefined;

  const append = async (rows: readonly { readonly id: string }[]) => {
    if (end === undefined) {
      const tail = await run<Tail>(path, 'sinks.tail', { path, lines: tailLines } satisfies TailInput);
      end = { sizeBytes: tail.sizeBytes, ids: new Set(tail.ids) };
    }
    const { ids, sizeBytes } = end;
    const fresh = [...new Map(rows.map((row) => [row.id, row])).values()].filter(({ id }) => !ids.has(id));
    if (fresh.length === 0) return;
    const text = fresh.map((row) => `${JSON.stringify(row)}\n`).join('');
    try {
      const after = await run<{ sizeBytes: number }>(path, 'sinks.append', {
        ...{ path, sizeBytes, text },
      } satisfies AppendInput);
      const kept = [...ids, ...fresh.map(({ id }) => id)].slice(-tailLines - batchLines);
      end = { sizeBytes: after.sizeBytes, ids: new Set(kept) };
    } catch (error) {
      // What stands in the file is looked at again before the next try.
      end = undefined;
      throw error;
    }
  };

  return {
    onFileSynced: async (event) => {
      await append([event]);
      return true;
    },
    onBatchSynced: async (events) => {
      await append(events);
      return events.length;
    },
    onSyncComplete: async (syncId, { id, timestamp, ...summary }) => {
      const line = { id, eventType: 'sync_complete', timestamp, syncId, summary };
      await append([line]);
      return true;
    },
  };
}
