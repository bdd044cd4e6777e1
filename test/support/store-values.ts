// Transfers, jobs, receipts and facts for tests of the ledger, one by one and by property.

import fc from 'fast-check';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import { type EventDraft, type EventName, eventNames } from '../../src/model/event.ts';
import { Fault } from '../../src/model/fault.ts';
import { hashAlgorithms } from '../../src/model/hash.ts';
import { pathFromBytes } from '../../src/model/names.ts';
import type { Receipt } from '../../src/model/receipt.ts';
import { type Transfer, transferStates, waitReasons } from '../../src/model/transfer.ts';
import type { Change } from '../../src/store/store.ts';
import { literalTransfer } from './literal-transfer.ts';

export const newId = idSource(systemClock, systemRandom);

/** With an id of its own. */
export function makeTransfer(changes: Partial<Transfer> = {}): Transfer {
  return literalTransfer({ id: newId(), ...changes });
}

/** As the engine leaves it once it has arrived. */
export function arrivedTransfer(path: string, changes: Partial<Transfer> = {}): Transfer {
  return makeTransfer({
    source: { endpoint: '/from', path },
    destination: { endpoint: '/to', path },
    publishedPath: path,
    state: 'completed',
    phase: 'process',
    sizeBytes: path.length,
    bytesDone: path.length,
    hash: { algorithm: 'xxh128-8m', value: path.length.toString(16).padStart(32, '0') },
    identity: { device: '2049', inode: '18446744073709551615', sizeBytes: path.length, mtimeMs: 1_700_000_000_000.5 },
    finishedAt: 1_700_000_001_000,
    ...changes,
  });
}

export function receiptOf(transfer: Transfer, changes: Partial<Receipt> = {}): Receipt {
  return {
    transferId: transfer.id,
    jobId: transfer.jobId,
    source: transfer.source,
    sourceIdentity: transfer.identity,
    destination: { endpoint: transfer.destination.endpoint, path: transfer.publishedPath ?? transfer.destination.path },
    sizeBytes: transfer.sizeBytes ?? 0,
    hash: transfer.hash ?? { algorithm: 'sha256', value: '00' },
    verify: 'read-back',
    at: 1_700_000_002_000,
    ...changes,
  };
}

export function fact(name: EventName, data: Record<string, unknown> = {}, at = 1_700_000_000_000): EventDraft {
  return { name, at, data };
}

export const queuedFact = fact('observation.transfer.queued');
export const arrivedFacts = [fact('observation.transfer.download.completed'), fact('observation.transfer.completed')];
export const failedFacts = [fact('observation.transfer.download.failed')];

export function insertion(transfer: Transfer, events: readonly EventDraft[] = [queuedFact]): Change {
  return { kind: 'insert_transfer', transfer, events };
}

export function update(
  before: Transfer,
  changes: Partial<Transfer>,
  more: Partial<Pick<Extract<Change, { kind: 'update_transfer' }>, 'events' | 'receipt' | 'also'>> = {},
): Change {
  const { events = [], receipt, also } = more;
  return {
    kind: 'update_transfer',
    expect: { state: before.state, fence: before.fence },
    transfer: { ...before, ...changes },
    events,
    ...(receipt === undefined ? {} : { receipt }),
    ...(also === undefined ? {} : { also }),
  };
}

/** All arrive but those in `failed`. */
export function pack(
  transfers: readonly Transfer[],
  failed: ReadonlySet<Transfer> = new Set(),
  completedEvents: readonly EventDraft[] = arrivedFacts,
): Change {
  return {
    kind: 'finish_pack',
    transfers,
    receipts: transfers.map((transfer) => (failed.has(transfer) ? null : receiptOf(transfer))),
    completedEvents,
    failedEvents: failedFacts,
    expectStates: ['queued'],
  };
}

const time = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000_000 }),
  fc.double({ min: 0.001, max: 4e12, noNaN: true }),
);
const size = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER));
const whole = fc.nat({ max: 1_000_000 });
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { nil: null });

/** Any name that a file system can hold, bytes that are not UTF-8 among them. */
export const anyName = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme', maxLength: 12 }),
  fc.uint8Array({ minLength: 1, maxLength: 12 }).map(pathFromBytes),
  fc.constantFrom(
    'a%b',
    'a_b',
    "it's",
    '"',
    '\\',
    'ÄÖ',
    'Äö',
    '\u2028',
    'a\nb',
    '🗂️',
    pathFromBytes(Uint8Array.of(0xff, 0x2f, 0x41)),
  ),
);
const place = fc.record({ endpoint: anyName, path: anyName });
const hash = fc.record({
  algorithm: fc.constantFrom(...hashAlgorithms),
  value: fc.uint8Array({ minLength: 1, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
});
const identity = fc.record(
  { device: fc.string(), inode: fc.string(), version: fc.string(), sizeBytes: size, mtimeMs: time },
  { requiredKeys: ['sizeBytes', 'mtimeMs'] },
);
const decimal = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const publishing = fc.record({
  partialPath: anyName,
  finalPath: anyName,
  device: decimal,
  inode: decimal,
  sizeBytes: size,
  hash,
});

/** Every field that a transfer has, with whatever it may hold; id and job are the caller's. */
export function anyTransfer(id: fc.Arbitrary<string>, jobId: fc.Arbitrary<string>): fc.Arbitrary<Transfer> {
  const fields: { [Field in keyof Required<Transfer>]: fc.Arbitrary<Required<Transfer>[Field]> } = {
    id,
    jobId,
    mode: fc.constantFrom('copy', 'watch', 'sync', 'offload', 'share'),
    source: place,
    destination: place,
    publishedPath: maybe(anyName),
    sizeBytes: maybe(size),
    mtimeMs: maybe(time),
    fileMode: maybe(fc.nat({ max: 0o7777 })),
    identity: maybe(identity),
    state: fc.constantFrom(...transferStates),
    phase: fc.constantFrom('transfer', 'process'),
    waiting: maybe(fc.record({ reason: fc.constantFrom(...waitReasons), until: maybe(time) })),
    bytesDone: size,
    bytesProcessed: size,
    hash: maybe(hash),
    attempts: whole,
    firstQueuedAt: maybe(time),
    priority: fc.integer({ min: -100, max: 100 }),
    owner: maybe(anyName),
    associateWith: maybe(fc.string({ unit: 'grapheme' })),
    error: maybe(
      anyName.map((name) => new Fault('io', `The file ${name} cannot be read.`, { place: { path: name } }).report()),
    ),
    heartbeatAt: maybe(time),
    lease: maybe(fc.record({ node: anyName, fence: whole })),
    fence: whole,
    publishing: maybe(publishing),
    createdAt: time,
    updatedAt: time,
    startedAt: maybe(time),
    finishedAt: maybe(time),
  };
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Transfer>;
}

export const anyFacts = fc.array(
  fc.record({
    name: fc.constantFrom(...eventNames),
    at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    data: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean(), anyName), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  }),
  { maxLength: 3 },
);
