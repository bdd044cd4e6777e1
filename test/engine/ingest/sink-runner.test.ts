// Sinks on a real ledger: in order, in batches, told again where they did not take it, each at its own pace, from where they were after days.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createIngest, type Ingest, type SinkWish } from '../../../src/engine/ingest.ts';
import { itemsOf } from '../../../src/engine/ingest-items.ts';
import { defaultRetryRules } from '../../../src/engine/retry.ts';
import { systemClock, systemRandom } from '../../../src/model/clock.ts';
import type { EventName } from '../../../src/model/event.ts';
import { type IngestType, ingestTypes } from '../../../src/model/ingest.ts';
import { noCounts } from '../../../src/model/job.ts';
import type { IngestSink } from '../../../src/sinks/sink.ts';
import { openSqliteStore } from '../../../src/store/sqlite-store.ts';
import type { Change, Store } from '../../../src/store/store.ts';
import { literalJob } from '../../support/literal-transfer.ts';
import { type MemorySink, memorySink } from '../../support/memory-sink.ts';
import { arrivedTransfer, fact, receiptOf } from '../../support/store-values.ts';

const nowhere = () => undefined;
const log = { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere };

let folder: string;
let store: Store;
let ingest: Ingest;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wh-ingest-'));
  store = await openSqliteStore({ folder, clock: systemClock });
  ingest = newIngest();
});
afterEach(async () => {
  await ingest.stop();
  await store.close();
  rmSync(folder, { recursive: true });
});

const newIngest = (more: { callMs?: number; patienceMs?: number } = {}) =>
  createIngest({
    ...{ store, clock: systemClock, random: systemRandom, log },
    rules: { ...defaultRetryRules, firstDelayMs: 5, mostDelayMs: 20 },
    limits: { patienceMs: 100, ...more },
  });

const wishOf = (
  name: string,
  sink: IngestSink,
  more: { types?: readonly IngestType[]; jobs?: string[]; from?: 'now' | 'oldest'; settings?: unknown } = {},
): SinkWish => ({
  ...{ name, kind: 'memory', target: 'memory', from: more.from ?? 'now', settings: more.settings ?? name },
  wish: { types: more.types ?? ingestTypes, jobs: more.jobs ?? ['sync'] },
  open: () => sink,
});

/** A pack of files that have arrived, as a sync leaves them. */
const arrive = (names: readonly string[], mode: 'sync' | 'copy' = 'sync'): Change => {
  const transfers = names.map((name) => arrivedTransfer(name, { mode, jobId: 'run-1' }));
  return {
    kind: 'finish_pack',
    transfers,
    receipts: transfers.map((transfer) => receiptOf(transfer)),
    completedEvents: [fact('observation.transfer.download.completed'), fact('observation.transfer.completed')],
    failedEvents: [],
    expectStates: ['queued'],
  };
};
const names = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `${at + from}.png`);
const told = ({ events }: MemorySink) => events.map(({ metadata }) => metadata.relativePath);
const untilTold = (memory: MemorySink, wanted: readonly string[]) =>
  expect.poll(() => told(memory), { timeout: 20_000 }).toEqual(wanted);
const stateOf = async (name: string) => {
  const report = (await ingest.list()).find(({ state }) => state.name === name);
  if (report === undefined) throw new Error(`no sink ${name}`);
  return report;
};

test('files come in order, at most 500 at a time, and only those of the kinds of jobs that are meant', async () => {
  const [all, single, copies] = [memorySink(), memorySink(), memorySink()];
  await ingest.configure([
    wishOf('all', all.sink),
    wishOf('single', single.sink, { types: ['file_synced'] }),
    wishOf('copies', copies.sink, { jobs: ['copy'] }),
  ]);
  await store.apply([arrive(names(700))]);
  await store.apply([arrive(['elsewhere.png'], 'copy')]);
  await untilTold(all, names(700));
  await untilTold(single, names(700));
  await untilTold(copies, ['elsewhere.png']);
  expect(Math.max(...all.calls)).toBeGreaterThan(1);
  expect(Math.max(...all.calls)).toBeLessThanOrEqual(500);
  expect(new Set(single.calls)).toEqual(new Set([1]));
  expect(all.events[0]).toMatchObject({
    eventType: 'file_synced',
    syncId: 'run-1',
    filePath: '/to/0.png',
    fileSize: 5,
    fileHash: `xxh128-8m:${'5'.padStart(32, '0')}`,
    metadata: { source: '/from/0.png' },
    xmpPath: null,
    thumbnailPath: null,
  });
  await expect.poll(async () => (await stateOf('all')).behind, { timeout: 20_000 }).toBe(0);
  expect(await stateOf('all')).toMatchObject({ state: { delivered: 700, failure: null, oldestAt: null } });
});

