// What sinks are told of a fact: pure but for the looking up of what a fact only names.

import { createHash } from 'node:crypto';
import { formatEndpoint, parseEndpoint } from '../model/endpoint-url.ts';
import type { StoredEvent } from '../model/event.ts';
import type { ContentHash } from '../model/hash.ts';
import {
  type CleanupSummary,
  type FileIngestType,
  type IngestEvent,
  type IngestItem,
  type IngestWish,
  type SyncSummary,
  wantsFile,
} from '../model/ingest.ts';
import type { Job } from '../model/job.ts';
import { displayPath, isText, joinPath, pathBytes } from '../model/names.ts';
import { exactPath, type PathText } from '../model/path-text.ts';
import type { Recording } from '../model/recording.ts';
import type { Transfer } from '../model/transfer.ts';
import type { StoreReader } from '../store/store.ts';

export interface IngestLookup {
  readonly reader: Pick<StoreReader, 'events' | 'recording' | 'transfers'>;
  /** Under which name the outside knows a run. */
  readonly syncIdOf: (jobId: string) => Promise<string>;
}

const jobEnds = new Set<string>([
  'observation.job.completed',
  'observation.job.partial',
  'observation.job.failed',
  'observation.job.cancelled',
]);
/** Errors that a summary names; the rest are counted. */
const mostErrors = 100;

/** None where the fact is of no interest to such a sink. In the order in which they happened. */
export async function itemsOf(
  fact: StoredEvent,
  wish: IngestWish,
  lookup: IngestLookup,
): Promise<readonly IngestItem[]> {
  const { name, transfer, job } = fact;
  if (transfer !== undefined) {
    const type = typeOfTransferFact(name);
    if (type === undefined || !wantsFile(wish, type) || !wish.jobs.includes(transfer.mode)) return [];
    // It arrived before; this only says that its processing begins anew.
    if (fact.data.recovered === true) return [];
    const found = type === 'file_processed' ? await findings(fact, lookup) : undefined;
    return [{ kind: 'file', event: await fileEvent(fact, transfer, type, lookup, found) }];
  }
  const gone = goneBy(fact);
  if (gone.length > 0) {
    if (!wantsFile(wish, 'file_deleted') || !wish.jobs.includes('sync')) return [];
    return deletedItems(fact, gone, lookup);
  }
  if (job === undefined || !jobEnds.has(name)) return [];
  if (!wish.types.includes('sync_complete') || !wish.jobs.includes(job.kind)) return [];
  const syncId = await lookup.syncIdOf(job.id);
  return [{ kind: 'complete', syncId, summary: await summaryOf(fact, job, lookup) }];
}

function typeOfTransferFact(name: string): FileIngestType | undefined {
  // On its arrival: it is proven and has its name. What is done with it after that is told by itself.
  if (name === 'observation.transfer.download.completed') return 'file_synced';
  if (name === 'observation.transfer.processing.completed') return 'file_processed';
  return undefined;
}

async function fileEvent(
  { at, data }: StoredEvent,
  transfer: Transfer,
  eventType: FileIngestType,
  { syncIdOf }: IngestLookup,
  found?: Findings,
): Promise<IngestEvent> {
  const { endpoint } = transfer.destination;
  const path = transfer.publishedPath ?? transfer.destination.path;
  const { source, mtimeMs, associateWith } = transfer;
  return {
    // By the transfer: a file that is taken up again after a crash is told of under the same id.
    id: `${transfer.id}-${eventType}`,
    eventType,
    timestamp: new Date(at).toISOString(),
    syncId: await syncIdOf(transfer.jobId),
    filePath: shownPlace(endpoint, path),
    fileSize: transfer.sizeBytes,
    fileHash: sha256Of(found) ?? hashText(transfer.hash),
    metadata: {
      source: shownPlace(source.endpoint, source.path),
      relativePath: displayPath(path),
      ...bytesOf(path),
      ...(mtimeMs === null ? {} : { modifiedAt: new Date(mtimeMs).toISOString() }),
      ...(associateWith === null ? {} : { associateWith }),
      ...(data.alreadyThere === true ? { alreadyThere: true } : {}),
      ...found?.facts,
    },
    xmpPath: found?.xmpPath ?? null,
    thumbnailPath: found?.thumbnailPath ?? null,
  };
}

interface Findings {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly xmpPath: string | null;
  readonly thumbnailPath: string | null;
}

/** What the steps found out and made: from the fact itself, else from the recording that was written with it. */
async function findings({ data, transferId }: StoredEvent, { reader }: IngestLookup): Promise<Findings> {
  const path = (value: unknown) => (typeof value === 'string' ? shownPath(value) : null);
  const { metadata, xmpPath, thumbnailPath } = data;
  if (isRecord(metadata)) return { facts: metadata, xmpPath: path(xmpPath), thumbnailPath: path(thumbnailPath) };
  const recording: Recording | undefined = transferId === null ? undefined : await reader.recording(transferId);
  const made = (role: string) => path(recording?.derived.find((one) => one.role === role)?.path);
  return { facts: recording?.facts ?? {}, xmpPath: made('xmp'), thumbnailPath: made('thumbnail') };
}

