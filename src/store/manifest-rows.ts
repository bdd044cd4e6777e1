// Manifests in the ledger: folders of entries, written and read as they were packed.

import { nameFromSql, nameToSql, type SqlValue, type Statements } from './statements.ts';
import type { DeleteManifest, KnownManifest, ManifestFolder, ManifestKey, PutManifest } from './store.ts';

const sameKey = 'source = ? AND from_path = ? AND destination = ? AND to_path = ?';

function valuesOf({ source, from, destination, to }: ManifestKey): SqlValue[] {
  return [source, from, destination, to].map(nameToSql);
}

/** Makes it where it is missing. */
export function putManifest(sql: Statements, { key, folders, at }: PutManifest): void {
  const [row] = sql.rows(
    `INSERT INTO manifest (source, from_path, destination, to_path, updated_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (source, from_path, destination, to_path) DO UPDATE SET updated_at = excluded.updated_at RETURNING id`,
    ...valuesOf(key),
    at,
  );
  const id = row?.[0] ?? null;
  for (const { path, entries } of folders) {
    if (entries === null) {
      sql.run('DELETE FROM manifest_folder WHERE manifest_id = ? AND path = ?', id, nameToSql(path));
      continue;
    }
    sql.run(
      'INSERT INTO manifest_folder (manifest_id, path, entries) VALUES (?, ?, ?) ON CONFLICT (manifest_id, path) DO UPDATE SET entries = excluded.entries',
      id,
      nameToSql(path),
      nameToSql(entries),
    );
  }
}

/** False where there is none. */
export function deleteManifest(sql: Statements, { key }: DeleteManifest): boolean {
  const row = sql.row(`SELECT id FROM manifest WHERE ${sameKey}`, ...valuesOf(key));
  if (row === undefined) return false;
  sql.run('DELETE FROM manifest_folder WHERE manifest_id = ?', row[0] ?? null);
  sql.run('DELETE FROM manifest WHERE id = ?', row[0] ?? null);
  return true;
}

export function readManifest(sql: Statements, key: ManifestKey): readonly ManifestFolder[] | undefined {
  const row = sql.row(`SELECT id FROM manifest WHERE ${sameKey}`, ...valuesOf(key));
  if (row === undefined) return undefined;
  return sql
    .rows('SELECT path, entries FROM manifest_folder WHERE manifest_id = ?', row[0] ?? null)
    .map(([path, entries]) => ({ path: nameFromSql(path), entries: nameFromSql(entries) }));
}

export function listManifests(sql: Statements): KnownManifest[] {
  return sql
    .rows('SELECT source, from_path, destination, to_path, updated_at FROM manifest ORDER BY id')
    .map(([source, from, destination, to, updatedAt]) => ({
      source: nameFromSql(source),
      from: nameFromSql(from),
      destination: nameFromSql(destination),
      to: nameFromSql(to),
      updatedAt: Number(updatedAt),
    }));
}
