// Lists in other orders than by id, and searches for parts of names, on ledgers of a million transfers.

import type { Migration } from './migration.ts';

/*
 * `transfer_name` holds folded names (names-fold.ts) by the transfer's `seq`, for any three characters that follow each other.
 * It is filled when there is time (search-index.ts); meta `searchable_up_to` says how far.
 */
export const ordersAndSearch: Migration = {
  version: 2,
  name: 'orders and search',
  sql: `
    CREATE INDEX transfer_updated ON transfer (updated_at, id);
    CREATE INDEX transfer_size ON transfer (size_bytes, id);
    CREATE INDEX transfer_source ON transfer (source_path, id);

    CREATE VIRTUAL TABLE transfer_name USING fts5(
      names, content = '', contentless_delete = 1, detail = full, tokenize = 'trigram case_sensitive 1'
    );
    INSERT INTO meta (key, value) VALUES ('searchable_up_to', '0');
  `,
};
