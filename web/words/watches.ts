// What is said of a watch: how it is in one sentence, and how it looks for files.

import type { WatchView } from '../../src/model/watch-views.ts';
import { counted } from './amounts.ts';
import type { Look } from './states.ts';
import { span } from './times.ts';

export function watchLook(watch: WatchView): Look {
  switch (watch.state) {
    case 'running':
      return watch.status?.away == null
        ? { word: 'Watching', icon: 'watches', tone: 'still' }
        : { word: 'Away', icon: 'waits', tone: 'waits' };
    case 'paused':
      return { word: 'Paused', icon: 'paused', tone: 'still' };
    case 'failed':
      return { word: 'Failed', icon: 'needs', tone: 'needs' };
    case 'pending':
      return { word: 'Starting', icon: 'queued', tone: 'still' };
    default:
      return { word: 'Waiting', icon: 'waits', tone: 'waits' };
  }
}

/** One sentence; why it sees nothing comes first. */
export function watchSentence(watch: WatchView): string {
  const { status, error } = watch;
  if (status?.away != null) return status.away;
  if (error !== null && watch.state !== 'running') return error.message;
  if (watch.state === 'paused') return 'Paused. Files that arrive meanwhile are found when it goes on.';
  if (status === null) return 'It has not looked yet.';
  if (status.underWay > 0) return `${counted(status.underWay, 'file')} under way.`;
  return 'Nothing new.';
}

/** `By events, and a scan every 5 min to be sure`, or why only scans. */
export function lookingWords(watch: WatchView): string {
  const events = watch.status?.events;
  const scanSeconds = typeof watch.spec.scanSeconds === 'number' ? watch.spec.scanSeconds : 10;
  if (events === undefined || events === null) return `By a scan every ${span(scanSeconds)}; events are being tested.`;
  if (events.inForce) return `By file events, and by a scan now and then to be sure: ${events.reason}.`;
  return `By a scan every ${span(scanSeconds)}, without file events: ${events.reason}.`;
}
