// A sink in memory, as it should be: what it has had by id it takes again without doubling it.

import type { IngestEvent, SyncSummary } from '../../src/model/ingest.ts';
import type { IngestSink } from '../../src/sinks/sink.ts';

export interface MemorySink {
  readonly sink: IngestSink;
  /** In the order in which they were first taken. */
  readonly events: readonly IngestEvent[];
  readonly runs: readonly (SyncSummary & { readonly syncId: string })[];
  /** How many events each call was given. */
  readonly calls: readonly number[];
  ids(): Promise<readonly string[]>;
  summaries(): Promise<readonly string[]>;
}

export function memorySink(): MemorySink {
  const events: IngestEvent[] = [];
  const runs: (SyncSummary & { syncId: string })[] = [];
  const calls: number[] = [];
  const ids: string[] = [];
  const summaries: string[] = [];
  const take = (given: readonly IngestEvent[]) => {
    calls.push(given.length);
    for (const event of given) {
      if (ids.includes(event.id)) continue;
      ids.push(event.id);
      events.push(event);
    }
  };
  return {
    ...{ events, runs, calls },
    ids: async () => ids,
    summaries: async () => summaries,
    sink: {
      onFileSynced: async (event) => {
        take([event]);
        return true;
      },
      onBatchSynced: async (given) => {
        take(given);
        return given.length;
      },
      onSyncComplete: async (syncId, summary) => {
        if (!summaries.includes(summary.id)) {
          summaries.push(summary.id);
          runs.push({ ...summary, syncId });
        }
        return true;
      },
    },
  };
}
