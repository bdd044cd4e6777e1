// Cleanup: what may be asked of it, and what it answers; checked here once for the API, the CLI, sync jobs and the library.

import { z } from 'zod';
import type { FaultReport } from './fault.ts';

/** What a cleanup goes by, wherever its place comes from; a sync job takes these, too. */
export const cleanupRulesSchema = z.strictObject({
  ageHours: z
    .number()
    .min(0)
    .max(1_000_000)
    .default(24)
    .describe('Only files whose own time (mtime) is at least so long ago'),
  preservePatterns: z
    .array(z.string().min(1).max(4096))
    .max(1000)
    .default([])
    .describe('Globs of what always stays: files, or folders with all that is in them; case does not matter'),
  dryRun: z.boolean().default(false).describe('Only say what would be deleted'),
});
export type CleanupRules = z.output<typeof cleanupRulesSchema>;

export const cleanupRequestSchema = cleanupRulesSchema.extend({
  endpoint: z.string().min(1).max(4096).describe('The place whose files have been copied elsewhere'),
  path: z.string().max(4096).default('').describe('Only below this folder of it'),
  folders: z
    .array(z.string().min(1).max(4096))
    .max(1000)
    .default([])
    .describe('Only these folders, below `path`; none is all'),
  copies: z.int().min(1).max(16).default(1).describe('So many proven copies, at different places, must be there'),
  checksum: z
    .boolean()
    .default(false)
    .describe('Reads each copy again and compares its hash with the receipt; else size and time must be those of it'),
});
export type CleanupRequest = z.input<typeof cleanupRequestSchema>;
export type CleanupSpec = z.output<typeof cleanupRequestSchema>;

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
