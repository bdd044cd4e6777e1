// Reads queued rows ahead of free slots and makes work of them.

import type { NewId } from '../model/clock.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Store } from '../store/store.ts';
import { gather, type PackPlan } from './gather.ts';
import type { Holdings } from './holdings.ts';
import type { Jobs } from './jobs.ts';
import type { ModeRun } from './mode.ts';
import type { Places } from './places.ts';
import { isScannedFirst } from './scan-gate.ts';
import type { EngineWork, ProcessWork } from './work.ts';

export interface QueueReader {
  /** Work that is not yet in line, and whether the ledger holds more than was read. */
  read(): Promise<{ readonly works: readonly (EngineWork | ProcessWork)[]; readonly more: boolean }>;
  /** Like `read`, of what has arrived and has still something to go through. */
  readArrived(): Promise<{ readonly works: readonly ProcessWork[]; readonly more: boolean }>;
  /** The key of the work that a row stands in, offered or claimed. */
  workOf(transferId: string): string | undefined;
  /** The row has left its work: it was paused or cancelled, or its work is done. */
  forget(transferId: string, key: string): void;
}

/** Read of one job at once: enough for some packs of a burst of small files. */
const rowsPerJob = 1024;
const rowsAtOnce = 2048;
/** Processing takes long: no more is read ahead than keeps the jobs fair among each other. */
const arrivedPerJob = 16;
const arrivedAtOnce = 64;

/** What grows, and what has to be scanned before it gets its name, travels alone. */
function mayPack(mode: ModeRun | undefined, row: Transfer): boolean {
  if (mode?.growth?.(row) !== undefined) return false;
  try {
    return mode === undefined || !isScannedFirst(mode, row);
  } catch {
    // Alone it meets the fault.
    return false;
  }
}

export function createQueueReader(parts: {
  readonly store: Store;
  readonly places: Places;
  readonly jobs: Jobs;
  readonly holdings: Holdings;
  readonly newId: NewId;
}): QueueReader {
  const { store, places, jobs, holdings, newId } = parts;
  const inWork = new Map<string, string>();

  /** Of every job some, however many rows the others have. */
  const readRows = async (): Promise<{ rows: Transfer[]; more: boolean }> => {
    const rows: Transfer[] = [];
    const seen = new Set<string>();
    let more = false;
    for (;;) {
      const page = await store.queued({
        state: 'queued',
        limit: rowsAtOnce,
        perJob: rowsPerJob,
        excludeJobs: [...seen],
      });
      const perJob = new Map<string, number>();
      for (const row of page) {
        rows.push(row);
        seen.add(row.jobId);
        const count = (perJob.get(row.jobId) ?? 0) + 1;
        perJob.set(row.jobId, count);
        if (count === rowsPerJob) more = true;
      }
      if (page.length < rowsAtOnce) return { rows, more };
    }
  };

  const isFree = (row: Transfer) =>
    !inWork.has(row.id) && holdings.of(row.id) === undefined && jobs.get(row.jobId)?.accepting === true;

  const openPack = async (plan: PackPlan): Promise<readonly EngineWork[]> => {
    const { transfers, sourceEndpoint, destinationEndpoint, ...rest } = plan;
    try {
      const source = await places.open(sourceEndpoint);
      const destination = await places.open(destinationEndpoint);
      const rows = new Map(transfers.map((row) => [row.id, row]));
      return [{ ...rest, source, destination, rows, run: undefined, known: Promise.resolve() }];
    } catch {
      // Each of them meets the fault by itself, and waits for what it says.
      const { jobId, priority, queuedAt, endpoints } = plan;
      return transfers.map((row) => ({
        ...{ jobId, priority, queuedAt, endpoints },
        kind: 'transfers',
        key: row.id,
        transfers: [row],
      }));
    }
  };

  const note = (works: readonly (EngineWork | ProcessWork)[]) => {
    for (const work of works) for (const id of transferIdsOf(work)) inWork.set(id, work.key);
  };

  return {
    read: async () => {
      const { rows, more } = await readRows();
      const free = rows.filter(isFree);
      const toProcess = free.filter((row) => row.phase === 'process').map(processWork);
      const plans = gather(
        free.filter((row) => row.phase === 'transfer'),
        {
          slotsOf: (source, destination) => places.slotsOf(source, destination),
          togetherKey: (row) => jobs.get(row.jobId)?.mode.togetherKey?.(row),
          packKey: () => `pack-${newId()}`,
          canPack: (row) => mayPack(jobs.get(row.jobId)?.mode, row),
        },
      );
      const works: (EngineWork | ProcessWork)[] = [...toProcess];
      for (const plan of plans) works.push(...(plan.kind === 'pack' ? await openPack(plan) : [plan]));
      note(works);
      return { works, more };
    },
    readArrived: async () => {
      const rows = await store.queued({ state: 'transferred', limit: arrivedAtOnce, perJob: arrivedPerJob });
      const works = rows.filter(isFree).map(processWork);
      note(works);
      return { works, more: works.length > 0 && rows.length >= arrivedPerJob };
    },
    workOf: (transferId) => inWork.get(transferId),
    forget: (transferId, key) => {
      if (inWork.get(transferId) === key) inWork.delete(transferId);
    },
  };
}

/** The rows that a piece of work stands for. */
export function transferIdsOf(work: EngineWork | ProcessWork): readonly string[] {
  if (work.kind === 'process') return [work.transfer.id];
  if (work.kind === 'transfers') return work.transfers.map((row) => row.id);
  return work.kind === 'pack' ? [...(work.rows?.keys() ?? [])] : [];
}

function processWork(transfer: Transfer): ProcessWork {
  const { jobId, priority, firstQueuedAt, createdAt } = transfer;
  const key = `process-${transfer.id}`;
  return { kind: 'process', key, jobId, priority, queuedAt: firstQueuedAt ?? createdAt, endpoints: [], transfer };
}
