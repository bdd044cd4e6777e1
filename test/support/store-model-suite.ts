// Random changes of every kind, also across reopening: the ledger must agree with a model in memory at each step.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Job, jobStates } from '../../src/model/job.ts';
import type { Transfer, TransferState } from '../../src/model/transfer.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { literalJob } from './literal-transfer.ts';
import { type StoreModel, storeModel } from './store-model.ts';
import { everyEvent, everyRow } from './store-suite.ts';
import { anyFacts, anyName, anyTransfer, newId, receiptOf } from './store-values.ts';
import type { StoreOpener } from './store-writer.ts';

/** A change that is made concrete by what the model holds when its turn comes. */
type Maker = (model: StoreModel, jobIds: readonly string[]) => Change | readonly Change[];
type Step =
  | { readonly kind: 'apply'; readonly makers: readonly Maker[] }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'look' };

const draft = anyTransfer(fc.constant(''), fc.constant(''));
const pick = fc.nat({ max: 1000 });

/** An existing transfer, or undefined where there is none yet. */
function existing(model: StoreModel, at: number): Transfer | undefined {
  return [...model.transfers.values()][at % Math.max(1, model.transfers.size)];
}

const inserting = fc.tuple(draft, anyFacts, pick, fc.boolean()).map(([transfer, events, at, isRepeat]): Maker => {
  return (model, jobIds) => {
    const id = isRepeat ? (existing(model, at)?.id ?? newId()) : newId();
    return { kind: 'insert_transfer', transfer: { ...transfer, id, jobId: jobIds[at % jobIds.length] ?? '' }, events };
  };
});

const updating = fc
  .tuple(
    draft,
    anyFacts,
    pick,
    fc.constantFrom('right', 'right', 'right', 'state', 'fence', 'missing'),
    fc.boolean(),
    anyName,
  )
  .map(([changes, events, at, expectation, hasReceipt, name]): Maker => {
    return (model, jobIds) => {
      const old = existing(model, at);
      const transfer: Transfer = {
        ...changes,
        id: expectation === 'missing' || old === undefined ? newId() : old.id,
        jobId: old?.jobId ?? jobIds[0] ?? '',
        mode: old?.mode ?? changes.mode,
      };
      const state = old?.state ?? 'queued';
      const expect = {
        state: expectation === 'state' ? (state === 'queued' ? 'paused' : 'queued') : state,
        fence: (old?.fence ?? 0) + (expectation === 'fence' ? 1 : 0),
      } as const;
      const receipt = receiptOf(transfer, at % 2 === 0 ? {} : { destination: { endpoint: name, path: name } });
      return { kind: 'update_transfer', expect, transfer, events, ...(hasReceipt ? { receipt } : {}) };
    };
  });

const packing = fc
  .tuple(
    fc.array(fc.tuple(draft, pick, fc.constantFrom('new', 'new', 'new', 'existing'), fc.boolean()), {
      minLength: 1,
      maxLength: 6,
    }),
    anyFacts,
    anyFacts,
    fc.boolean(),
  )
  .map(([files, completedEvents, failedEvents, isAtRest]): Maker => {
    return (model, jobIds) => {
      const transfers = new Map<string, { transfer: Transfer; arrived: boolean }>();
      for (const [changes, at, whose, arrived] of files) {
        const old = whose === 'existing' ? existing(model, at) : undefined;
        const state: TransferState = isAtRest ? (arrived ? 'completed' : 'failed') : changes.state;
        const id = old?.id ?? newId();
        const transfer: Transfer = {
          ...changes,
          id,
          state,
          jobId: old?.jobId ?? jobIds[at % jobIds.length] ?? '',
          mode: old?.mode ?? changes.mode,
        };
        transfers.set(id, { transfer, arrived });
      }
      const all = [...transfers.values()];
      return {
        kind: 'finish_pack',
        transfers: all.map(({ transfer }) => transfer),
        receipts: all.map(({ transfer, arrived }) => (arrived ? receiptOf(transfer) : null)),
        completedEvents,
        failedEvents,
        expectStates: ['queued', 'completed', 'paused'],
      };
    };
  });

/** Runs of like changes with the same facts, which a ledger may write together. */
const inBulk = fc
  .tuple(
    draft,
    anyFacts,
    pick,
    fc.boolean(),
    fc.array(fc.constantFrom('right', 'right', 'right', 'fence', 'repeat'), { minLength: 6, maxLength: 12 }),
  )
  .map(([changes, events, at, isInsert, expectations]): Maker => {
    return (model, jobIds) => {
      const jobId = jobIds[at % jobIds.length] ?? '';
      const standing = [...model.transfers.values()].filter((transfer) => transfer.jobId === jobId);
      return expectations.map((expectation, index): Change => {
        const old = standing[(at + index) % Math.max(1, standing.length)];
        if (isInsert || old === undefined) {
          const id = expectation === 'repeat' ? (old?.id ?? newId()) : newId();
          return { kind: 'insert_transfer', transfer: { ...changes, id, jobId }, events };
        }
        const expect = { state: old.state, fence: old.fence + (expectation === 'fence' ? 1 : 0) };
        return { kind: 'update_transfer', expect, transfer: { ...changes, id: old.id, jobId, mode: old.mode }, events };
      });
    };
  });

