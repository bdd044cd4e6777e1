// What the API gives of sinks.

import { z } from 'zod';
import { ingestTypes } from './ingest.ts';
import { faultViewSchema } from './views.ts';

const time = z.iso.datetime();

export const sinkViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string().describe('postgres, json-lines, webhook or plugin'),
  target: z.string().describe('Where it leads, without secrets'),
  events: z.array(z.enum(ingestTypes)),
  jobs: z.array(z.string()).describe('Kinds of jobs whose files are meant'),
  state: z.enum(['up-to-date', 'working', 'failing']).describe('failing: it did not take the last thing it was told'),
  delivered: z.int().describe('Events of files that it has taken, in all'),
  lastAt: time.nullable().describe('When it took something last'),
  behind: z.int().describe('Events of the ledger that it has not come to, of interest to it or not'),
  behindSince: time.nullable().describe('When the oldest happened that it has not taken'),
  setAside: z.int().describe('Things that it will never take, as it said; what follows them is told'),
  attempts: z.int().describe('Failed attempts in a row'),
  lastError: faultViewSchema.nullable(),
  nextTryAt: time.nullable(),
});
export type SinkView = z.infer<typeof sinkViewSchema>;

/** What a sink will not take. */
export const setAsideViewSchema = z.object({
  id: z.string().describe('Of the event, or of the end of a run'),
  type: z.enum(ingestTypes),
  path: z.string().nullable().describe('Of the file; null for the end of a run'),
  happenedAt: time,
  setAsideAt: time,
  error: faultViewSchema,
});
export type SetAsideView = z.infer<typeof setAsideViewSchema>;

export const setAsideChoiceSchema = z.strictObject({
  events: z.array(z.string().min(1).max(200)).max(1000).default([]).describe('Ids; none is all'),
});
