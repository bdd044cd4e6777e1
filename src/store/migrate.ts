// Brings a ledger to the version that this Wherry writes.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { migrations } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';
import type { Statements } from './statements.ts';

/** All that is missing, in one transaction. Rejects with `ledger`: the ledger is of a newer Wherry, or the file is something else. */
export function migrate(sql: Statements, file: string, nowMs: number, steps: readonly Migration[] = migrations): void {
  const tables = sql.rows(`SELECT name FROM sqlite_master WHERE type = 'table'`).map(([name]) => name);
  const isNew = !tables.includes('migration');
  if (isNew && tables.length > 0) {
    throw new Fault(
      'ledger',
      `${displayPath(file)} is a database, but not a ledger of Wherry. Choose another data folder.`,
    );
  }
  const present = isNew ? 0 : Number(sql.row('SELECT max(version) FROM migration')?.[0] ?? 0);
  const newest = steps.at(-1)?.version ?? 0;
  if (present > newest) {
    throw new Fault(
      'ledger',
      `The ledger ${displayPath(file)} was written by a newer Wherry (version ${present} of its tables, this one knows ${newest}). Start the newer one.`,
    );
  }
  if (present === newest) return;
  sql.database.transaction(() => {
    if (isNew) {
      sql.database.exec(
        'CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT NULL) STRICT',
      );
    }
    for (const step of steps) {
      if (step.version <= present) continue;
      sql.database.exec(step.sql);
      sql.run('INSERT INTO migration (version, name, applied_at) VALUES (?, ?, ?)', step.version, step.name, nowMs);
    }
  })();
}
