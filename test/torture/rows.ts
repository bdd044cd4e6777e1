// The rows of the torture table that this project carries.

import type { Row } from './row.ts';
import { killAtCall } from './rows/kill-at-call.ts';
import { killCopy } from './rows/kill-copy.ts';
import { powerCutExt4, powerCutXfs } from './rows/power-cut.ts';
import { recordAndKill } from './rows/record-and-kill.ts';

export const rows: readonly Row[] = [killCopy, killAtCall, powerCutExt4, powerCutXfs, recordAndKill];

/** Those whose short forms are part of `npm test`. */
export const shortRows: readonly Row[] = [killCopy, killAtCall, recordAndKill];
