// Manifests: what is known to be at a sync's destinations, one row for each folder of each tree.

import type { Migration } from './migration.ts';

/* Names are ANY: text, or bytes where they are not UTF-8. `entries` is packed by who writes it (model/packed-entries.ts). */
export const manifests: Migration = {
  version: 7,
  name: 'manifests',
  sql: `
    CREATE TABLE manifest (
      id INTEGER PRIMARY KEY,
      source ANY NOT NULL,
      from_path ANY NOT NULL,
      destination ANY NOT NULL,
      to_path ANY NOT NULL,
      updated_at REAL NOT NULL,
      UNIQUE (source, from_path, destination, to_path)
    ) STRICT;
    CREATE TABLE manifest_folder (
      manifest_id INTEGER NOT NULL,
      path ANY NOT NULL,
      entries ANY NOT NULL,
      PRIMARY KEY (manifest_id, path)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_by_definition ON job (json_extract(body, '$.spec.definition'), id) WHERE kind = 'sync';
  `,
};
