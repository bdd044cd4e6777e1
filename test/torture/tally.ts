// What a row has found so far: each lost or corrupt file once, and in words what else went wrong.

import { compareTrees } from '../support/trees.ts';
import type { RowResult } from './row.ts';

export interface Tally {
  lost(file: string): void;
  corrupt(file: string): void;
  fault(words: string): void;
  again(bytes: number): void;
  /** `mayMiss`: files need not be there, but those that are must be whole. */
  compare(
    source: string,
    destination: string,
    label: string,
    options?: { readonly mayMiss?: boolean; readonly mayLeave?: boolean },
  ): void;
  result(runs: number): RowResult;
}

export function createTally(): Tally {
  const lost = new Set<string>();
  const corrupt = new Set<string>();
  const faults: string[] = [];
  let bytesAgain: number | null = null;
  return {
    lost: (file) => void lost.add(file),
    corrupt: (file) => void corrupt.add(file),
    fault: (words) => void faults.push(words),
    again: (bytes) => {
      bytesAgain = (bytesAgain ?? 0) + Math.max(0, bytes);
    },
    compare: (source, destination, label, { mayMiss = false, mayLeave = mayMiss } = {}) => {
      const difference = compareTrees(source, destination);
      if (!mayMiss) for (const path of difference.missing) lost.add(`${label}: ${path}`);
      for (const path of difference.different) corrupt.add(`${label}: ${path}`);
      if (!mayLeave) for (const path of difference.extra) faults.push(`${label}: left behind ${path}`);
    },
    result: (runs) => ({
      runs,
      lost: lost.size,
      corrupt: corrupt.size,
      bytesAgain,
      faults: [
        ...faults,
        ...[...lost].slice(0, 20).map((file) => `lost: ${file}`),
        ...[...corrupt].slice(0, 20).map((file) => `corrupt: ${file}`),
      ],
    }),
  };
}
