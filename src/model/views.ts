// What the API gives: the schemas of its answers, from which the server, the OpenAPI document and the typed client are made.

import { z } from 'zod';
import { progressNames } from './event.ts';
import { faultCodes } from './fault.ts';
import { jobStates } from './job.ts';
import { hashAlgorithmSchema, verifySchema } from './moving.ts';
import { transferStates, waitReasons } from './transfer.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');
const bytes = z.number().nonnegative();

export const modeSchema = z.enum(['copy', 'watch', 'sync', 'offload', 'share']);
export const transferStateSchema = z.enum(transferStates);
export const jobStateSchema = z.enum(jobStates);
export const faultCodeSchema = z.enum(faultCodes);

/** What may be asked of a transfer or job; which of them its present state takes stands in its view. */
export const actionSchema = z.enum(['pause', 'resume', 'cancel', 'retry']);
export type Action = z.infer<typeof actionSchema>;

export const scopeSchema = z
  .enum(['read', 'write', 'management', 'admin'])
  .describe('read: look. write: also change jobs and transfers. management: also hear events. admin: everything.');
export type Scope = z.infer<typeof scopeSchema>;

const pathFields = {
  path: z.string().describe('For display: control characters and bytes that are not UTF-8 are escaped'),
  pathBytes: z.base64().optional().describe('The exact bytes; there only where `path` is not the exact name'),
};
export const pathViewSchema = z.object(pathFields);

export const placeViewSchema = z.object({
  endpoint: z.string().describe("URL or absolute path of the endpoint's root"),
  ...pathFields,
});
export type PlaceView = z.infer<typeof placeViewSchema>;

export const contentHashSchema = z.object({
  algorithm: hashAlgorithmSchema,
  value: z.string(),
});

const faultPlaceSchema = z.object({
  path: z.string().optional(),
  endpoint: z.string().optional(),
  offsetBytes: bytes.optional(),
  operation: z.string().optional(),
});

export const faultViewSchema = z.object({
  code: faultCodeSchema,
  message: z.string(),
  transient: z.boolean().describe('True where it is tried again by itself'),
  remedy: z.string(),
  place: faultPlaceSchema.optional(),
});
export type FaultView = z.infer<typeof faultViewSchema>;