describe('what is not taken is told again', () => {
  const refusals: Record<string, (sink: IngestSink, round: number) => Partial<IngestSink>> = {
    'false, and nothing': () => ({ onFileSynced: async () => false, onBatchSynced: async () => 0 }),
    'a rejection': () => ({
      onFileSynced: () => Promise.reject(new Error('no')),
      onBatchSynced: () => Promise.reject(1),
    }),
    'a smaller number': (sink) => ({
      onBatchSynced: async (events, call) => sink.onBatchSynced(events.slice(0, 7), call),
    }),
    'a number that is none': () => ({ onBatchSynced: async () => Number.NaN, onFileSynced: async () => 1 as never }),
    'more than it was told': (sink) => ({
      onBatchSynced: async (events, call) => (await sink.onBatchSynced(events, call)) + 5,
    }),
  };
  for (const [what, refusal] of Object.entries(refusals)) {
    test(what, async () => {
      for (const types of [ingestTypes, ['file_synced', 'sync_complete'] as const]) {
        const memory = memorySink();
        let refused = 0;
        const unwilling = refusal(memory.sink, 0);
        const odd: IngestSink = {
          onFileSynced: (event, call) =>
            refused++ % 3 < 2
              ? (unwilling.onFileSynced ?? memory.sink.onFileSynced)(event, call)
              : memory.sink.onFileSynced(event, call),
          onBatchSynced: (events, call) =>
            refused++ % 3 < 2
              ? (unwilling.onBatchSynced ?? memory.sink.onBatchSynced)(events, call)
              : memory.sink.onBatchSynced(events, call),
          onSyncComplete: (syncId, summary, call) =>
            refused++ % 3 < 2 ? Promise.resolve(false) : memory.sink.onSyncComplete(syncId, summary, call),
        };
        await ingest.configure([wishOf('odd', odd, { types, settings: types })]);
        await store.apply([arrive(names(30))]);
        await store.apply([endOf('completed', `run-${types.length}`)]);
        await store.apply([arrive(names(20, 30))]);
        await untilTold(memory, names(50));
        await expect.poll(() => memory.runs.length, { timeout: 20_000 }).toBe(1);
        await ingest.configure([]);
      }
    });
  }
});

const endOf = (state: 'completed' | 'partial' | 'failed' | 'cancelled', id = 'run-1'): Change => {
  const job = literalJob({
    ...{ id, kind: 'sync', state, startedAt: 1_000, finishedAt: 4_500 },
    counts: { ...noCounts, completed: 2, bytesCompleted: 10, failed: 1 },
  });
  return { kind: 'insert_job', job, events: [{ name: `observation.job.${state}`, at: 4_500, data: {} }] };
};

