// When a sync is due: by cron, or every so many minutes.

import { Cron } from 'croner';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { SyncSchedule } from '../../model/sync-spec.ts';

const minuteMs = 60_000;

/** Rejects with `invalid`: a pattern or time zone that is none, or that never comes. */
export function checkSchedule(schedule: SyncSchedule | null): void {
  if (schedule === null || !('cron' in schedule)) return;
  let next: Date | null;
  try {
    next = cronOf(schedule).nextRun(new Date(0));
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '') : String(error);
    throw new Fault('invalid', `The schedule "${displayPath(schedule.cron)}" cannot be read: ${why}`);
  }
  if (next === null) throw new Fault('invalid', `The schedule "${displayPath(schedule.cron)}" never comes.`);
}

/**
 * The first time after `after`; null where none comes. `before` is the last time that was due: what comes every so many minutes keeps
 * its beat, and misses none of it for long, however long ago that was. Milliseconds since 1970.
 */
export function nextTime(schedule: SyncSchedule, after: number, before: number | null): number | null {
  if ('cron' in schedule) return cronOf(schedule).nextRun(new Date(after))?.getTime() ?? null;
  const everyMs = schedule.everyMinutes * minuteMs;
  if (before === null || before > after) return after + everyMs;
  return before + (Math.floor((after - before) / everyMs) + 1) * everyMs;
}

function cronOf({ cron, timezone }: Extract<SyncSchedule, { cron: string }>): Cron {
  return new Cron(cron, { paused: true, ...(timezone === null ? {} : { timezone }) });
}
