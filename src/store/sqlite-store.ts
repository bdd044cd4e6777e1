// The ledger on SQLite: changes grouped into durable commits by one thread, questions answered by another.

import type { Clock } from '../model/clock.ts';
import { Fault, faultFrom } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Transfer, TransferState } from '../model/transfer.ts';
import { eventCursor } from './cursors.ts';
import type { ApplyReply, UnfoldReply, WireChange } from './ledger-messages.ts';
import type { LedgerReader, ReadName } from './ledger-reader.ts';
import { type LedgerThread, startLedgerThread } from './ledger-thread.ts';
import type { Change, ChangeResult, Store } from './store.ts';
import { toWire } from './wire-changes.ts';

export interface SqliteStoreOptions {
  /** The data folder; made where it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** For a process that may be over in a moment: the calling thread answers at first, until there is much to ask. Default is `false`. */
  readonly beginsHere?: boolean;
}

interface Waiting {
  readonly changes: readonly WireChange[];
  resolve(results: readonly ChangeResult[]): void;
  reject(fault: Fault): void;
}

/** Most calls that share one commit: a group must not hold up whoever comes next. */
const groupCalls = 64;
/** Reads that met a busy writer before a reading thread is started for good. */
const contendedReads = 8;
/** A process that has just begun asks for much at once and is answered at once: only a writer that is busy for so long counts. */
const settledAfterMs = 2000;
const busyMs = 10;
/** Reads that may take long on a large ledger: they never wait for a commit, and no commit for them. */
const longReads = new Set<ReadName>(['transfers', 'events', 'findByPath', 'recordings', 'manifest']);

/** Only these states can be folded. */
const atRest = new Set<TransferState>(['completed', 'failed', 'cancelled']);

/**
 * Resolves once the ledger can be used: a new one is made, an older one brought up to date. Rejects with `data_in_use` where another
 * process (or this one) has the folder open, and with `ledger` where it cannot be opened or was written by a newer Wherry.
 */