test('one that fails holds up no other, and is told of; what it missed comes once it takes things again', async () => {
  const [good, bad] = [memorySink(), memorySink()];
  let isDown = true;
  const failing: IngestSink = {
    ...bad.sink,
    onBatchSynced: (events, call) =>
      isDown ? Promise.reject(new Error('disk on fire')) : bad.sink.onBatchSynced(events, call),
  };
  await ingest.configure([wishOf('good', good.sink), wishOf('bad', failing)]);
  await store.apply([arrive(names(10))]);
  await untilTold(good, names(10));
  await store.apply([arrive(names(10, 10))]);
  await untilTold(good, names(20));
  await expect
    .poll(async () => (await stateOf('bad')).state.failure?.attempts ?? 0, { timeout: 20_000 })
    .toBeGreaterThan(3);
  const { state, behind } = await stateOf('bad');
  expect(state.failure).toMatchObject({ error: { code: 'not_taken', message: 'The sink bad: disk on fire' } });
  expect(state.failure?.nextTryAt).toBeGreaterThan(0);
  expect(behind).toBeGreaterThanOrEqual(40);
  const sinkFacts = async () =>
    (await store.events({ name: 'observation.sink.*', limit: 1000 })).events.map(({ name, data }) => [name, data.name]);
  expect(await sinkFacts()).toEqual([['observation.sink.behind', 'bad']]);
  isDown = false;
  await untilTold(bad, names(20));
  await expect.poll(sinkFacts, { timeout: 20_000 }).toEqual([
    ['observation.sink.behind', 'bad'],
    ['observation.sink.recovered', 'bad'],
  ]);
  expect((await stateOf('bad')).state.failure).toBeNull();
});

test('after a restart it goes on where it was; the control, which moves its cursor first, loses what was under way', async () => {
  const memory = memorySink();
  let hangs = true;
  const sink: IngestSink = {
    ...memory.sink,
    onBatchSynced: (events, call) =>
      hangs && memory.events.length > 0 ? new Promise(() => undefined) : memory.sink.onBatchSynced(events, call),
  };
  await ingest.configure([wishOf('one', sink)]);
  await store.apply([arrive(names(5))]);
  await untilTold(memory, names(5));
  const control = { cursor: await store.eventCursor(), told: names(5) };
  await store.apply([arrive(names(5, 5))]);
  await expect.poll(async () => (await stateOf('one')).state.oldestAt, { timeout: 20_000 }).not.toBeNull();
  // The control reads the same facts, and notes that it has before it has told them.
  control.cursor = (await store.events({ since: control.cursor, limit: 1000 })).cursor;
  // A sink that heeds nothing is left behind.
  await ingest.stop();
  await store.apply([arrive(names(5, 10))]);
  hangs = false;
  ingest = newIngest();
  await ingest.configure([wishOf('one', sink)]);
  await untilTold(memory, names(15));
  for (const { transfer, name } of (await store.events({ since: control.cursor, limit: 1000 })).events) {
    if (name === 'observation.transfer.download.completed') control.told.push(transfer?.destination.path ?? '');
  }
  expect(control.told).toEqual([...names(5), ...names(5, 10)]);
});

test('a call that does not come back ends as an attempt that failed', async () => {
  ingest = newIngest({ callMs: 20 });
  const memory = memorySink();
  let calls = 0;
  const slow: IngestSink = {
    ...memory.sink,
    onBatchSynced: (events, call) =>
      calls++ < 2 ? new Promise(() => undefined) : memory.sink.onBatchSynced(events, call),
  };
  await ingest.configure([wishOf('slow', slow)]);
  await store.apply([arrive(names(3))]);
  await untilTold(memory, names(3));
  expect(calls).toBe(3);
});

test('a new sink begins now, or with the oldest event that is kept; one that is left out is forgotten', async () => {
  await store.apply([arrive(names(3))]);
  const [fresh, whole] = [memorySink(), memorySink()];
  await ingest.configure([wishOf('fresh', fresh.sink), wishOf('whole', whole.sink, { from: 'oldest' })]);
  await store.apply([arrive(names(3, 3))]);
  await untilTold(fresh, names(3, 3));
  await untilTold(whole, names(6));
  expect(await store.documents('sinks')).toHaveLength(2);
  await ingest.configure([]);
  expect(await store.documents('sinks')).toHaveLength(0);
});

test('a sink that cannot be opened is refused by name, and those that run go on', async () => {
  const memory = memorySink();
  await ingest.configure([wishOf('good', memory.sink)]);
  const broken: SinkWish = {
    ...wishOf('broken', memory.sink),
    open: () => {
      throw new Error('no such place');
    },
  };
  await expect(ingest.configure([broken])).rejects.toMatchObject({
    code: 'config_invalid',
    message: 'The sink broken: no such place',
  });
  await store.apply([arrive(names(2))]);
  await untilTold(memory, names(2));
});

