// What the API gives of recordings.

import { z } from 'zod';
import { fileKinds } from './file-kind.ts';
import { verifySchema } from './moving.ts';
import { contentHashSchema, pathViewSchema, placeViewSchema } from './views.ts';

const time = z.iso.datetime().describe('ISO 8601, UTC');
const bytes = z.number().nonnegative();

export const fileKindSchema = z.enum(fileKinds).describe('By its name; image is also RAW');

const anyHashSchema = z.object({ algorithm: z.string(), value: z.string() });

export const toolViewSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    parameters: z.array(z.string()).describe('As it was called, without paths of that machine'),
  })
  .nullable();

export const recordedFileViewSchema = z.object({
  role: z.string().describe('What it is of the original: thumbnail, proxy, hls, stitched, xmp, metadata, checksum, …'),
  path: pathViewSchema.shape.path,
  pathBytes: pathViewSchema.shape.pathBytes,
  mediaType: z.string().nullable(),
  sizeBytes: bytes.describe('Of a folder the sum'),
  hash: anyHashSchema.describe('Of a file, or of a folder’s list of names and hashes'),
  parentHash: z.string().nullable().describe('Of what it was made from'),
  step: z.string(),
  tool: toolViewSchema,
  madeAt: time,
  url: z.string().describe('Where its bytes are, on this daemon; of a stream its playlist'),
});
export type RecordedFileView = z.infer<typeof recordedFileViewSchema>;

export const recordingViewSchema = z.object({
  id: z.string().describe('Also that of its transfer'),
  jobId: z.string(),
  name: z.string().describe('For display'),
  kind: fileKindSchema,
  device: z.object({ id: z.string(), kind: z.string(), name: z.string() }).nullable(),
  associateWith: z.string().nullable(),
  original: z.object({
    path: pathViewSchema.shape.path,
    pathBytes: pathViewSchema.shape.pathBytes,
    sizeBytes: bytes,
    mtime: time.nullable(),
    hash: contentHashSchema,
    verify: verifySchema.describe('How the copy was proved'),
    provenAt: time,
    source: placeViewSchema,
    url: z.string(),
  }),
  files: z.array(recordedFileViewSchema),
  facts: z.record(z.string(), z.unknown()).describe('What was found out about the original, by step'),
  passedOver: z.array(z.object({ step: z.string(), why: z.string() })).describe('Steps that did nothing, and why'),
  createdAt: time,
});
export type RecordingView = z.infer<typeof recordingViewSchema>;

export const custodyViewSchema = z
  .object({
    role: z.string(),
    path: z.string().describe('For display'),
    hash: anyHashSchema,
    parentHash: z.string().nullable(),
    parent: z
      .string()
      .nullable()
      .describe('Role of what it was made from; null for the original, or where it is not known'),
    by: z.string().describe('Who made it: Wherry by a verified copy, or a program with its version'),
    parameters: z.array(z.string()),
    at: time,
  })
  .describe('One link: what it is, what it was made from, by whom and when');
export type CustodyView = z.infer<typeof custodyViewSchema>;
