// Answers questions from the ledger; runs in whichever thread holds the connection.

import { Fault } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import { type Transfer, type TransferState, transferStates } from '../model/transfer.ts';
import { eventCursor, pageLimit, pageOf, parsePageCursor } from './cursors.ts';
import { countDeliveries, dueDeliveries, findDelivery, listDeliveries } from './delivery-rows.ts';
import { eventReader } from './event-reader.ts';
import { listManifests, readManifest } from './manifest-rows.ts';
import { endsWithPath, keysBelow, pathKey } from './path-keys.ts';
import { findRecording, listRecordings } from './recording-rows.ts';
import { nameFromSql, nameToSql, places, type Row, type SqlValue, type Statements } from './statements.ts';
import type { Page, Store, StoreReader } from './store.ts';
import { listTransfers } from './transfer-list.ts';
import { receiptFromRow, transferColumns, transferFromRow } from './transfer-row.ts';

type Asynchronous = StoreReader & Pick<Store, 'queued' | 'due' | 'dueDeliveries'>;

/** The readers of the contract, answered at once. */
export type LedgerReader = {
  readonly [Name in keyof Asynchronous]: (
    ...input: Parameters<Asynchronous[Name]>
  ) => Awaited<ReturnType<Asynchronous[Name]>>;
};

export type ReadName = keyof LedgerReader;

/** Neither at rest nor paused. */
const openStates: readonly TransferState[] = [
  'discovered',
  'queued',
  'waiting',
  'transferring',
  'transferred',
  'processing',
];

const columns = transferColumns.join(', ');
/** Most rows that one path's key may lead to before the oldest are left out. */
const candidateRows = 10_000;

