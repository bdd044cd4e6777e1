// A schedule in words: `Every 5 min`, `Weekdays at 09:00`, and cron as it stands where no words are short enough.

import type { SyncView } from '../../src/model/sync-views.ts';
import { span } from './times.ts';

type Schedule = NonNullable<SyncView['schedule']>;

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

export function scheduleWords(schedule: SyncView['schedule']): string {
  if (schedule === null) return 'Only when somebody starts it';
  if ('everyMinutes' in schedule) return `Every ${span(schedule.everyMinutes * 60)}`;
  const { cron, timezone } = schedule;
  return `${cronWords(cron) ?? `By cron: ${cron}`}${timezone === null ? '' : `, ${timezone}`}`;
}

/** Undefined where the expression has no short words. */
export function cronWords(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5) return undefined;
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
  if (month !== '*') return undefined;
  const every = /^\*\/([0-9]+)$/;
  if (hour === '*' && day === '*' && weekday === '*') {
    if (minute === '*') return 'Every minute';
    const step = every.exec(minute)?.[1];
    if (step !== undefined && 60 % Number(step) === 0) return `Every ${step} min`;
    if (isNumber(minute)) return minute === '0' ? 'Every hour, on the hour' : `Every hour at ${minute} past`;
    return undefined;
  }
  if (!isNumber(minute)) return undefined;
  const hours = every.exec(hour)?.[1];
  if (hours !== undefined && 24 % Number(hours) === 0 && day === '*' && weekday === '*') {
    return `Every ${hours} h${minute === '0' ? '' : ` at ${minute} past`}`;
  }
  if (!isNumber(hour)) return undefined;
  const at = `at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (day === '*' && weekday === '*') return `Every day ${at}`;
  if (day === '*' && weekday === '1-5') return `Weekdays ${at}`;
  if (day === '*' && /^[0-7](,[0-7])*$/.test(weekday)) {
    return `${weekday
      .split(',')
      .map((each) => weekdays[Number(each)])
      .join(', ')} ${at}`;
  }
  return weekday === '*' && isNumber(day) ? `Day ${day} of every month ${at}` : undefined;
}

/** `09:30` as the cron expression of every day; undefined where it is no time. */
export function dailyCron(time: string): string | undefined {
  const match = /^([01]?[0-9]|2[0-3]):([0-5][0-9])$/.exec(time.trim());
  return match === null ? undefined : `${Number(match[2])} ${Number(match[1])} * * *`;
}

/** The other way; undefined where it is another schedule. */
export function dailyTime(schedule: Schedule): string | undefined {
  if (!('cron' in schedule) || schedule.timezone !== null) return undefined;
  const match = /^([0-9]{1,2}) ([0-9]{1,2}) \* \* \*$/.exec(schedule.cron.trim());
  return match === null ? undefined : `${match[2]?.padStart(2, '0')}:${match[1]?.padStart(2, '0')}`;
}

function isNumber(field: string): boolean {
  return /^[0-9]{1,2}$/.test(field);
}
