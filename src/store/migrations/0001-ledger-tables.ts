// The ledger's first tables: transfers, their path keys and counts, jobs, events, documents.

import type { Migration } from './migration.ts';

/*
 * Columns of type ANY hold names: TEXT where the name is UTF-8, else a BLOB of its bytes. Times are milliseconds since 1970.
 * `transfer` has columns for what is looked for; the rest of a row is in `body`, as transfer-row.ts writes it.
 * `transfer_count` has rows for each job, and with job '' for all of them together.
 * A pack's facts are one row of `event`; `pack_seq` leads from a transfer to it, `earlier_pack` to those of packs it was in before,
 * and `folded_pack` names the ones whose transfers have no rows yet (pack-writer.ts).
 */
export const ledgerTables: Migration = {
  version: 1,
  name: 'ledger tables',
  sql: `
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE transfer (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      job_id TEXT NOT NULL,
      mode TEXT NOT NULL,
      state TEXT NOT NULL,
      fence INTEGER NOT NULL,
      priority INTEGER NOT NULL,
      first_queued_at REAL,
      waiting_until REAL,
      size_bytes INTEGER,
      source_path ANY NOT NULL,
      updated_at REAL NOT NULL,
      finished_at REAL,
      body TEXT NOT NULL,
      pack_seq INTEGER
    ) STRICT;
    CREATE INDEX transfer_by_mode ON transfer (mode, state, id);
    CREATE INDEX transfer_by_job ON transfer (job_id, mode, state, id);
    CREATE INDEX transfer_queue ON transfer (job_id, priority DESC, first_queued_at, id) WHERE state = 'queued';
    CREATE INDEX transfer_due ON transfer (waiting_until) WHERE state = 'waiting' AND waiting_until IS NOT NULL;
    CREATE INDEX transfer_finished ON transfer (finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE path_key (
      key TEXT NOT NULL,
      seq INTEGER NOT NULL,
      PRIMARY KEY (key, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE transfer_count (
      job_id TEXT NOT NULL,
      mode TEXT NOT NULL,
      state TEXT NOT NULL,
      count INTEGER NOT NULL,
      PRIMARY KEY (job_id, mode, state)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE job (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      state TEXT NOT NULL,
      finished_at REAL,
      body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_by_state ON job (state, id);

    CREATE TABLE event (
      seq INTEGER PRIMARY KEY,
      at REAL NOT NULL,
      transfer_id TEXT,
      job_id TEXT,
      facts INTEGER NOT NULL,
      body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX event_by_transfer ON event (transfer_id, seq) WHERE transfer_id IS NOT NULL;
    CREATE INDEX event_by_job ON event (job_id, seq) WHERE job_id IS NOT NULL;
    CREATE INDEX event_by_time ON event (at);

    CREATE TABLE folded_pack (seq INTEGER PRIMARY KEY) STRICT;

    CREATE TABLE earlier_pack (
      transfer_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      PRIMARY KEY (transfer_id, seq)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE document (
      collection ANY NOT NULL,
      key ANY NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (collection, key)
    ) STRICT, WITHOUT ROWID;
  `,
};
