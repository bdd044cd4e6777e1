// What the page knows of the daemon right now: transfers, jobs, progress and the newest events; bounded, so that it never grows overnight.

import { create } from 'zustand';
import type {
  EventView,
  JobProgressView,
  JobView,
  ProgressView,
  TransferProgressView,
  TransferView,
} from '../../src/model/views.ts';

export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'catching-up' }
  | { readonly kind: 'offline'; readonly sinceMs: number; readonly why: string };

interface LiveState {
  readonly connection: Connection;
  readonly transfers: ReadonlyMap<string, TransferView>;
  readonly progress: ReadonlyMap<string, TransferProgressView>;
  readonly jobs: ReadonlyMap<string, JobView>;
  readonly jobProgress: ReadonlyMap<string, JobProgressView>;
  /** Newest first. */
  readonly events: readonly EventView[];
}

const mostTransfers = 6000;
const mostJobs = 1000;
const mostEvents = 500;

export const useLive = create<LiveState>()(() => ({
  connection: { kind: 'connecting' },
  transfers: new Map(),
  progress: new Map(),
  jobs: new Map(),
  jobProgress: new Map(),
  events: [],
}));

export function setConnection(connection: Connection): void {
  useLive.setState({ connection });
}

/** Rows that were read from the API. What an event has told since is kept where it is newer. */
export function learnTransfers(rows: readonly TransferView[]): void {
  useLive.setState((state) => ({ transfers: merged(state.transfers, rows, mostTransfers) }));
}

export function learnJobs(rows: readonly JobView[]): void {
  useLive.setState((state) => ({ jobs: merged(state.jobs, rows, mostJobs) }));
}

/** One change of the store for a whole batch of what was heard. */
export function hear(events: readonly EventView[], heard: readonly ProgressView[]): void {
  useLive.setState((state) => {
    const transfers = events.flatMap((event) => event.transfer ?? []);
    const jobs = events.flatMap((event) => event.job ?? []);
    const progress = new Map(state.progress);
    const jobProgress = new Map(state.jobProgress);
    for (const each of heard) {
      if (each.transfer !== undefined) progress.set(each.transfer.transferId, each.transfer);
      if (each.job !== undefined) jobProgress.set(each.job.jobId, each.job);
    }
    for (const transfer of transfers) {
      if (transfer.state !== 'transferring' && transfer.state !== 'processing') progress.delete(transfer.id);
    }
    for (const job of jobs) if (job.state !== 'running') jobProgress.delete(job.id);
    return {
      progress: trimmed(progress, mostTransfers),
      jobProgress: trimmed(jobProgress, mostJobs),
      transfers: transfers.length === 0 ? state.transfers : merged(state.transfers, transfers, mostTransfers),
      jobs: jobs.length === 0 ? state.jobs : merged(state.jobs, jobs, mostJobs),
      events: events.length === 0 ? state.events : [...events.toReversed(), ...state.events].slice(0, mostEvents),
    };
  });
}

/** After a long absence the past is read anew instead of being replayed. */
export function forgetAll(): void {
  useLive.setState({ transfers: new Map(), progress: new Map(), jobs: new Map(), jobProgress: new Map() });
}

interface Dated {
  readonly id: string;
  readonly updatedAt: string;
}

function merged<Row extends Dated>(
  known: ReadonlyMap<string, Row>,
  rows: readonly Row[],
  most: number,
): Map<string, Row> {
  const next = new Map(known);
  for (const row of rows) {
    const had = next.get(row.id);
    if (had !== undefined && had.updatedAt > row.updatedAt) continue;
    next.delete(row.id);
    next.set(row.id, row);
  }
  return trimmed(next, most);
}

/** Maps keep the order of insertion: the front is what has been quiet longest. */
function trimmed<Value>(map: Map<string, Value>, most: number): Map<string, Value> {
  if (map.size <= most) return map;
  let surplus = map.size - most;
  for (const key of map.keys()) {
    if (surplus-- <= 0) break;
    map.delete(key);
  }
  return map;
}
