// Ages, spans and moments as people say them.

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });
const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** `8 s`, `12 min`, `3 h 20 min`, `4 d`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10 && minutes % 60 !== 0) return `${hours} h ${minutes % 60} min`;
  if (hours < 48) return `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

/** `now`, `40 s`, `5 min`, `3 h`, `2 d`: short, for a column. */
export function age(ms: number, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - ms) / 1000);
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `now`, `5 min ago`. */
export function ago(ms: number, nowMs: number): string {
  const text = age(ms, nowMs);
  return text === 'now' ? text : `${text} ago`;
}

/** `14:03:22` of today, `3 Nov 14:03` of this year, else `3 Nov 2025`. */
export function moment(ms: number, nowMs: number): string {
  const at = new Date(ms);
  const now = new Date(nowMs);
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  if (at.getFullYear() === now.getFullYear()) return `${day.format(at)} ${hourMinute.format(at)}`;
  return dayOfYear.format(at);
}

/** For hovering: date and time to the second, with its zone. */
export function exactMoment(ms: number): string {
  return exact.format(ms);
}

/** A range: `2–4 min`, `about 30 s`, `over 3 h`; undefined where nothing is known. */
export function range(fromSeconds: number | null, toSeconds: number | null): string | undefined {
  if (fromSeconds === null && toSeconds === null) return undefined;
  if (toSeconds === null) return (fromSeconds ?? 0) < 1 ? undefined : `over ${span(fromSeconds ?? 0)}`;
  if (fromSeconds === null) return `under ${span(toSeconds)}`;
  const from = span(fromSeconds);
  const to = span(toSeconds);
  if (from === to) return `about ${to}`;
  const [fromNumber, fromUnit, ...fromRest] = from.split(' ');
  const [, toUnit, ...toRest] = to.split(' ');
  if (fromRest.length === 0 && toRest.length === 0 && fromUnit === toUnit) return `${fromNumber}–${to}`;
  return `${from}–${to}`;
}
