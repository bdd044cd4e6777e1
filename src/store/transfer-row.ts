// A transfer as one flat row: what the ledger's columns hold, and back.

import type { FaultReport } from '../model/fault.ts';
import type { HashAlgorithm, Verify } from '../model/hash.ts';
import type { Receipt } from '../model/receipt.ts';
import type {
  Mode,
  Phase,
  Publishing,
  SourceIdentity,
  Transfer,
  TransferState,
  WaitReason,
} from '../model/transfer.ts';
import { nameFromSql, nameToSql, type SqlValue } from './statements.ts';

/** In the order of a flat row. Those of packs are written down by name, so columns may be added, never renamed. */
export const transferColumns = [
  'id',
  'job_id',
  'mode',
  'state',
  'phase',
  'source_endpoint',
  'source_path',
  'destination_endpoint',
  'destination_path',
  'published_path',
  'size_bytes',
  'mtime_ms',
  'file_mode',
  'source_device',
  'source_inode',
  'source_version',
  'source_size_bytes',
  'source_mtime_ms',
  'waiting_reason',
  'waiting_until',
  'bytes_done',
  'bytes_processed',
  'hash_algorithm',
  'hash_value',
  'attempts',
  'first_queued_at',
  'priority',
  'owner',
  'error',
  'heartbeat_at',
  'lease_node',
  'lease_fence',
  'fence',
  'publishing',
  'created_at',
  'updated_at',
  'started_at',
  'finished_at',
  'receipt_at',
  'receipt_verify',
  'receipt_body',
] as const;

export type TransferColumn = (typeof transferColumns)[number];

/** Plain data in the order of `transferColumns`; names are still strings as model/names.ts holds them. */
export type FlatTransfer = (string | number | null)[];

export const columnAt = Object.fromEntries(transferColumns.map((name, at) => [name, at])) as Readonly<
  Record<TransferColumn, number>
>;

const nameColumns = (
  [
    'source_endpoint',
    'source_path',
    'destination_endpoint',
    'destination_path',
    'published_path',
    'owner',
    'lease_node',
  ] as const
).map((name) => columnAt[name]);

export function flattenTransfer(transfer: Transfer, receipt: Receipt | null): FlatTransfer {
  const { id, jobId, mode, state, phase, source, destination, publishedPath, sizeBytes, mtimeMs, fileMode, identity } =
    transfer;
  const { waiting, bytesDone, bytesProcessed, hash, attempts, firstQueuedAt, priority, owner, error, ...rest } =
    transfer;
  const { heartbeatAt, lease, fence, publishing, createdAt, updatedAt, startedAt, finishedAt } = rest;
  const derived = receipt !== null && sameReceipt(receipt, deriveReceipt(transfer, receipt.verify, receipt.at));
  return [
    id,
    jobId,
    mode,
    state,
    phase,
    source.endpoint,
    source.path,
    destination.endpoint,
    destination.path,
    publishedPath,
    sizeBytes,
    mtimeMs,
    fileMode,
    identity?.device ?? null,
    identity?.inode ?? null,
    identity?.version ?? null,
    identity?.sizeBytes ?? null,
    identity?.mtimeMs ?? null,
    waiting?.reason ?? null,
    waiting?.until ?? null,
    bytesDone,
    bytesProcessed,
    hash?.algorithm ?? null,
    hash?.value ?? null,
    attempts,
    firstQueuedAt,
    priority,
    owner,
    error === null ? null : JSON.stringify(error),
    heartbeatAt,
    lease?.node ?? null,
    lease?.fence ?? null,
    fence,
    publishing === null ? null : JSON.stringify(publishing),
    createdAt,
    updatedAt,
    startedAt,
    finishedAt,
    receipt?.at ?? null,
    receipt?.verify ?? null,
    receipt === null || derived ? null : JSON.stringify(receipt),
  ];
}

export function bindTransfer(flat: FlatTransfer): SqlValue[] {
  const values: SqlValue[] = flat.slice();
  for (const at of nameColumns) {
    const name = flat[at];
    if (typeof name === 'string' && !name.isWellFormed()) values[at] = nameToSql(name);
  }
  return values;
}

const text = (value: SqlValue | undefined): string => String(value);
const textOrNull = (value: SqlValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value);
const number = (value: SqlValue | undefined): number => Number(value);
const numberOrNull = (value: SqlValue | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);
const nameOrNull = (value: SqlValue | undefined): string | null =>
  value === null || value === undefined ? null : nameFromSql(value);

