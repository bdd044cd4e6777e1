// Keeps the limits of bandwidth in force: the one for all and those of single jobs, as their timetables say.

import { setBandwidth } from '../endpoints/bandwidth.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import type { Clock } from '../model/clock.ts';
import { type BandwidthPlan, changes, formatRate, parseBandwidth, rateAt } from './bandwidth-plan.ts';

export interface BandwidthClock {
  /** Bytes a second, `off`, a timetable, or null for none. Throws `invalid`. */
  set(limit: string | null): void;
  /** A job's own limit, held in `memory` by its attempts. */
  setJob(jobId: string, limit: string, memory: SharedArrayBuffer): void;
  dropJob(jobId: string): void;
  /** What is in force now. */
  readonly now: { readonly bytesPerSecond: number | null; readonly timetable: string | null };
  /** `limited to 2 MB/s` where a limit holds for the job. */
  causeFor(jobId: string): string | undefined;
  /** Takes over what the timetables say by now. */
  look(): void;
}

export function createBandwidthClock(clock: Clock, mounts: Mounts): BandwidthClock {
  let plan: BandwidthPlan | undefined;
  let inForce: number | null = null;
  const jobs = new Map<string, { plan: BandwidthPlan; memory: SharedArrayBuffer; inForce: number | null }>();

  const look = () => {
    const now = clock.now();
    const rate = plan === undefined ? null : rateAt(plan, now);
    if (rate !== inForce) {
      inForce = rate;
      mounts.limitBandwidth(rate);
    }
    for (const job of jobs.values()) {
      const own = rateAt(job.plan, now);
      if (own === job.inForce) continue;
      job.inForce = own;
      setBandwidth(job.memory, own);
    }
  };

  return {
    set: (limit) => {
      plan = limit === null ? undefined : parseBandwidth(limit);
      look();
    },
    setJob: (jobId, limit, memory) => {
      jobs.set(jobId, { plan: parseBandwidth(limit), memory, inForce: null });
      look();
    },
    dropJob: (jobId) => jobs.delete(jobId),
    get now() {
      return { bytesPerSecond: inForce, timetable: plan !== undefined && changes(plan) ? plan.text : null };
    },
    causeFor: (jobId) => {
      const own = jobs.get(jobId)?.inForce ?? null;
      const rate = own === null ? inForce : Math.min(own, inForce ?? own);
      return rate === null ? undefined : `limited to ${formatRate(rate)}`;
    },
    look,
  };
}
