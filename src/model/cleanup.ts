// Cleanup: what it answers.

import type { FaultReport } from './fault.ts';

/** Why files stay where they are. */
export const keptReasons = ['young', 'preserved', 'unproven', 'changed', 'copyMissing', 'failed'] as const;
export type KeptReason = (typeof keptReasons)[number];

/** A file that was deleted, or would be. Path relative to the endpoint, as names.ts holds names. */
export interface CleanedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface CleanupResult {
  /** Files in the chosen folders. */
  readonly filesScanned: number;
  /** Of a dry run: what would be. */
  readonly filesDeleted: number;
  readonly spaceFreedBytes: number;
  /** Each trouble once, at most 100. After one of listing nothing was deleted. */
  readonly errors: readonly FaultReport[];
  readonly dryRun: boolean;
  readonly kept: Readonly<Record<KeptReason, number>>;
  /** Dated folders that were empty then. */
  readonly foldersRemoved: number;
  /** In the order of the listing, at most `mostListed`. */
  readonly files: readonly CleanedFile[];
}

export const mostListed = 10_000;
