// What the API gives of watches and of the places they use: the schemas of its answers.

import { z } from 'zod';
import { faultViewSchema, jobCountsSchema, jobProgressViewSchema, jobStateSchema, pathViewSchema } from './views.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');
const bytes = z.number().nonnegative();

/** What may be asked of a watch in its present state. */
export const watchActionSchema = z.enum(['pause', 'resume', 'edit', 'remove']);
export type WatchAction = z.infer<typeof watchActionSchema>;

export const watchStatusViewSchema = z.object({
  events: z
    .object({ inForce: z.boolean(), reason: z.string() })
    .nullable()
    .describe('Whether file-system events passed their self-test, and why not; null while they are being tested'),
  files: z.int().describe('In the folder at the last scan, ignored ones not counted'),
  lastScanAt: time.nullable(),
  lastScanMs: z.number().nullable().describe('How long it took'),
  underWay: z.int().describe('Files seen that are not at their destinations yet'),
  unreadable: z.array(z.string()).describe('What could not be looked at in the last scan, at most 100'),
  away: z.string().nullable().describe('Why nothing is seen at present; null where all is well'),
});
export type WatchStatusView = z.infer<typeof watchStatusViewSchema>;

export const watchViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  source: z.string().describe('For display'),
  destinations: z.array(z.string()).describe('For display'),
  spec: z.record(z.string(), z.unknown()).describe('What was asked for, with defaults filled in'),
  state: jobStateSchema,
  waiting: z.object({ reason: z.string(), until: time.nullable() }).nullable(),
  error: faultViewSchema.nullable(),
  fromConfig: z.boolean().describe('Set up by the configuration: changed and removed there'),
  owner: z.string().nullable(),
  counts: jobCountsSchema,
  progress: jobProgressViewSchema.nullable(),
  status: watchStatusViewSchema.nullable().describe('Null where it does not run'),
  actions: z.array(watchActionSchema),
  createdAt: time,
  updatedAt: time,
});
export type WatchView = z.infer<typeof watchViewSchema>;

export const placementTestSchema = z.object({
  name: z.string(),
  to: pathViewSchema.nullable().describe('Below the destination; null where it would go nowhere'),
  rule: z.int().min(1).nullable().describe('Number of the rule that placed it, from 1; null: none matched'),
  ignored: z.string().nullable().describe('Why it would not be taken at all'),
  error: faultViewSchema.nullable(),
});
export type PlacementTest = z.infer<typeof placementTestSchema>;

export const storageViewSchema = z.object({
  endpoint: z.string(),
  role: z.enum(['source', 'destination']),
  state: z.enum(['ok', 'warning', 'critical', 'unreachable']),
  reason: z.string().describe('One sentence; empty where all is well'),
  freeBytes: bytes.nullable(),
  totalBytes: bytes.nullable(),
  writable: z.boolean().nullable().describe('Null where it was not tried: sources are only read'),
  checkedAt: time,
  since: time.describe('Since when it has been in this state'),
  bytesPerSecond: z.number().describe('Into a destination, over the last seconds'),
  roomSeconds: z.number().nullable().describe('How long the free space lasts at this rate; null where nothing comes'),
  history: z.array(z.object({ at: time, freeBytes: bytes })).describe('One a quarter of an hour, oldest first'),
});
export type StorageView = z.infer<typeof storageViewSchema>;
