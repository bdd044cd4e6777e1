// What may be asked of a cleanup: checked here once for the API, the CLI, sync jobs and the library.

import { z } from 'zod';

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
