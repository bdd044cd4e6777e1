// Messages to webhooks: one row for an event and a webhook.

import type { Migration } from './migration.ts';

/* `body` is the delivery as model/webhook.ts has it; the columns are what is looked for. */
export const deliveries: Migration = {
  version: 3,
  name: 'deliveries',
  sql: `
    CREATE TABLE delivery (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      webhook_id TEXT NOT NULL,
      state TEXT NOT NULL,
      due_at REAL,
      created_at REAL NOT NULL,
      body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX delivery_by_state ON delivery (webhook_id, state, seq);
    CREATE INDEX delivery_due ON delivery (webhook_id, due_at, seq) WHERE state = 'pending';
    CREATE INDEX delivery_by_time ON delivery (created_at) WHERE state <> 'pending';
  `,
};
