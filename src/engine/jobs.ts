// The jobs that run: begins their finding, sees them through, and brings them to their end.

import { newBandwidth } from '../endpoints/bandwidth.ts';
import { asFault, Fault, type FaultReport } from '../model/fault.ts';
import { type Job, jobTakes, noCounts } from '../model/job.ts';
import { createHost, type HostParts, type HostWaits } from './job-host.ts';
import { arrivedBytes, JobRun, openStates } from './job-run.ts';
import type { Mode, ModeHost } from './mode.ts';
import { backoffMs, type RetryRules } from './retry.ts';

export interface Jobs {
  get(jobId: string): JobRun | undefined;
  readonly all: Iterable<JobRun>;
  /**
   * Begins to run a job whose row is there. `find: false` only sees its rows through. The row is brought to `running`; a job that
   * has come to rest needs `input` (resume or retry) for that.
   */
  run(job: Job, options?: { readonly find?: boolean; readonly input?: 'resume' | 'retry' }): Promise<JobRun>;
  /** Nothing of the job is begun any more, and its finding has ended. The run stays until `drop`. */
  halt(run: JobRun): Promise<void>;
  drop(run: JobRun): void;
  /** Ends a halted run as failed without the ledger. */
  breakOff(run: JobRun, fault: Fault): void;
  /** A pack of the job has come back. */
  packDone(run: JobRun): void;
  /** Looks whether the job has come to its end, and ends it. */
  check(run: JobRun): void;
  /** Resolves with the job at rest. */
  settled(jobId: string, signal?: AbortSignal): Promise<Job>;
  /** Tells whoever waits for the job that it has come to rest. */
  rested(job: Job): void;
}

export interface JobsParts extends HostParts {
  readonly modes: readonly Mode[];
  readonly rules: RetryRules;
  readonly random: { next(): number };
  /** How long a call that was told to stop is waited for. */
  readonly hungMs: number;
  /** A job runs from now on. */
  readonly began: () => void;
  readonly limitJob: (jobId: string, most: number | null, atEndpoint?: number) => void;
  /** Puts a job's own bandwidth in force. */
  readonly limitBytes: (run: JobRun) => void;
  readonly tellEnd: (run: JobRun) => void;
}

const lookAgainMs = 100;

