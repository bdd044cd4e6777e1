// The job: what somebody asked for, and the table of the states it may take.

import type { FaultReport } from './fault.ts';
import { Fault } from './fault.ts';

export type JobKind = 'copy' | 'watch' | 'sync' | 'offload' | 'share';

export type JobState = 'pending' | 'running' | 'waiting' | 'paused' | 'completed' | 'partial' | 'failed' | 'cancelled';

export type JobInput = 'start' | 'wait' | 'pause' | 'resume' | 'finish' | 'finishPartly' | 'fail' | 'cancel' | 'retry';

/** Files and bytes of a job. `skipped` were found unchanged at the destination. */
export interface JobCounts {
  readonly found: number;
  readonly skipped: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly bytesFound: number;
  readonly bytesSkipped: number;
  readonly bytesCompleted: number;
}

export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly name: string;
  /** The mode's own request, checked by that mode when it was submitted; kept so that a restart can plan again. */
  readonly spec: unknown;
  readonly state: JobState;
  readonly waiting: { readonly reason: string; readonly until: number | null } | null;
  /** True once everything has been found that this job is to move; a watch never gets there. */
  readonly planned: boolean;
  readonly counts: JobCounts;
  readonly priority: number;
  readonly owner: string | null;
  readonly error: FaultReport | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export const noCounts: JobCounts = {
  found: 0,
  skipped: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  bytesFound: 0,
  bytesSkipped: 0,
  bytesCompleted: 0,
};

/** Refused with `internal`: an input that the state does not take. Pure. */
export function stepJob(state: JobState, input: JobInput): JobState {
  const target = jobTable[state][input];
  if (target === undefined) throw new Fault('internal', `A job that is ${state} does not take "${input}".`);
  return target;
}

/** True where `input` is in the table for `state`. */
export function jobTakes(state: JobState, input: JobInput): boolean {
  return jobTable[state][input] !== undefined;
}

export const jobStates: readonly JobState[] = [
  'pending',
  'running',
  'waiting',
  'paused',
  'completed',
  'partial',
  'failed',
  'cancelled',
];

/** The state table. ARCHITECTURE.md's diagram is generated from it; what is not here is refused. */
export const jobTable: Readonly<Record<JobState, Readonly<Partial<Record<JobInput, JobState>>>>> = {
  pending: { start: 'running', wait: 'waiting', pause: 'paused', fail: 'failed', cancel: 'cancelled' },
  running: {
    wait: 'waiting',
    pause: 'paused',
    finish: 'completed',
    finishPartly: 'partial',
    fail: 'failed',
    cancel: 'cancelled',
  },
  waiting: { start: 'running', pause: 'paused', fail: 'failed', cancel: 'cancelled' },
  paused: { resume: 'running', cancel: 'cancelled' },
  partial: { retry: 'running' },
  failed: { retry: 'running' },
  cancelled: { retry: 'running' },
  completed: {},
};
