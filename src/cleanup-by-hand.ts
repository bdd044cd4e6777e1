// `wherry cleanup` without a daemon: a cleanup by the ledgers that this user's own copies and syncs have left.

import { openParts, type PartsOptions } from './compose.ts';
import { cleanUp } from './engine/cleanup/cleanup.ts';
import type { CleanupResult } from './model/cleanup.ts';
import type { CleanupRequest } from './model/cleanup-schema.ts';
import { systemClock } from './model/clock.ts';
import { asFault, Fault } from './model/fault.ts';
import type { Change, Store } from './store/store.ts';

export interface HandCleanup {
  readonly request: CleanupRequest;
  /** Ledgers that are to be believed. */
  readonly ledgers: readonly string[];
  /** One that cannot be read now: what it alone knows stays. */
  readonly unread: (folder: string, fault: Fault) => void;
}

/** Undefined where none of the ledgers could be read. What was deleted is written into the ledger whose receipt proved it. Rejects as `cleanUp`. */
export async function cleanUpByHand(
  { request, ledgers, unread }: HandCleanup,
  options: Omit<PartsOptions, 'dataFolder'>,
  signal: AbortSignal,
): Promise<CleanupResult | undefined> {
  const [{ openSqliteStore }] = await Promise.all([import('./store/sqlite-store.ts')]);
  const closing: (() => Promise<unknown>)[] = [];
  const stores: Store[] = [];
  let parts: Awaited<ReturnType<typeof openParts>> | undefined;
  try {
    for (const folder of ledgers) {
      try {
        if (parts === undefined) {
          parts = await openParts({ ...options, dataFolder: folder });
          closing.push(() => parts?.close() ?? Promise.resolve());
          stores.push(parts.store);
        } else {
          const store = await openSqliteStore({ folder, clock: systemClock, beginsHere: true });
          closing.push(() => store.close());
          stores.push(store);
        }
      } catch (error) {
        unread(folder, asFault(error));
      }
    }
    if (parts === undefined) return undefined;
    const { open, mounts, clock, newId } = parts;
    const knownBy = new Map<string, Store>();
    return await cleanUp(
      request,
      {
        ...{ open, mounts, clock, newId },
        reader: {
          receipts: async (query) => {
            const found = await Promise.all(
              stores.map(async (store) => {
                const receipts = await store.receipts(query);
                for (const { transferId } of receipts) knownBy.set(transferId, store);
                return receipts;
              }),
            );
            return found.flat();
          },
        },
        write: async (changes) => {
          const [first] = stores;
          if (first === undefined) throw new Fault('internal', 'There is no ledger to write to.');
          const byStore = Map.groupBy(changes, (change) => knownBy.get(provenBy(change)) ?? first);
          for (const [store, own] of byStore) await store.apply(own);
        },
      },
      signal,
    );
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** The transfer whose receipt a change goes back to. */
function provenBy(change: Change): string {
  if (change.kind === 'append_event') return String(change.event.data.transferId);
  return change.kind === 'put_document' ? String((change.value as { transferId?: unknown }).transferId) : '';
}
