// Recordings, the key that ties transfers and recordings to what they belong to, and the order of what is to be processed.

import type { Migration } from './migration.ts';

/* `body` is the recording as model/recording.ts has it; the columns are what is looked for. `names` are folded (names-fold.ts). */
export const recordings: Migration = {
  version: 4,
  name: 'recordings',
  sql: `
    ALTER TABLE transfer ADD COLUMN associate_with TEXT;
    CREATE INDEX transfer_by_key ON transfer (associate_with, id) WHERE associate_with IS NOT NULL;
    CREATE INDEX transfer_to_process ON transfer (job_id, priority DESC, first_queued_at, id) WHERE state = 'transferred';

    CREATE TABLE recording (
      id TEXT PRIMARY KEY,
      job_id TEXT NOT NULL,
      device_id TEXT,
      associate_with TEXT,
      names TEXT NOT NULL,
      body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX recording_by_job ON recording (job_id, id);
    CREATE INDEX recording_by_device ON recording (device_id, id) WHERE device_id IS NOT NULL;
    CREATE INDEX recording_by_key ON recording (associate_with, id) WHERE associate_with IS NOT NULL;
  `,
};