interface Gone {
  readonly endpoint: string;
  readonly path: string;
  readonly sizeBytes: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Which files a fact says are no longer there. */
function goneBy({ name, data }: StoredEvent): readonly Gone[] {
  const { endpoint, destination, path, pathBytes, sizeBytes, copies, paths, exact, renamed } = data;
  switch (name as string) {
    case 'observation.sync.file_deleted':
      if (typeof endpoint !== 'string' || typeof path !== 'string') return [];
      return [
        {
          endpoint,
          path: exactPath(typeof pathBytes === 'string' ? { path, pathBytes } : { path }),
          sizeBytes: typeof sizeBytes === 'number' ? sizeBytes : null,
          metadata: { at: 'source', ...(Array.isArray(copies) ? { copies } : {}) },
        },
      ];
    case 'observation.sync.files_deleted':
      if (typeof destination !== 'string' || !Array.isArray(paths)) return [];
      return exactPaths(paths as string[], exact).map((gone) => atDestination(destination, gone, {}));
    case 'observation.sync.files_renamed':
      // Under its new name it is told of as one that arrived.
      if (typeof destination !== 'string' || !Array.isArray(renamed)) return [];
      return (renamed as { from: string; to: string }[]).map(({ from, to }) =>
        atDestination(destination, from, { renamedTo: shownPlace(destination, to) }),
      );
    default:
      return [];
  }
}

/** Paths are shown with escapes; those whose bytes stand beside them are these bytes. */
function exactPaths(paths: readonly string[], exact: unknown): readonly string[] {
  if (!Array.isArray(exact) || exact.length === 0) return paths;
  const bytes = new Map((exact as PathText[]).map((one) => [one.path, exactPath(one)]));
  return paths.map((path) => bytes.get(path) ?? path);
}

function atDestination(endpoint: string, path: string, more: Gone['metadata']): Gone {
  return { endpoint, path, sizeBytes: null, metadata: { at: 'destination', ...more } };
}

async function deletedItems(
  { at, cursor, jobId }: StoredEvent,
  gone: readonly Gone[],
  { syncIdOf }: IngestLookup,
): Promise<IngestItem[]> {
  const syncId = jobId === null ? '' : await syncIdOf(jobId);
  const fact = createHash('sha256').update(cursor).digest('hex').slice(0, 32);
  return gone.map(({ endpoint, path, sizeBytes, metadata }, index) => ({
    kind: 'file',
    event: {
      id: `${fact}-${index}`,
      eventType: 'file_deleted',
      timestamp: new Date(at).toISOString(),
      syncId,
      filePath: shownPlace(endpoint, path),
      fileSize: sizeBytes,
      fileHash: null,
      metadata: { ...metadata, relativePath: displayPath(path), ...bytesOf(path) },
      xmpPath: null,
      thumbnailPath: null,
    },
  }));
}

/** What the cleanup at the end of a run did, as the run says shortly before its end. */
async function cleanupBefore({ cursor, jobId }: StoredEvent, { reader }: IngestLookup): Promise<unknown> {
  if (jobId === null) return undefined;
  const query = { jobId, name: 'observation.sync.finished', before: cursor, limit: 1 };
  const [finished] = (await reader.events(query)).events;
  return isRecord(finished?.data.status) ? finished.data.status.cleanup : undefined;
}

async function summaryOf(fact: StoredEvent, job: Job, lookup: IngestLookup): Promise<SyncSummary> {
  const { cursor, at } = fact;
  const { reader } = lookup;
  const { counts, startedAt, createdAt, error } = job;
  const failed =
    counts.failed === 0
      ? []
      : (await reader.transfers({ jobId: job.id, states: ['failed'], limit: mostErrors })).rows.flatMap((transfer) =>
          transfer.error === null ? [] : [`${displayPath(transfer.source.path)}: ${transfer.error.message}`],
        );
  const cleanup = await cleanupBefore(fact, lookup);
  const unnamed = Math.max(0, counts.failed - failed.length);
  return {
    id: `${job.id}-${createHash('sha256').update(cursor).digest('hex').slice(0, 16)}`,
    timestamp: new Date(at).toISOString(),
    success: job.state === 'completed',
    filesTransferred: counts.completed,
    bytesTransferred: counts.bytesCompleted,
    duration: Math.max(0, (job.finishedAt ?? at) - (startedAt ?? createdAt)) / 1000,
    errors: [
      ...(error === null ? [] : [error.message]),
      ...failed,
      ...(unnamed > 0 && failed.length > 0 ? [`${unnamed} more files failed.`] : []),
    ],
    ...(isRecord(cleanup) ? { cleanup: cleanupOf(cleanup) } : {}),
  };
}

function cleanupOf(given: Readonly<Record<string, unknown>>): CleanupSummary {
  const number = (value: unknown) => (typeof value === 'number' ? value : 0);
  const errors = Array.isArray(given.errors) ? (given.errors as unknown[]) : [];
  return {
    filesScanned: number(given.filesScanned),
    filesDeleted: number(given.filesDeleted),
    spaceFreedBytes: number(given.spaceFreedBytes),
    errors: errors.map((one) => (isRecord(one) ? String(one.message ?? '') : String(one))),
    dryRun: given.dryRun === true,
  };
}

/** The whole path on this machine, else the address of the place with the path. Bytes that are not text are shown escaped. */
export function shownPlace(endpoint: string, path: string): string {
  const address = parseEndpoint(endpoint);
  if (address.scheme !== 'file') return formatEndpoint({ ...address, path: joinPath(address.path, path) });
  return shownPath(path === '' ? address.path : `${address.path === '/' ? '' : address.path}/${path}`);
}

function shownPath(path: string): string {
  return isText(path) ? path : displayPath(path);
}

function bytesOf(path: string): { pathBytes?: string } {
  return isText(path) ? {} : { pathBytes: Buffer.from(pathBytes(path)).toString('base64') };
}

/** Where somebody asked for it; whoever looks files up by content knows them by it. */
function sha256Of(found: Findings | undefined): string | null {
  const checksums = found?.facts.checksums;
  return isRecord(checksums) && typeof checksums.sha256 === 'string' ? `sha256:${checksums.sha256}` : null;
}

function hashText(hash: ContentHash | null): string | null {
  return hash === null ? null : `${hash.algorithm}:${hash.value}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
