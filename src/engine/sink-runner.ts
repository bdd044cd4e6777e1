// One sink while the daemon runs: reads the facts after its cursor, tells the sink, and moves the cursor once the sink has taken them.

import type { Clock, Random } from '../model/clock.ts';
import type { StoredEvent } from '../model/event.ts';
import { asFault, Fault, type FaultReport } from '../model/fault.ts';
import type { IngestEvent, IngestItem, IngestWish } from '../model/ingest.ts';
import { displayPath } from '../model/names.ts';
import type { IngestSink } from '../sinks/sink.ts';
import { NotTaken } from '../sinks/webhook.ts';
import type { Change, Store } from '../store/store.ts';
import type { EngineLog } from './engine-parts.ts';
import { type IngestLookup, itemsOf } from './ingest-items.ts';
import { backoffMs, type RetryRules } from './retry.ts';
import {
  dropAside,
  isFinal,
  itemId,
  mostAside,
  putAside,
  refusalsUntilAside,
  type SetAside,
  setAsideOf,
} from './set-aside.ts';

/** What the ledger keeps of a sink. */
export interface SinkRecord {
  readonly name: string;
  /** Facts up to here are taken, or of no interest to it. */
  readonly cursor: string;
  /** How many of the things that follow the cursor it has taken already. */
  readonly taken: number;
  readonly createdAt: number;
  /** Events of files that it has taken in all. */
  readonly delivered: number;
  readonly lastAt: number | null;
  /** Since when it has been behind, where that was told. */
  readonly behindSince: number | null;
}

export interface SinkState extends SinkRecord {
  /** The last attempt that failed, where none has succeeded since. */
  readonly failure: {
    readonly at: number;
    readonly attempts: number;
    readonly nextTryAt: number;
    readonly error: FaultReport;
  } | null;
  /** When the oldest fact happened that it has not taken; null where it has all that was read. */
  readonly oldestAt: number | null;
}

export interface SinkRunner {
  readonly state: SinkState;
  /** Takes up what is new, unless it is at work or waits after a failure. */
  wake(): void;
  /** Tries again now, however long it was to wait. */
  tryNow(): void;
  /** Tells once more what was set aside; resolves with how many of them the sink has taken now. */
  replay(those: readonly SetAside[]): Promise<number>;
  /** Resolves when nothing of it runs any more, or the sink did not come back in time; its cursor stands where the sink has taken all before. */
  stop(): Promise<void>;
}

export interface SinkRunnerParts {
  readonly store: Pick<Store, 'events' | 'apply' | 'documents'>;
  readonly lookup: IngestLookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EngineLog;
  readonly rules: RetryRules;
  /** How long one call of a sink may take. Default is two minutes. */
  readonly callMs?: number;
  /** How long a sink may take to come back when it is told to stop. Default is 5 s. */
  readonly patienceMs?: number;
}

export const sinkCollection = 'sinks';
export const mostInBatch = 500;
/** So many failures in a row are told as an event; fewer are a hiccup. */
const toldAfter = 3;
/** A page in which nothing was wanted is noted this seldom: it would only be read again. */
const notedPages = 10;
const mostHoldMs = 24 * 3_600_000;

export function putSink(id: string, record: SinkRecord): Change {
  const { name, cursor, taken, createdAt, delivered, lastAt, behindSince } = record;
  const value: SinkRecord = { name, cursor, taken, createdAt, delivered, lastAt, behindSince };
  return { kind: 'put_document', collection: sinkCollection, key: id, value };
}

/** One thing to tell, with where the cursor stands when it is taken. */
interface Ready {
  readonly item: IngestItem;
  readonly at: number;
  /** The fact's own cursor where it is the last thing of it, else the one before, and how many of the fact are then taken. */
  readonly cursor: string;
  readonly taken: number;
}

