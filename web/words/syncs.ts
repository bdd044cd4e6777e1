// What is said of a sync: how it is in one sentence, when it is due, and how each folder of a run stands.

import type { SyncStatusView, SyncView } from '../../src/model/sync-views.ts';
import type { JobView } from '../../src/model/views.ts';
import { count, counted, size } from './amounts.ts';
import { scheduleWords } from './schedules.ts';
import { jobLooks, type Look } from './states.ts';
import { ago, moment, span } from './times.ts';

type Folder = SyncStatusView['folders'][number];

const under: readonly JobView['state'][] = ['pending', 'running', 'waiting', 'paused'];

/** While a run goes on. */
export function isUnderWay(state: JobView['state'] | null | undefined): boolean {
  return state != null && under.includes(state);
}

export function syncLook({ lastRun, enabled, schedule }: SyncView): Look {
  const state = lastRun?.state;
  if (state === 'running' || state === 'pending') return { word: 'Running', icon: 'moves', tone: 'moves' };
  if (state === 'waiting' || state === 'partial' || state === 'failed') return jobLooks[state];
  if (!enabled) return { word: 'Resting', icon: 'paused', tone: 'still' };
  if (state === 'paused' || state === 'cancelled') return jobLooks[state];
  if (state === 'completed') return { word: 'In step', icon: 'proven', tone: 'proven' };
  return schedule === null
    ? { word: 'Ready', icon: 'queued', tone: 'still' }
    : { word: 'Scheduled', icon: 'waits', tone: 'still' };
}

/** When it runs by itself, and when next. */
export function dueWords(sync: SyncView, nowMs: number): string {
  const next = nextWords(sync, nowMs);
  return `${scheduleWords(sync.schedule)}${next === '' ? '' : `, ${next}`}.`;
}

/** `next in 4 min`, `resting`; nothing where it never runs by itself. */
export function nextWords({ schedule, enabled, nextAt }: SyncView, nowMs: number): string {
  if (schedule === null) return '';
  if (!enabled) return 'resting';
  if (nextAt === null) return '';
  const atMs = Date.parse(nextAt);
  const inSeconds = (atMs - nowMs) / 1000;
  if (inSeconds < 1) return 'due now';
  return inSeconds < 3600 ? `next in ${span(inSeconds)}` : `next ${moment(atMs, nowMs)}`;
}

/** One sentence; what needs somebody comes first. */
export function syncSentence(sync: SyncView, nowMs: number): string {
  const { lastRun, skipped } = sync;
  if (lastRun === null) {
    return skipped === null ? 'It has not run yet.' : `It has not run yet: ${skipped.reason}`;
  }
  const at = ago(Date.parse(lastRun.at), nowMs).replace(/^now$/, 'just now');
  switch (lastRun.state) {
    case 'completed':
      return `Last run ${at}: all is proven.`;
    case 'partial':
      return `Last run ${at}: some of it could not be brought over.`;
    case 'failed':
      return `Last run ${at}: it failed.`;
    case 'cancelled':
      return `Last run ${at}: it was cancelled.`;
    case 'paused':
      return 'A run is paused; until it goes on or is cancelled no other begins.';
    case 'waiting':
      return 'A run waits for a place to answer.';
    case null:
      return `Last run ${at}.`;
    default:
      return 'A run is under way.';
  }
}

export const folderLooks: Readonly<Record<Folder['state'], Look>> = {
  waiting: { word: 'In line', icon: 'queued', tone: 'still' },
  listing: { word: 'Looking', icon: 'search', tone: 'moves' },
  transferring: { word: 'Moving', icon: 'moves', tone: 'moves' },
  done: { word: 'Done', icon: 'proven', tone: 'proven' },
  failed: { word: 'Failed', icon: 'needs', tone: 'needs' },
};

export function folderName({ from, to }: { readonly from: string; readonly to: string }): string {
  const name = (path: string) => (path === '' ? 'The whole source' : path);
  return from === to ? name(from) : `${name(from)} → ${to === '' ? 'the root' : to}`;
}

export function folderSentence({ state, found, expected, transferred, bytes, fault }: Folder): string {
  if (state === 'waiting') return 'Its turn comes.';
  if (fault !== null && found === 0) return '';
  const looked = counted(found, 'file');
  if (state === 'listing') return `${looked} so far`;
  if (expected === 0) return `${looked}, nothing new`;
  const done = transferred < expected ? `${count(transferred)} of ${count(expected)}` : count(transferred);
  return `${looked}, ${done} brought over${bytes > 0 ? `, ${size(bytes)}` : ''}`;
}

/** Why files stay at a cleanup, to follow their number. */
export const keptWords = {
  young: 'stay: not old enough',
  preserved: 'stay: kept by a pattern',
  unproven: 'stay: no receipt proves them elsewhere',
  changed: 'stay: changed since they were copied',
  copyMissing: 'stay: the copy is not where the receipt says',
  failed: 'could not be deleted',
} as const;