/** RFC 9457 with `code`, `remedy` and `place`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().optional(),
  code: faultCodeSchema,
  transient: z.boolean(),
  remedy: z.string(),
  place: faultPlaceSchema.optional(),
  issues: z
    .array(z.object({ at: z.string(), message: z.string() }))
    .optional()
    .describe('What is wrong with the request, one by one'),
});
export type Problem = z.infer<typeof problemSchema>;

export const etaSchema = z
  .object({
    fromSeconds: z.number().nullable(),
    toSeconds: z.number().nullable(),
    cause: z.string(),
  })
  .describe('A range with its cause; null bounds are not known');
export type EtaView = z.infer<typeof etaSchema>;

export const writeHeadViewSchema = z
  .object({ sizeBytes: bytes, bytesPerSecond: z.number().nullable().describe('Null until it has grown twice') })
  .describe('Where the writer of a growing source is, and how fast');
export type WriteHeadView = z.infer<typeof writeHeadViewSchema>;

export const stepUnderWayViewSchema = z
  .object({ name: z.string(), at: z.int().describe('From 1'), of: z.int() })
  .describe('The step that a file is in');

export const transferViewSchema = z.object({
  id: z.string(),
  jobId: z.string(),
  mode: modeSchema,
  source: placeViewSchema,
  destination: placeViewSchema,
  published: pathViewSchema.nullable().describe('Under which name it stands, once it is published'),
  sizeBytes: bytes.nullable().describe('Null while it is not known'),
  mtime: time.nullable(),
  fileMode: z.int().nullable(),
  state: transferStateSchema,
  phase: z.enum(['transfer', 'process']),
  waiting: z.object({ reason: z.enum(waitReasons), until: time.nullable() }).nullable(),
  bytesDone: bytes,
  bytesProcessed: bytes,
  hash: contentHashSchema.nullable(),
  attempts: z.int(),
  firstQueuedAt: time.nullable(),
  priority: z.int(),
  owner: z.string().nullable(),
  associateWith: z.string().nullable().describe('The key that it was asked for with'),
  error: faultViewSchema.nullable(),
  heartbeatAt: time.nullable(),
  lease: z.object({ node: z.string(), fence: z.int() }).nullable(),
  createdAt: time,
  updatedAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  actions: z.array(actionSchema),
  speedBytesPerSecond: z.number().nullable().describe('Null where nothing moves now'),
  eta: etaSchema.nullable(),
  head: writeHeadViewSchema.nullable().describe('Null where the source stands still'),
  step: stepUnderWayViewSchema.nullable().describe('Null where nothing is processed now'),
});
export type TransferView = z.infer<typeof transferViewSchema>;

export const receiptViewSchema = z.object({
  transferId: z.string(),
  jobId: z.string(),
  source: placeViewSchema,
  destination: placeViewSchema,
  sizeBytes: bytes,
  hash: contentHashSchema,
  verify: verifySchema.describe('How it was proved'),
  at: time,
});
export type ReceiptView = z.infer<typeof receiptViewSchema>;

export const jobCountsSchema = z.object({
  found: z.int(),
  skipped: z.int().describe('Found unchanged at the destination'),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  bytesFound: bytes,
  bytesSkipped: bytes,
  bytesCompleted: bytes,
});

export const jobProgressViewSchema = z.object({
  jobId: z.string(),
  filesFound: z.int(),
  filesDone: z.int(),
  filesSkipped: z.int(),
  filesFailed: z.int(),
  bytesFound: bytes,
  bytesDone: bytes,
  bytesPerSecond: z.number(),
  planning: z.boolean().describe('True while the source is still being listed: totals may still rise'),
  eta: etaSchema.nullable(),
});
export type JobProgressView = z.infer<typeof jobProgressViewSchema>;

export const jobViewSchema = z.object({
  id: z.string(),
  kind: modeSchema,
  name: z.string(),
  sources: z.array(z.string()).describe('For display'),
  destinations: z.array(z.string()).describe('For display'),
  spec: z.record(z.string(), z.unknown()).describe('What was asked for, with defaults filled in'),
  state: jobStateSchema,
  waiting: z.object({ reason: z.string(), until: time.nullable() }).nullable(),
  planned: z.boolean().describe('True once everything has been found; a watch never gets there'),
  counts: jobCountsSchema,
  priority: z.int(),
  owner: z.string().nullable(),
  error: faultViewSchema.nullable(),
  createdAt: time,
  updatedAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  actions: z.array(actionSchema),
  progress: jobProgressViewSchema.nullable().describe('Live figures; null where the job does not run'),
});
export type JobView = z.infer<typeof jobViewSchema>;

export const eventViewSchema = z.object({
  cursor: z.string().describe('Opaque; asks for what comes after this event'),
  name: z.string(),
  at: time,
  transferId: z.string().nullable(),
  jobId: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
  transfer: transferViewSchema.optional().describe('As it stood when the fact was written'),
  job: jobViewSchema.optional(),
});
export type EventView = z.infer<typeof eventViewSchema>;

export const transferBlocksViewSchema = z.object({
  transferId: z.string(),
  sizeBytes: bytes.nullable().describe('The write head where the source grows; null while it is not known'),
  blockBytes: bytes.describe('Files are verified in blocks of this size'),
  verifiedBytes: bytes,
  ranges: z
    .array(z.object({ from: bytes, to: bytes.describe('The byte after its last one') }))
    .describe('Verified at the destination, rising; none touches the next. Empty for small files that travel in packs'),
});
export type TransferBlocksView = z.infer<typeof transferBlocksViewSchema>;

export const transferProgressViewSchema = z.object({
  transferId: z.string(),
  jobId: z.string(),
  phase: z.enum(['transfer', 'process']).describe('`bytesDone` is what has arrived, or what of it has been processed'),
  bytesDone: bytes,
  sizeBytes: bytes.nullable(),
  bytesPerSecond: z.number(),
  eta: etaSchema.nullable(),
  head: writeHeadViewSchema.nullable(),
  step: stepUnderWayViewSchema.nullable(),
});
export type TransferProgressView = z.infer<typeof transferProgressViewSchema>;

/** Live only, never kept: the last value wins. `transfer` for `observation.transfer.*`, `job` for `observation.job.progress`. */
export const progressViewSchema = z.object({
  name: z.enum(progressNames),
  at: time,
  transfer: transferProgressViewSchema.optional(),
  job: jobProgressViewSchema.optional(),
});
export type ProgressView = z.infer<typeof progressViewSchema>;

export const mountViewSchema = z.object({
  mountPoint: z.string(),
  state: z.enum(['well', 'slow', 'unreachable']),
  hungForMs: z.number(),
});
export type MountView = z.infer<typeof mountViewSchema>;

export const bandwidthViewSchema = z.object({
  bytesPerSecond: z.number().nullable().describe('In force now; null where nothing limits'),
  timetable: z.string().nullable(),
});
export type BandwidthView = z.infer<typeof bandwidthViewSchema>;

/** Something that waits or needs somebody; alike ones of one job are one item. */
export const attentionViewSchema = z.object({
  key: z.string(),
  severity: z.enum(['needs-you', 'waits']),
  what: z.enum(['transfer', 'job', 'mount', 'storage']),
  jobId: z.string().nullable().describe('Null where it is of no job, or of several'),
  transferIds: z.array(z.string()).describe('Newest first, at most 100'),
  count: z.int(),
  more: z.boolean().describe('True where there are more than were counted'),
  code: faultCodeSchema.nullable(),
  title: z.string(),
  sentence: z.string(),
  remedy: z.string(),
  action: actionSchema.nullable().describe('What a button beside it would do'),
  at: time,
});
export type AttentionView = z.infer<typeof attentionViewSchema>;

