// The tables of the PostgreSQL sink, and the statements that fill them: each takes one parameter, rows as JSON.

/** A name that needs no quoting in PostgreSQL; it is quoted all the same. */
export const schemaNamePattern = /^[a-z_][a-z0-9_]{0,62}$/;

/** Creates what is missing; to be run in a transaction. Paths may be longer than a B-tree takes, so they are found by hashes. */
export function schemaStatements(schema: string): string {
  return `
CREATE SCHEMA IF NOT EXISTS "${schema}";
CREATE TABLE IF NOT EXISTS "${schema}".event (
  id text PRIMARY KEY,
  event_type text NOT NULL,
  happened_at timestamptz NOT NULL,
  sync_id text NOT NULL,
  file_path text NOT NULL,
  file_size bigint,
  file_hash text,
  metadata jsonb NOT NULL,
  xmp_path text,
  thumbnail_path text,
  received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS event_by_path ON "${schema}".event USING hash (file_path);
CREATE INDEX IF NOT EXISTS event_by_sync ON "${schema}".event (sync_id);
CREATE TABLE IF NOT EXISTS "${schema}".file (
  id text PRIMARY KEY,
  path text NOT NULL,
  size bigint,
  hash text,
  metadata jsonb NOT NULL,
  xmp_path text,
  thumbnail_path text,
  sync_id text NOT NULL,
  synced_at timestamptz,
  processed_at timestamptz,
  deleted_at timestamptz
);
CREATE INDEX IF NOT EXISTS file_by_path ON "${schema}".file USING hash (path);
CREATE TABLE IF NOT EXISTS "${schema}".sync_run (
  id text PRIMARY KEY,
  sync_id text NOT NULL,
  ended_at timestamptz NOT NULL,
  success boolean NOT NULL,
  files_transferred bigint NOT NULL,
  bytes_transferred bigint NOT NULL,
  duration_seconds double precision NOT NULL,
  errors jsonb NOT NULL,
  cleanup jsonb
);
CREATE INDEX IF NOT EXISTS sync_run_by_sync ON "${schema}".sync_run (sync_id);`;
}

/** True where all tables are there: whoever may only write to them need not be allowed to make any. */
export function schemaIsThere(schema: string): string {
  const table = (name: string) => `to_regclass('"${schema}".${name}') IS NOT NULL`;
  return `SELECT ${['event', 'file', 'sync_run'].map(table).join(' AND ')} AS "isThere"`;
}

export function putEvents(schema: string): string {
  return `INSERT INTO "${schema}".event AS old
  (id, event_type, happened_at, sync_id, file_path, file_size, file_hash, metadata, xmp_path, thumbnail_path)
SELECT id, "eventType", "timestamp", "syncId", "filePath", "fileSize", "fileHash", metadata, "xmpPath", "thumbnailPath"
FROM jsonb_to_recordset($1::jsonb) AS new (id text, "eventType" text, "timestamp" timestamptz, "syncId" text, "filePath" text,
  "fileSize" bigint, "fileHash" text, metadata jsonb, "xmpPath" text, "thumbnailPath" text)
ON CONFLICT (id) DO UPDATE SET event_type = excluded.event_type, happened_at = excluded.happened_at, sync_id = excluded.sync_id,
  file_path = excluded.file_path, file_size = excluded.file_size, file_hash = excluded.file_hash, metadata = excluded.metadata,
  xmp_path = excluded.xmp_path, thumbnail_path = excluded.thumbnail_path`;
}

/**
 * The second parameter holds the ids of files that have arrived: where their content is another than before, or had been deleted, what was
 * known of it no longer holds.
 */
export function putFiles(schema: string): string {
  const isNew = '($2::jsonb ? excluded.id AND (old.deleted_at IS NOT NULL OR old.hash IS DISTINCT FROM excluded.hash))';
  const merged = (column: string) =>
    `${column} = CASE WHEN ${isNew} THEN excluded.${column} ELSE coalesce(excluded.${column}, old.${column}) END`;
  return `INSERT INTO "${schema}".file AS old
  (id, path, size, hash, metadata, xmp_path, thumbnail_path, sync_id, synced_at, processed_at, deleted_at)
SELECT id, path, size, hash, metadata, "xmpPath", "thumbnailPath", "syncId", "syncedAt", "processedAt", "deletedAt"
FROM jsonb_to_recordset($1::jsonb) AS new (id text, path text, size bigint, hash text, metadata jsonb, "xmpPath" text,
  "thumbnailPath" text, "syncId" text, "syncedAt" timestamptz, "processedAt" timestamptz, "deletedAt" timestamptz)
ON CONFLICT (id) DO UPDATE SET ${['size', 'xmp_path', 'thumbnail_path', 'synced_at', 'processed_at'].map(merged).join(', ')},
  hash = CASE WHEN ${isNew} THEN excluded.hash ELSE coalesce(old.hash, excluded.hash) END,
  metadata = CASE WHEN ${isNew} THEN excluded.metadata ELSE old.metadata || excluded.metadata END,
  sync_id = excluded.sync_id, deleted_at = excluded.deleted_at`;
}

export function putRun(schema: string): string {
  return `INSERT INTO "${schema}".sync_run
  (id, sync_id, ended_at, success, files_transferred, bytes_transferred, duration_seconds, errors, cleanup)
SELECT id, "syncId", "timestamp", success, "filesTransferred", "bytesTransferred", duration, errors, cleanup
FROM jsonb_to_recordset($1::jsonb) AS new (id text, "syncId" text, "timestamp" timestamptz, success boolean, "filesTransferred" bigint,
  "bytesTransferred" bigint, duration double precision, errors jsonb, cleanup jsonb)
ON CONFLICT (id) DO UPDATE SET success = excluded.success, files_transferred = excluded.files_transferred,
  bytes_transferred = excluded.bytes_transferred, duration_seconds = excluded.duration_seconds, errors = excluded.errors,
  cleanup = excluded.cleanup`;
}

export function findFile(schema: string): string {
  return `SELECT 1 FROM "${schema}".file WHERE path = $1 AND deleted_at IS NULL LIMIT 1`;
}
