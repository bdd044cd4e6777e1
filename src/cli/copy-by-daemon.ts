// What a daemon does while this process looks on: a copy that it was asked for, or any other job.

import { randomUUID } from 'node:crypto';
import { noCounts } from '../model/job.ts';
import type { CopyRequest } from '../model/specs.ts';
import type { JobView } from '../model/views.ts';
import type { Flags } from './command-line.ts';
import { type AskedFor, askedFor, tellOutcome } from './copy-outcome.ts';
import { tellPlan } from './copy-plan.ts';
import type { DaemonLink } from './daemon-client.ts';
import { listenForInterrupt } from './interrupt.ts';
import { openProgressDisplay } from './progress-display.ts';
import type { Terminal } from './terminal.ts';

const resting = ['completed', 'partial', 'failed', 'cancelled', 'paused'];

export async function copyByDaemon(
  { client }: DaemonLink,
  request: CopyRequest,
  options: { readonly dryRun: boolean; readonly flags: Flags; readonly terminal: Terminal },
): Promise<number> {
  const { dryRun, flags, terminal } = options;
  if (dryRun) return tellPlan(terminal, client.lines('planJob', { body: request }), { shown: true });
  const create = () => client.call('createJob', { body: request }, { idempotencyKey: randomUUID() });
  return followJob({ client }, create, { request, flags, terminal });
}

/** Asks for the job, and shows it until it comes to rest. */
export async function followJob(
  { client }: Pick<DaemonLink, 'client'>,
  create: () => Promise<JobView>,
  {
    request,
    flags,
    terminal,
    tell,
  }: {
    readonly request: AskedFor;
    readonly flags: Flags;
    readonly terminal: Terminal;
    /** What there is to say beside the outcome, once the job has come to rest. */
    readonly tell?: (job: JobView) => Promise<void>;
  },
): Promise<number> {
  const startedAt = performance.now();
  const interrupt = listenForInterrupt();
  const { cursor: since } = await client.call('getOverview');
  const created = await create();
  if (terminal.json) terminal.object({ type: 'started', jobId: created.id, resumed: false });
  const display = openProgressDisplay(terminal, flags.is('progress'));
  let job: JobView = created;
  try {
    for await (const item of client.live({ since, signal: interrupt.signal })) {
      if (item.kind === 'progress' && item.progress.job?.jobId === created.id) {
        const { eta, ...figures } = item.progress.job;
        display.job({
          ...figures,
          eta: eta === null ? null : { from: eta.fromSeconds, to: eta.toSeconds, cause: eta.cause },
        });
        if (terminal.json && flags.is('progress')) terminal.object({ type: 'progress', ...figures, eta });
      }
      if (
        item.kind === 'event' &&
        item.event.transferId === null &&
        item.event.jobId === created.id &&
        item.event.job !== undefined
      ) {
        job = item.event.job;
        if (resting.includes(job.state)) break;
      }
      if (item.kind === 'lost') terminal.say(`${item.error.message} Trying again …`);
    }
  } finally {
    display.end();
    interrupt.release();
  }
  if (interrupt.exitCode !== undefined) {
    terminal.warn(`wherry: interrupted. The daemon goes on with it; \`wherry jobs cancel ${created.id}\` stops it.`);
    if (terminal.json) terminal.object({ type: 'interrupted', jobId: created.id, exitCode: interrupt.exitCode });
    return interrupt.exitCode;
  }
  job = await client.call('getJob', { params: { id: created.id } });
  await tell?.(job);
  const failed =
    job.counts.failed === 0
      ? []
      : (await client.call('listTransfers', { query: { job: job.id, state: ['failed'], limit: 1000 } })).rows;
  return tellOutcome(terminal, {
    jobId: job.id,
    state: job.state,
    counts: { ...noCounts, ...job.counts },
    seconds: (performance.now() - startedAt) / 1000,
    ...askedFor(request),
    goesOnByItself: true,
    error: job.error,
    failed: failed.map(({ source, error }) => ({ path: `${source.endpoint}/${source.path}`, error })),
  });
}
