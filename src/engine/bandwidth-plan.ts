// Limits of bandwidth as people write them: a rate, `off`, or a timetable; and which rate is in force when.

import { Fault } from '../model/fault.ts';

/** A rate from a minute of the week on; null is no limit. */
interface Entry {
  /** Minutes since Sunday 00:00, in the daemon's own time zone. */
  readonly fromMinute: number;
  readonly bytesPerSecond: number | null;
}

export interface BandwidthPlan {
  readonly text: string;
  /** In order of `fromMinute`; one entry that begins at 0 where the rate never changes. */
  readonly entries: readonly Entry[];
}

const weekMinutes = 7 * 24 * 60;
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/**
 * Reads `2M`, `512k`, `1.5MiB`, `10MB`, `off`, or a timetable as rclone's: `08:00,2M 19:00,off`, days as in `Mon-08:00,512k`.
 * A bare number is KiB a second, as in rclone and rsync, and `B` means bytes; `k`, `M`, `G` and `T` are powers of 1024, as are `KiB`…;
 * `kB`, `MB`… are powers of 1000.
 * Throws `invalid`.
 */
export function parseBandwidth(text: string): BandwidthPlan {
  const words = text.trim().split(/\s+/);
  const only = words[0] ?? '';
  if (words.length === 1 && !only.includes(',')) {
    return { text, entries: [{ fromMinute: 0, bytesPerSecond: parseRate(only, text) }] };
  }
  const entries = words.flatMap((word) => parseEntry(word, text));
  entries.sort((one, other) => one.fromMinute - other.fromMinute);
  return { text, entries };
}

/** Bytes a second in force at a time (milliseconds since 1970), null where there is no limit. */
export function rateAt(plan: BandwidthPlan, at: number): number | null {
  const minute = minuteOfWeek(at);
  // Before the week's first entry the last one of the week before holds.
  const entry = plan.entries.findLast((one) => one.fromMinute <= minute) ?? plan.entries.at(-1);
  return entry?.bytesPerSecond ?? null;
}

/** True where the rate depends on the time. */
export function changes(plan: BandwidthPlan): boolean {
  return plan.entries.length > 1;
}

/** When the next entry begins, in milliseconds since 1970; undefined where the rate never changes. */
export function nextChangeAt(plan: BandwidthPlan, at: number): number | undefined {
  if (!changes(plan)) return undefined;
  const minute = minuteOfWeek(at);
  const next = plan.entries.find((one) => one.fromMinute > minute) ?? plan.entries[0];
  if (next === undefined) return undefined;
  const wait = (next.fromMinute - minute + weekMinutes) % weekMinutes || weekMinutes;
  return Math.floor(at / 60_000) * 60_000 + wait * 60_000;
}

/** `2 MB/s`, for messages. */
export function formatRate(bytesPerSecond: number): string {
  const units = ['B/s', 'kB/s', 'MB/s', 'GB/s'];
  let rate = bytesPerSecond;
  let unit = 0;
  while (rate >= 999.5 && unit < units.length - 1) {
    rate /= 1000;
    unit += 1;
  }
  return `${rate >= 10 || Number.isInteger(rate) ? Math.round(rate) : rate.toFixed(1)} ${units[unit]}`;
}

function parseEntry(word: string, whole: string): Entry[] {
  const match = /^(?:([a-z]{3})-)?(\d{1,2}):(\d{2}),(.+)$/i.exec(word);
  const hour = Number(match?.[2]);
  const minute = Number(match?.[3]);
  if (match === null || hour > 23 || minute > 59) {
    throw refuse(whole, `"${word}" is not of the form HH:MM,RATE`);
  }
  const bytesPerSecond = parseRate(match[4] ?? '', whole);
  const day = match[1] === undefined ? undefined : days.indexOf(match[1].toLowerCase());
  if (day === -1) throw refuse(whole, `"${match[1]}" is no day of the week`);
  const on = day === undefined ? days.keys() : [day];
  return [...on].map((one) => ({ fromMinute: (one * 24 + hour) * 60 + minute, bytesPerSecond }));
}

function parseRate(word: string, whole: string): number | null {
  if (/^(off|0)$/i.test(word)) return null;
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?b)?|(b))?(?:\/s)?$/i.exec(word);
  if (match === null) throw refuse(whole, `"${word}" is neither a rate such as 2M nor "off"`);
  const power = match[4] === undefined ? 1 + 'kmgt'.indexOf((match[2] ?? 'k').toLowerCase()) : 0;
  const base = match[3]?.toLowerCase() === 'b' ? 1000 : 1024;
  const rate = Math.round(Number(match[1]) * base ** power);
  if (rate < 1) throw refuse(whole, `"${word}" is less than one byte a second`);
  return rate;
}

function refuse(whole: string, why: string): Fault {
  return new Fault('invalid', `The bandwidth "${whole}" cannot be read: ${why}.`);
}

function minuteOfWeek(at: number): number {
  const time = new Date(at);
  return (time.getDay() * 24 + time.getHours()) * 60 + time.getMinutes();
}
