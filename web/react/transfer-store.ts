// The store `transfer`: what a host app shows of transfers. Taking one out of it takes it out of view only.

import { create } from 'zustand';
import type { Client } from '../../src/api/client.ts';
import type { TransferProgressView, TransferView } from '../../src/model/views.ts';

/** Where the service stands. `offline`: it connects again by itself. `refused`: the token is not taken, and nothing more is tried. */
export type ServiceState =
  | { readonly kind: 'none' | 'connecting' | 'live' }
  | { readonly kind: 'offline' | 'refused'; readonly why: string };

export interface TransferState {
  /** Newest first, at most 1,000; of those that are over it the finished ones go first. */
  readonly transfers: readonly TransferView[];
  /** Of those that are neither completed, failed nor cancelled. */
  readonly activeCount: number;
  readonly service: ServiceState;
  /** Puts it in, or in the place of what was known of it; what is older than that, or was taken out of view, is left out. */
  upsertTransfer(transfer: TransferView): void;
  /** Out of view, also when more is heard of it; it goes on at the daemon. */
  removeTransfer(id: string): void;
  /** Takes out of view all that are completed. */
  clearCompleted(): void;
  /** Takes all out of view; those that are under way go on. */
  dismissAll(): void;
}

/** A zustand store: `transfer()` and `transfer((state) => …)` in components, `getState` and `subscribe` anywhere. */
export interface TransferStore {
  (): TransferState;
  <Part>(select: (state: TransferState) => Part): Part;
  getState(): TransferState;
  subscribe(listener: (state: TransferState, before: TransferState) => void): () => void;
}

const mostShown = 1_000;
const mostDismissed = 10_000;

const finished: ReadonlySet<TransferView['state']> = new Set(['completed', 'failed', 'cancelled']);

export function isFinished({ state }: Pick<TransferView, 'state'>): boolean {
  return finished.has(state);
}

/** Ids that were taken out of view; the oldest are forgotten, which are finished by then. */
const dismissed = new Set<string>();

function dismiss(ids: Iterable<string>): void {
  for (const id of ids) dismissed.add(id);
  for (const id of dismissed) {
    if (dismissed.size <= mostDismissed) break;
    dismissed.delete(id);
  }
}

/** Newest first, by id: ids are in the order of their making. */
function shown(transfers: readonly TransferView[]): Pick<TransferState, 'transfers' | 'activeCount'> {
  const sorted = transfers.toSorted((one, other) => (one.id < other.id ? 1 : -1));
  const active = sorted.filter((each) => !isFinished(each));
  const room = Math.max(0, mostShown - active.length);
  const kept = new Set([...active.slice(0, mostShown), ...sorted.filter(isFinished).slice(0, room)]);
  return { transfers: sorted.filter((each) => kept.has(each)), activeCount: active.length };
}

const store = create<TransferState>()((set) => ({
  transfers: [],
  activeCount: 0,
  service: { kind: 'none' },
  upsertTransfer: (next) => set(({ transfers }) => upserted(transfers, [next])),
  removeTransfer: (id) => {
    dismiss([id]);
    set(({ transfers }) => shown(transfers.filter((each) => each.id !== id)));
  },
  clearCompleted: () =>
    set(({ transfers }) => {
      dismiss(transfers.filter(({ state }) => state === 'completed').map(({ id }) => id));
      return shown(transfers.filter(({ state }) => state !== 'completed'));
    }),
  dismissAll: () =>
    set(({ transfers }) => {
      dismiss(transfers.map(({ id }) => id));
      return shown([]);
    }),
}));

export const transfer: TransferStore = store;

function upserted(known: readonly TransferView[], rows: readonly TransferView[]): Partial<TransferState> {
  const byId = new Map(known.map((each) => [each.id, each]));
  for (const row of rows) {
    if (dismissed.has(row.id)) continue;
    const had = byId.get(row.id);
    if (had === undefined || had.updatedAt <= row.updatedAt) byId.set(row.id, row);
  }
  return shown([...byId.values()]);
}

/** Many at once, as `upsertTransfer` does one. */
export function upsertAll(rows: readonly TransferView[]): void {
  store.setState(({ transfers }) => upserted(transfers, rows));
}

/** Figures that are newer than the transfer's own; the last value wins. */
export function noteProgress(figures: ReadonlyMap<string, TransferProgressView>): void {
  store.setState(({ transfers }) => ({
    transfers: transfers.map((each) => {
      const live = figures.get(each.id);
      if (live === undefined || each.state !== 'transferring') return each;
      const { bytesDone, sizeBytes, bytesPerSecond, eta, head } = live;
      return {
        ...each,
        bytesDone,
        sizeBytes: sizeBytes ?? each.sizeBytes,
        speedBytesPerSecond: bytesPerSecond,
        eta,
        head,
      };
    }),
  }));
}

export function setService(service: ServiceState): void {
  store.setState({ service });
}

/** Whom the panel asks; set while a service is mounted. */
let client: Client | undefined;

export function setClient(next: Client | undefined): void {
  client = next;
}

export function currentClient(): Client | undefined {
  return client;
}
