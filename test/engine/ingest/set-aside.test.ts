// What a sink will never take is found in its batch, set aside and told of; what follows it comes; it is told again, or dropped, when somebody says so.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createIngest, type Ingest } from '../../../src/engine/ingest.ts';
import { defaultRetryRules } from '../../../src/engine/retry.ts';
import { systemClock, systemRandom } from '../../../src/model/clock.ts';
import { Fault } from '../../../src/model/fault.ts';
import { type IngestEvent, type IngestType, ingestTypes } from '../../../src/model/ingest.ts';
import { type IngestSink, Refused } from '../../../src/sinks/sink.ts';
import { openSqliteStore } from '../../../src/store/sqlite-store.ts';
import type { Change, Store } from '../../../src/store/store.ts';
import { type MemorySink, memorySink } from '../../support/memory-sink.ts';
import { arrivedTransfer, fact, receiptOf } from '../../support/store-values.ts';

const nowhere = () => undefined;
const log = { debug: nowhere, info: nowhere, warn: nowhere, error: nowhere };

let folder: string;
let store: Store;
let ingest: Ingest;
let memory: MemorySink;
/** Names that are refused, with what. */
let refusals: Map<string, () => Error>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wh-aside-'));
  store = await openSqliteStore({ folder, clock: systemClock });
  memory = memorySink();
  refusals = new Map();
  ingest = newIngest();
});
afterEach(async () => {
  await ingest.stop();
  await store.close();
  rmSync(folder, { recursive: true });
});

const newIngest = () =>
  createIngest({
    ...{ store, clock: systemClock, random: systemRandom, log },
    rules: { ...defaultRetryRules, firstDelayMs: 2, mostDelayMs: 5 },
  });
const picky = (): IngestSink => {
  const look = (events: readonly IngestEvent[]) => {
    for (const { metadata } of events) {
      const refusal = refusals.get(String(metadata.relativePath));
      if (refusal !== undefined) throw refusal();
    }
  };
  return {
    ...memory.sink,
    onFileSynced: async (event, call) => {
      look([event]);
      return memory.sink.onFileSynced(event, call);
    },
    onBatchSynced: async (events, call) => {
      look(events);
      return memory.sink.onBatchSynced(events, call);
    },
  };
};
const configure = (types: readonly IngestType[] = ingestTypes) =>
  ingest.configure([
    {
      ...{ name: 'one', kind: 'memory', target: 'memory', from: 'oldest' as const, settings: types },
      wish: { types, jobs: ['sync'] },
      open: picky,
    },
  ]);
const arrive = (names: readonly string[]): Change => {
  const transfers = names.map((name) => arrivedTransfer(name, { mode: 'sync', jobId: 'run-1' }));
  return {
    kind: 'finish_pack',
    transfers,
    receipts: transfers.map((transfer) => receiptOf(transfer)),
    completedEvents: [fact('observation.transfer.download.completed')],
    failedEvents: [],
    expectStates: ['queued'],
  };
};
const names = Array.from({ length: 300 }, (_, at) => `${at}.png`);
const told = () => memory.events.map(({ metadata }) => String(metadata.relativePath));
const sink = async () => {
  const [only] = await ingest.list();
  if (only === undefined) throw new Error('no sink');
  return only;
};
const final = () => new Refused('It holds no such thing.');

for (const types of [ingestTypes, ['file_synced'] as const]) {
  test(`two among many are set aside, with ${types.length} types; they are told again, or dropped`, async () => {
    for (const name of ['7.png', '208.png']) refusals.set(name, final);
    await configure(types);
    await store.apply([arrive(names)]);
    await expect.poll(async () => (await sink()).setAside, { timeout: 30_000 }).toBe(2);
    await expect.poll(() => told().length, { timeout: 30_000 }).toBe(298);
    expect(told()).toEqual(names.filter((name) => !refusals.has(name)));
    const { id } = await sink();
    const aside = await ingest.setAside(id);
    expect(aside.map(({ item, error }) => [item.kind === 'file' && item.event.metadata.relativePath, error])).toEqual([
      ['7.png', expect.objectContaining({ code: 'not_taken', message: 'It holds no such thing.' })],
      ['208.png', expect.objectContaining({ code: 'not_taken' })],
    ]);
    const facts = await store.events({ name: 'observation.sink.*', limit: 100 });
    expect(facts.events.map(({ name, data }) => [name, data.event])).toEqual(
      aside.map((one) => ['observation.sink.set_aside', one.id]),
    );
    expect((await sink()).state).toMatchObject({ delivered: 298, failure: null });

    // Another process finds them again; the receiver takes one of them by now.
    await ingest.stop();
    ingest = newIngest();
    await configure(types);
    refusals.delete('7.png');
    expect(await ingest.replay(id, [])).toEqual({ taken: 1, refused: 1 });
    expect(told().at(-1)).toBe('7.png');
    await expect(ingest.drop(id, ['nothing'])).rejects.toMatchObject({ code: 'not_found' });
    await expect(ingest.replay('no-sink', [])).rejects.toMatchObject({ code: 'not_found' });
    expect(await ingest.drop(id, [aside[1]?.id ?? ''])).toBe(1);
    expect((await sink()).setAside).toBe(0);
    // What comes then, comes.
    await store.apply([arrive(['late.png'])]);
    await expect.poll(() => told().at(-1), { timeout: 30_000 }).toBe('late.png');
    expect(told()).toHaveLength(300);
  });
}

test('the control: what is refused for now waits, however often, and nothing overtakes it', async () => {
  refusals.set('7.png', () => new Fault('not_taken', 'Not now.'));
  await configure(['file_synced']);
  await store.apply([arrive(names.slice(0, 20))]);
  await expect.poll(async () => (await sink()).state.failure?.attempts ?? 0, { timeout: 30_000 }).toBeGreaterThan(12);
  expect((await sink()).setAside).toBe(0);
  expect(told()).toEqual(names.slice(0, 7));
  refusals.clear();
  await expect.poll(told, { timeout: 30_000 }).toEqual(names.slice(0, 20));
});

test('a sink that leaves the configuration takes what it did not take with it', async () => {
  refusals.set('1.png', final);
  await configure();
  await store.apply([arrive(names.slice(0, 3))]);
  await expect.poll(async () => (await sink()).setAside, { timeout: 30_000 }).toBe(1);
  await ingest.configure([]);
  refusals.clear();
  await configure();
  expect((await sink()).setAside).toBe(0);
});