const jobbing = fc
  .tuple(pick, fc.constantFrom(...jobStates), fc.constantFrom('insert', 'update', 'expect'), anyName, anyFacts)
  .map(([at, state, what, name, events]): Maker => {
    return (model, jobIds) => {
      const id = jobIds[at % jobIds.length] ?? '';
      const job: Job = literalJob({ id, state, name, spec: { name } });
      if (what === 'insert') return { kind: 'insert_job', job, events };
      if (what === 'update') return { kind: 'update_job', job, events };
      return { kind: 'update_job', job, events, expect: { state: model.jobs.get(id)?.state ?? 'running' } };
    };
  });

const documenting = fc.tuple(anyName, fc.jsonValue(), fc.boolean()).map(([key, value, isPut]): Maker => {
  return (_model, [collection = '']) =>
    isPut
      ? { kind: 'put_document', collection, key: key.slice(0, 2).toWellFormed(), value }
      : { kind: 'delete_document', collection, key: key.slice(0, 2).toWellFormed() };
});

const telling = anyFacts.map((events): Maker => {
  return (_model, [jobId = '']) => ({
    kind: 'append_event',
    event: events[0] ?? { name: 'observation.storage.changed', at: 1, data: {} },
    ...(events.length > 1 ? { jobId } : {}),
  });
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc
      .array(
        fc.oneof(
          { weight: 3, arbitrary: inserting },
          { weight: 5, arbitrary: updating },
          { weight: 3, arbitrary: packing },
          { weight: 2, arbitrary: inBulk },
          jobbing,
          documenting,
          telling,
        ),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      .map((makers): Step => ({ kind: 'apply', makers })),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'look' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
);

export function modelSuite(name: string, opener: URL): void {
  describe(name, () => {
    let open: StoreOpener['open'];
    let folder: string;
    let store: Store;
    beforeAll(async () => {
      open = ((await import(opener.href)) as StoreOpener).open;
      folder = await mkdtemp(join(tmpdir(), 'wherry-store-'));
      store = await open(folder);
    });
    afterAll(async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    });

    async function compare(model: StoreModel, jobIds: readonly string[], since: string): Promise<void> {
      const rows = [...model.transfers.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
      for (const jobId of jobIds) {
        expect(await everyRow(store, { jobId, limit: 3 })).toEqual(rows.filter((row) => row.jobId === jobId));
        expect(await store.countTransfers(jobId)).toEqual(model.counts(jobId));
        expect(await store.job(jobId)).toEqual(model.jobs.get(jobId));
      }
      for (const row of rows) {
        expect(await store.transfer(row.id)).toEqual(row);
        const receipt = model.receipts.get(row.id);
        expect(await store.receipts({ transferId: row.id })).toEqual(receipt === undefined ? [] : [receipt]);
        if (receipt !== undefined)
          expect(await store.receipts({ destination: receipt.destination })).toContainEqual(receipt);
        const own = await everyEvent(store, { transferId: row.id, limit: 2 });
        expect(own.map(({ cursor: _, ...fact }) => fact)).toEqual(
          model.facts.filter((fact) => fact.transferId === row.id),
        );
      }
      const facts = await everyEvent(store, { since, limit: 5 });
      expect(facts.map(({ cursor: _, ...fact }) => fact)).toEqual(model.facts);
      for (const [key, value] of model.documents) {
        const [collection = ''] = key.split('\0', 1);
        const document = key.slice(collection.length + 1);
        expect(await store.document(collection, document)).toEqual(value);
      }
    }

    test('every row, count, fact and receipt is as the model says', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
          const model = storeModel();
          const jobIds = [newId(), newId(), newId()];
          const since = await store.eventCursor();
          for (const one of steps) {
            if (one.kind === 'reopen') {
              await store.close();
              store = await open(folder);
            } else if (one.kind === 'look') await compare(model, jobIds, since);
            else {
              const changes: Change[] = [];
              // The model goes ahead, so that a change of this call can build on one before it.
              const expected = one.makers.flatMap((make) => {
                const made = [make(model, jobIds)].flat();
                changes.push(...made);
                return made.map((change) => model.apply(change));
              });
              expect(await store.apply(changes)).toEqual(expected);
            }
          }
          await compare(model, jobIds, since);
        }),
        { numRuns: 30 },
      );
    });
  });
}
