// The ledger's first tables: transfers, their path keys and counts, jobs, events, documents.

import type { Migration } from './migration.ts';

/*
 * Columns of type ANY hold names: TEXT where the name is UTF-8, else a BLOB of its bytes.
 * `transfer_count` has a row for each job, and with job '' for all of them together. Times are milliseconds since 1970. A pack's facts are one row of `event`; `pack_seq` leads from a transfer to it,
 * and `earlier_pack` to those of packs it was in before.
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
      phase TEXT NOT NULL,
      source_endpoint ANY NOT NULL,
      source_path ANY NOT NULL,
      destination_endpoint ANY NOT NULL,
      destination_path ANY NOT NULL,
      published_path ANY,
      size_bytes INTEGER,
      mtime_ms REAL,
      file_mode INTEGER,
      source_device TEXT,
      source_inode TEXT,
      source_version TEXT,
      source_size_bytes INTEGER,
      source_mtime_ms REAL,
      waiting_reason TEXT,
      waiting_until REAL,
      bytes_done INTEGER NOT NULL,
      bytes_processed INTEGER NOT NULL,
      hash_algorithm TEXT,
      hash_value TEXT,
      attempts INTEGER NOT NULL,
      first_queued_at REAL,
      priority INTEGER NOT NULL,
      owner ANY,
      error TEXT,
      heartbeat_at REAL,
      lease_node ANY,
      lease_fence INTEGER,
      fence INTEGER NOT NULL,
      publishing TEXT,
      created_at REAL NOT NULL,
      updated_at REAL NOT NULL,
      started_at REAL,
      finished_at REAL,
      receipt_at REAL,
      receipt_verify TEXT,
      receipt_body TEXT,
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
