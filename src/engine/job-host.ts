// What the engine does for the mode of one running job.

import type { Fault } from '../model/fault.ts';
import type { Job } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { JobRun } from './job-run.ts';
import type { Ledger } from './ledger.ts';
import type { ModeHost, ModeParts, NewPack, NewTransfer } from './mode.ts';
import type { Attempted, Decision } from './retry.ts';

/** Packs that a job may have handed over and not yet got back; enough to keep every slot busy while the next is found. */
const packsAhead = 6;
const rowsAtOnce = 500;

export interface HostParts extends ModeParts {
  readonly ledger: Ledger;
  readonly decide: (fault: Fault, attempted: Attempted) => Decision;
  /** Work has come that may be claimed. */
  readonly wake: () => void;
  readonly offerPack: (run: JobRun, pack: NewPack) => void;
  readonly goOn: (transferId: string) => void;
}

export interface HostWaits {
  /** Called when a pack of the job has come back. */
  packDone(): void;
}

export function createHost(run: JobRun, parts: HostParts): ModeHost & HostWaits {
  const { ledger, clock, reader } = parts;
  let roomMade = Promise.withResolvers<void>();

  return {
    reader,
    clock,
    mounts: parts.mounts,
    newId: parts.newId,
    log: parts.log,
    open: (address) => parts.open(address),
    get job() {
      return run.job;
    },
    found: (files, bytes) => run.count({ found: files, bytesFound: bytes }),
    skipped: (files, bytes) => run.skipped(files, bytes),

    add: async (files, as, facts, also = () => []) => {
      const made: Transfer[] = [];
      for (let at = 0; at < files.length; at += rowsAtOnce) {
        const some = files.slice(at, at + rowsAtOnce);
        const rows = some.map((file) => newTransfer(file, run.job, parts, as));
        const more = rows.flatMap((row, index) => also(row, some[index] as NewTransfer));
        await ledger.insert(rows, facts, more);
        made.push(...rows);
        if (as === 'queued') parts.wake();
      }
      return made;
    },

    refuse: async (files) => {
      run.firstFault ??= files[0]?.fault;
      for (let at = 0; at < files.length; at += rowsAtOnce) {
        const rows = files
          .slice(at, at + rowsAtOnce)
          .map(({ file, fault }) =>
            failedTransfer(newTransfer({ ...file, sizeBytes: null }, run.job, parts, 'queued'), fault),
          );
        await ledger.insert(rows);
      }
    },

    adopt: async (files) => {
      const arrived = files.map(({ file, proof }) => {
        const before = newTransfer(file, run.job, parts, 'queued');
        const sizeBytes = file.sizeBytes ?? 0;
        const receipt: Receipt = {
          ...{
            transferId: before.id,
            jobId: run.id,
            source: before.source,
            destination: before.destination,
            sizeBytes,
          },
          ...proof,
        };
        const after = { publishedPath: file.destination.path, hash: proof.hash, identity: proof.sourceIdentity };
        return { before, after, receipt };
      });
      await ledger.finishPack({ isNew: true, arrived });
      // No byte of them was moved.
      const bytes = arrived.reduce((sum, { receipt }) => sum + receipt.sizeBytes, 0);
      run.count({ completed: -arrived.length, bytesCompleted: -bytes });
      run.count({ skipped: arrived.length, bytesSkipped: bytes });
      return arrived.map(({ receipt }) => receipt);
    },

    addPack: async (pack) => {
      run.packsOpen += 1;
      parts.offerPack(run, pack);
      while (run.packsOpen >= packsAhead && run.accepting) await roomMade.promise;
    },
    packDone: () => {
      const waiting = roomMade;
      roomMade = Promise.withResolvers();
      waiting.resolve();
    },

    advance: (transfer, inputs, patch, facts) =>
      ledger.advance({
        transfer,
        inputs,
        ...(patch === undefined ? {} : { patch }),
        ...(facts === undefined ? {} : { facts }),
      }),

    advanceAll: (advances) => ledger.advanceAll(advances),

    forget: async (ids) => {
      await ledger.write([{ kind: 'delete_transfers', ids }]);
    },

    async *rows(states) {
      // Counts are at hand, whereas a look for rows at rest gives each folded pack its rows first.
      const counts = await reader.countTransfers(run.id);
      if (states.every((state) => counts[state] === 0)) return;
      let cursor: string | undefined;
      do {
        const page = await reader.transfers({
          jobId: run.id,
          states,
          limit: 1000,
          ...(cursor === undefined ? {} : { cursor }),
        });
        yield* page.rows;
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
    },

    wait: async (reason, fault, until) => {
      const patch = { waiting: { reason, until }, error: fault.report() };
      if (run.job.state === 'running') await run.advance('wait', patch, { reason, until, error: patch.error });
      else if (run.job.state === 'waiting') await run.note(patch);
    },
    endWait: async () => {
      if (run.job.state === 'waiting') await run.advance('start', { waiting: null, error: null });
    },
    write: async (changes) => {
      await ledger.write(changes);
    },
    goOn: parts.goOn,
    tell: (name, facts) => run.note({}, { name, data: facts }),
  };
}

export function newTransfer(
  file: NewTransfer,
  job: Job,
  parts: Pick<ModeParts, 'clock' | 'newId'>,
  state: Transfer['state'],
  id = parts.newId(),
): Transfer {
  const now = parts.clock.now();
  return {
    id,
    jobId: job.id,
    mode: job.kind,
    source: file.source,
    destination: file.destination,
    publishedPath: null,
    sizeBytes: file.sizeBytes,
    mtimeMs: file.mtimeMs,
    fileMode: file.fileMode,
    identity: file.identity ?? null,
    state,
    phase: 'transfer',
    waiting: null,
    bytesDone: 0,
    bytesProcessed: 0,
    hash: null,
    attempts: 0,
    firstQueuedAt: state === 'discovered' ? null : now,
    priority: job.priority,
    owner: job.owner,
    associateWith: file.associateWith ?? null,
    error: null,
    heartbeatAt: null,
    lease: null,
    fence: 0,
    publishing: null,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    finishedAt: null,
  };
}

/** A row for a file whose first attempt has failed before it had one: it waits, or has failed. */
export function stoppedTransfer(file: NewTransfer, fault: Fault, job: Job, parts: HostParts, id?: string): Transfer {
  const row = newTransfer(file, job, parts, 'queued', id);
  const now = row.createdAt;
  const decision = parts.decide(fault, { attempts: 1, firstQueuedAt: now, jobId: job.id });
  if (decision.kind === 'fail') return failedTransfer(row, fault);
  const error = fault.report();
  const { reason, until } = decision;
  return { ...row, state: 'waiting', error, waiting: { reason, until }, attempts: reason === 'backoff' ? 1 : 0 };
}

function failedTransfer(row: Transfer, fault: Fault): Transfer {
  const at = row.createdAt;
  return { ...row, state: 'failed', error: fault.report(), attempts: 1, startedAt: at, finishedAt: at };
}
