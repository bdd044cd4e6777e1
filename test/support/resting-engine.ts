// An engine that moves nothing: its verbs change the ledger as the tables say, so that the API can be tested without bytes.

import type { Engine, JobProgress, Target } from '../../src/engine/engine.ts';
import { jobEventNames, type TransferProgress, transferEventName } from '../../src/model/event.ts';
import { Fault } from '../../src/model/fault.ts';
import { type JobInput, jobTakes, stepJob } from '../../src/model/job.ts';
import { copySpecSchema, jobSpecSchema } from '../../src/model/specs.ts';
import { step, type TransferInput, takes } from '../../src/model/transfer.ts';
import type { Store } from '../../src/store/store.ts';
import { literalJob, literalTransfer } from './literal-transfer.ts';

export interface RestingEngine extends Engine {
  tell(progress: TransferProgress): void;
  tellJob(progress: JobProgress): void;
}

export function restingEngine(store: Store, newId: () => string): RestingEngine {
  const transferListeners = new Set<(progress: TransferProgress) => void>();
  const jobListeners = new Set<(progress: JobProgress) => void>();
  const last = new Map<string, TransferProgress>();
  let limit: string | null = null;

  const act = (transferInput: TransferInput, jobInput: JobInput) => async (target: Target) => {
    const at = Date.now();
    if ('jobId' in target) {
      const job = await store.job(target.jobId);
      if (job === undefined) throw new Fault('not_found', `There is no job ${target.jobId}.`);
      if (!jobTakes(job.state, jobInput)) throw new Fault('state_conflict', `The job is ${job.state}.`);
      const after = { ...job, state: stepJob(job.state, jobInput), updatedAt: at };
      await store.apply([
        { kind: 'update_job', job: after, events: [{ name: jobEventNames[jobInput], at, data: {} }] },
      ]);
      return;
    }
    const transfer = await store.transfer(target.transferId);
    if (transfer === undefined) throw new Fault('not_found', `There is no transfer ${target.transferId}.`);
    if (!takes(transfer.state, transferInput)) throw new Fault('state_conflict', `The transfer is ${transfer.state}.`);
    const after = { ...transfer, state: step(transfer.state, transferInput, transfer.phase), updatedAt: at };
    const name = transferEventName(transfer, transferInput, after);
    await store.apply([
      {
        kind: 'update_transfer',
        expect: { state: transfer.state, fence: transfer.fence },
        transfer: after,
        events: [{ name, at, data: {} }],
      },
    ]);
  };

  return {
    reader: store,
    start: async () => undefined,
    async stop() {
      await store.close();
      return true;
    },
    async submit(request, options = {}) {
      const spec = jobSpecSchema.parse(request);
      const at = Date.now();
      const job = literalJob({
        id: newId(),
        kind: spec.kind,
        spec,
        state: 'running',
        owner: options.owner ?? null,
        createdAt: at,
        updatedAt: at,
      });
      const transfer = literalTransfer({ id: newId(), jobId: job.id, state: 'queued', createdAt: at, updatedAt: at });
      await store.apply([
        { kind: 'insert_job', job, events: [{ name: 'observation.job.created', at, data: {} }] },
        { kind: 'insert_transfer', transfer, events: [{ name: 'observation.transfer.queued', at, data: {} }] },
      ]);
      return job;
    },
    async *plan(request) {
      const spec = copySpecSchema.parse(request);
      for (const path of spec.sources) yield { action: 'copy', path: path.slice(1), sizeBytes: 1 } as const;
      if (spec.destination.endsWith('broken')) throw new Fault('io', 'The disk failed.');
    },
    pause: act('pause', 'pause'),
    resume: act('queue', 'resume'),
    cancel: act('cancel', 'cancel'),
    retry: act('retry', 'retry'),
    settled: async (jobId) => (await store.job(jobId)) ?? literalJob(),
    setBandwidth(text) {
      if (text === 'nonsense') throw new Fault('invalid', 'nonsense is no limit.');
      limit = text;
    },
    onTransferProgress(listener) {
      transferListeners.add(listener);
      return () => transferListeners.delete(listener);
    },
    onJobProgress(listener) {
      jobListeners.add(listener);
      return () => jobListeners.delete(listener);
    },
    progressOf: (ids) => ids.flatMap((id) => last.get(id) ?? []),
    snapshot: () => ({
      activeTransfers: last.size,
      bytesPerSecond: 0,
      bandwidthLimit: { bytesPerSecond: limit === '2M' ? 2 * 1024 * 1024 : null, timetable: limit },
      mounts: [{ mountPoint: '/hung', state: 'unreachable', hungForMs: 12_000, abandonedWorkers: 2 }],
      rates: { endpoints: { '/to': 5 }, jobs: {} },
    }),
    explain: async (path) => ({
      path,
      summary: 'It is here.',
      transfers: await store.findByPath(path, 10),
      facts: [{ at: 1, text: 'It came.' }],
    }),
    tell(progress) {
      last.set(progress.transferId, progress);
      for (const listener of transferListeners) listener(progress);
    },
    tellJob(progress) {
      for (const listener of jobListeners) listener(progress);
    },
  };
}
