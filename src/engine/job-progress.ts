// Live figures of the jobs that run: once a second, and once more when a job ends.

import type { Clock } from '../model/clock.ts';
import type { BandwidthClock } from './bandwidth-clock.ts';
import type { JobProgress } from './engine.ts';
import type { Holdings } from './holdings.ts';
import type { JobRun } from './job-run.ts';
import type { Jobs } from './jobs.ts';
import type { Live } from './live.ts';
import { createRateWindow, estimate, type RateWindow } from './progress.ts';

export interface JobProgressTeller {
  /** Tells each job whose second has come. */
  look(): void;
  tell(run: JobRun, last: boolean): void;
}

const everyMs = 1_000;

export function createJobProgress(parts: {
  readonly clock: Clock;
  readonly live: Live;
  readonly jobs: Jobs;
  readonly holdings: Holdings;
  readonly bandwidth: BandwidthClock;
}): JobProgressTeller {
  const { clock, live, jobs, holdings, bandwidth } = parts;
  const windows = new WeakMap<JobRun, { rate: RateWindow; toldAt: number; told: JobProgress | undefined }>();

  /** What packs have moved and the ledger does not count yet; transfers with rows tell their bytes themselves. */
  const inPacks = (jobId: string) =>
    holdings
      .ofJob(jobId)
      .filter((holding) => live.bytesDone(holding.transferIds[0] ?? '') === undefined)
      .reduce((sum, holding) => sum + Math.max(0, holding.control.bytesDone - holding.committedBytes), 0);

  const read = (run: JobRun, rate: RateWindow): JobProgress => {
    const { counts, state, waiting } = run.job;
    const at = clock.monotonic();
    const bytesDone = counts.bytesCompleted + run.bytesArrived + live.underWay(run.id) + inPacks(run.id);
    rate.set(bytesDone, at);
    const perSecond = rate.perSecond(at);
    const leftBytes = Math.max(0, counts.bytesFound - counts.bytesSkipped - bytesDone);
    const cause =
      state === 'waiting'
        ? `waiting for ${waiting?.reason ?? 'its source'}`
        : run.isFinding
          ? 'still listing'
          : (bandwidth.causeFor(run.id) ?? 'at the present speed');
    const eta = estimate({ leftBytes, perSecond, spread: rate.spread(at), cause, openEnded: run.isFinding });
    return {
      jobId: run.id,
      filesFound: counts.found,
      filesDone: counts.completed,
      filesSkipped: counts.skipped,
      filesFailed: counts.failed,
      bytesFound: counts.bytesFound,
      bytesDone,
      bytesPerSecond: perSecond,
      planning: run.isFinding,
      etaSeconds: eta === null ? null : { from: eta.fromSeconds, to: eta.toSeconds, cause: eta.cause },
    };
  };

  const tell = (run: JobRun, last: boolean) => {
    const at = clock.monotonic();
    const window = windows.get(run) ?? { rate: createRateWindow(), toldAt: Number.NEGATIVE_INFINITY, told: undefined };
    windows.set(run, window);
    const progress = read(run, window.rate);
    if (!last && (at - window.toldAt < everyMs || isSame(progress, window.told))) return;
    window.toldAt = at;
    window.told = progress;
    live.tellJob(progress);
  };

  return {
    tell,
    look: () => {
      for (const run of jobs.all) tell(run, false);
    },
  };
}

/** A job in which nothing happens has nothing to tell. */
function isSame(one: JobProgress, other: JobProgress | undefined): boolean {
  return (
    other !== undefined &&
    one.bytesPerSecond === 0 &&
    other.bytesPerSecond === 0 &&
    one.bytesDone === other.bytesDone &&
    one.filesFound === other.filesFound &&
    one.filesDone === other.filesDone &&
    one.filesSkipped === other.filesSkipped &&
    one.filesFailed === other.filesFailed &&
    one.planning === other.planning &&
    one.etaSeconds?.cause === other.etaSeconds?.cause
  );
}