export function createJobs(parts: JobsParts): Jobs {
  const { ledger, reader, log, clock } = parts;
  const runs = new Map<string, { run: JobRun; host: ModeHost & HostWaits }>();
  const waiting = new Map<string, Set<(job: Job) => void>>();
  const brokenOff = new Map<string, Job>();

  const rested = (job: Job) => {
    const resolvers = waiting.get(job.id);
    waiting.delete(job.id);
    for (const resolve of resolvers ?? []) resolve(job);
  };

  ledger.onTransfer((before, after) => {
    const run = runs.get(after.jobId)?.run;
    if (run === undefined) return;
    run.saw(before, after);
    check(run);
  });

  /** A ledger that could not be written for a while fails no job: what came of its files is found out anew when it can be written again. */
  const findAgain = (run: JobRun) => {
    const host = runs.get(run.id)?.host;
    if (host === undefined || ledger.trouble !== null) return;
    run.fault = undefined;
    run.begin({ ...run.job.counts, found: 0, skipped: 0, bytesFound: 0, bytesSkipped: 0 });
    begin(run, host);
  };

  const check = (run: JobRun) => {
    if (!run.isDone || !run.accepting || run.isFinishing) return;
    if (run.fault?.code === 'ledger' && !parts.rules.neverWait.includes('space')) {
      findAgain(run);
      return;
    }
    run.isFinishing = true;
    void finish(run).catch((error) => {
      // Looked at again with the next tick.
      run.isFinishing = false;
      log.error({ jobId: run.id, fault: asFault(error).report() }, 'The job could not be brought to its end');
    });
  };

  const finish = async (run: JobRun) => {
    try {
      await run.mode.finish?.();
    } catch (error) {
      log.warn({ jobId: run.id, fault: asFault(error).report() }, 'The last touches of the job failed');
    }
    // A transfer that was retried meanwhile keeps the job alive; a pause may have come first.
    if (!run.isDone || !run.accepting) {
      run.isFinishing = false;
      return;
    }
    if (run.job.state === 'waiting') await run.advance('start');
    if (!jobTakes(run.job.state, run.end)) {
      await run.flush();
      parts.tellEnd(run);
      drop(run);
      rested(run.job);
      return;
    }
    const { end } = run;
    const error = end === 'finish' ? null : await whyFailed(run);
    await run.advance(end, { planned: run.fault === undefined, error });
    parts.tellEnd(run);
    drop(run);
    rested(run.job);
  };

  /** The first fault of this run, or one of an earlier run that the ledger remembers. */
  const whyFailed = async (run: JobRun): Promise<FaultReport | null> => {
    const fault = run.fault ?? run.firstFault;
    if (fault !== undefined) return fault.report();
    const { rows } = await reader.transfers({ jobId: run.id, states: ['failed'], limit: 1 });
    return rows[0]?.error ?? run.job.error;
  };

  const find = async (run: JobRun, host: ModeHost) => {
    const { signal } = run.ending;
    for (let attempts = 1; ; attempts++) {
      try {
        await run.mode.find(signal);
        await host.endWait();
        // Not waited for: where all is done already it shares the commit that ends the job.
        if (!signal.aborted)
          void run.note({ planned: true }, { name: 'observation.job.planned' }).catch(() => undefined);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const fault = asFault(error);
        const firstQueuedAt = run.job.startedAt ?? run.job.createdAt;
        const decision = parts.decide(fault, { attempts, firstQueuedAt, jobId: run.id });
        if (decision.kind === 'fail') {
          log.error({ jobId: run.id, fault: fault.report() }, fault.message);
          run.fault = fault;
          return;
        }
        const until = clock.now() + backoffMs(attempts, parts.random.next(), { ...parts.rules, ...run.mode.retry });
        await host.wait(decision.reason === 'backoff' ? 'network' : decision.reason, fault, until);
        try {
          await clock.sleep(until - clock.now(), signal);
          // What has been handed over must have come back, or it would be found and copied a second time.
          while (run.packsOpen > 0) await clock.sleep(lookAgainMs, signal);
        } catch {
          return;
        }
        run.begin({ ...run.job.counts, found: 0, skipped: 0, bytesFound: 0, bytesSkipped: 0 });
      }
    }
  };

  /** Of rows of an earlier run. */
  const arrivedOf = async (jobId: string): Promise<number> => {
    let bytes = 0;
    let cursor: string | undefined;
    do {
      const page = await reader.transfers({
        jobId,
        states: openStates,
        limit: 1000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const row of page.rows) bytes += arrivedBytes(row);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return bytes;
  };

  const begin = (run: JobRun, host: ModeHost) => {
    run.isFinding = true;
    run.findEnded = find(run, host)
      .catch((error) => {
        run.fault = asFault(error);
      })
      .then(() => {
        run.isFinding = false;
        check(run);
      });
  };

  const drop = (run: JobRun) => {
    if (runs.get(run.id)?.run === run) runs.delete(run.id);
    parts.limitJob(run.id, null);
  };

  return {
    get: (jobId) => runs.get(jobId)?.run,
    get all() {
      return [...runs.values()].map(({ run }) => run);
    },
    rested,
    check,
    drop,

    breakOff: (run, fault) => {
      const job: Job = { ...run.job, state: 'failed', error: fault.report(), finishedAt: clock.now() };
      brokenOff.set(job.id, job);
      parts.tellEnd(run);
      drop(run);
      rested(job);
    },

    run: async (job, { find: withFind = true, input } = {}) => {
      const known = runs.get(job.id);
      if (known !== undefined) return known.run;
      const mode = parts.modes.find((one) => one.kind === job.kind);
      if (mode === undefined) throw new Fault('unsupported', `This Wherry knows no jobs of the kind "${job.kind}".`);
      const inRows = await reader.countTransfers(job.id);
      const { bandwidth } = job.spec as { bandwidth?: string | null };
      let host: (ModeHost & HostWaits) | undefined;
      const run = new JobRun({
        ledger,
        job,
        rowsOpen: openStates.reduce((sum, state) => sum + inRows[state], 0),
        bytesArrived: mode.processes === true ? await arrivedOf(job.id) : 0,
        limit: bandwidth === null || bandwidth === undefined ? undefined : newBandwidth(),
        open: (self) => {
          host = createHost(self, parts);
          return mode.open(job, host);
        },
      });
      if (host === undefined) throw new Fault('internal', 'The mode was not opened.');
      const { completed, failed, cancelled } = inRows;
      run.begin({
        ...(withFind ? noCounts : job.counts),
        completed,
        failed,
        cancelled,
        bytesCompleted: job.counts.bytesCompleted,
      });
      runs.set(job.id, { run, host });
      parts.limitJob(job.id, run.mode.mostAtOnce, run.mode.atEndpoint);
      parts.limitBytes(run);
      const first = job.state === 'pending' || job.state === 'waiting' ? 'start' : input;
      if (first !== undefined) await run.advance(first, { error: null });
      if (withFind) begin(run, host);
      else queueMicrotask(() => check(run));
      parts.began();
      return run;
    },

    halt: async (run) => {
      run.accepting = false;
      run.ending.abort(new Fault('interrupted', 'The job was stopped.'));
      runs.get(run.id)?.host.packDone();
      // A call that hangs in a place must not keep the job from being paused.
      const giveUp = new AbortController();
      await Promise.race([run.findEnded, clock.sleep(parts.hungMs, giveUp.signal).catch(() => undefined)]);
      giveUp.abort();
    },

    packDone: (run) => {
      run.packsOpen -= 1;
      runs.get(run.id)?.host.packDone();
      check(run);
    },

    settled: async (jobId, signal) => {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<Job>();
      const resolvers = waiting.get(jobId) ?? new Set();
      waiting.set(jobId, resolvers);
      resolvers.add(resolve);
      const stop = () => reject(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
      try {
        const job = brokenOff.get(jobId) ?? (await reader.job(jobId));
        if (job === undefined) throw new Fault('not_found', `There is no job ${jobId}.`);
        return isAtRest(job) && !runs.has(jobId) ? job : await promise;
      } finally {
        resolvers.delete(resolve);
        signal?.removeEventListener('abort', stop);
      }
    },
  };
}

export function isAtRest(job: Job): boolean {
  return ['completed', 'partial', 'failed', 'cancelled', 'paused'].includes(job.state);
}
