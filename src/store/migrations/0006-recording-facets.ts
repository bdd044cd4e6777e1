// What recordings are picked out by beside their names: what sort of file it is, and when it was recorded.

import type { Migration } from './migration.ts';

/* Columns are filled from what is there; from then on recording-rows.ts writes them. The inner REPLACE leaves what follows the last dot. */
export const recordingFacets: Migration = {
  version: 6,
  name: 'recording facets',
  sql: `
    ALTER TABLE recording ADD COLUMN kind TEXT NOT NULL DEFAULT 'other';
    ALTER TABLE recording ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0;
    UPDATE recording SET
      recorded_at = CAST(coalesce(json_extract(body, '$.original.mtimeMs'), json_extract(body, '$.createdAt')) AS INTEGER),
      kind = CASE
        WHEN instr(body ->> '$.name', '.') = 0 THEN 'other'
        ELSE (SELECT CASE
            WHEN ending IN ('jpg', 'jpeg', 'jpe', 'png', 'webp', 'tif', 'tiff', 'bmp', 'gif', 'insp', 'heic', 'heif', 'avif', 'dng', 'gpr', 'cr2', 'cr3', 'nef', 'arw', 'raf', 'orf', 'rw2') THEN 'image'
            WHEN ending IN ('mp4', 'mov', 'm4v', 'mkv', 'webm', 'avi', 'mts', 'm2ts', 'ts', 'mxf', 'mpg', 'mpeg', '3gp', 'wmv', 'lrv', 'insv', '360', 'mjpeg') THEN 'video'
            WHEN ending IN ('wav', 'mp3', 'm4a', 'aac', 'flac', 'ogg', 'opus', 'aif', 'aiff') THEN 'audio'
            ELSE 'other' END
          FROM (SELECT lower(replace(body ->> '$.name', rtrim(body ->> '$.name', replace(body ->> '$.name', '.', '')), '')) AS ending))
      END;
    CREATE INDEX recording_by_kind ON recording (kind, id);
    CREATE INDEX recording_by_time ON recording (recorded_at);
  `,
};
