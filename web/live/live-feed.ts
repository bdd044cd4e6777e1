// Keeps the page in step with the daemon: hears events, catches up by cursor after a break, starts afresh after a long one.

import type { Client, LiveItem } from '../../src/api/client.ts';
import { asFault } from '../../src/model/fault.ts';
import type { EventView, ProgressView } from '../../src/model/views.ts';
import { liveBySocket } from './live-socket.ts';
import { forgetAll, hear, setConnection, useLive } from './live-store.ts';

/** What was heard together; `afresh` when the past was skipped and everything shown must be read again. */
export interface Batch {
  readonly events: readonly EventView[];
  readonly progress: readonly ProgressView[];
  readonly afresh: boolean;
}

const batchMs = 100;
/** While facts pour in, the page shows them in larger bites and leaves the machine to what moves the files. */
const pouringBatchMs = 400;
const pouringEvents = 50;
/** Beyond this, reading the present is cheaper than replaying the past. */
const longAbsenceMs = 120_000;

const listeners = new Set<(batch: Batch) => void>();

/** Called after the store has changed. Returns how to stop listening. */
export function onBatch(listener: (batch: Batch) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Called when the page is live again after a break: what failed meanwhile is worth asking for again. Returns how to stop listening. */
export function onReconnect(listener: () => void): () => void {
  return useLive.subscribe(({ connection }, before) => {
    if (connection.kind === 'live' && ['offline', 'catching-up'].includes(before.connection.kind)) listener();
  });
}

function tell(batch: Batch): void {
  for (const listener of listeners) listener(batch);
}

/** Runs until the signal is aborted. `onRefused` is called where the daemon says that nobody is signed in any more. */
export async function followDaemon(client: Client, signal: AbortSignal, onRefused: () => void): Promise<void> {
  let cursor: string | undefined;
  let lastHeardMs = Date.now();
  while (!signal.aborted) {
    const round = new AbortController();
    const stop = () => round.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (cursor === undefined) cursor = (await client.call('getOverview', {}, { signal })).cursor;
      for await (const item of follow(cursor, round.signal)) {
        if (item.kind === 'lost') {
          markOffline(item.error.message);
        } else {
          const wakeMs = Date.now();
          if (item.kind === 'ready' && wakeMs - lastHeardMs > longAbsenceMs) {
            cursor = undefined;
            break;
          }
          lastHeardMs = wakeMs;
          if (item.kind === 'event') cursor = item.event.cursor;
        }
      }
      if (cursor === undefined) {
        forgetAll();
        tell({ events: [], progress: [], afresh: true });
        lastHeardMs = Date.now();
      }
    } catch (error) {
      if (signal.aborted) return;
      const fault = asFault(error);
      if (fault.code === 'not_authenticated') {
        onRefused();
        return;
      }
      // An unknown cursor (history was cleaned, or another daemon answers) is refused: the present is read instead.
      if (fault.code === 'invalid' || fault.code === 'not_found') cursor = undefined;
      markOffline(fault.message);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    } finally {
      signal.removeEventListener('abort', stop);
      round.abort();
    }
  }
}

/** The stream's items, with events and progress also gathered into batches for the store. */
async function* follow(since: string, signal: AbortSignal): AsyncIterable<LiveItem> {
  let events: EventView[] = [];
  let progress: ProgressView[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitMs = batchMs;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (useLive.getState().connection.kind === 'catching-up') setConnection({ kind: 'live' });
    const batch = { events, progress, afresh: false };
    waitMs = events.length > pouringEvents ? pouringBatchMs : batchMs;
    events = [];
    progress = [];
    hear(batch.events, batch.progress);
    tell(batch);
  };
  for await (const item of liveBySocket(since, signal)) {
    yield item;
    if (item.kind === 'ready') {
      setConnection({ kind: useLive.getState().connection.kind === 'offline' ? 'catching-up' : 'live' });
      timer ??= setTimeout(flush, batchMs);
    }
    if (item.kind === 'event') events.push(item.event);
    if (item.kind === 'progress') progress.push(item.progress);
    if (events.length > 0 || progress.length > 0) {
      if (events.length >= 5000) flush();
      else timer ??= setTimeout(flush, waitMs);
    }
  }
  flush();
}

function markOffline(why: string): void {
  const { connection } = useLive.getState();
  if (connection.kind !== 'offline') setConnection({ kind: 'offline', sinceMs: Date.now(), why });
}
