// A moment as people say it, exact on hover.

import { useNow } from '../live/use-now.ts';
import { exactMoment, moment } from '../words/times.ts';

/** `at` as the API gives it. */
export function When({ at, className = '' }: { at: string; className?: string }) {
  const nowMs = useNow(60_000);
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={exactMoment(ms)} className={`tabular-nums ${className}`}>
      {moment(ms, nowMs)}
    </time>
  );
}
