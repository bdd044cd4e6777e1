// Recordings in the ledger: written with the commit that completes their transfer, read by id or by what they belong to.

import { shownKind } from '../model/file-kind.ts';
import type { Recording } from '../model/recording.ts';
import { pageLimit, pageOf, parsePageCursor } from './cursors.ts';
import { foldName } from './names-fold.ts';
import type { SqlValue, Statements } from './statements.ts';
import type { Page, RecordingQuery } from './store.ts';

/** Inserts it, or replaces the one of an earlier end of its transfer. */
export function putRecording(sql: Statements, recording: Recording): void {
  const { id, jobId, device, associateWith, name, original, createdAt } = recording;
  sql.run(
    `INSERT INTO recording (id, job_id, device_id, associate_with, names, body, kind, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET names = excluded.names, body = excluded.body, kind = excluded.kind, recorded_at = excluded.recorded_at`,
    id,
    jobId,
    device?.id ?? null,
    associateWith,
    namesOf(recording),
    JSON.stringify(recording),
    shownKind(name),
    Math.floor(original.mtimeMs ?? createdAt),
  );
}

/** Line by line what a search finds it by: no shown name holds a line's end. */
function namesOf({ original, device, associateWith, derived }: Recording): string {
  const names = [original.path, original.source.path, ...derived.map(({ path }) => path)];
  if (device !== null) names.push(device.name);
  if (associateWith !== null) names.push(associateWith);
  return [...new Set(names.map(foldName))].join('\n');
}

const read = ([body]: SqlValue[]): Recording => JSON.parse(String(body)) as Recording;

export function findRecording(sql: Statements, id: string): Recording | undefined {
  const row = sql.row('SELECT body FROM recording WHERE id = ?', id);
  return row === undefined ? undefined : read(row);
}

/** Rejects with `invalid`: a cursor or limit that makes no sense. */
export function listRecordings(sql: Statements, query: RecordingQuery): Page<Recording> {
  const most = pageLimit(query.limit);
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const mustBe = (condition: string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  mustBe('job_id = ?', query.jobId);
  mustBe('device_id = ?', query.deviceId);
  mustBe('associate_with = ?', query.associateWith);
  mustBe('kind = ?', query.kind);
  mustBe('recorded_at >= ?', query.recordedFrom);
  mustBe('recorded_at < ?', query.recordedUntil);
  if (query.search !== undefined && query.search !== '') mustBe('instr(names, ?) > 0', foldName(query.search));
  const newestFirst = query.newestFirst === true;
  mustBe(newestFirst ? 'id < ?' : 'id > ?', query.cursor === undefined ? undefined : parsePageCursor(query.cursor));
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = sql.rows(
    `SELECT body, id FROM recording ${where} ORDER BY id ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`,
    ...values,
    most + 1,
  );
  return pageOf(rows, most, read);
}