test('files that were deleted come singly out of one fact, and go on within it', async () => {
  const memory = memorySink();
  let taken = 0;
  const inParts: IngestSink = {
    ...memory.sink,
    onBatchSynced: (events, call) => {
      taken += 1;
      // Every second time it takes a part, or nothing.
      return taken % 2 === 0 ? Promise.resolve(0) : memory.sink.onBatchSynced(events.slice(0, 40), call);
    },
  };
  await ingest.configure([wishOf('parts', inParts)]);
  // As a sync that deletes tells it.
  const paths = names(100);
  const name = 'observation.sync.files_deleted' as EventName;
  const event = fact(name, { destination: '/home/media', files: 100, paths });
  await store.apply([{ kind: 'append_event', event, jobId: 'run-1' }]);
  await untilTold(memory, names(100));
  expect(memory.events[3]).toMatchObject({
    ...{ eventType: 'file_deleted', syncId: 'run-1', filePath: '/home/media/3.png' },
    metadata: { at: 'destination' },
  });
  expect(new Set(await memory.ids()).size).toBe(100);
});

test('a file that was cleaned away where it came from is told of with where it stands', async () => {
  const memory = memorySink();
  await ingest.configure([wishOf('one', memory.sink)]);
  const copies = ['/home/media/a b.png'];
  const data = { endpoint: 'ssh://root@far:22/out', path: 'txt2img/a b.png', sizeBytes: 7, copies };
  const event = fact('observation.sync.file_deleted', data);
  await store.apply([{ kind: 'append_event', event, jobId: 'run-1' }]);
  await expect
    .poll(() => memory.events, { timeout: 20_000 })
    .toMatchObject([
      {
        ...{ eventType: 'file_deleted', filePath: 'ssh://root@far:22/out/txt2img/a%20b.png', fileSize: 7 },
        metadata: { at: 'source', copies },
      },
    ]);
});

test('each end of a run is told, with its figures, errors and cleanup', async () => {
  const memory = memorySink();
  await ingest.configure([wishOf('one', memory.sink)]);
  const cleanup = {
    filesScanned: 9,
    filesDeleted: 4,
    spaceFreedBytes: 40,
    errors: [{ message: 'held' }],
    dryRun: false,
  };
  const finished = fact('observation.sync.finished' as EventName, { definition: null, status: { cleanup } });
  await store.apply([{ kind: 'append_event', event: finished, jobId: 'a' }, endOf('completed', 'a')]);
  await store.apply([endOf('partial', 'b'), endOf('cancelled', 'c')]);
  await expect
    .poll(() => memory.runs, { timeout: 20_000 })
    .toMatchObject([
      {
        syncId: 'a',
        success: true,
        ...{ filesTransferred: 2, bytesTransferred: 10, duration: 3.5 },
        cleanup: { ...cleanup, errors: ['held'] },
      },
      { syncId: 'b', success: false },
      { syncId: 'c', success: false },
    ]);
});

test('a fact says the same under the same id, however often it is read; one that only says that it was recovered says nothing', async () => {
  await store.apply([arrive(['a.png', 'b.png'])]);
  const lookup = { reader: store, syncIdOf: async (id: string) => id };
  const wish = { types: ingestTypes, jobs: ['sync'] };
  const ids = async () => {
    const found: string[] = [];
    for (const one of (await store.events({ limit: 1000 })).events) {
      for (const item of await itemsOf(one, wish, lookup)) if (item.kind === 'file') found.push(item.event.id);
    }
    return found;
  };
  const first = await ids();
  expect(first).toHaveLength(2);
  expect(await ids()).toEqual(first);
  const [one] = (await store.events({ name: 'observation.transfer.download.completed' })).events;
  if (one === undefined) throw new Error('no fact');
  expect(await itemsOf({ ...one, data: { recovered: true } }, wish, lookup)).toEqual([]);
});
