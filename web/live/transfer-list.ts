// One filtered, ordered list of transfers as the page shows it: pages come from the daemon as they are scrolled to, events patch what stands.

import type { Client } from '../../src/api/client.ts';
import type { Fault } from '../../src/model/fault.ts';
import { asFault } from '../../src/model/fault.ts';
import type { Mode, TransferState } from '../../src/model/transfer.ts';
import type { EventView, TransferView } from '../../src/model/views.ts';
import type { Batch } from './live-feed.ts';
import { learnTransfers } from './live-store.ts';
import type { RowIndex } from './row-index.ts';
import { keepNear, missingPages, noRows, placePage, prepend, takeOut } from './row-index.ts';

export type SortKey = 'created' | 'updated' | 'size' | 'name';

export interface ListFilter {
  readonly states: readonly TransferState[];
  readonly job: string | undefined;
  readonly mode: Mode | undefined;
  readonly search: string;
  readonly sort: SortKey;
  readonly order: 'desc' | 'asc';
}

export interface ListView {
  readonly index: RowIndex;
  readonly loading: boolean;
  readonly error: Fault | undefined;
}

const pageRows = 100;
/** Read before they come into sight: a wheel passes some 200 rows a second. */
const aheadRows = 200;
const mostKnown = 5000;
const revalidateMs = 2000;

export class TransferList {
  readonly #client: Client;
  readonly #filter: ListFilter;
  readonly #listeners = new Set<() => void>();
  readonly #asking = new Map<number, AbortController>();
  #view: ListView = { index: noRows, loading: true, error: undefined };
  #from = 0;
  #to = pageRows - 1;
  #stale: ReturnType<typeof setTimeout> | undefined;
  #lastReadMs = 0;
  /** Highest id that has stood on top: what is above it can only be new. */
  #newest = '';

  constructor(client: Client, filter: ListFilter) {
    this.#client = client;
    this.#filter = filter;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#stale);
      this.#stale = undefined;
      for (const asked of this.#asking.values()) asked.abort();
      this.#asking.clear();
    };
  };

  readonly view = (): ListView => this.#view;

  /** Says which rows are in sight; what is missing there is fetched, what is far away is forgotten. */
  show(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    const index = keepNear(this.#view.index, from, to, mostKnown);
    if (index !== this.#view.index) this.#set({ index });
    const wanted = this.#view.loading
      ? [Math.floor(from / pageRows)]
      : missingPages(index, from - aheadRows, to + aheadRows, pageRows);
    for (const [page, asked] of this.#asking) {
      if (wanted.includes(page) || (page * pageRows <= to && (page + 1) * pageRows > from)) continue;
      asked.abort();
      this.#asking.delete(page);
    }
    const middle = (from + to) / 2;
    const distance = (page: number) => Math.abs((page + 0.5) * pageRows - middle);
    for (const page of wanted.sort((a, b) => distance(a) - distance(b))) {
      if (!this.#asking.has(page)) void this.#read(page);
    }
  }

  /** Reads the rows in sight again. */
  refresh(): void {
    this.#lastReadMs = Date.now();
    const last = Math.max(this.#from, Math.min(this.#to, this.#view.index.ids.length - 1));
    for (let page = Math.floor(this.#from / pageRows); page <= Math.floor(last / pageRows); page++) {
      this.#asking.get(page)?.abort();
      void this.#read(page);
    }
  }

  hear(batch: Batch): void {
    if (batch.afresh) {
      this.#set({ index: noRows, loading: true });
      this.refresh();
      return;
    }
    // The last fact of a transfer in the batch is where it stands now.
    const last = new Map<string, TransferView>();
    for (const event of batch.events) {
      const now = transferOf(event);
      if (now !== undefined) last.set(now.id, now);
    }
    if (last.size === 0 || this.#view.loading) return;
    const gone = new Set<string>();
    const fresh: TransferView[] = [];
    let { index } = this.#view;
    let stale = this.#filter.sort !== 'created';
    const newestFirst = this.#filter.sort === 'created' && this.#filter.order === 'desc';
    for (const transfer of last.values()) {
      const fits = matches(this.#filter, transfer);
      if (index.known.has(transfer.id)) {
        if (!fits) gone.add(transfer.id);
      } else if (fits && newestFirst && transfer.id > this.#newest) {
        fresh.push(transfer);
      } else {
        stale = true;
      }
    }
    fresh.sort((a, b) => (a.id < b.id ? 1 : -1));
    this.#newest = fresh[0]?.id ?? this.#newest;
    index = prepend(
      takeOut(index, gone),
      fresh.map((transfer) => transfer.id),
    );
    if (index !== this.#view.index) this.#set({ index });
    if (stale) this.#revalidateSoon();
  }

  #revalidateSoon(): void {
    if (this.#stale !== undefined || this.#listeners.size === 0) return;
    const waitMs = Math.max(200, this.#lastReadMs + revalidateMs - Date.now());
    this.#stale = setTimeout(() => {
      this.#stale = undefined;
      if (document.visibilityState === 'visible') this.refresh();
      else this.#revalidateSoon();
    }, waitMs);
  }

  /** The ids of all rows that match, however many; rejects like the API. */
  async allIds(signal: AbortSignal): Promise<string[]> {
    const ids: string[] = [];
    for (;;) {
      const query = { ...this.#query(), offset: ids.length, limit: 1000 };
      const { rows } = await this.#client.call('listTransfers', { query }, { signal });
      ids.push(...rows.map((row) => row.id));
      if (rows.length < 1000) return ids;
    }
  }

  #query() {
    const { states, job, mode, search, sort, order } = this.#filter;
    return {
      ...(states.length === 0 ? {} : { state: [...states] }),
      ...(job === undefined ? {} : { job }),
      ...(mode === undefined ? {} : { mode }),
      ...(search === '' ? {} : { search }),
      sort,
      order,
    };
  }

  async #read(page: number): Promise<void> {
    const asked = new AbortController();
    this.#asking.set(page, asked);
    try {
      const answer = await this.#client.call(
        'listTransfers',
        {
          query: { ...this.#query(), offset: page * pageRows, limit: pageRows, withTotal: 'true' },
        },
        { signal: asked.signal },
      );
      if (asked.signal.aborted) return;
      learnTransfers(answer.rows);
      const total = answer.total ?? page * pageRows + answer.rows.length;
      const ids = answer.rows.map((row) => row.id);
      if (page === 0 && (ids[0] ?? '') > this.#newest) this.#newest = ids[0] ?? '';
      this.#set({ index: placePage(this.#view.index, page * pageRows, ids, total), loading: false, error: undefined });
    } catch (error) {
      if (!asked.signal.aborted) this.#set({ loading: false, error: asFault(error) });
    } finally {
      if (this.#asking.get(page) === asked) this.#asking.delete(page);
    }
  }

  #set(change: Partial<ListView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

export function matches(filter: ListFilter, transfer: TransferView): boolean {
  if (filter.states.length > 0 && !filter.states.includes(transfer.state)) return false;
  if (filter.job !== undefined && filter.job !== transfer.jobId) return false;
  if (filter.mode !== undefined && filter.mode !== transfer.mode) return false;
  if (filter.search === '') return true;
  const wanted = filter.search.toLowerCase();
  return (
    transfer.source.path.toLowerCase().includes(wanted) || transfer.destination.path.toLowerCase().includes(wanted)
  );
}

function transferOf(event: EventView): TransferView | undefined {
  return event.transfer;
}
