// Which files of a device are meant: all that are new, all, or some by hand.

import type { DeviceFileView } from '../../../src/model/device-views.ts';
import { keyOf } from '../../pickers/picked-path.ts';

/** By hand: the files by `keyOf`. */
export type Selection = 'new' | 'all' | ReadonlyMap<string, DeviceFileView>;

export function isChosen(file: DeviceFileView, selection: Selection): boolean {
  if (typeof selection === 'string') return selection === 'all' || file.transferId === null;
  return selection.has(keyOf(file));
}

/** A press of one file's box: from then on the choice is by hand, beginning with what was chosen so far. */
export function toggled(
  file: DeviceFileView,
  selection: Selection,
  files: readonly DeviceFileView[],
): ReadonlyMap<string, DeviceFileView> {
  const chosen = new Map(files.filter((each) => isChosen(each, selection)).map((each) => [keyOf(each), each] as const));
  if (!chosen.delete(keyOf(file))) chosen.set(keyOf(file), file);
  return chosen;
}

export interface Totals {
  readonly total: number;
  readonly taken: number;
}

/** How many files will be asked for; those that were taken before are passed over by the daemon. */
export function chosenCount(selection: Selection, { total, taken }: Totals): number {
  if (typeof selection !== 'string') return selection.size;
  return selection === 'all' ? total : total - taken;
}