export function ledgerReader(sql: Statements, ledgerId: string): LedgerReader {
  const byKey = (condition: string, ...values: SqlValue[]): Row[] =>
    sql.rows(
      `SELECT ${transferColumns.map((name) => `t.${name}`).join(', ')} FROM path_key k JOIN transfer t ON t.seq = k.seq WHERE ${condition} ORDER BY k.seq DESC LIMIT ${candidateRows}`,
      ...values,
    );

  function receiptsAt(place: { endpoint: string; path: string }, side: 'source' | 'destination'): Receipt[] {
    return byKey('k.key = ?', pathKey(place.path)).flatMap((row) => {
      const receipt = receiptFromRow(row);
      return receipt !== undefined && receipt[side].endpoint === place.endpoint && receipt[side].path === place.path
        ? [receipt]
        : [];
    });
  }

  function queuedRows({ state, limit, perJob, excludeJobs = [] }: Parameters<Store['queued']>[0]): Transfer[] {
    const excluded = new Set<SqlValue>(excludeJobs);
    const jobs = sql
      .rows(`SELECT DISTINCT job_id FROM transfer_count WHERE state = ? AND count > 0 AND job_id <> ''`, state)
      .filter(([jobId]) => !excluded.has(jobId ?? null));
    const keys = jobs.flatMap(([jobId]) =>
      sql.rows(
        `SELECT seq, priority, first_queued_at, id FROM transfer WHERE state = '${state}' AND job_id = ? ORDER BY priority DESC, first_queued_at, id LIMIT ?`,
        jobId ?? null,
        Math.min(perJob, limit),
      ),
    );
    keys.sort(
      ([, onePriority, oneAt, oneId], [, otherPriority, otherAt, otherId]) =>
        Number(otherPriority) - Number(onePriority) ||
        Number(oneAt) - Number(otherAt) ||
        (String(oneId) < String(otherId) ? -1 : 1),
    );
    return keys.slice(0, limit).flatMap(([seq]) => {
      const row = sql.row(`SELECT ${columns} FROM transfer WHERE seq = ?`, seq ?? null);
      return row === undefined ? [] : [transferFromRow(row)];
    });
  }

  function jobsPage(query: Parameters<StoreReader['jobs']>[0]): Page<Job> {
    const limit = pageLimit(query.limit);
    const conditions: string[] = [];
    const values: SqlValue[] = [];
    if (query.kind !== undefined) {
      conditions.push('kind = ?');
      values.push(query.kind);
    }
    if (query.definition !== undefined) {
      conditions.push(`kind = 'sync' AND json_extract(body, '$.spec.definition') = ?`);
      values.push(query.definition);
    }
    if (query.states !== undefined) {
      conditions.push(`state IN (${places(query.states.length)})`);
      values.push(...query.states);
    }
    if (query.cursor !== undefined) {
      conditions.push(query.newestFirst === true ? 'id < ?' : 'id > ?');
      values.push(parsePageCursor(query.cursor));
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const rows = sql.rows(
      `SELECT body, id FROM job ${where} ORDER BY id ${query.newestFirst === true ? 'DESC' : 'ASC'} LIMIT ?`,
      ...values,
      limit + 1,
    );
    return pageOf(rows, limit, ([body]) => JSON.parse(String(body)) as Job);
  }

  function findByPath(path: string, limit: number): Transfer[] {
    const sought = path.replace(/\/+$/, '');
    if (sought === '') throw new Fault('invalid', 'An empty path cannot be looked for.');
    const found = new Map<string, Transfer>();
    const keep = (row: Row): void => {
      const transfer = transferFromRow(row);
      if (placesOf(transfer).some((place) => endsWithPath(place, sought))) found.set(transfer.id, transfer);
    };
    const { low, high } = keysBelow(sought);
    byKey('k.key = ?', pathKey(sought)).forEach(keep);
    byKey('k.key > ? AND k.key < ?', low, high).forEach(keep);
    // The given path may begin in the endpoint's own path: then only its last parts are a transfer's.
    const parts = sought.split('/');
    for (let from = 1; from < parts.length; from++)
      byKey('k.key = ?', pathKey(parts.slice(from).join('/'))).forEach(keep);
    return [...found.values()].sort((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit);
  }

  const events = eventReader(sql, ledgerId);
  return {
    transfer: (id) => {
      const row = sql.row(`SELECT ${columns} FROM transfer WHERE id = ?`, id);
      return row === undefined ? undefined : transferFromRow(row);
    },
    transfers: (query) => sql.together(() => listTransfers(sql, query)),
    countTransfers: (jobId = '') => {
      const counts = Object.fromEntries(transferStates.map((state) => [state, 0])) as Record<TransferState, number>;
      for (const [state, count] of sql.rows('SELECT state, count FROM transfer_count WHERE job_id = ?', jobId)) {
        counts[String(state) as TransferState] += Number(count);
      }
      return counts;
    },
    jobsWithOpenTransfers: () =>
      sql
        .rows(
          `SELECT DISTINCT job_id FROM transfer_count WHERE job_id <> '' AND count > 0 AND state IN (${places(openStates.length)})`,
          ...openStates,
        )
        .map(([id]) => String(id)),
    job: (id) => {
      const row = sql.row('SELECT body FROM job WHERE id = ?', id);
      return row === undefined ? undefined : (JSON.parse(String(row[0])) as Job);
    },
    jobs: jobsPage,
    events: events.read,
    eventCursor: () => eventCursor(ledgerId, events.end()),
    countEvents: events.count,
    receipts: ({ transferId, source, destination, sources, destinations }) => {
      if (sources !== undefined) return sources.flatMap((place) => receiptsAt(place, 'source'));
      if (destinations !== undefined) return destinations.flatMap((place) => receiptsAt(place, 'destination'));
      if (transferId !== undefined) {
        const row = sql.row(`SELECT ${columns} FROM transfer WHERE id = ?`, transferId);
        const receipt = row === undefined ? undefined : receiptFromRow(row);
        return receipt !== undefined && isAt(receipt, 'source', source) && isAt(receipt, 'destination', destination)
          ? [receipt]
          : [];
      }
      if (source !== undefined)
        return receiptsAt(source, 'source').filter((receipt) => isAt(receipt, 'destination', destination));
      if (destination !== undefined) return receiptsAt(destination, 'destination');
      throw new Fault('invalid', 'Receipts are asked for by transfer, source or destination.');
    },
    receiptsAt: (endpoint, paths) =>
      sql.together(() => paths.map((path) => receiptsAt({ endpoint, path }, 'destination')[0] ?? null)),
    manifest: (key) => sql.together(() => readManifest(sql, key)),
    manifests: () => listManifests(sql),
    findByPath: (path, limit) => sql.together(() => findByPath(path, limit)),
    document: (collection, key) => {
      const row = sql.row(
        'SELECT value FROM document WHERE collection = ? AND key = ?',
        nameToSql(collection),
        nameToSql(key),
      );
      return row === undefined ? undefined : (JSON.parse(String(row[0])) as unknown);
    },
    documents: (collection) =>
      sql
        .rows('SELECT key, value FROM document WHERE collection = ? ORDER BY key', nameToSql(collection))
        .map(([key, value]) => ({ key: nameFromSql(key), value: JSON.parse(String(value)) as unknown })),
    recording: (id) => findRecording(sql, id),
    recordings: (query) => sql.together(() => listRecordings(sql, query)),
    delivery: (id) => findDelivery(sql, id),
    deliveries: (query) => listDeliveries(sql, query),
    countDeliveries: (webhookId, only) => countDeliveries(sql, webhookId, only),
    dueDeliveries: (webhookId, now, limit) => dueDeliveries(sql, webhookId, now, limit),
    queued: (options) => sql.together(() => queuedRows(options)),
    due: (now, limit) =>
      sql
        .rows(
          `SELECT ${columns} FROM transfer WHERE state = 'waiting' AND waiting_until IS NOT NULL AND waiting_until <= ? ORDER BY waiting_until, seq LIMIT ?`,
          now,
          limit,
        )
        .map(transferFromRow),
  };
}

function isAt(
  receipt: Receipt,
  side: 'source' | 'destination',
  place: { endpoint: string; path: string } | undefined,
): boolean {
  return place === undefined || (receipt[side].endpoint === place.endpoint && receipt[side].path === place.path);
}

/** Under which whole names a transfer's file is or was to be. */
function placesOf(transfer: Transfer): string[] {
  const { source, destination, publishedPath } = transfer;
  const whole = [`${source.endpoint}/${source.path}`, `${destination.endpoint}/${destination.path}`];
  if (publishedPath !== null) whole.push(`${destination.endpoint}/${publishedPath}`);
  return whole;
}
