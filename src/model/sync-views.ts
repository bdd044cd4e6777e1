// What the API gives of syncs and of their runs: the schemas of its answers.

import { z } from 'zod';
import { faultViewSchema, jobStateSchema, pathViewSchema } from './views.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');
const bytes = z.number().nonnegative();

export const syncViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  source: z.string().describe('For display'),
  destinations: z.array(z.string()).describe('For display'),
  spec: z.record(z.string(), z.unknown()).describe('What may be sent back to change it, with defaults filled in'),
  schedule: z
    .union([z.object({ cron: z.string(), timezone: z.string().nullable() }), z.object({ everyMinutes: z.number() })])
    .nullable()
    .describe('Null: only when somebody starts it'),
  enabled: z.boolean().describe('Else its schedule rests'),
  fromConfig: z.boolean().describe('Set up by the configuration: changed and removed there'),
  owner: z.string().nullable(),
  nextAt: time.nullable().describe('When it is due next'),
  lastRun: z
    .object({ jobId: z.string(), at: time, state: jobStateSchema.nullable().describe('Null once it is forgotten') })
    .nullable(),
  skipped: z
    .object({ at: time, reason: z.string() })
    .nullable()
    .describe('The last time that was due and began no run'),
  createdAt: time,
  updatedAt: time,
});
export type SyncView = z.infer<typeof syncViewSchema>;

export const syncFolderViewSchema = z.object({
  destination: z.string().describe('For display'),
  from: z.string().describe('For display'),
  to: z.string().describe('For display'),
  state: z.enum(['waiting', 'listing', 'transferring', 'done', 'failed']),
  found: z.int().describe('Files of the source'),
  expected: z.int().describe('Of those, how many this run brings over, as far as is known'),
  expectedBytes: bytes,
  transferred: z.int(),
  bytes: bytes.describe('Transferred in this run'),
  fault: faultViewSchema.nullable(),
});

export const syncStatusViewSchema = z.object({
  jobId: z.string(),
  transport: z.record(z.string(), z.string()).describe('How each place is reached, in words'),
  folders: z.array(syncFolderViewSchema),
  deleted: z.int().describe('Files deleted at the destinations'),
  renamed: z.int(),
  problems: z.array(z.object({ path: z.string(), text: z.string() })).describe('At most 100'),
  cleanup: z.unknown().describe('What was cleaned up at the source; null where nothing was'),
});
export type SyncStatusView = z.infer<typeof syncStatusViewSchema>;

export const manifestEntryViewSchema = z.object({
  destination: z.string().describe('Address of the root that it was brought to'),
  folder: z.object({ from: z.string(), to: z.string() }).describe('For display'),
  ...pathViewSchema.shape,
  sizeBytes: bytes,
  mtimeMs: z.number().describe('Of the source as it was copied, in milliseconds since 1970'),
  hash: z.string().nullable().describe('`algorithm:value`'),
});
export type ManifestEntryView = z.infer<typeof manifestEntryViewSchema>;