/** Works until it is stopped. Facts are told in order, each at least once, and none before those that were before it. */
export function createSinkRunner(
  parts: SinkRunnerParts,
  {
    id,
    sink,
    wish,
    record,
  }: {
    readonly id: string;
    readonly sink: IngestSink;
    readonly wish: IngestWish;
    readonly record: SinkRecord;
  },
): SinkRunner {
  const { store, clock, random, log, rules } = parts;
  const ending = new AbortController();
  let state: SinkState = { ...record, failure: null, oldestAt: null };
  let news = Promise.withResolvers<void>();
  let hasNews = true;
  let pause: AbortController | undefined;

  const wake = () => {
    hasNews = true;
    news.resolve();
  };
  const isOver = () => ending.signal.aborted;

  /** Moves on, in the ledger first: else facts would be passed over. */
  const note = async (change: Partial<SinkRecord>, more: readonly Change[] = []) => {
    const next = { ...state, ...change };
    await store.apply([putSink(id, next), ...more]);
    state = next;
  };

  /** The facts after the cursor as things to tell, and where the cursor stands after them. */
  const read = async (): Promise<{ ready: Ready[]; cursor: string; isEnd: boolean }> => {
    const { events, cursor } = await store.events({ since: state.cursor, limit: mostInBatch });
    const ready: Ready[] = [];
    let before = state.cursor;
    for (const fact of events) {
      const items = await itemsOf(fact, wish, parts.lookup);
      for (const [index, item] of items.entries()) {
        if (before === state.cursor && index < state.taken) continue;
        const isLast = index === items.length - 1;
        const then = isLast ? { cursor: fact.cursor, taken: 0 } : { cursor: before, taken: index + 1 };
        ready.push({ item, at: fact.at, ...then });
      }
      before = fact.cursor;
    }
    return { ready, cursor, isEnd: events.length < mostInBatch };
  };

  /** Rejects with a Fault where the sink does, or does not come back in time. */
  const call = async <Value>(work: (signal: AbortSignal) => Promise<Value>): Promise<Value> => {
    const limitMs = parts.callMs ?? 120_000;
    const late = new AbortController();
    const signal = AbortSignal.any([ending.signal, late.signal]);
    const gone = Promise.withResolvers<never>();
    const leave = () => gone.reject(asFault(signal.reason));
    const timer = setTimeout(() => {
      late.abort(new Fault('timeout', `The sink ${state.name} did not come back within ${limitMs / 1000} s.`));
      leave();
    }, limitMs);
    // A sink that heeds the signal comes back by itself; one that does not is left behind.
    let patience: NodeJS.Timeout | undefined;
    const onEnd = () => {
      patience = setTimeout(leave, parts.patienceMs ?? 5_000);
    };
    ending.signal.addEventListener('abort', onEnd);
    try {
      return await Promise.race([work(signal), gone.promise]);
    } finally {
      clearTimeout(timer);
      clearTimeout(patience);
      ending.signal.removeEventListener('abort', onEnd);
      gone.promise.catch(() => undefined);
    }
  };

  /** One call after the other, whoever it is for. */
  let line: Promise<unknown> = Promise.resolve();
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const mine = line.then(work);
    line = mine.catch(() => undefined);
    return mine;
  };

  /** How many of the first were taken; `most` are told at once. */
  const tell = async (ready: readonly { readonly item: IngestItem }[], most: number): Promise<number> => {
    const [first] = ready;
    if (first === undefined) return 0;
    if (first.item.kind === 'complete') {
      const { syncId, summary } = first.item;
      return (await call((signal) => sink.onSyncComplete(syncId, summary, { signal }))) === true ? 1 : 0;
    }
    const events = filesAtHead(ready, most);
    if (!wish.types.includes('batch_synced')) {
      const [event] = events as [IngestEvent];
      return (await call((signal) => sink.onFileSynced(event, { signal }))) === true ? 1 : 0;
    }
    const count = await call((signal) => sink.onBatchSynced(events, { signal }));
    return Number.isInteger(count) && count > 0 ? Math.min(count, events.length) : 0;
  };

  /** How much is told at once: less while it is looked for what the sink does not take. */
  let atOnce = mostInBatch;
  /** Final refusals in a row of what is told next. */
  let refusals = 0;

  const deliver = async (ready: Ready[]): Promise<void> => {
    while (ready.length > 0 && !isOver()) {
      state = { ...state, oldestAt: ready[0]?.at ?? null };
      let fault: Fault | undefined;
      let isRefusal = false;
      let count = 0;
      try {
        count = await inTurn(() => tell(ready, atOnce));
        if (count === 0) fault = new Fault('not_taken', `The sink ${state.name} did not take what it was told.`);
      } catch (error) {
        isRefusal = isFinal(error);
        fault = faultOf(error, state.name);
      }
      if (fault !== undefined) {
        if (isOver()) return;
        if (!(await narrowedOrAside(ready, fault, isRefusal))) await failed(fault);
        continue;
      }
      refusals = 0;
      atOnce = Math.min(mostInBatch, atOnce * 2);
      const taken = ready.splice(0, count);
      const last = taken.at(-1);
      if (last === undefined) continue;
      const { cursor, taken: within } = last;
      const files = taken.filter(({ item }) => item.kind === 'file').length;
      // Also while it ends: what the sink has taken need not be told again.
      await note({ cursor, taken: within, delivered: state.delivered + files, lastAt: clock.now() });
      state = { ...state, failure: null };
    }
  };

  /** After a final refusal: finds out which one is meant, or sets it aside. True where it is to be gone on at once. */
  const narrowedOrAside = async (ready: Ready[], fault: Fault, isRefusal: boolean): Promise<boolean> => {
    const told = wish.types.includes('batch_synced') ? toldAtOnce(ready, atOnce) : 1;
    if (!isRefusal) {
      refusals = 0;
      return false;
    }
    if (told > 1) {
      atOnce = Math.ceil(Math.min(atOnce, told) / 2);
      return true;
    }
    refusals += 1;
    const [first] = ready;
    if (refusals < refusalsUntilAside || first === undefined) return false;
    if ((await setAsideOf(store, id)).length >= mostAside) return false;
    const now = clock.now();
    const { item, at: happenedAt, cursor, taken } = first;
    const error = fault.report();
    const one: SetAside = { id: itemId(item), sinkId: id, item, happenedAt, setAsideAt: now, error };
    log.warn({ sink: state.name, event: one.id, fault: error }, 'A sink will not take this; it is set aside');
    await note({ cursor, taken }, [putAside(one), fact('observation.sink.set_aside', { event: one.id, error }, now)]);
    ready.shift();
    refusals = 0;
    state = { ...state, failure: null };
    return true;
  };

  const replay = async (those: readonly SetAside[]): Promise<number> => {
    let taken = 0;
    for (const one of those) {
      try {
        const count = await inTurn(() => tell([one], 1));
        if (count === 0) throw new Fault('not_taken', `The sink ${state.name} did not take what it was told.`);
        const files = one.item.kind === 'file' ? 1 : 0;
        await note({ delivered: state.delivered + files, lastAt: clock.now() }, [dropAside(one)]);
        taken += 1;
      } catch (error) {
        await store.apply([putAside({ ...one, error: faultOf(error, state.name).report() })]);
      }
    }
    return taken;
  };

  /** Notes a failure, tells of the third in a row, and waits. */
  const failed = async (fault: Fault): Promise<void> => {
    const now = clock.now();
    const attempts = (state.failure?.attempts ?? 0) + 1;
    const asked = fault instanceof NotTaken ? (fault.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(backoffMs(attempts, random.next(), rules), Math.min(asked, mostHoldMs));
    const error = fault.report();
    state = { ...state, failure: { at: now, attempts, nextTryAt: now + waitMs, error } };
    log.warn({ sink: state.name, attempts, fault: error }, 'A sink did not take what it was told; it is told again');
    if (attempts >= toldAfter && state.behindSince === null) {
      const since = state.oldestAt ?? now;
      await note({ behindSince: since }, [fact('observation.sink.behind', { since, error }, now)]);
    }
    pause = new AbortController();
    await clock.sleep(waitMs, AbortSignal.any([pause.signal, ending.signal])).catch(() => undefined);
    pause = undefined;
  };

  const fact = (name: StoredEvent['name'], data: object, at: number): Change => ({
    kind: 'append_event',
    event: { name, at, data: { sinkId: id, name: state.name, ...data } },
  });

  const caughtUp = async () => {
    state = { ...state, oldestAt: null };
    const { behindSince } = state;
    if (behindSince === null) return;
    const now = clock.now();
    await note({ behindSince: null }, [fact('observation.sink.recovered', { since: behindSince }, now)]);
  };

  const work = async (): Promise<void> => {
    let unnoted = 0;
    while (!isOver()) {
      if (!hasNews) await news.promise;
      if (isOver()) return;
      hasNews = false;
      news = Promise.withResolvers();
      for (let isEnd = false; !isEnd && !isOver(); ) {
        const page = await read();
        await deliver(page.ready);
        if (isOver()) return;
        unnoted += 1;
        // Facts that are of no interest are passed over without a write, but for now and then.
        if (unnoted >= notedPages || state.taken > 0) {
          await note({ cursor: page.cursor, taken: 0 });
          unnoted = 0;
        } else state = { ...state, cursor: page.cursor };
        isEnd = page.isEnd;
      }
      await caughtUp();
    }
  };

  const keepWorking = async () => {
    while (!isOver()) {
      try {
        await work();
      } catch (error) {
        if (isOver()) return;
        // The ledger is to blame: the sink's own failures are met where it is told.
        const report = asFault(error).report();
        log.error(
          { sink: state.name, fault: report },
          'What a sink is to be told could not be read; it is tried again',
        );
        hasNews = true;
        await clock.sleep(rules.mostDelayMs, ending.signal).catch(() => undefined);
      }
    }
  };
  const working = keepWorking();

  return {
    get state() {
      return state;
    },
    wake,
    replay,
    tryNow: () => {
      pause?.abort();
      wake();
    },
    stop: async () => {
      ending.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      wake();
      await working;
      const closing = Promise.resolve(sink.close?.()).catch(() => undefined);
      const waited = new AbortController();
      await Promise.race([closing, clock.sleep(parts.patienceMs ?? 5_000, waited.signal).catch(() => undefined)]);
      waited.abort();
    },
  };
}

/** Events of files up to the next end of a run. */
function filesAtHead(ready: readonly { readonly item: IngestItem }[], most: number): readonly IngestEvent[] {
  const events: IngestEvent[] = [];
  for (const { item } of ready.slice(0, most)) {
    if (item.kind !== 'file') break;
    events.push(item.event);
  }
  return events;
}

/** Of a run's end, one. */
function toldAtOnce(ready: readonly Ready[], most: number): number {
  return Math.max(1, filesAtHead(ready, most).length);
}

/** What a sink throws that is not of ours says that it did not take what it was told, whatever it is. */
function faultOf(error: unknown, name: string): Fault {
  if (error instanceof Fault) return error;
  const why = displayPath(error instanceof Error ? error.message : String(error)).slice(0, 500);
  return new Fault('not_taken', `The sink ${name}: ${why}`, { cause: error });
}
