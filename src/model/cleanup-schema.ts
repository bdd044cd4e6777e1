// What may be asked of a cleanup: checked here once for the API, the CLI, sync jobs and the library.

import { z } from 'zod';
import { keptReasons } from './cleanup.ts';
import { faultViewSchema, pathViewSchema } from './views.ts';

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
  mostFiles: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('Stops once so many are deleted, to the hundred: to be asked again'),
});
export type CleanupRequest = z.input<typeof cleanupRequestSchema>;
export type CleanupSpec = z.output<typeof cleanupRequestSchema>;

const count = z.int().nonnegative();

export const cleanupViewSchema = z.object({
  filesScanned: count.describe('Files in the chosen folders'),
  filesDeleted: count.describe('Of a dry run: how many would be'),
  spaceFreedBytes: z.number().nonnegative(),
  errors: z.array(faultViewSchema).describe('Each trouble once, at most 100. After one of listing nothing was deleted'),
  dryRun: z.boolean(),
  kept: z.record(z.enum(keptReasons), count).describe('How many files stayed, by why'),
  foldersRemoved: count.describe('Folders named by a day (YYYY-MM-DD) that held nothing else'),
  files: z
    .array(pathViewSchema.extend({ sizeBytes: z.number().nonnegative() }))
    .describe('What was deleted, below the endpoint; at most the first 10,000'),
});
export type CleanupView = z.infer<typeof cleanupViewSchema>;
