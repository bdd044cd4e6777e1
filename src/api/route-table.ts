// The route table: what each route is for, who may ask, what it takes and gives. Server, OpenAPI document and client derive from it.

import { z } from 'zod';
import { cleanupRequestSchema, cleanupViewSchema } from '../model/cleanup-schema.ts';
import { deviceFilesViewSchema, deviceListViewSchema, deviceViewSchema } from '../model/device-views.ts';
import type { FaultCode } from '../model/fault.ts';
import { offloadSettingsViewSchema } from '../model/offload-views.ts';
import { custodyViewSchema, fileKindSchema, recordingViewSchema } from '../model/recording-views.ts';
import { batchBodySchema, jobSpecSchema, placementRuleSchema, watchSpecSchema } from '../model/specs.ts';
import {
  aboutViewSchema,
  actionSchema,
  bandwidthViewSchema,
  browseViewSchema,
  createdTokenSchema,
  eventViewSchema,
  explanationViewSchema,
  jobStateSchema,
  jobViewSchema,
  modeSchema,
  overviewViewSchema,
  pageSchema,
  plannedItemViewSchema,
  problemSchema,
  receiptViewSchema,
  reloadViewSchema,
  type Scope,
  scopeSchema,
  sessionViewSchema,
  throughputViewSchema,
  tokenViewSchema,
  transferBlocksViewSchema,
  transferStateSchema,
  transferViewSchema,
} from '../model/views.ts';
import { placementTestSchema, storageViewSchema, watchViewSchema } from '../model/watch-views.ts';
import { contractRouteTable } from './contract-route-table.ts';
import { outsideRouteTable } from './outside-route-table.ts';
import { roomRouteTable } from './room-route-table.ts';
import { cursor, id, limit } from './route-parts.ts';
import type { RouteName } from './route-paths.ts';
import { syncRouteTable } from './sync-route-table.ts';

/** How an answer is sent: one JSON value, a JSON value a line, plain text, a page, a file's bytes, or nothing. */
export type AnswerForm = 'json' | 'lines' | 'text' | 'html' | 'bytes' | 'none';

export interface RouteShape {
  readonly summary: string;
  /** What the asker must be allowed; `open` asks for nothing. */
  readonly scope: Scope | 'open';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly output: z.ZodType;
  /** Default is `json`. */
  readonly form?: AnswerForm;
  /** Default is 200. */
  readonly status?: 200 | 201 | 204;
  /** Codes it may refuse with, beside those that follow from its scope and from what it takes (openapi.ts). */
  readonly problems?: readonly FaultCode[];
  /** How it refuses: by problem documents, or as older clients know it, {success: false, error}. Default is `problem`. */
  readonly refusals?: 'problem' | 'contract';
  /** Members of rooms ask with a token of their own, too; a token of the API needs the scope. */
  readonly members?: boolean;
  /** What is asked is the business of a room's members alone: the audit names who and which route, and nothing of the request. */
  readonly isPrivate?: boolean;
  /** True where the answer holds a secret that must not be kept for `Idempotency-Key`. */
  readonly secretAnswer?: boolean;
}

const deviceId = z.object({ id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/) });
const order = z.enum(['desc', 'asc']).default('desc');
const pathQuery = {
  path: z.string().min(1).max(4096).optional(),
  pathBytes: z.base64().min(1).max(8192).optional().describe('Instead of `path`, where the name is not text'),
};
const nothing = z.undefined();
/** A job names places, which may not be there or not be able to do what is asked. */
const jobProblems = ['not_found', 'unsupported', 'exists'] as const;

const jobAction = (summary: string) => ({ summary, scope: 'write', params: id, output: jobViewSchema }) as const;
const transferAction = (summary: string) =>
  ({
    summary,
    scope: 'write',
    params: id,
    output: transferViewSchema,
  }) as const;

const fileName = z.string().min(1).max(255);
const recordedFile = <More extends z.ZodRawShape>(summary: string, more: More) =>
  ({
    summary,
    scope: 'read',
    params: id.extend({ role: z.string().min(1).max(100), ...more }),
    output: z.string(),
    form: 'bytes',
    problems: ['outside_roots'],
  }) as const;

const watchBody = watchSpecSchema.omit({ kind: true });
const globs = z.array(z.string().min(1).max(4096)).max(1000).default([]);

