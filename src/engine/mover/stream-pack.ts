// A pack between places that only streams reach: its files one after the other, or some side by side, reported in groups.

import { openControl } from '../../endpoints/control.ts';
import { stopReasons } from '../../endpoints/mounts.ts';
import { asFault, type Fault } from '../../model/fault.ts';
import type { Transfer } from '../../model/transfer.ts';
import type {
  MoveHooks,
  MoveOutcome,
  MoveRequest,
  PackFile,
  PackFileResult,
  PackOutcome,
  PackRequest,
} from './move.ts';
import { stopNames } from './mover-parts.ts';

const groupFiles = 100;
const groupMs = 1_000;
/** To a place that takes files as a whole, by requests that each wait for their answer: so many small files go side by side. */
const uploadsAtOnce = 8;
/** What ends the whole pack rather than a file of it. */
const packFaults = new Set(['lease_lost', 'unreachable', 'ledger']);

/** `move` moves one file. Rejects with `lease_lost`, `unreachable`, or with what `finished` rejected with. */
export async function movePackByStream(
  request: PackRequest,
  move: (request: MoveRequest) => Promise<MoveOutcome>,
): Promise<PackOutcome> {
  const { files, control } = request;
  const view = openControl(control);
  const results: PackFileResult[] = [];
  const left: PackFile[] = [];
  let stopped: PackOutcome['stopped'] = null;
  let broken: Fault | undefined;
  let reportedAt = performance.now();
  let reporting: Promise<void> = Promise.resolve();
  /** One after the other: each group is committed before the next. */
  const report = () => {
    reportedAt = performance.now();
    reporting = reporting.then(async () => {
      if (results.length > 0) await request.finished(results.splice(0));
    });
    return reporting;
  };
  const waiting = files.values();
  const work = async () => {
    for (const file of waiting) {
      if (view.stop !== stopReasons.run) stopped ??= stopNames[view.stop];
      if (stopped !== null || broken !== undefined) {
        left.push(file);
        continue;
      }
      try {
        const outcome = await move(requestOf(request, file));
        if (outcome.kind === 'published') results.push({ ...outcome, file });
        else if (outcome.kind === 'stopped') {
          stopped ??= outcome.reason;
          left.push(file);
        }
      } catch (error) {
        const fault = asFault(error);
        if (packFaults.has(fault.code)) broken ??= fault;
        else results.push({ kind: 'failed', file, fault });
      }
      if (results.length >= groupFiles || performance.now() - reportedAt >= groupMs) {
        await report().catch((error: unknown) => {
          broken ??= asFault(error);
        });
      }
    }
  };
  const atOnce = request.destination.uploads === undefined ? 1 : uploadsAtOnce;
  await Promise.all(Array.from({ length: atOnce }, work));
  // Whoever has lost the lease may commit nothing any more.
  if (broken?.code !== 'lease_lost') await report();
  if (broken !== undefined) throw broken;
  return { left, stopped };
}

function requestOf(request: PackRequest, file: PackFile): MoveRequest {
  const { source, destination, options, control, fence, checkFence } = request;
  const hooks: MoveHooks = {
    publishing: checkFence,
    progress() {
      // A pack's progress is read from its control.
    },
    restarted() {
      // The file's result says what became of it.
    },
  };
  const transfer: Transfer = {
    id: file.transferId,
    jobId: request.packId,
    mode: 'copy',
    source: { endpoint: source.name, path: file.sourcePath },
    destination: { endpoint: destination.name, path: file.destinationPath },
    publishedPath: null,
    sizeBytes: file.entry.sizeBytes,
    mtimeMs: file.entry.mtimeMs,
    fileMode: file.entry.mode ?? null,
    identity: null,
    state: 'transferring',
    phase: 'transfer',
    waiting: null,
    bytesDone: 0,
    bytesProcessed: 0,
    hash: null,
    attempts: 1,
    firstQueuedAt: null,
    priority: 0,
    owner: null,
    associateWith: null,
    error: null,
    heartbeatAt: null,
    lease: null,
    fence,
    publishing: null,
    createdAt: 0,
    updatedAt: 0,
    startedAt: null,
    finishedAt: null,
  };
  return { transfer, source, destination, options, control, hooks };
}
