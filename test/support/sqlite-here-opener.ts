// Opens the ledger on SQLite for the store suite and for the processes that it starts.

import { systemClock } from '../../src/model/clock.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

export function open(folder: string): Promise<Store> {
  return openSqliteStore({ folder, clock: systemClock, beginsHere: true });
}