export const overviewViewSchema = z.object({
  health: z.object({
    level: z.enum(['well', 'waits', 'needs-you']),
    sentence: z.string(),
  }),
  transfers: z.record(transferStateSchema, z.int()).describe('How many in each state'),
  runningJobs: z.int(),
  activeTransfers: z.int(),
  bytesPerSecond: z.number(),
  bandwidth: bandwidthViewSchema,
  mounts: z.array(mountViewSchema),
  rates: z
    .object({
      endpoints: z.array(z.object({ endpoint: z.string(), bytesPerSecond: z.number() })),
      jobs: z.array(z.object({ jobId: z.string(), bytesPerSecond: z.number() })),
    })
    .describe('Over the last seconds'),
  attention: z.array(attentionViewSchema),
  arrived: z.array(transferViewSchema).describe('Completed, newest first'),
  cursor: z.string().describe('Ask for events since here to follow on from this answer'),
  version: z.string(),
  startedAt: time,
  now: time,
});
export type OverviewView = z.infer<typeof overviewViewSchema>;

export const aboutViewSchema = z.object({
  version: z.string(),
  node: z.string().describe('Version of Node that runs the daemon'),
  platform: z.string().describe('Operating system and processor'),
  startedAt: time,
  findings: z
    .array(
      z.object({
        check: z.string().describe('What was looked at: node, modules, tool, system, clock'),
        state: z.enum(['ok', 'warning', 'problem']),
        text: z.string(),
        remedy: z.string().optional(),
      }),
    )
    .describe('Of this machine, as `wherry doctor` says it'),
});
export type AboutView = z.infer<typeof aboutViewSchema>;

export const throughputViewSchema = z.object({
  stepSeconds: z.number().describe('How long one value stands for'),
  until: time.describe('Start of the last step'),
  bytesPerSecond: z
    .array(z.number().nullable())
    .describe('Oldest first; null where the daemon did not run or has not measured yet'),
});
export type ThroughputView = z.infer<typeof throughputViewSchema>;

export const plannedItemViewSchema = z.object({
  action: z.enum(['copy', 'make-folder', 'skip', 'conflict', 'refuse', 'delete-source', 'delete', 'rename', 'problem']),
  ...pathFields,
  sizeBytes: bytes,
  reason: z.string().optional(),
  to: pathViewSchema.optional().describe('Of a rename: the new path'),
});
export type PlannedItemView = z.infer<typeof plannedItemViewSchema>;

export const browseEntrySchema = z.object({
  name: z.string().describe('For display'),
  ...pathFields,
  kind: z.enum(['folder', 'file', 'symlink', 'other']),
  sizeBytes: bytes.nullable(),
  mtime: time.nullable(),
});
export type BrowseEntry = z.infer<typeof browseEntrySchema>;

export const browseViewSchema = z.object({
  folder: pathViewSchema.nullable().describe('Null: the entries are the roots'),
  parent: pathViewSchema.nullable().describe('Null at a root'),
  rows: z.array(browseEntrySchema).describe('Folders first, each kind in order of names'),
  nextCursor: z.string().nullable(),
});
export type BrowseView = z.infer<typeof browseViewSchema>;

export const explanationViewSchema = z.object({
  ...pathFields,
  summary: z.string(),
  transfers: z.array(transferViewSchema),
  facts: z
    .array(
      z.object({
        at: time,
        text: z.string(),
        transferId: z.string().optional(),
        error: faultViewSchema.optional(),
      }),
    )
    .describe('Every rule, wait and error that touched it, newest first'),
});
export type ExplanationView = z.infer<typeof explanationViewSchema>;

export const tokenViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(scopeSchema),
  createdAt: time,
  expiresAt: time.nullable(),
});
export type TokenView = z.infer<typeof tokenViewSchema>;

export const createdTokenSchema = tokenViewSchema.extend({
  token: z.string().describe('Shown this once'),
});
export type CreatedToken = z.infer<typeof createdTokenSchema>;

export const sessionViewSchema = z.object({
  kind: z.enum(['console', 'token']),
  name: z.string(),
  scopes: z.array(scopeSchema),
  expiresAt: time.nullable(),
});
export type SessionView = z.infer<typeof sessionViewSchema>;

export const reloadViewSchema = z.object({
  file: z.string().nullable().describe('The configuration that was read; null where there is none'),
  changed: z.array(
    z.object({
      key: z.string().describe('As in the configuration: `limits.transfers`'),
      takesEffect: z.enum(['now', 'restart']),
      before: z.string().nullable().describe('As JSON; null where it is a secret'),
      after: z.string().nullable(),
    }),
  ),
});
export type ReloadView = z.infer<typeof reloadViewSchema>;

/** A page of a list: ask again with `nextCursor` until it is null. */
export function pageSchema<Row extends z.ZodType>(row: Row) {
  return z.object({ rows: z.array(row), nextCursor: z.string().nullable() });
}
export interface PageView<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
}
