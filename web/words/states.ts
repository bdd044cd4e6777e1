// Every state in one word, with its icon and the meaning that its colour has.

import type { JobState } from '../../src/model/job.ts';
import type { TransferState, WaitReason } from '../../src/model/transfer.ts';
import type { IconName } from '../parts/drawings.ts';

/** moves: bytes run. proven: verified. waits: goes on by itself. needs: somebody has to act. still: neither. */
export type Tone = 'moves' | 'proven' | 'waits' | 'needs' | 'still';

export interface Look {
  readonly word: string;
  readonly icon: IconName;
  readonly tone: Tone;
}

export const transferLooks: Readonly<Record<TransferState, Look>> = {
  discovered: { word: 'Seen', icon: 'discovered', tone: 'still' },
  queued: { word: 'Queued', icon: 'queued', tone: 'still' },
  waiting: { word: 'Waiting', icon: 'waits', tone: 'waits' },
  transferring: { word: 'Moving', icon: 'moves', tone: 'moves' },
  transferred: { word: 'Arrived', icon: 'proven', tone: 'proven' },
  processing: { word: 'Processing', icon: 'processing', tone: 'moves' },
  paused: { word: 'Paused', icon: 'paused', tone: 'still' },
  failed: { word: 'Failed', icon: 'needs', tone: 'needs' },
  cancelled: { word: 'Cancelled', icon: 'cancelled', tone: 'still' },
  completed: { word: 'Proven', icon: 'proven', tone: 'proven' },
};

export const jobLooks: Readonly<Record<JobState, Look>> = {
  pending: { word: 'Queued', icon: 'queued', tone: 'still' },
  running: { word: 'Running', icon: 'moves', tone: 'moves' },
  waiting: { word: 'Waiting', icon: 'waits', tone: 'waits' },
  paused: { word: 'Paused', icon: 'paused', tone: 'still' },
  completed: { word: 'Proven', icon: 'proven', tone: 'proven' },
  partial: { word: 'Partly failed', icon: 'needs', tone: 'needs' },
  failed: { word: 'Failed', icon: 'needs', tone: 'needs' },
  cancelled: { word: 'Cancelled', icon: 'cancelled', tone: 'still' },
};

export const toneText: Readonly<Record<Tone, string>> = {
  moves: 'text-moves',
  proven: 'text-proven',
  waits: 'text-waits',
  needs: 'text-needs',
  still: 'text-ink-soft',
};

export const toneFill: Readonly<Record<Tone, string>> = {
  moves: 'bg-moves',
  proven: 'bg-proven',
  waits: 'bg-waits',
  needs: 'bg-needs',
  still: 'bg-ink-faint',
};

/** What a wait waits for, to follow "Waits for". */
export const waitWords: Readonly<Record<WaitReason, string>> = {
  backoff: 'the next try',
  space: 'room at the destination',
  permission: 'permission',
  device: 'the device',
  network: 'the place to answer',
  peer: 'the other side',
  consent: 'consent',
  schedule: 'its time',
  tool: 'a missing program',
  bundle: 'the rest of its set',
};
