// How rows of the ledger and live figures become the views that the API gives.

import type { JobProgress, PlannedItem } from '../engine/engine.ts';
import type { StoredEvent, TransferProgress } from '../model/event.ts';
import type { FaultReport } from '../model/fault.ts';
import { type Job, jobTakes } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import type { Receipt } from '../model/receipt.ts';
import { inviteWithoutSecret } from '../model/room-invite.ts';
import { activeStates, type Place, restingStates, type Transfer, takes } from '../model/transfer.ts';
import type {
  Action,
  EventView,
  FaultView,
  JobProgressView,
  JobView,
  PlaceView,
  PlannedItemView,
  ReceiptView,
  TransferProgressView,
  TransferView,
} from '../model/views.ts';

export const isoTime = (ms: number): string => new Date(ms).toISOString();
const isoTimeOrNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));

export function placeView(place: Place): PlaceView {
  return { endpoint: displayPath(place.endpoint), ...pathText(place.path) };
}

export function faultView(report: FaultReport): FaultView {
  const { code, message, transient, remedy, place } = report;
  return { code, message, transient, remedy, ...(place === undefined ? {} : { place }) };
}

/** `progress` is the last that was heard of a transfer under way; a resting one shows none. */
export function transferView(transfer: Transfer, progress?: TransferProgress): TransferView {
  const active = activeStates.includes(transfer.state);
  const live = restingStates.includes(transfer.state) ? undefined : progress;
  return {
    id: transfer.id,
    jobId: transfer.jobId,
    mode: transfer.mode,
    source: placeView(transfer.source),
    destination: placeView(transfer.destination),
    published: transfer.publishedPath === null ? null : pathText(transfer.publishedPath),
    sizeBytes: live?.sizeBytes ?? transfer.sizeBytes,
    mtime: isoTimeOrNull(transfer.mtimeMs),
    fileMode: transfer.fileMode,
    state: transfer.state,
    phase: transfer.phase,
    waiting:
      transfer.waiting === null
        ? null
        : { reason: transfer.waiting.reason, until: isoTimeOrNull(transfer.waiting.until) },
    bytesDone: active ? liveBytes(transfer.bytesDone, 'transfer', live) : transfer.bytesDone,
    bytesProcessed: active ? liveBytes(transfer.bytesProcessed, 'process', live) : transfer.bytesProcessed,
    hash: transfer.hash,
    attempts: transfer.attempts,
    firstQueuedAt: isoTimeOrNull(transfer.firstQueuedAt),
    priority: transfer.priority,
    owner: transfer.owner,
    associateWith: transfer.associateWith,
    error: transfer.error === null ? null : faultView(transfer.error),
    heartbeatAt: isoTimeOrNull(transfer.heartbeatAt),
    lease: transfer.lease,
    createdAt: isoTime(transfer.createdAt),
    updatedAt: isoTime(transfer.updatedAt),
    startedAt: isoTimeOrNull(transfer.startedAt),
    finishedAt: isoTimeOrNull(transfer.finishedAt),
    actions: transferActions(transfer),
    speedBytesPerSecond: active ? (live?.bytesPerSecond ?? null) : null,
    eta: live?.eta ?? null,
    head: live?.head ?? null,
    step: active ? (live?.step ?? null) : null,
  };
}

/** What is heard may be older than the row. */
function liveBytes(inRow: number, phase: Transfer['phase'], live: TransferProgress | undefined): number {
  return live?.phase === phase ? Math.max(live.bytesDone, inRow) : inRow;
}

function transferActions({ state }: Transfer): Action[] {
  const actions: Action[] = [];
  if (takes(state, 'pause')) actions.push('pause');
  if (state === 'paused') actions.push('resume');
  if (takes(state, 'cancel')) actions.push('cancel');
  if (takes(state, 'retry')) actions.push('retry');
  return actions;
}

export function jobView(job: Job, progress?: JobProgress): JobView {
  const spec = (typeof job.spec === 'object' && job.spec !== null ? job.spec : {}) as Record<string, unknown>;
  return {
    id: job.id,
    kind: job.kind,
    name: displayPath(job.name),
    sources: places(
      spec.sources ?? spec.source ?? spec.send ?? (job.kind === 'offload' ? `device://${String(spec.device)}/` : []),
    ),
    destinations: places(spec.destinations ?? spec.destination ?? spec.downloadDir ?? spec.to),
    spec: job.kind === 'share' ? { ...spec, room: inviteWithoutSecret(String(spec.room)) } : spec,
    state: job.state,
    waiting: job.waiting === null ? null : { reason: job.waiting.reason, until: isoTimeOrNull(job.waiting.until) },
    planned: job.planned,
    counts: job.counts,
    priority: job.priority,
    owner: job.owner,
    error: job.error === null ? null : faultView(job.error),
    createdAt: isoTime(job.createdAt),
    updatedAt: isoTime(job.updatedAt),
    startedAt: isoTimeOrNull(job.startedAt),
    finishedAt: isoTimeOrNull(job.finishedAt),
    actions: (['pause', 'resume', 'cancel', 'retry'] as const).filter((action) => jobTakes(job.state, action)),
    progress: job.state === 'running' && progress !== undefined ? jobProgressView(progress) : null,
  };
}

function places(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string').map(displayPath);
}

export function jobProgressView({ etaSeconds, ...figures }: JobProgress): JobProgressView {
  return {
    ...figures,
    eta:
      etaSeconds === null ? null : { fromSeconds: etaSeconds.from, toSeconds: etaSeconds.to, cause: etaSeconds.cause },
  };
}

export function plannedItemView({ action, path, sizeBytes, reason, to }: PlannedItem): PlannedItemView {
  return {
    action,
    ...pathText(path),
    sizeBytes,
    ...(reason === undefined ? {} : { reason }),
    ...(to === undefined ? {} : { to: pathText(to) }),
  };
}

export function transferProgressView(progress: TransferProgress): TransferProgressView {
  const { transferId, jobId, phase, bytesDone, sizeBytes, bytesPerSecond, eta, head, step } = progress;
  const figures = { transferId, jobId, phase, bytesDone, sizeBytes, bytesPerSecond, eta };
  return { ...figures, head: head ?? null, step: step ?? null };
}

export function receiptView(receipt: Receipt): ReceiptView {
  return {
    transferId: receipt.transferId,
    jobId: receipt.jobId,
    source: placeView(receipt.source),
    destination: placeView(receipt.destination),
    sizeBytes: receipt.sizeBytes,
    hash: receipt.hash,
    verify: receipt.verify,
    at: isoTime(receipt.at),
  };
}

const eventViews = new WeakMap<StoredEvent, EventView>();

/** Made once for an event that many hear. */
export function eventView(event: StoredEvent): EventView {
  const known = eventViews.get(event);
  if (known !== undefined) return known;
  const view = newEventView(event);
  eventViews.set(event, view);
  return view;
}

function newEventView(event: StoredEvent): EventView {
  return {
    ...factView(event),
    ...(event.transfer === undefined ? {} : { transfer: transferView(event.transfer) }),
    ...(event.job === undefined ? {} : { job: jobView(event.job) }),
  };
}

/** An event without the row that it carries, for where that row is shown already. */
export function factView(event: StoredEvent): Omit<EventView, 'transfer' | 'job'> {
  return {
    cursor: event.cursor,
    name: event.name,
    at: isoTime(event.at),
    transferId: event.transferId,
    jobId: event.jobId,
    data: event.data,
  };
}
