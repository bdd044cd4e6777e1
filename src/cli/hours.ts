// Lengths of time as people write them on the command line.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

const unitHours: Readonly<Record<string, number>> = { s: 1 / 3600, m: 1 / 60, min: 1 / 60, h: 1, d: 24, w: 168 };

/** `24h`, `90m`, `7d`. Rejects with `invalid`. */
export function hours(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|min|h|d|w)$/.exec(text);
  const unit = unitHours[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw new Fault(
      'invalid',
      `--${option} takes a length of time such as 24h, 90m or 7d, not "${displayPath(text)}".`,
    );
  }
  return Number(match[1]) * unit;
}
