// The rows of the torture table that this project carries.

import type { Row } from './row.ts';
import { killCopy } from './rows/kill-copy.ts';

export const rows: readonly Row[] = [killCopy];