/** Takes a row as SQLite gives it and a flat one alike. */
export function transferFrom(row: readonly SqlValue[]): Transfer {
  const at = columnAt;
  const hashAlgorithm = textOrNull(row[at.hash_algorithm]);
  const waitingReason = textOrNull(row[at.waiting_reason]);
  const leaseNode = nameOrNull(row[at.lease_node]);
  const error = textOrNull(row[at.error]);
  const publishing = textOrNull(row[at.publishing]);
  return {
    id: text(row[at.id]),
    jobId: text(row[at.job_id]),
    mode: text(row[at.mode]) as Mode,
    source: { endpoint: nameFromSql(row[at.source_endpoint]), path: nameFromSql(row[at.source_path]) },
    destination: { endpoint: nameFromSql(row[at.destination_endpoint]), path: nameFromSql(row[at.destination_path]) },
    publishedPath: nameOrNull(row[at.published_path]),
    sizeBytes: numberOrNull(row[at.size_bytes]),
    mtimeMs: numberOrNull(row[at.mtime_ms]),
    fileMode: numberOrNull(row[at.file_mode]),
    identity: identityFrom(row),
    state: text(row[at.state]) as TransferState,
    phase: text(row[at.phase]) as Phase,
    waiting:
      waitingReason === null
        ? null
        : { reason: waitingReason as WaitReason, until: numberOrNull(row[at.waiting_until]) },
    bytesDone: number(row[at.bytes_done]),
    bytesProcessed: number(row[at.bytes_processed]),
    hash:
      hashAlgorithm === null ? null : { algorithm: hashAlgorithm as HashAlgorithm, value: text(row[at.hash_value]) },
    attempts: number(row[at.attempts]),
    firstQueuedAt: numberOrNull(row[at.first_queued_at]),
    priority: number(row[at.priority]),
    owner: nameOrNull(row[at.owner]),
    error: error === null ? null : (JSON.parse(error) as FaultReport),
    heartbeatAt: numberOrNull(row[at.heartbeat_at]),
    lease: leaseNode === null ? null : { node: leaseNode, fence: number(row[at.lease_fence]) },
    fence: number(row[at.fence]),
    publishing: publishing === null ? null : (JSON.parse(publishing) as Publishing),
    createdAt: number(row[at.created_at]),
    updatedAt: number(row[at.updated_at]),
    startedAt: numberOrNull(row[at.started_at]),
    finishedAt: numberOrNull(row[at.finished_at]),
  };
}

function identityFrom(row: readonly SqlValue[]): SourceIdentity | null {
  const at = columnAt;
  const mtimeMs = numberOrNull(row[at.source_mtime_ms]);
  if (mtimeMs === null) return null;
  const device = textOrNull(row[at.source_device]);
  const inode = textOrNull(row[at.source_inode]);
  const version = textOrNull(row[at.source_version]);
  return {
    ...(device === null ? {} : { device }),
    ...(inode === null ? {} : { inode }),
    ...(version === null ? {} : { version }),
    sizeBytes: number(row[at.source_size_bytes]),
    mtimeMs,
  };
}

/** The receipt that a row proves; undefined where it has none. */
export function receiptFrom(row: readonly SqlValue[]): Receipt | undefined {
  const verify = textOrNull(row[columnAt.receipt_verify]);
  if (verify === null) return undefined;
  const body = textOrNull(row[columnAt.receipt_body]);
  if (body !== null) return JSON.parse(body) as Receipt;
  return deriveReceipt(transferFrom(row), verify as Verify, number(row[columnAt.receipt_at]));
}

/** What a receipt says where it agrees with its transfer; then only its time and `verify` are stored. */
function deriveReceipt(transfer: Transfer, verify: Verify, at: number): Receipt {
  return {
    transferId: transfer.id,
    jobId: transfer.jobId,
    source: transfer.source,
    sourceIdentity: transfer.identity,
    destination: { endpoint: transfer.destination.endpoint, path: transfer.publishedPath ?? transfer.destination.path },
    sizeBytes: transfer.sizeBytes ?? -1,
    hash: transfer.hash ?? { algorithm: 'sha256', value: '' },
    verify,
    at,
  };
}

export function sameReceipt(one: Receipt, other: Receipt): boolean {
  return (
    one.transferId === other.transferId &&
    one.jobId === other.jobId &&
    one.source.endpoint === other.source.endpoint &&
    one.source.path === other.source.path &&
    one.destination.endpoint === other.destination.endpoint &&
    one.destination.path === other.destination.path &&
    one.sizeBytes === other.sizeBytes &&
    one.hash.algorithm === other.hash.algorithm &&
    one.hash.value === other.hash.value &&
    one.verify === other.verify &&
    one.at === other.at &&
    sameIdentity(one.sourceIdentity, other.sourceIdentity)
  );
}

function sameIdentity(one: SourceIdentity | null, other: SourceIdentity | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.device === other.device &&
    one.inode === other.inode &&
    one.version === other.version &&
    one.sizeBytes === other.sizeBytes &&
    one.mtimeMs === other.mtimeMs
  );
}
