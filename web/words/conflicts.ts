// What becomes of a file where one of its name is there already.

import type { CopyRequest } from '../../src/model/specs.ts';

export const conflicts: readonly (readonly [NonNullable<CopyRequest['conflict']>, string])[] = [
  ['rename', 'Keep both: give the new one a number'],
  ['overwrite', 'Replace what differs'],
  ['newer', 'Replace only older ones'],
  ['skip', 'Leave the old one'],
  ['fail', 'Stop that file and say so'],
];
