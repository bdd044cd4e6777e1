// How well the places of a watch are: reachable, writable, and with room. Pure judgement; the looking is done by whoever calls.

export type StorageState = 'ok' | 'warning' | 'critical' | 'unreachable';
export type StorageRole = 'source' | 'destination';

/** One look at a place. */
export interface StorageLook {
  readonly reachable: boolean;
  /** Whether a probe file could be written and removed; null where it was not tried (sources that are only read). */
  readonly writable: boolean | null;
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  /** In words, where it is not well. */
  readonly reason?: string;
}

export interface StorageThresholds {
  readonly warningBytes: number;
  readonly criticalBytes: number;
}

export const storageThresholds: Readonly<Record<StorageRole, StorageThresholds>> = {
  source: { warningBytes: 10e9, criticalBytes: 5e9 },
  destination: { warningBytes: 50e9, criticalBytes: 20e9 },
};

/** How often places are looked at, and how long a look may take before the place counts as unreachable. */
export const storageTimes = { everyMs: 30_000, answerMs: 5_000 } as const;

export interface StorageVerdict {
  readonly state: StorageState;
  /** Why, in one sentence; empty where all is well. */
  readonly reason: string;
}

export function judgeStorage(
  role: StorageRole,
  look: StorageLook,
  thresholds = storageThresholds[role],
): StorageVerdict {
  if (!look.reachable) return { state: 'unreachable', reason: look.reason ?? 'It did not answer within 5 s.' };
  if (look.writable === false) return { state: 'critical', reason: look.reason ?? 'It cannot be written to.' };
  if (look.freeBytes === null) return { state: 'ok', reason: '' };
  const free = `${(look.freeBytes / 1e9).toFixed(1)} GB are free`;
  if (look.freeBytes < thresholds.criticalBytes) {
    return { state: 'critical', reason: `${free}, less than ${thresholds.criticalBytes / 1e9} GB.` };
  }
  if (look.freeBytes < thresholds.warningBytes) {
    return { state: 'warning', reason: `${free}, less than ${thresholds.warningBytes / 1e9} GB.` };
  }
  return { state: 'ok', reason: '' };
}
