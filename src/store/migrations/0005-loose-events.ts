// Events that are about no transfer and no job (who changed what, storage, configuration): few among many, found by an index of their own.

import type { Migration } from './migration.ts';

export const looseEvents: Migration = {
  version: 5,
  name: 'loose events',
  sql: `CREATE INDEX event_loose ON event (seq) WHERE transfer_id IS NULL AND job_id IS NULL;`,
};
