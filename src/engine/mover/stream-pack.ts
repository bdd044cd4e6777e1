// A pack between places that only streams reach: its files one after the other, reported in groups.

import { openControl } from '../../endpoints/control.ts';
import { stopReasons } from '../../endpoints/mounts.ts';
import { asFault } from '../../model/fault.ts';
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
  let reportedAt = performance.now();
  const report = async () => {
    reportedAt = performance.now();
    if (results.length > 0) await request.finished(results.splice(0));
  };
  for (const [at, file] of files.entries()) {
    if (view.stop !== stopReasons.run) {
      await report();
      return { left: files.slice(at), stopped: stopNames[view.stop] };
    }
    try {
      const outcome = await move(requestOf(request, file));
      if (outcome.kind === 'published') results.push({ ...outcome, file });
      else if (outcome.kind === 'stopped') {
        await report();
        return { left: files.slice(at), stopped: outcome.reason };
      }
    } catch (error) {
      const fault = asFault(error);
      if (packFaults.has(fault.code)) {
        if (fault.code !== 'lease_lost') await report();
        throw fault;
      }
      results.push({ kind: 'failed', file, fault });
    }
    if (results.length >= groupFiles || performance.now() - reportedAt >= groupMs) await report();
  }
  await report();
  return { left: [], stopped: null };
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
