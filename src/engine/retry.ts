// What is done about a fault: wait and try again, wait for a place to become well, or give up. Pure; the only module that retries.

import type { Fault } from '../model/fault.ts';
import type { WaitReason } from '../model/transfer.ts';

export interface RetryRules {
  /** First back-off; it doubles with each attempt. */
  readonly firstDelayMs: number;
  readonly mostDelayMs: number;
  /** Part of the delay that chance takes away or adds, 0 to 1. */
  readonly jitter: number;
  /** From the first queueing; a retry by hand opens a new window. */
  readonly windowMs: number;
  readonly mostAttempts: number;
  /** How often a place that is full, forbidden or away is looked at again. */
  readonly checkMs: number;
  /** …which becomes less often with time, down to this. */
  readonly mostCheckMs: number;
  /** Reasons that are not waited for: such a fault fails the transfer at once. */
  readonly neverWait: readonly WaitReason[];
}

export const defaultRetryRules: RetryRules = {
  firstDelayMs: 2_000,
  mostDelayMs: 60_000,
  jitter: 0.2,
  windowMs: 7 * 24 * 3_600_000,
  mostAttempts: 500,
  checkMs: 30_000,
  mostCheckMs: 600_000,
  neverWait: [],
};

/** For a command that somebody sits in front of: it ends with what could not be done instead of waiting for somebody to mend it. */
export const oneShotRetryRules: RetryRules = {
  ...defaultRetryRules,
  mostDelayMs: 8_000,
  windowMs: 60_000,
  mostAttempts: 5,
  neverWait: ['permission', 'space', 'device', 'network', 'tool'],
};

/** So many attempts, each so long after the last one that failed, whatever the trouble; then it is given up. */
export function countedTries(attempts: number, delaySeconds: number): Partial<RetryRules> {
  return {
    firstDelayMs: delaySeconds * 1000,
    mostDelayMs: delaySeconds * 1000,
    jitter: 0,
    windowMs: Number.POSITIVE_INFINITY,
    mostAttempts: Math.max(1, attempts),
    neverWait: oneShotRetryRules.neverWait,
  };
}

export interface Attempted {
  /** Attempts so far, the one that has just failed included. */
  readonly attempts: number;
  readonly firstQueuedAt: number;
  /** Whose own rules hold, where it has some. */
  readonly jobId?: string;
}

export type Decision =
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly until: number }
  | { readonly kind: 'fail' };

/** `random` in [0, 1) decides the jitter. */
export function decide(fault: Fault, attempted: Attempted, now: number, random: number, rules: RetryRules): Decision {
  const reason = waitReason(fault);
  if (reason === undefined) return { kind: 'fail' };
  if (reason !== 'backoff' && !rules.neverWait.includes(reason)) {
    return { kind: 'wait', reason, until: now + checkAfterMs(now - attempted.firstQueuedAt, rules) };
  }
  if (reason !== 'backoff' && fault.meaning.retry !== 'transient') return { kind: 'fail' };
  const until = now + backoffMs(attempted.attempts, random, rules);
  if (attempted.attempts >= rules.mostAttempts || until > attempted.firstQueuedAt + rules.windowMs)
    return { kind: 'fail' };
  return { kind: 'wait', reason: 'backoff', until };
}

/** What nobody mends for hours is looked at less often: each look is an attempt, with its facts. */
function checkAfterMs(waitedMs: number, rules: RetryRules): number {
  return Math.max(rules.checkMs, Math.min(rules.mostCheckMs, Math.floor(waitedMs / 4)));
}

/** 2 s, 4 s, 8 s … up to the cap, with jitter; `attempts` begins with 1. */
export function backoffMs(attempts: number, random: number, rules: RetryRules): number {
  const plain = Math.min(rules.mostDelayMs, rules.firstDelayMs * 2 ** Math.min(30, Math.max(0, attempts - 1)));
  return Math.round(Math.min(rules.mostDelayMs, plain * (1 + rules.jitter * (2 * random - 1))));
}

function waitReason(fault: Fault): WaitReason | undefined {
  // A place that does not answer is looked at by its mount's own probe; trying harder would only hang more workers.
  if (fault.code === 'unreachable') return 'network';
  switch (fault.meaning.retry) {
    case 'transient':
      return 'backoff';
    case 'space':
      return 'space';
    case 'permission':
      return 'permission';
    case 'device':
      return 'device';
    case 'tool':
      return 'tool';
    case 'none':
      return undefined;
  }
}