export const routeTable = {
  listJobs: {
    summary: 'Jobs, newest first',
    scope: 'read',
    query: z.strictObject({
      state: z.array(jobStateSchema).optional(),
      kind: modeSchema.optional(),
      definition: z.string().min(1).max(64).optional().describe('Runs of the sync with this id'),
      cursor,
      limit,
      order,
    }),
    output: pageSchema(jobViewSchema),
  },
  createJob: {
    summary: 'Ask for a job: a copy, a watch, a sync or an offload',
    scope: 'write',
    problems: jobProblems,
    body: jobSpecSchema,
    output: jobViewSchema,
    status: 201,
  },
  planJob: {
    summary: 'What a job would do, one item a line; moves and writes nothing',
    scope: 'write',
    problems: jobProblems,
    body: jobSpecSchema,
    output: plannedItemViewSchema,
    form: 'lines',
  },
  getJob: {
    summary: 'One job',
    scope: 'read',
    params: id,
    output: jobViewSchema,
  },
  pauseJob: jobAction('Pause a job and its transfers; answers when the bytes have stopped'),
  resumeJob: jobAction('Resume a paused job'),
  cancelJob: jobAction('Cancel a job; what is complete stays'),
  retryJob: jobAction('Try again what failed or was cancelled'),
  listWatches: {
    summary: 'Watches that are not removed, newest first, each with how it is at present',
    scope: 'read',
    output: z.object({ rows: z.array(watchViewSchema) }),
  },
  createWatch: {
    summary: 'Watch a folder',
    scope: 'write',
    problems: jobProblems,
    body: watchBody,
    output: watchViewSchema,
    status: 201,
  },
  testRules: {
    summary: 'Where rules would put files of these names; nothing is written',
    scope: 'write',
    body: z.strictObject({
      rules: z.array(placementRuleSchema).max(1000),
      names: z.array(z.string().min(1).max(4096)).min(1).max(1000).describe('Paths below the watched folder'),
      include: globs,
      exclude: globs,
    }),
    output: z.object({ rows: z.array(placementTestSchema) }),
  },
  getWatch: { summary: 'One watch', scope: 'read', params: id, output: watchViewSchema },
  editWatch: {
    summary: 'Change a watch; what is under way goes on with the new wishes',
    scope: 'write',
    problems: jobProblems,
    params: id,
    body: watchBody,
    output: watchViewSchema,
  },
  removeWatch: {
    summary: 'End a watch for good; what it has copied stays',
    scope: 'write',
    problems: ['state_conflict'],
    params: id,
    output: nothing,
    form: 'none',
    status: 204,
  },
  pauseWatch: {
    summary: 'Pause a watch and its transfers; answers when the bytes have stopped',
    scope: 'write',
    params: id,
    output: watchViewSchema,
  },
  resumeWatch: {
    summary: 'Let a paused watch go on, or one that failed begin again',
    scope: 'write',
    params: id,
    output: watchViewSchema,
  },
  getOffloadSettings: {
    summary: 'By what devices are offloaded: rules, pipelines, triggers and the default folders',
    scope: 'read',
    output: offloadSettingsViewSchema,
  },
  queueBatch: {
    summary: 'Download files of a device, and process them; a file that was taken before is not taken again',
    scope: 'write',
    problems: [...jobProblems, 'config_invalid'],
    body: batchBodySchema,
    output: jobViewSchema,
    status: 201,
  },
  listRecordings: {
    summary: 'Recordings: what became of the files that came home; newest first',
    scope: 'read',
    query: z.strictObject({
      job: z.string().max(64).optional(),
      device: z.string().max(128).optional(),
      associateWith: z.string().max(500).optional(),
      kind: fileKindSchema.optional(),
      from: z.iso
        .datetime()
        .optional()
        .describe('Recorded then or later, by the file’s own time; without one by when it came'),
      until: z.iso.datetime().optional().describe('Recorded before then'),
      search: z.string().max(1024).optional().describe('Part of a path, of a device’s name or of the key, in any case'),
      cursor,
      limit,
      order,
    }),
    output: pageSchema(recordingViewSchema),
  },
  getRecording: {
    summary: 'One recording, with the chain of custody of its files',
    scope: 'read',
    params: id,
    output: recordingViewSchema.extend({ custody: z.array(custodyViewSchema) }),
  },
  getRecordingContent: recordedFile(
    'A file of a recording by its role (original, thumbnail, proxy, …), also in ranges',
    {},
  ),
  getRecordingFile: recordedFile('A file in a folder of a recording (a playlist)', { file: fileName }),
  getRecordingFileBelow: recordedFile('A file deeper in a folder of a recording (a segment)', {
    folder: fileName,
    file: fileName,
  }),
  ...syncRouteTable,
  ...contractRouteTable,
  getStorage: {
    summary: 'The places of running watches as they were at the last look (every 30 s), with a day of free space',
    scope: 'read',
    output: z.object({ rows: z.array(storageViewSchema) }),
  },
  checkStorage: {
    summary: 'Look at the places now',
    scope: 'write',
    output: z.object({ rows: z.array(storageViewSchema) }),
  },
  cleanUp: {
    summary:
      'Delete old files at a source, only those that receipts of this daemon prove to stand elsewhere; answers when it is done, and ends where the asker goes away',
    scope: 'write',
    problems: ['not_found', 'unsupported', 'unreachable', 'permission', 'name_unsafe'],
    body: cleanupRequestSchema,
    output: cleanupViewSchema,
  },
  listDevices: {
    summary: 'Cameras and cards that are there, or have been since the start',
    scope: 'read',
    output: deviceListViewSchema,
  },
  lookForDevices: {
    summary: 'Look for cameras and cards now; answers when that is done',
    scope: 'write',
    output: deviceListViewSchema,
  },
  getDevice: { summary: 'One camera or card', scope: 'read', params: deviceId, output: deviceViewSchema },
  listDeviceFiles: {
    summary: 'What files a device holds; it is listed anew for each page',
    scope: 'read',
    problems: ['not_found', 'device', 'unsupported', 'timeout', 'network'],
    params: deviceId,
    query: z.strictObject({ cursor, limit }),
    output: deviceFilesViewSchema,
  },
  listTransfers: {
    summary: 'Transfers, newest first',
    scope: 'read',
    query: z.strictObject({
      state: z.array(transferStateSchema).optional(),
      job: z.string().max(64).optional(),
      mode: modeSchema.optional(),
      associateWith: z.string().max(500).optional().describe('The key that they were asked for with'),
      search: z.string().max(1024).optional().describe('Part of a source or destination path, in any case'),
      cursor,
      limit,
      order,
      sort: z
        .enum(['created', 'updated', 'size', 'name'])
        .default('created')
        .describe('By others than `created` pages go by `offset`'),
      offset: z.coerce.number<number>().int().min(0).optional().describe('Rows to skip, in place of `cursor`'),
      withTotal: z.enum(['true', 'false']).default('false').describe('Count all rows that match'),
    }),
    output: pageSchema(transferViewSchema).extend({ total: z.int().optional() }),
  },
  actOnTransfers: {
    summary: 'Pause, resume, cancel or retry many transfers; each is answered for itself',
    scope: 'write',
    body: z.strictObject({
      action: actionSchema,
      ids: z.array(z.string().min(1).max(64)).min(1).max(1000),
    }),
    output: z.object({
      results: z.array(
        z.object({
          id: z.string(),
          ok: z.boolean(),
          transfer: transferViewSchema.optional(),
          problem: problemSchema.optional(),
        }),
      ),
    }),
  },
  getTransfer: {
    summary: 'One transfer with its receipts and the facts of its way, oldest first',
    scope: 'read',
    params: id,
    output: z.object({
      transfer: transferViewSchema,
      receipts: z.array(receiptViewSchema),
      facts: z.array(eventViewSchema.omit({ transfer: true, job: true })),
    }),
  },
  getTransferBlocks: {
    summary:
      'What stands verified of a file that is not yet whole at its destination; refused (409) once it is, or is cancelled',
    scope: 'read',
    params: id,
    output: transferBlocksViewSchema,
    problems: ['state_conflict'],
  },
  pauseTransfer: transferAction('Pause a transfer; answers when its bytes have stopped'),
  resumeTransfer: transferAction('Resume a paused transfer'),
  cancelTransfer: transferAction('Cancel a transfer'),
  retryTransfer: transferAction('Try a failed or cancelled transfer again'),
  listReceipts: {
    summary: 'Receipts of a transfer, or of whatever stands or stood at a destination',
    scope: 'read',
    query: z.strictObject({
      transfer: z.string().max(64).optional(),
      endpoint: z.string().max(4096).optional().describe("With `path`: the destination endpoint's root"),
      ...pathQuery,
    }),
    output: z.object({ rows: z.array(receiptViewSchema) }),
  },
  listEvents: {
    summary: 'Events after a cursor; with `Accept: text/event-stream` as they happen, from `Last-Event-ID` on',
    scope: 'management',
    query: z.strictObject({
      since: z.string().max(4096).optional().describe('Left out: from the oldest kept (as a stream: from now)'),
      before: z
        .string()
        .max(4096)
        .optional()
        .describe('Instead of `since`, not for streams: newest first, from before this cursor; empty: from the newest'),
      transfer: z.string().max(64).optional(),
      job: z.string().max(64).optional(),
      name: z
        .string()
        .max(200)
        .regex(/^observation\.(audit|config|mount|storage|webhook)\.[a-z_.]*\*?$/)
        .optional()
        .describe(
          'Only events of this name, or whose name begins so; for those about no transfer and no job: observation.audit.*',
        ),
      limit,
    }),
    output: z.object({ rows: z.array(eventViewSchema), cursor: z.string() }),
  },
  postEvent: {
    summary: 'Give a command or an observation by its event name',
    scope: 'write',
    problems: ['unsupported', 'not_found', 'config_invalid', 'exists'],
    body: z.strictObject({
      name: z.string().min(1).max(200),
      data: z.record(z.string(), z.unknown()).default({}),
    }),
    output: z.object({
      ok: z.literal(true),
      transfer: transferViewSchema.optional(),
      job: jobViewSchema.optional(),
    }),
  },
  getOverview: {
    summary: 'Is everything all right, what moves, what needs somebody',
    scope: 'read',
    output: overviewViewSchema,
  },
  getAbout: {
    summary: 'What runs here: versions, and what this machine has or lacks for it',
    scope: 'read',
    output: aboutViewSchema,
  },
  getThroughput: {
    summary: 'Bytes per second over the last five minutes, hour or day',
    scope: 'read',
    query: z.strictObject({ span: z.enum(['minutes', 'hour', 'day']).default('minutes') }),
    output: throughputViewSchema,
  },
  getBandwidth: {
    summary: 'The limit on bytes per second',
    scope: 'read',
    output: bandwidthViewSchema,
  },
  setBandwidth: {
    summary: 'Limit bytes per second: `2M`, `off`, or a timetable `08:00,2M 19:00,off`; null lifts it',
    scope: 'write',
    body: z.strictObject({ limit: z.string().min(1).max(1000).nullable() }),
    output: bandwidthViewSchema,
  },
  ...outsideRouteTable,
  ...roomRouteTable,
  reloadConfig: {
    summary: 'Read the configuration again: what changed is applied, or named as needing a restart',
    scope: 'admin',
    output: reloadViewSchema,
  },
  browse: {
    summary: 'A folder inside the roots; without a path the roots themselves',
    scope: 'read',
    problems: ['not_found', 'unsupported'],
    query: z.strictObject({ ...pathQuery, cursor, limit }),
    output: browseViewSchema,
  },
  explain: {
    summary: 'Where a path is, or why it is not there yet',
    scope: 'read',
    query: z.strictObject(pathQuery),
    output: explanationViewSchema,
  },
  getSession: {
    summary: 'Who is asking, and what they may do',
    scope: 'read',
    output: sessionViewSchema,
  },
  openSession: {
    summary: "Exchange the console's one-time secret for a session cookie",
    scope: 'open',
    body: z.strictObject({ secret: z.string().min(1).max(200) }),
    output: sessionViewSchema,
    secretAnswer: true,
    problems: ['not_authenticated', 'rate_limited'],
  },
  closeSession: {
    summary: 'Sign out',
    scope: 'read',
    output: nothing,
    form: 'none',
    status: 204,
  },
  createSessionLink: {
    summary: 'A new one-time link to the console, good for ten minutes',
    scope: 'admin',
    output: z.object({ url: z.string(), expiresAt: z.iso.datetime() }),
    status: 201,
    secretAnswer: true,
  },
  listTokens: {
    summary: 'Tokens, without their secrets',
    scope: 'admin',
    output: z.object({ rows: z.array(tokenViewSchema) }),
  },
  createToken: {
    summary: 'A new token; its secret is shown this once',
    scope: 'admin',
    body: z.strictObject({
      name: z.string().min(1).max(200),
      scopes: z.array(scopeSchema).min(1),
      expiresInDays: z.number().positive().max(3650).optional().describe('Left out: it does not end'),
    }),
    output: createdTokenSchema,
    status: 201,
    secretAnswer: true,
  },
  revokeToken: {
    summary: 'Revoke a token',
    scope: 'admin',
    params: id,
    output: nothing,
    form: 'none',
    status: 204,
  },
  health: {
    summary: 'The process runs',
    scope: 'open',
    output: z.object({ status: z.literal('ok') }),
  },
  readiness: {
    summary: 'The ledger answers and the engine works; else 503',
    scope: 'open',
    output: z.object({ status: z.literal('ready') }),
  },
  metrics: {
    summary: 'Prometheus metrics',
    scope: 'read',
    output: z.string(),
    form: 'text',
  },
  openapi: {
    summary: 'This API as an OpenAPI 3.1 document',
    scope: 'read',
    output: z.record(z.string(), z.unknown()),
  },
  docs: {
    summary: 'This API as a page to read',
    scope: 'read',
    output: z.string(),
    form: 'html',
  },
} as const satisfies Record<RouteName, RouteShape>;

export type RouteTable = typeof routeTable;
