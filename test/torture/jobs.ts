// What rows ask of a daemon: jobs, what has become of them, and whether it goes on answering meanwhile.

import { setTimeout as after } from 'node:timers/promises';
import type { Action, JobView, OverviewView, TransferView } from '../../src/model/views.ts';
import type { Daemon } from '../support/daemon.ts';
import { until } from './stage.ts';

/** Asks for a copy; resolves with the job's id. */
export async function submitCopy(daemon: Daemon, source: string, destination: string): Promise<string> {
  const job = await daemon.client.call('createJob', { body: { kind: 'copy', sources: [source], destination } });
  return job.id;
}

export async function transfersOf(daemon: Daemon, jobId: string): Promise<readonly TransferView[]> {
  const { rows } = await daemon.client.call('listTransfers', { query: { job: jobId, limit: 1000 } });
  return rows;
}

/** The job as soon as it has come to rest; undefined where it has not in time. */
export async function jobAtRest(daemon: Daemon, jobId: string, timeoutMs: number): Promise<JobView | undefined> {
  const resting = new Set<string>(['completed', 'partial', 'failed', 'cancelled']);
  return await until(async () => {
    const job = await daemon.client.call('getJob', { params: { id: jobId } });
    return resting.has(job.state) ? job : undefined;
  }, timeoutMs);
}

/** Waits until something that is known of the job's transfers holds; resolves with how long that took. */
export async function shown(
  daemon: Daemon,
  jobId: string,
  holds: (transfer: TransferView, overview: OverviewView) => boolean,
  timeoutMs: number,
): Promise<number | undefined> {
  const begun = performance.now();
  return await until(async () => {
    const [transfers, overview] = await Promise.all([transfersOf(daemon, jobId), daemon.client.call('getOverview')]);
    return transfers.some((transfer) => holds(transfer, overview)) ? performance.now() - begun : undefined;
  }, timeoutMs);
}

/** All of a job's transfers, told to do the same. */
export async function actOnAll(daemon: Daemon, jobId: string, action: Action): Promise<void> {
  const ids = (await transfersOf(daemon, jobId)).map(({ id }) => id);
  await daemon.client.call('actOnTransfers', { body: { action, ids } });
}

/** Asks the API again and again, as an open console does; `stop` resolves with the longest that an answer took. */
export function watchApi(daemon: Daemon): { stop(): Promise<number> } {
  let worstMs = 0;
  let stopped = false;
  const asking = (async () => {
    while (!stopped) {
      const begun = performance.now();
      try {
        await daemon.client.call('getOverview', {}, { signal: AbortSignal.timeout(30_000) });
        await daemon.client.call('listTransfers', { query: { limit: 50 } }, { signal: AbortSignal.timeout(30_000) });
      } catch {
        worstMs = Math.max(worstMs, 30_000);
      }
      worstMs = Math.max(worstMs, performance.now() - begun);
      await after(100);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await asking;
      return worstMs;
    },
  };
}

/** Why a transfer is not there: for the words of a fault. */
export async function whatOf(daemon: Daemon, jobId: string): Promise<string> {
  const job = await daemon.client.call('getJob', { params: { id: jobId } });
  const transfers = await transfersOf(daemon, jobId);
  const told = transfers
    .filter(({ state }) => state !== 'completed')
    .slice(0, 3)
    .map(({ source, state, waiting, error, attempts }) =>
      JSON.stringify({ path: source.path, state, waiting, attempts, error: error?.message }),
    );
  return `job ${job.state} ${JSON.stringify(job.waiting)} ${job.error?.message ?? ''} ${told.join(' ')}`;
}