export async function openSqliteStore({ folder, clock, beginsHere }: SqliteStoreOptions): Promise<Store> {
  const writer = await openWriter(folder, clock.now(), beginsHere === true);
  const openedAt = performance.now();
  const listeners = new Set<(cursor: string) => void>();
  const queue: Waiting[] = [];
  let committing: Promise<void> | undefined;
  let reader: LedgerThread | undefined;
  let readerStart: Promise<void> | undefined;
  let contended = 0;
  let foldedPacks = writer.foldedPacks;
  let newestEvent = Number.MAX_SAFE_INTEGER;
  let closed: Promise<void> | undefined;

  const closedFault = (): Fault => new Fault('ledger', `The ledger in ${displayPath(folder)} has been closed.`);

  async function commitQueue(): Promise<void> {
    // What is asked for within one turn of the event loop shares the first commit; later calls gather while it is written.
    await undefined;
    while (queue.length > 0) {
      const group = queue.splice(0, groupCalls);
      try {
        const reply = (await writer.ask({ kind: 'apply', calls: group.map(({ changes }) => changes) })) as ApplyReply;
        settleGroup(group, reply);
      } catch (error) {
        for (const { reject } of group) reject(error as Fault);
      }
    }
    committing = undefined;
  }

  function settleGroup(group: readonly Waiting[], { outcomes, newest, foldedPacks: nowFolded }: ApplyReply): void {
    foldedPacks = nowFolded;
    group.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) reject(new Fault('internal', 'The ledger lost an answer.'));
      else if ('fault' in outcome) reject(faultFrom(outcome.fault));
      else resolve(outcome.results);
    });
    if (newest === null) return;
    newestEvent = newest.seq;
    const cursor = eventCursor(writer.ledgerId, newest);
    for (const listener of listeners) listener(cursor);
  }

  async function apply(changes: readonly Change[]): Promise<readonly ChangeResult[]> {
    if (closed !== undefined) throw closedFault();
    if (changes.length === 0) return [];
    const wire = toWire(changes);
    for (const change of changes) {
      if (change.kind !== 'delete_history') continue;
      const { before, keepEventsAfter } = change;
      await unfold();
      while ((await writer.ask({ kind: 'delete_history', before, keepEventsAfter })) === true) {
        // Other calls get their turn between two parts.
      }
    }
    return new Promise((resolve, reject) => {
      queue.push({ changes: wire, resolve, reject });
      committing ??= commitQueue();
    });
  }

  function threadFor(name: ReadName): LedgerThread {
    if (reader !== undefined) return reader;
    if (writer.busyForMs > (performance.now() - openedAt < settledAfterMs ? busyMs : 0)) {
      contended += longReads.has(name) ? contendedReads : 1;
      if (contended >= contendedReads) {
        readerStart ??= startLedgerThread({ role: 'reader', folder, nowMs: clock.now() }).then((thread) => {
          reader = thread;
        });
        // Until it is there, and if it cannot be, the writer answers.
        readerStart.catch(() => undefined);
      }
    }
    return writer;
  }

  function read<Name extends ReadName>(
    name: Name,
  ): (...input: Parameters<LedgerReader[Name]>) => Promise<ReturnType<LedgerReader[Name]>> {
    return async (...input) => {
      if (closed !== undefined) throw closedFault();
      return (await threadFor(name).ask({ kind: 'read', name, input })) as ReturnType<LedgerReader[Name]>;
    };
  }

  /** Gives rows to what is folded now; packs that come meanwhile can wait. */
  async function unfold(): Promise<void> {
    const upTo = newestEvent;
    for (let more = foldedPacks > 0; more; ) {
      const reply = (await writer.ask({ kind: 'unfold', upTo })) as UnfoldReply;
      foldedPacks = reply.foldedPacks;
      more = reply.more;
    }
  }

  /** For reads that go by the rows of transfers: folded packs get theirs first. */
  function readRows<Name extends ReadName>(
    name: Name,
    mayMiss: (...input: Parameters<LedgerReader[Name]>) => boolean = () => true,
  ): (...input: Parameters<LedgerReader[Name]>) => Promise<ReturnType<LedgerReader[Name]>> {
    const ask = read(name);
    return async (...input) => {
      if (closed === undefined && mayMiss(...input)) await unfold();
      return ask(...input);
    };
  }

  async function transfer(id: string): Promise<Transfer | undefined> {
    // Mostly asked for one that is under way, which is never folded.
    const found = await read('transfer')(id);
    return found !== undefined || foldedPacks === 0 ? found : readRows('transfer')(id);
  }

  async function closeAll(): Promise<void> {
    await committing;
    await readerStart?.catch(() => undefined);
    if (reader !== undefined) {
      await reader.ask({ kind: 'close' });
      await reader.end();
    }
    try {
      await writer.ask({ kind: 'close' });
    } finally {
      await writer.end();
    }
  }

  return {
    apply,
    onEvents: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    transfer,
    transfers: readRows('transfers', ({ states }) => states === undefined || states.some((state) => atRest.has(state))),
    countTransfers: read('countTransfers'),
    jobsWithOpenTransfers: read('jobsWithOpenTransfers'),
    job: read('job'),
    jobs: read('jobs'),
    events: readRows('events', ({ transferId }) => transferId !== undefined),
    eventCursor: read('eventCursor'),
    countEvents: read('countEvents'),
    receipts: readRows('receipts'),
    receiptsAt: readRows('receiptsAt'),
    manifest: read('manifest'),
    manifests: read('manifests'),
    findByPath: readRows('findByPath'),
    document: read('document'),
    documents: read('documents'),
    recording: read('recording'),
    recordings: read('recordings'),
    delivery: read('delivery'),
    deliveries: read('deliveries'),
    countDeliveries: read('countDeliveries'),
    dueDeliveries: read('dueDeliveries'),
    queued: read('queued'),
    due: read('due'),
    close: () => {
      closed ??= closeAll();
      return closed;
    },
  };
}

async function openWriter(folder: string, nowMs: number, here: boolean): Promise<LedgerThread> {
  if (!here) return startLedgerThread({ role: 'writer', folder, nowMs });
  const { openLedgerHere } = await import('./ledger-here.ts');
  return openLedgerHere(folder, nowMs);
}
