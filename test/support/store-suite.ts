// What every ledger must do, whatever it is built on: changes, expectations, facts, pages, and what is left after a kill.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EventName, StoredEvent } from '../../src/model/event.ts';
import { pathFromBytes } from '../../src/model/names.ts';
import { type Transfer, type TransferState, transferStates } from '../../src/model/transfer.ts';
import type { Delivery } from '../../src/model/webhook.ts';
import type { Change, EventQuery, Store, TransferQuery } from '../../src/store/store.ts';
import { literalJob, literalRecording } from './literal-transfer.ts';
import { killSuite } from './store-kill-suite.ts';
import { modelSuite } from './store-model-suite.ts';
import {
  arrivedFacts,
  arrivedTransfer,
  fact,
  failedFacts,
  insertion,
  makeTransfer,
  newId,
  pack,
  queuedFact,
  receiptOf,
  update,
} from './store-values.ts';
import type { StoreOpener } from './store-writer.ts';

const rawName = pathFromBytes(Uint8Array.of(0x61, 0xff, 0x2f, 0xc3, 0x28));

/** `opener` is a module with `open(folder)`, so that other processes can open the same ledger. */
export function storeSuite(name: string, opener: URL): void {
  describe(name, () => {
    let open: StoreOpener['open'];
    let folder: string;
    let store: Store;

    beforeAll(async () => {
      open = ((await import(opener.href)) as StoreOpener).open;
    });
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'wherry-store-'));
      store = await open(folder);
    });
    afterEach(async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    });

    const allTransfers = (query: TransferQuery = {}) => everyRow(store, query);
    const allEvents = (query: EventQuery = {}) => everyEvent(store, query);
    const names = (events: readonly StoredEvent[]) => events.map((event) => event.name.replace('observation.', ''));

    async function reopen(): Promise<void> {
      await store.close();
      store = await open(folder);
    }

    describe('manifests', () => {
      const key = { source: rawName, from: '', destination: '/out', to: rawName };

      test('are written folder by folder, read back with names of any bytes, and forgotten as a whole', async () => {
        expect(await store.manifest(key)).toBeUndefined();
        const folders = [
          { path: '', entries: 'a//1//2//x:1' },
          { path: rawName, entries: `${rawName}//1//2//` },
        ];
        await store.apply([{ kind: 'put_manifest', key, folders, at: 1 }]);
        const gone = { path: '', entries: null };
        const other = { ...key, to: 'elsewhere' };
        await store.apply([
          { kind: 'put_manifest', key, folders: [gone], at: 2 },
          { kind: 'put_manifest', key: other, folders: [], at: 3 },
        ]);
        await reopen();
        expect(await store.manifest(key)).toEqual(folders.slice(1));
        expect(await store.manifest(other)).toEqual([]);
        expect(await store.manifests()).toEqual([
          { ...key, updatedAt: 2 },
          { ...other, updatedAt: 3 },
        ]);
        expect(await store.apply([{ kind: 'delete_manifest', key }])).toEqual([{ applied: true }]);
        expect(await store.apply([{ kind: 'delete_manifest', key }])).toEqual([{ applied: false, reason: 'missing' }]);
        expect(await store.manifest(key)).toBeUndefined();
      });

      test('receipts of many paths come in their order, the newest of each', async () => {
        const transfer = arrivedTransfer('a');
        await store.apply([pack([transfer])]);
        const { endpoint, path } = receiptOf(transfer).destination;
        const [found, none] = await store.receiptsAt(endpoint, [path, 'nowhere']);
        expect([found?.transferId, none]).toEqual([transfer.id, null]);
      });

      test('runs of a sync are found by it', async () => {
        const run = literalJob({ id: newId(), kind: 'sync', spec: { definition: 'nightly' } });
        const other = { ...run, id: newId(), spec: { definition: null } };
        await store.apply([run, other].map((job) => ({ kind: 'insert_job' as const, job, events: [] })));
        expect((await store.jobs({ definition: 'nightly' })).rows.map(({ id }) => id)).toEqual([run.id]);
      });
    });

    describe('changes', () => {
      test('an inserted transfer reads back as it was, once', async () => {
        const transfer = makeTransfer({
          source: { endpoint: rawName, path: rawName },
          owner: rawName,
          publishedPath: rawName,
        });
        expect(await store.transfer(transfer.id)).toBeUndefined();
        expect(await store.apply([insertion(transfer)])).toEqual([{ applied: true }]);
        expect(await store.transfer(transfer.id)).toEqual(transfer);
        expect(await store.apply([insertion({ ...transfer, sizeBytes: 9 })])).toEqual([
          { applied: false, reason: 'exists' },
        ]);
        expect(await store.transfer(transfer.id)).toEqual(transfer);
        expect(await allEvents()).toHaveLength(1);
      });

      test('an update needs the row, its fence and its state; the fence is looked at first', async () => {
        const transfer = makeTransfer({ state: 'queued', fence: 3 });
        await store.apply([insertion(transfer, [])]);
        const started = update(
          transfer,
          { state: 'transferring', fence: 4, lease: { node: 'n', fence: 4 } },
          { events: [queuedFact] },
        );
        const refusals = await store.apply([
          update({ ...transfer, id: newId() }, {}, { events: [queuedFact] }),
          update({ ...transfer, fence: 2, state: 'paused' }, {}, { events: [queuedFact] }),
          update({ ...transfer, state: 'paused' }, {}, { events: [queuedFact] }),
        ]);
        expect(refusals).toEqual(['missing', 'fence', 'state'].map((reason) => ({ applied: false, reason })));
        expect(await store.transfer(transfer.id)).toEqual(transfer);
        expect(await allEvents()).toEqual([]);
        expect(await store.apply([started])).toEqual([{ applied: true }]);
        expect(await store.apply([started])).toEqual([{ applied: false, reason: 'fence' }]);
        expect(await allEvents()).toHaveLength(1);
      });

      test('changes of one call are applied in order, and a refused one does not touch the others', async () => {
        const transfer = makeTransfer({ state: 'queued' });
        const results = await store.apply([
          insertion(transfer),
          update(transfer, { state: 'transferring', fence: 1 }),
          update(transfer, { state: 'paused' }),
          update({ ...transfer, state: 'transferring', fence: 1 }, { state: 'failed' }, { events: failedFacts }),
        ]);
        expect(results.map((result) => result.applied)).toEqual([true, true, false, true]);
        expect((await store.transfer(transfer.id))?.state).toBe('failed');
        expect(names(await allEvents())).toEqual(['transfer.queued', 'transfer.download.failed']);
        expect(await store.apply([])).toEqual([]);
      });

      test('many calls at once each get their own results, in one order for all', async () => {
        const transfer = makeTransfer({ state: 'queued', fence: 0 });
        await store.apply([insertion(transfer)]);
        const claims = await Promise.all(
          Array.from({ length: 300 }, (_, index) =>
            store.apply([
              insertion(makeTransfer({ state: 'queued' })),
              update(transfer, { fence: 1, state: 'transferring', lease: { node: `node-${index}`, fence: 1 } }),
            ]),
          ),
        );
        expect(claims.every(([inserted]) => inserted?.applied)).toBe(true);
        expect(claims.filter(([, claimed]) => claimed?.applied)).toHaveLength(1);
        const winner = claims.findIndex(([, claimed]) => claimed?.applied);
        expect((await store.transfer(transfer.id))?.lease?.node).toBe(`node-${winner}`);
        expect((await store.countTransfers()).queued).toBe(300);
      });

      test('a call that cannot be written is refused alone', async () => {
        const hopeless = makeTransfer({ source: { endpoint: '/from', path: 'half \ud800 of a pair' } });
        const good = makeTransfer();
        const [refusal, result] = await Promise.allSettled([
          store.apply([insertion(good, []), insertion(hopeless)]),
          store.apply([insertion(makeTransfer())]),
        ]);
        expect(refusal).toMatchObject({ status: 'rejected', reason: { code: 'invalid' } });
        expect(result).toMatchObject({ status: 'fulfilled' });
        expect(await store.transfer(good.id)).toBeUndefined();
        expect((await allEvents()).length).toBe(1);
      });

      test('jobs are inserted once and updated where the state is as expected', async () => {
        const job = literalJob({ id: newId(), name: rawName, spec: { kind: 'copy', sources: [rawName] } });
        const created = fact('observation.job.created');
        const running = { ...job, state: 'running', startedAt: 5 } as const;
        expect(
          await store.apply([
            { kind: 'insert_job', job, events: [created] },
            { kind: 'insert_job', job, events: [created] },
            { kind: 'update_job', job: running, expect: { state: 'paused' }, events: [created] },
            {
              kind: 'update_job',
              job: running,
              expect: { state: 'pending' },
              events: [fact('observation.job.started')],
            },
            { kind: 'update_job', job: { ...running, planned: true }, events: [] },
            { kind: 'update_job', job: { ...running, id: newId() }, events: [created] },
          ]),
        ).toEqual([
          { applied: true },
          { applied: false, reason: 'exists' },
          { applied: false, reason: 'state' },
          { applied: true },
          { applied: true },
          { applied: false, reason: 'missing' },
        ]);
        expect(await store.job(job.id)).toEqual({ ...running, planned: true });
        expect(await store.job(newId())).toBeUndefined();
        const events = await allEvents({ jobId: job.id });
        expect(events).toMatchObject([
          { name: 'observation.job.created', jobId: job.id, transferId: null, job },
          { name: 'observation.job.started', jobId: job.id, transferId: null, job: running },
        ]);
      });

      test('documents are put, replaced, listed and deleted by collection', async () => {
        const put = (collection: string, key: string, value: unknown) =>
          ({ kind: 'put_document', collection, key, value }) as const;
        await store.apply([
          put('a', 'x', { n: 1 }),
          put('a', rawName, [rawName]),
          put('b', 'x', null),
          put('a', 'x', { n: 2 }),
        ]);
        expect(await store.document('a', 'x')).toEqual({ n: 2 });
        expect(await store.document('a', rawName)).toEqual([rawName]);
        expect(await store.document('b', 'x')).toBeNull();
        expect(await store.document('b', 'y')).toBeUndefined();
        expect((await store.documents('a')).map(({ key }) => key).sort()).toEqual([rawName, 'x'].sort());
        const deletion = { kind: 'delete_document', collection: 'a', key: 'x' } as const;
        expect(await store.apply([deletion, deletion])).toEqual([
          { applied: true },
          { applied: false, reason: 'missing' },
        ]);
        expect(await store.documents('a')).toHaveLength(1);
      });

      test('messages to webhooks are put by id, found by webhook, state and time, and refused in another state', async () => {
        const message = (n: number, more: Partial<Delivery> = {}): Delivery => ({
          ...{
            id: `msg_${n}`,
            webhookId: 'hook',
            type: 'x',
            payload: '{}',
            state: 'pending',
            createdAt: n,
            queuedAt: n,
          },
          ...{ dueAt: n, attempts: 0, last: null, ...more },
        });
        const put = (delivery: Delivery, expected?: Delivery['state'] | 'absent') =>
          store.apply([{ kind: 'put_delivery', delivery, ...(expected === undefined ? {} : { expect: expected }) }]);
        for (const n of [3, 1, 2]) expect(await put(message(n), 'absent')).toEqual([{ applied: true }]);
        await put(message(9, { webhookId: 'other' }));
        expect(await put(message(3), 'absent')).toEqual([{ applied: false, reason: 'state' }]);
        expect((await store.dueDeliveries('hook', 2, 10)).map(({ id }) => id)).toEqual(['msg_1', 'msg_2']);
        const dead = message(1, { state: 'dead', dueAt: null });
        expect(await put(dead, 'delivered')).toEqual([{ applied: false, reason: 'state' }]);
        expect(await put(dead, 'pending')).toEqual([{ applied: true }]);
        expect(await store.delivery('msg_1')).toEqual(dead);
        expect(await store.countDeliveries('hook')).toEqual({ pending: 2, delivered: 0, dead: 1 });
        expect(await store.countDeliveries('hook', 'pending')).toEqual({ pending: 2, delivered: 0, dead: 0 });
        const first = await store.deliveries({ webhookId: 'hook', limit: 2 });
        expect(first.rows.map(({ id }) => id)).toEqual(['msg_2', 'msg_1']);
        const rest = await store.deliveries({ webhookId: 'hook', limit: 2, cursor: first.nextCursor ?? '' });
        expect([rest.rows.map(({ id }) => id), rest.nextCursor]).toEqual([['msg_3'], null]);
        expect((await store.deliveries({ webhookId: 'hook', state: 'dead' })).rows).toEqual([dead]);
        // What waits is kept; what is at rest and old is not.
        await store.apply([{ kind: 'delete_history', before: 0, keepEventsAfter: 100 }]);
        expect((await store.deliveries({ webhookId: 'hook' })).rows.map(({ id }) => id)).toEqual(['msg_2', 'msg_3']);
        await store.apply([{ kind: 'delete_deliveries', webhookId: 'hook' }]);
        expect((await store.deliveries({ webhookId: 'hook' })).rows).toEqual([]);
        expect((await store.deliveries({ webhookId: 'other' })).rows).toHaveLength(1);
      });

      test('a fact can stand alone', async () => {
        const jobId = newId();
        const lone = fact('observation.mount.unreachable', { mountPoint: rawName });
        await store.apply([
          { kind: 'append_event', event: lone },
          { kind: 'append_event', event: fact('observation.watch.created'), jobId },
        ]);
        expect(await allEvents()).toMatchObject([
          { ...lone, transferId: null, jobId: null },
          { name: 'observation.watch.created', jobId },
        ]);
        expect(await allEvents({ jobId })).toHaveLength(1);
      });
    });

    describe('packs', () => {
      test('every file of a pack has its row, its receipt and its own facts', async () => {
        const failed = makeTransfer({ state: 'failed', finishedAt: 5 });
        const files = [arrivedTransfer('a/1'), arrivedTransfer(rawName), failed, arrivedTransfer('a/2')];
        expect(await store.apply([pack(files, new Set([failed]))])).toEqual([{ applied: true }]);
        expect((await store.countTransfers()).completed).toBe(3);
        for (const file of files) {
          expect(await store.transfer(file.id)).toEqual(file);
          const facts = file === failed ? failedFacts : arrivedFacts;
          expect(await allEvents({ transferId: file.id })).toMatchObject(
            facts.map((one) => ({ ...one, transfer: file })),
          );
          expect(await store.receipts({ transferId: file.id })).toEqual(file === failed ? [] : [receiptOf(file)]);
        }
        expect((await allEvents()).map((event) => event.transferId)).toEqual(
          files.flatMap((file) => (file === failed ? [file.id] : [file.id, file.id])),
        );
        expect(await allEvents({ jobId: failed.jobId })).toHaveLength(7);
      });

      test('rows that are there must be in an expected state; the others of the pack are written all the same', async () => {
        const waiting = arrivedTransfer('a/1');
        const moved = arrivedTransfer('a/2');
        const fresh = arrivedTransfer('a/3');
        await store.apply([
          insertion({ ...waiting, state: 'queued', publishedPath: null }, []),
          insertion({ ...moved, state: 'paused' }, []),
        ]);
        const [result] = await store.apply([pack([waiting, moved, fresh])]);
        expect(result).toEqual({ applied: false, reason: 'state', skipped: [moved.id] });
        expect((await store.transfer(moved.id))?.state).toBe('paused');
        expect(await store.receipts({ transferId: moved.id })).toEqual([]);
        expect((await allEvents()).map((event) => event.transferId)).toEqual([
          waiting.id,
          waiting.id,
          fresh.id,
          fresh.id,
        ]);
        expect(await store.countTransfers()).toMatchObject({ queued: 0, paused: 1, completed: 2 });
        const [again] = await store.apply([pack([fresh])]);
        expect(again).toEqual({ applied: false, reason: 'state', skipped: [fresh.id] });
        expect(await allEvents()).toHaveLength(4);
      });

      test('what a pack wrote can be changed, and cannot be inserted again', async () => {
        const failed = makeTransfer({ state: 'failed', finishedAt: 5 });
        const files = [arrivedTransfer('a/1'), failed];
        await store.apply([pack(files, new Set([failed]))]);
        expect(await store.apply(files.map((file) => insertion(file)))).toEqual(
          files.map(() => ({ applied: false, reason: 'exists' })),
        );
        const queued: Transfer = { ...failed, state: 'queued', finishedAt: null };
        expect(await store.apply([update(failed, queued, { events: [queuedFact] })])).toEqual([{ applied: true }]);
        const arrived = arrivedTransfer('a/2', { id: failed.id });
        expect(await store.apply([pack([arrived])])).toEqual([{ applied: true }]);
        expect(names(await allEvents({ transferId: failed.id }))).toEqual([
          'transfer.download.failed',
          'transfer.queued',
          'transfer.download.completed',
          'transfer.completed',
        ]);
        expect(await store.transfer(failed.id)).toEqual(arrived);
        expect((await store.countTransfers()).completed).toBe(2);
      });

      test('a pack of several jobs counts for each', async () => {
        const [one, other] = [newId(), newId()];
        await store.apply([
          pack([
            arrivedTransfer('a', { jobId: one }),
            arrivedTransfer('b', { jobId: other }),
            arrivedTransfer('c', { jobId: one }),
          ]),
        ]);
        expect((await store.countTransfers(one)).completed).toBe(2);
        expect((await store.countTransfers(other)).completed).toBe(1);
        expect(await allEvents({ jobId: other })).toHaveLength(2);
      });

      test('packs, single rows and readers at the same time see each other whole', async () => {
        const paths = Array.from({ length: 12 }, (_, index) => index);
        const written = paths.map(async (index) => {
          const files = Array.from({ length: 50 }, (_, file) => arrivedTransfer(`${index}/${file}`));
          const alone = makeTransfer({ state: 'queued' });
          await Promise.all([store.apply([pack(files)]), store.apply([insertion(alone)])]);
          expect(await store.transfer(files[7]?.id ?? '')).toEqual(files[7]);
          expect(await store.receipts({ source: { endpoint: '/from', path: `${index}/3` } })).toHaveLength(1);
          return files;
        });
        await Promise.all(written);
        expect(await allTransfers({ states: ['completed'] })).toHaveLength(600);
        expect(await store.countTransfers()).toMatchObject({ completed: 600, queued: 12 });
      });
    });

    describe('facts', () => {
      test('are paged without a gap or a repeat, also in the middle of a pack', async () => {
        const files = Array.from({ length: 11 }, (_, index) => arrivedTransfer(`f/${index}`));
        await store.apply([
          insertion(makeTransfer()),
          pack(files),
          insertion(makeTransfer(), [queuedFact, queuedFact]),
        ]);
        const whole = await allEvents();
        expect(whole).toHaveLength(25);
        for (const limit of [1, 2, 7, 25, 1000]) expect(await allEvents({ limit })).toEqual(whole);
        for (const [index, event] of whole.entries()) {
          const { events } = await store.events({ since: event.cursor, limit: 1000 });
          expect(events).toEqual(whole.slice(index + 1));
        }
        const file = files[4];
        expect(await allEvents({ transferId: file?.id ?? '', limit: 1 })).toEqual(
          whole.filter((event) => event.transferId === file?.id),
        );
        expect(new Set(whole.map((event) => event.cursor)).size).toBe(25);
      });

      test('can be read backwards from the newest', async () => {
        const files = Array.from({ length: 5 }, (_, index) => arrivedTransfer(`f/${index}`));
        await store.apply([insertion(makeTransfer()), pack(files), insertion(makeTransfer())]);
        const whole = (await allEvents()).reverse();
        for (const limit of [1, 3, 12, 100]) {
          const found: StoredEvent[] = [];
          for (let before = ''; ; ) {
            const page = await store.events({ before, limit });
            found.push(...page.events);
            if (page.events.length < limit) break;
            before = page.cursor;
          }
          expect(found).toEqual(whole);
        }
      });

      test('can be read by name: facts about no transfer and no job, both ways', async () => {
        const files = Array.from({ length: 3 }, (_, index) => arrivedTransfer(`f/${index}`));
        const loose = (name: EventName, index: number): Change => ({
          kind: 'append_event',
          event: fact(name, { index }),
        });
        await store.apply([
          insertion(makeTransfer()),
          loose('observation.audit.changed', 0),
          loose('observation.config.reloaded', 1),
          pack(files),
          { kind: 'append_event', event: fact('observation.watch.created'), jobId: newId() },
          loose('observation.audit.changed', 2),
        ]);
        const indexes = async (query: EventQuery) =>
          (await store.events(query)).events.map(({ data }) => (data as { index: number }).index);
        expect(await indexes({ name: 'observation.audit.*' })).toEqual([0, 2]);
        expect(await indexes({ name: 'observation.audit.changed', before: '' })).toEqual([2, 0]);
        expect(await indexes({ name: 'observation.config.*' })).toEqual([1]);
        const [newest] = (await store.events({ name: 'observation.audit.*', before: '', limit: 1 })).events;
        expect(await indexes({ name: 'observation.audit.*', before: newest?.cursor ?? '' })).toEqual([2, 0]);
        expect((await allEvents()).length).toBeGreaterThan(3);
      });

      test('a reader that follows while many write sees each fact once, in the order of the commits', async () => {
        const seen: StoredEvent[] = [];
        let told = 0;
        const silence = store.onEvents(() => {
          told += 1;
        });
        const total = 40 * 4;
        const writing = Promise.all(
          Array.from({ length: 40 }, async (_, index) => {
            const transfer = makeTransfer({ state: 'queued' });
            await store.apply([insertion(transfer, [fact('observation.transfer.queued', { index })])]);
            await store.apply([pack([arrivedTransfer(`p/${index}`)])]);
            await store.apply([
              update(transfer, { state: 'paused' }, { events: [fact('observation.transfer.paused', { index })] }),
            ]);
          }),
        );
        let cursor: string | undefined;
        while (seen.length < total) {
          const page = await store.events({ limit: 9, ...(cursor === undefined ? {} : { since: cursor }) });
          seen.push(...page.events);
          cursor = page.cursor;
        }
        await writing;
        expect(seen).toEqual(await allEvents());
        for (let index = 0; index < 40; index++) {
          const own = seen.filter((event) => event.data.index === index).map((event) => event.name);
          expect(own).toEqual(['observation.transfer.queued', 'observation.transfer.paused']);
        }
        expect(told).toBeGreaterThan(0);
        expect(cursor).toBe(await store.eventCursor());
        silence();
        const before = told;
        await store.apply([insertion(makeTransfer())]);
        expect(told).toBe(before);
      });

      test('the cursor handed to listeners and the newest cursor ask for what comes later only', async () => {
        const told: string[] = [];
        store.onEvents((cursor) => told.push(cursor));
        const start = await store.eventCursor();
        await store.apply([insertion(makeTransfer(), [])]);
        expect(told).toEqual([]);
        await store.apply([pack([arrivedTransfer('a')])]);
        expect(await everyEvent(store, { since: start })).toHaveLength(2);
        expect(await everyEvent(store, { since: told[0] ?? '' })).toEqual([]);
        expect(told[0]).toBe(await store.eventCursor());
        expect((await store.events({ transferId: newId() })).cursor).toBe(told[0]);
      });

      test('facts after a cursor are counted, also from within a row of many', async () => {
        const start = await store.eventCursor();
        expect(await store.countEvents(start)).toBe(0);
        await store.apply([pack([arrivedTransfer('a'), arrivedTransfer('b')])]);
        await store.apply([insertion(makeTransfer())]);
        const events = await everyEvent(store, { since: start });
        for (const [at, { cursor }] of events.entries()) {
          expect(await store.countEvents(cursor)).toBe(events.length - at - 1);
        }
        expect(await store.countEvents(start)).toBe(events.length);
        expect(await store.countEvents('')).toBe((await allEvents()).length);
        await expect(store.countEvents('x')).rejects.toMatchObject({ code: 'invalid' });
      });

      test('a cursor that is none, or of another ledger, is refused', async () => {
        const elsewhere = await mkdtemp(join(tmpdir(), 'wherry-store-'));
        const other = await open(elsewhere);
        const foreign = await other.eventCursor();
        await other.close();
        await rm(elsewhere, { recursive: true });
        for (const since of ['x', foreign, 'e1:1:0']) {
          await expect(store.events({ since })).rejects.toMatchObject({ code: 'invalid' });
        }
        for (const limit of [0, -1, 1.5, 1001])
          await expect(store.events({ limit })).rejects.toMatchObject({ code: 'invalid' });
      });
    });

    describe('lists', () => {
      test('every filter gives what it names, forwards and backwards, whatever the size of the page', async () => {
        const [one, other] = [newId(), newId()];
        const rows = Array.from({ length: 60 }, (_, index) =>
          makeTransfer({
            jobId: index % 3 === 0 ? one : other,
            mode: index % 4 === 0 ? 'watch' : 'copy',
            state: transferStates[index % transferStates.length] as TransferState,
          }),
        );
        await store.apply(rows.map((row) => insertion(row, [])));
        const queries: TransferQuery[] = [
          {},
          { jobId: one },
          { jobId: newId() },
          { states: ['queued'] },
          { states: ['queued', 'failed', 'completed'] },
          { states: [] },
          { mode: 'watch' },
          { mode: 'share' },
          { jobId: other, mode: 'copy', states: ['paused', 'waiting'] },
        ];
        for (const query of queries) {
          const expected = rows.filter(
            (row) =>
              (query.jobId === undefined || row.jobId === query.jobId) &&
              (query.mode === undefined || row.mode === query.mode) &&
              (query.states === undefined || query.states.includes(row.state)),
          );
          for (const limit of [1, 7, 100]) {
            expect(await allTransfers({ ...query, limit })).toEqual(expected);
            expect(await allTransfers({ ...query, limit, newestFirst: true })).toEqual(expected.toReversed());
          }
          const page = await store.transfers({ ...query, offset: 3, limit: 5, withTotal: true });
          expect(page.rows).toEqual(expected.slice(3, 8));
          expect(page.total).toBe(expected.length);
        }
      });

      test('pages by cursor neither skip nor repeat while rows come and go', async () => {
        const rows = Array.from({ length: 30 }, () => makeTransfer({ state: 'queued' }));
        await store.apply(rows.map((row) => insertion(row, [])));
        for (const newestFirst of [false, true]) {
          const seen: string[] = [];
          for (let cursor: string | null = ''; cursor !== null; ) {
            const page = await store.transfers({
              limit: 7,
              newestFirst,
              states: ['queued'],
              ...(cursor === '' ? {} : { cursor }),
            });
            seen.push(...page.rows.map((row) => row.id));
            cursor = page.nextCursor;
            await store.apply([
              insertion(makeTransfer({ state: 'paused' }), []),
              insertion(makeTransfer({ id: `00${newId()}`, state: 'queued' }), []),
            ]);
            if (newestFirst) await store.apply([insertion(makeTransfer({ state: 'queued' }), [])]);
          }
          const ids = rows.map((row) => row.id);
          expect(seen.filter((id) => ids.includes(id)).sort()).toEqual(ids);
          expect(new Set(seen).size).toBe(seen.length);
        }
      });

      test('other orders: by change, size and name, ties by id', async () => {
        const shapes: Partial<Transfer>[] = [
          { sizeBytes: 5, updatedAt: 3, source: { endpoint: '/f', path: 'b' } },
          { sizeBytes: null, updatedAt: 9, source: { endpoint: '/f', path: 'c' } },
          { sizeBytes: 5, updatedAt: 1, source: { endpoint: '/f', path: 'a' } },
          { sizeBytes: 2 ** 40, updatedAt: 3, source: { endpoint: '/f', path: 'a' } },
        ];
        const rows = shapes.map((shape) => makeTransfer({ ...shape, state: 'queued' }));
        await store.apply(rows.map((row) => insertion(row, [])));
        const order = async (query: TransferQuery) =>
          (await store.transfers(query)).rows.map((row) => rows.findIndex(({ id }) => id === row.id));
        expect(await order({ orderBy: 'updated' })).toEqual([2, 0, 3, 1]);
        expect(await order({ orderBy: 'size' })).toEqual([0, 2, 3, 1]);
        expect(await order({ orderBy: 'size', newestFirst: true })).toEqual([3, 2, 0, 1]);
        for (const newestFirst of [true, false]) {
          const whole = await order({ orderBy: 'size', newestFirst });
          for (let offset = 0; offset < 4; offset++) {
            expect(await order({ orderBy: 'size', newestFirst, offset, limit: 1 })).toEqual([whole[offset]]);
          }
        }
        expect(await order({ orderBy: 'name', newestFirst: true })).toEqual([1, 0, 3, 2]);
        expect(await order({ orderBy: 'size', newestFirst: true, offset: 1, limit: 2 })).toEqual([2, 0]);
        expect((await store.transfers({ orderBy: 'size', limit: 1 })).nextCursor).toBeNull();
      });

      test('a search finds a part of a source or destination path as it is written, in any case', async () => {
        const paths = [
          '100%/a_b.mov',
          '1000/axb.MOV',
          'Größe/ÉTÉ.txt',
          'it\'s "quoted".txt',
          rawName,
          'back\\slash',
          'x',
        ];
        const rows = paths.map((path) => arrivedTransfer(path));
        const renamed = arrivedTransfer('plain', {
          publishedPath: 'plain (1)',
          destination: { endpoint: '/to', path: 'elsewhere/plain' },
        });
        await store.apply([pack([...rows, renamed])]);
        const found = async (search: string) =>
          (await allTransfers({ search, limit: 2 })).map((row) => row.source.path);
        expect(await found('%')).toEqual(['100%/a_b.mov']);
        expect(await found('A_B')).toEqual(['100%/a_b.mov']);
        expect(await found('.mov')).toEqual(['100%/a_b.mov', '1000/axb.MOV']);
        expect(await found('GRÖSSE')).toEqual([]);
        expect(await found('größe/été')).toEqual(['Größe/ÉTÉ.txt']);
        expect(await found('gro\u0308ße')).toEqual(['Größe/ÉTÉ.txt']);
        expect(await found(`'s "q`)).toEqual(['it\'s "quoted".txt']);
        expect(await found('\\xff/')).toEqual([rawName]);
        expect(await found('K\\S')).toEqual(['back\\slash']);
        expect(await found('plain (1)')).toEqual(['plain']);
        expect(await found('elsewhere/')).toEqual(['plain']);
        expect(await found('nowhere')).toEqual([]);
        expect(await found('')).toHaveLength(8);
        expect(
          await store.transfers({ search: '.mov', limit: 1, withTotal: true, states: ['completed'] }),
        ).toMatchObject({ total: 2 });
        expect(
          (await store.transfers({ search: '.mov', offset: 1, limit: 5 })).rows.map((row) => row.source.path),
        ).toEqual(['1000/axb.MOV']);
        expect(await allTransfers({ search: '.mov', states: ['failed'] })).toEqual([]);
      });

      test('requests that make no sense are refused', async () => {
        const senseless: TransferQuery[] = [
          { limit: 0 },
          { limit: 1001 },
          { limit: Number.NaN },
          { cursor: 'x' },
          { offset: -1 },
          { offset: 1, cursor: (await store.eventCursor()) ?? '' },
        ];
        for (const query of senseless) await expect(store.transfers(query)).rejects.toMatchObject({ code: 'invalid' });
        await expect(store.jobs({ cursor: 'x' })).rejects.toMatchObject({ code: 'invalid' });
        await expect(store.receipts({})).rejects.toMatchObject({ code: 'invalid' });
      });

      test('jobs are paged by state and kind', async () => {
        const jobs = Array.from({ length: 9 }, (_, index) =>
          literalJob({
            id: newId(),
            kind: index % 2 === 0 ? 'copy' : 'watch',
            state: index < 5 ? 'running' : 'completed',
          }),
        );
        await store.apply(jobs.map((job) => ({ kind: 'insert_job', job, events: [] })));
        expect((await store.jobs({})).rows).toEqual(jobs);
        expect((await store.jobs({ states: ['running'], kind: 'copy' })).rows).toEqual([jobs[0], jobs[2], jobs[4]]);
        expect((await store.jobs({ states: [] })).rows).toEqual([]);
        const first = await store.jobs({ limit: 4, newestFirst: true });
        expect(first.rows).toEqual(jobs.slice(5).reverse());
        const second = await store.jobs({ limit: 5, newestFirst: true, cursor: first.nextCursor ?? '' });
        expect(second.rows).toEqual(jobs.slice(0, 5).reverse());
        expect(second.nextCursor).toBeNull();
      });

      test('the queue is by priority, then age, fair between jobs; the due are those whose time has come', async () => {
        const [one, other, third] = [newId(), newId(), newId()];
        const queue = (jobId: string, priority: number, firstQueuedAt: number | null) =>
          makeTransfer({ jobId, priority, firstQueuedAt, state: 'queued' });
        const rows = [
          queue(one, 0, 5),
          queue(one, 0, 1),
          queue(one, 9, 8),
          queue(other, 0, 3),
          queue(third, 0, 2),
          queue(one, 0, 7),
        ];
        const waits = [3, 1, null, 9].map((until) =>
          makeTransfer({ state: 'waiting', waiting: { reason: 'backoff', until } }),
        );
        await store.apply([...rows, ...waits, makeTransfer({ state: 'paused' })].map((row) => insertion(row, [])));
        const [a, b, c, d, e, f] = rows;
        expect(await store.queued({ state: 'queued', limit: 10, perJob: 10 })).toEqual([c, b, e, d, a, f]);
        expect(await store.queued({ state: 'queued', limit: 10, perJob: 2 })).toEqual([c, b, e, d]);
        expect(await store.queued({ state: 'queued', limit: 2, perJob: 10, excludeJobs: [one] })).toEqual([e, d]);
        const toProcess = [queue(one, 0, 4), queue(other, 1, 6)].map((row) =>
          makeTransfer({ ...row, id: newId(), state: 'transferred' }),
        );
        await store.apply(toProcess.map((row) => insertion(row, [])));
        expect(await store.queued({ state: 'transferred', limit: 10, perJob: 10 })).toEqual([
          toProcess[1],
          toProcess[0],
        ]);
        expect(await store.queued({ state: 'queued', limit: 10, perJob: 2 })).toEqual([c, b, e, d]);
        expect(await store.due(3, 10)).toEqual([waits[1], waits[0]]);
        expect(await store.due(3, 1)).toEqual([waits[1]]);
        expect(await store.due(0, 10)).toEqual([]);
      });
    });

    describe('recordings and keys', () => {
      test('a recording is written with the change that completes its transfer, and only with it', async () => {
        const transfer = makeTransfer({ state: 'processing', associateWith: 'flight 7' });
        await store.apply([insertion(transfer, [])]);
        const put = { kind: 'put_recording', recording: literalRecording({ id: transfer.id }) } as const;
        const note = { kind: 'put_document', collection: 'steps', key: transfer.id, value: 1 } as const;
        const completed: Transfer = { ...transfer, state: 'completed' };
        const refused = update({ ...completed, state: 'transferred' }, { state: 'completed' }, { also: [put, note] });
        expect(await store.apply([refused])).toEqual([{ applied: false, reason: 'state' }]);
        expect(await store.recording(transfer.id)).toBeUndefined();
        expect(await store.document('steps', transfer.id)).toBeUndefined();
        await store.apply([update(transfer, completed, { also: [put, note] })]);
        expect(await store.recording(transfer.id)).toEqual(put.recording);
        expect(await store.document('steps', transfer.id)).toBe(1);
      });

      test('recordings are listed by job, device, key and name, page by page', async () => {
        const made = Array.from({ length: 5 }, (_, at) =>
          literalRecording({
            id: newId(),
            name: `Clip ${at}.mp4`,
            associateWith: at % 2 === 0 ? 'flight 7' : null,
            device: at < 3 ? { id: 'card-1', kind: 'mounted', name: 'Card' } : null,
            original: { ...literalRecording().original, path: `/media/Ärzte/Clip ${at}.mp4` },
          }),
        );
        await store.apply(made.map((recording) => ({ kind: 'put_recording', recording })));
        expect((await store.recordings({})).rows).toEqual(made);
        expect((await store.recordings({ associateWith: 'flight 7' })).rows).toEqual([made[0], made[2], made[4]]);
        expect((await store.recordings({ deviceId: 'card-1', search: 'CLIP 1' })).rows).toEqual([made[1]]);
        expect((await store.recordings({ search: 'ärzte' })).rows).toHaveLength(5);
        expect((await store.recordings({ jobId: 'nobody' })).rows).toEqual([]);
        const first = await store.recordings({ limit: 2, newestFirst: true });
        expect(first.rows).toEqual([made[4], made[3]]);
        const second = await store.recordings({ limit: 3, newestFirst: true, cursor: first.nextCursor ?? '' });
        expect(second).toEqual({ rows: [made[2], made[1], made[0]], nextCursor: null });
      });

      test('recordings are picked out by what sort of file they are and when they were recorded', async () => {
        const literal = literalRecording();
        const made = ['a.MP4', 'b.cr3', 'c.wav', 'd', 'e.tar.gz', 'f.mov'].map((name, at) =>
          literalRecording({
            id: newId(),
            name,
            original: { ...literal.original, mtimeMs: at === 3 ? null : at * 1000 },
            createdAt: 9500,
          }),
        );
        await store.apply(made.map((recording) => ({ kind: 'put_recording', recording })));
        const names = async (query: Parameters<Store['recordings']>[0]) =>
          (await store.recordings(query)).rows.map(({ name }) => name);
        expect(await names({ kind: 'video' })).toEqual(['a.MP4', 'f.mov']);
        expect(await names({ kind: 'image' })).toEqual(['b.cr3']);
        expect(await names({ kind: 'audio', newestFirst: true })).toEqual(['c.wav']);
        expect(await names({ kind: 'other' })).toEqual(['d', 'e.tar.gz']);
        expect(await names({ recordedFrom: 1000, recordedUntil: 4000 })).toEqual(['b.cr3', 'c.wav']);
        expect(await names({ recordedFrom: 9500, recordedUntil: 9501 })).toEqual(['d']);
        expect(await names({ kind: 'video', recordedFrom: 1, limit: 1 })).toEqual(['f.mov']);
      });

      test('transfers are listed by their key, with any other filter and order', async () => {
        const key = 'shoot 12';
        const rows = [3, 1, 2].map((sizeBytes) =>
          makeTransfer({ sizeBytes, associateWith: key, state: sizeBytes === 1 ? 'queued' : 'completed' }),
        );
        await store.apply(
          [...rows, makeTransfer({}), makeTransfer({ associateWith: 'other' })].map((row) => insertion(row, [])),
        );
        const [three, one, two] = rows;
        expect(await store.transfers({ associateWith: key, withTotal: true })).toEqual({
          rows,
          nextCursor: null,
          total: 3,
        });
        expect((await store.transfers({ associateWith: key, states: ['completed'] })).rows).toEqual([three, two]);
        expect((await store.transfers({ associateWith: key, orderBy: 'size' })).rows).toEqual([one, two, three]);
        expect((await store.transfers({ associateWith: key, search: 'nowhere' })).rows).toEqual([]);
        const first = await store.transfers({ associateWith: key, limit: 2, withTotal: true });
        const second = await store.transfers({ associateWith: key, cursor: first.nextCursor ?? '', withTotal: true });
        expect([first.rows, second.rows, second.total]).toEqual([[three, one], [two], 3]);
      });
    });

    describe('receipts and paths', () => {
      test('a receipt is found by its transfer, source and destination, and is kept whatever happens later', async () => {
        const arrived = arrivedTransfer('dir/a.bin', { publishedPath: 'dir/a (1).bin', state: 'transferred' });
        const receipt = receiptOf(arrived, { verify: 'far-hash' });
        await store.apply([insertion(arrived, []), update(arrived, {}, { receipt })]);
        const again: Transfer = {
          ...arrived,
          state: 'transferring',
          fence: 1,
          hash: null,
          publishedPath: null,
          sizeBytes: 3,
          identity: null,
        };
        expect((await store.apply([update(arrived, again)]))[0]).toEqual({ applied: true });
        const source = { endpoint: '/from', path: 'dir/a.bin' };
        const destination = { endpoint: '/to', path: 'dir/a (1).bin' };
        for (const query of [{ transferId: arrived.id }, { source }, { destination }, { source, destination }]) {
          expect(await store.receipts(query)).toEqual([receipt]);
        }
        expect(await store.receipts({ source: destination })).toEqual([]);
        expect(await store.receipts({ source: { ...source, endpoint: '/other' } })).toEqual([]);
        expect(await store.receipts({ source, destination: source })).toEqual([]);
        const other = { endpoint: '/from', path: 'b.bin' };
        expect(await store.receipts({ sources: [other, source, { ...source, path: 'a.bin' }] })).toEqual([receipt]);
        expect(await store.receipts({ destinations: [other, destination] })).toEqual([receipt]);
        expect(await store.receipts({ sources: [] })).toEqual([]);
        const second = receiptOf({ ...again, hash: { algorithm: 'sha256', value: 'ab' } }, { at: 9 });
        await store.apply([update(again, { state: 'transferred' }, { receipt: second })]);
        expect(await store.receipts({ transferId: arrived.id })).toEqual([second]);
      });

      test('copies of one source into several places each have a receipt', async () => {
        const copies = ['/to', '/backup'].map((endpoint) =>
          arrivedTransfer('a', { destination: { endpoint, path: 'a' } }),
        );
        await store.apply([pack(copies)]);
        const receipts = await store.receipts({ source: { endpoint: '/from', path: 'a' } });
        expect(receipts.map((receipt) => receipt.destination.endpoint).sort()).toEqual(['/backup', '/to']);
      });

      test('a path is found by its end, whole parts only, newest first', async () => {
        const rows = ['dir/a.mov', 'other/dir/a.mov', 'dir/ba.mov', rawName, 'a.mov'].map((path) =>
          arrivedTransfer(path),
        );
        await store.apply([pack(rows)]);
        const found = async (path: string, limit = 9) =>
          (await store.findByPath(path, limit)).map((row) => rows.findIndex(({ id }) => id === row.id));
        expect(await found('a.mov')).toEqual([4, 1, 0]);
        expect(await found('a.mov', 1)).toEqual([4]);
        expect(await found('dir/a.mov')).toEqual([1, 0]);
        expect(await found('/from/dir/a.mov')).toEqual([0]);
        expect(await found('/to/dir/a.mov/')).toEqual([0]);
        expect(await found('/elsewhere/dir/a.mov')).toEqual([]);
        expect(await found(rawName)).toEqual([3]);
        expect(await found('mov')).toEqual([]);
      });
    });

    describe('keeping', () => {
      test('history is deleted by age: ended transfers, their receipts, jobs without transfers, old facts', async () => {
        const [old, young] = [newId(), newId()];
        const ended = Array.from({ length: 30 }, (_, index) =>
          arrivedTransfer(`old/${index}`, { jobId: old, finishedAt: 10 }),
        );
        const kept = [
          arrivedTransfer('young', { jobId: young, finishedAt: 100 }),
          makeTransfer({ jobId: young, state: 'paused', finishedAt: 10 }),
          makeTransfer({ jobId: young, state: 'queued' }),
        ];
        const jobs = [
          literalJob({ id: old, state: 'completed', finishedAt: 10 }),
          literalJob({ id: young, state: 'partial', finishedAt: 10 }),
        ];
        await store.apply([
          ...jobs.map(
            (job) => ({ kind: 'insert_job', job, events: [fact('observation.job.created', {}, 10)] }) as const,
          ),
          pack(ended, new Set(), [fact('observation.transfer.completed', {}, 10)]),
          ...kept.map((row) => insertion(row, [fact('observation.transfer.queued', {}, 100)])),
        ]);
        expect(await store.apply([{ kind: 'delete_history', before: 50, keepEventsAfter: 50 }])).toEqual([
          { applied: true },
        ]);
        expect(await allTransfers()).toEqual(kept);
        expect((await store.jobs({})).rows.map((job) => job.id)).toEqual([young]);
        expect(await store.receipts({ source: { endpoint: '/from', path: 'old/3' } })).toEqual([]);
        expect(await store.findByPath('3', 5)).toEqual([]);
        expect(names(await allEvents())).toEqual(['transfer.queued', 'transfer.queued', 'transfer.queued']);
        expect(await store.countTransfers()).toMatchObject({ completed: 1, paused: 1, queued: 1 });
        expect((await store.countTransfers(old)).completed).toBe(0);
      });

      test('transfers are deleted one by one where they have ended, and a watch that goes on keeps its own', async () => {
        const job = newId();
        const ended = Array.from({ length: 20 }, (_, index) =>
          arrivedTransfer(`f/${index}`, { jobId: job, finishedAt: 10 }),
        );
        const open = makeTransfer({ jobId: job, state: 'queued' });
        const row = literalJob({ id: job, kind: 'watch', state: 'running', finishedAt: null });
        await store.apply([{ kind: 'insert_job', job: row, events: [] }, pack(ended), insertion(open)]);
        const ids = [...ended.slice(0, 5), open].map((transfer) => transfer.id);
        expect(await store.apply([{ kind: 'delete_transfers', ids: [...ids, newId()] }])).toEqual([{ applied: true }]);
        expect(await allTransfers()).toEqual([...ended.slice(5), open]);
        expect(await store.receipts({ source: { endpoint: '/from', path: 'f/3' } })).toEqual([]);
        expect(await store.countTransfers(job)).toMatchObject({ completed: 15, queued: 1 });
        await store.apply([{ kind: 'delete_history', before: 50, keepEventsAfter: 50 }]);
        expect((await store.countTransfers(job)).completed).toBe(15);
        await store.apply([{ kind: 'update_job', job: { ...row, state: 'cancelled', finishedAt: 10 }, events: [] }]);
        await store.apply([{ kind: 'delete_history', before: 50, keepEventsAfter: 50 }]);
        expect((await store.countTransfers(job)).completed).toBe(0);
      });

      test('a reader whose place was deleted goes on with the oldest fact that is kept, and numbers are never used again', async () => {
        await store.apply([insertion(makeTransfer(), [fact('observation.transfer.queued', { n: 1 }, 10)])]);
        const first = (await allEvents())[0];
        await store.apply([insertion(makeTransfer(), [fact('observation.transfer.queued', { n: 2 }, 20)])]);
        const newest = await store.eventCursor();
        await store.apply([{ kind: 'delete_history', before: 0, keepEventsAfter: 1000 }]);
        await reopen();
        await store.apply([insertion(makeTransfer(), [fact('observation.transfer.queued', { n: 3 }, 30)])]);
        expect((await everyEvent(store, { since: newest })).map((event) => event.data)).toEqual([{ n: 3 }]);
        const later = await everyEvent(store, { since: first?.cursor ?? '' });
        expect(later.at(-1)?.data).toEqual({ n: 3 });
        expect(new Set(later.map((event) => event.cursor)).size).toBe(later.length);
      });

      test('all is there after it was closed and opened again', async () => {
        const files = Array.from({ length: 40 }, (_, index) => arrivedTransfer(`f/${index}`));
        const alone = makeTransfer({ state: 'queued' });
        await store.apply([pack(files), insertion(alone)]);
        const cursor = await store.eventCursor();
        await reopen();
        expect(await store.eventCursor()).toBe(cursor);
        expect(await store.apply([insertion(files[3] as Transfer)])).toEqual([{ applied: false, reason: 'exists' }]);
        expect(await store.apply([pack([files[5] as Transfer])])).toMatchObject([{ skipped: [files[5]?.id] }]);
        expect(await allTransfers()).toEqual([...files, alone]);
        expect(await store.countTransfers()).toMatchObject({ completed: 40, queued: 1 });
        await reopen();
        expect(await allTransfers()).toEqual([...files, alone]);
        expect(await allEvents()).toHaveLength(81);
      });

      test('closing waits for what was asked, and then refuses', async () => {
        const transfer = makeTransfer();
        const written = store.apply([insertion(transfer)]);
        const closing = store.close();
        await expect(store.apply([insertion(makeTransfer())])).rejects.toMatchObject({ code: 'ledger' });
        await expect(store.transfer(transfer.id)).rejects.toMatchObject({ code: 'ledger' });
        await closing;
        await store.close();
        expect(await written).toEqual([{ applied: true }]);
        await reopen();
        expect(await store.transfer(transfer.id)).toEqual(transfer);
      });
    });
  });

  modelSuite(`${name}, against a model in memory`, opener);
  killSuite(`${name}, killed`, opener);
}

/** All rows of a query, page by page. */
export async function everyRow(store: Store, query: TransferQuery): Promise<Transfer[]> {
  const rows: Transfer[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<Store['transfers']>> = await store.transfers(
      cursor === null ? query : { ...query, cursor },
    );
    rows.push(...page.rows);
    if (page.nextCursor === null) return rows;
    cursor = page.nextCursor;
  }
}

/** All facts of a query, page by page. */
export async function everyEvent(store: Store, query: EventQuery): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let since = query.since; ; ) {
    const page = await store.events(since === undefined ? query : { ...query, since });
    events.push(...page.events);
    if (page.events.length === 0) return events;
    since = page.cursor;
  }
}
