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

/** What is looked for has a column of its own; the migrations must agree. */
const lookedFor = [
  'id',
  'job_id',
  'mode',
  'state',
  'fence',
  'priority',
  'first_queued_at',
  'waiting_until',
  'size_bytes',
  'source_path',
  'updated_at',
  'finished_at',
  'associate_with',
] as const;

/** The order in which `body` holds the rest: may be added to at its end, never changed otherwise. Nulls at its end are left out. */
const inBody = [
  'phase',
  'source_endpoint',
  'destination_endpoint',
  'destination_path',
  'published_path',
  'mtime_ms',
  'file_mode',
  'source_device',
  'source_inode',
  'source_size_bytes',
  'source_mtime_ms',
  'bytes_done',
  'bytes_processed',
  'hash_algorithm',
  'hash_value',
  'attempts',
  'created_at',
  'started_at',
  'receipt_at',
  'receipt_verify',
  'source_version',
  'owner',
  'waiting_reason',
  'heartbeat_at',
  'lease_node',
  'lease_fence',
  'error',
  'publishing',
  'receipt_body',
] as const;

export const flatColumns = [...lookedFor, ...inBody] as const;

export type FlatColumn = (typeof flatColumns)[number];

/** A transfer and its receipt as plain values in the order of `flatColumns`. */
export type FlatTransfer = (string | number | null)[];

export const columnAt = Object.fromEntries(flatColumns.map((name, at) => [name, at])) as Readonly<
  Record<FlatColumn, number>
>;

/** The columns of the table that hold a transfer, in the order of `bindTransfer` and `flatFrom`. */
export const transferColumns: readonly string[] = [...lookedFor, 'body'];
const bodyAt = lookedFor.length;

export function flattenTransfer(transfer: Transfer, receipt: Receipt | null): FlatTransfer {
  const { id, jobId, mode, state, phase, source, destination, publishedPath, sizeBytes, mtimeMs, fileMode, identity } =
    transfer;
  const { waiting, bytesDone, bytesProcessed, hash, attempts, firstQueuedAt, priority, owner, associateWith, error } =
    transfer;
  const { heartbeatAt, lease, fence, publishing, createdAt, updatedAt, startedAt, finishedAt } = transfer;
  const derived = receipt !== null && sameReceipt(receipt, deriveReceipt(transfer, receipt.verify, receipt.at));
  return [
    id,
    jobId,
    mode,
    state,
    fence,
    priority,
    firstQueuedAt,
    waiting?.until ?? null,
    sizeBytes,
    source.path,
    updatedAt,
    finishedAt,
    associateWith,
    phase,
    source.endpoint,
    destination.endpoint,
    destination.path,
    publishedPath,
    mtimeMs,
    fileMode,
    identity?.device ?? null,
    identity?.inode ?? null,
    identity?.sizeBytes ?? null,
    identity?.mtimeMs ?? null,
    bytesDone,
    bytesProcessed,
    hash?.algorithm ?? null,
    hash?.value ?? null,
    attempts,
    createdAt,
    startedAt,
    receipt?.at ?? null,
    receipt?.verify ?? null,
    identity?.version ?? null,
    owner,
    waiting?.reason ?? null,
    heartbeatAt,
    lease?.node ?? null,
    lease?.fence ?? null,
    error === null ? null : JSON.stringify(error),
    publishing === null ? null : JSON.stringify(publishing),
    receipt === null || derived ? null : JSON.stringify(receipt),
  ];
}

/** The values of `transferColumns`. Rejects with `invalid`: a name that stands for no bytes. */
export function bindTransfer(flat: FlatTransfer): SqlValue[] {
  const values: SqlValue[] = flat.slice(0, bodyAt);
  values[columnAt.source_path] = nameToSql(String(flat[columnAt.source_path]));
  let end = flat.length;
  while (flat[end - 1] === null) end -= 1;
  values.push(JSON.stringify(flat.slice(bodyAt, end)));
  return values;
}

/** Reads back what `bindTransfer` gave; the row may have more columns behind. */
export function flatFrom(row: readonly SqlValue[]): FlatTransfer {
  const flat = row.slice(0, bodyAt) as FlatTransfer;
  flat[columnAt.source_path] = nameFromSql(row[columnAt.source_path]);
  flat.push(...(JSON.parse(String(row[bodyAt])) as FlatTransfer));
  while (flat.length < flatColumns.length) flat.push(null);
  return flat;
}

export function transferFromRow(row: readonly SqlValue[]): Transfer {
  return transferFrom(flatFrom(row));
}

export function receiptFromRow(row: readonly SqlValue[]): Receipt | undefined {
  return receiptFrom(flatFrom(row));
}

type Value = string | number | null | undefined;
const text = (value: Value): string => String(value);
const textOrNull = (value: Value): string | null => (value === null || value === undefined ? null : String(value));
const number = (value: Value): number => Number(value);
const numberOrNull = (value: Value): number | null => (value === null || value === undefined ? null : Number(value));

/** Does not compile where a field of a transfer, also an optional one, has no column. */
export function transferFrom(row: Readonly<FlatTransfer>): Transfer {
  const at = columnAt;
  const hashAlgorithm = textOrNull(row[at.hash_algorithm]);
  const waitingReason = textOrNull(row[at.waiting_reason]);
  const leaseNode = textOrNull(row[at.lease_node]);
  const error = textOrNull(row[at.error]);
  const publishing = textOrNull(row[at.publishing]);
  return {
    id: text(row[at.id]),
    jobId: text(row[at.job_id]),
    mode: text(row[at.mode]) as Mode,
    source: { endpoint: text(row[at.source_endpoint]), path: text(row[at.source_path]) },
    destination: { endpoint: text(row[at.destination_endpoint]), path: text(row[at.destination_path]) },
    publishedPath: textOrNull(row[at.published_path]),
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
    owner: textOrNull(row[at.owner]),
    associateWith: textOrNull(row[at.associate_with]),
    error: error === null ? null : (JSON.parse(error) as FaultReport),
    heartbeatAt: numberOrNull(row[at.heartbeat_at]),
    lease: leaseNode === null ? null : { node: leaseNode, fence: number(row[at.lease_fence]) },
    fence: number(row[at.fence]),
    publishing: publishing === null ? null : (JSON.parse(publishing) as Publishing),
    createdAt: number(row[at.created_at]),
    updatedAt: number(row[at.updated_at]),
    startedAt: numberOrNull(row[at.started_at]),
    finishedAt: numberOrNull(row[at.finished_at]),
  } satisfies Record<keyof Transfer, unknown>;
}

function identityFrom(row: Readonly<FlatTransfer>): SourceIdentity | null {
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
export function receiptFrom(row: Readonly<FlatTransfer>): Receipt | undefined {
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
