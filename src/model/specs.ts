// What each kind of job is asked for: checked here once, for the API, the CLI, the configuration and the library alike.

import { z } from 'zod';
import { mhlFormats } from './hash.ts';
import { conflictSchema, moving } from './moving.ts';
import { shareSpecSchema } from './share-spec.ts';
import { sizeSchema } from './size-schema.ts';
import { syncSpecSchema } from './sync-spec.ts';

export const copySpecSchema = z.strictObject({
  kind: z.literal('copy'),
  /** A folder's contents go into the destination; a file goes into it where it is a folder or ends with `/`, else becomes it. */
  sources: z.array(z.string().min(1)).min(1),
  destination: z.string().min(1),
  conflict: conflictSchema.default('overwrite'),
  /** Compare content by hash where size and mtime agree. */
  checksum: z.boolean().default(false),
  /** Delete each source file once it is proven at the destination. */
  move: z.boolean().default(false),
  /** Receipts that must exist before `move` deletes. */
  copies: z.int().min(1).max(16).default(1),
  /** Only say what would be done. */
  dryRun: z.boolean().default(false),
  ...moving,
});
/** As given, with defaults still open. */
export type CopyRequest = z.input<typeof copySpecSchema>;
export type CopySpec = z.output<typeof copySpecSchema>;

export const placementRuleSchema = z
  .strictObject({
    /** Glob on the path below the source; on the name alone where it holds no slash. */
    match: z.string().min(1).optional(),
    /** Regular expression on the path below the source; its groups can be used in the template. */
    regex: z.string().min(1).optional(),
    to: z.string().min(1),
  })
  .transform(({ match, regex, to }) => ({
    ...(match === undefined ? {} : { match }),
    ...(regex === undefined ? {} : { regex }),
    to,
  }));

export const growingSchema = z.strictObject({
  /** Files from this size on are copied while they grow. */
  minSize: sizeSchema.default(50_000_000),
  /** How far the copy stays behind the write head. */
  safetyMargin: sizeSchema.default(16_000_000),
  /** A pause in growth shorter than this does not end it. */
  idleSeconds: z.number().min(0).max(86_400).default(30),
  /** Keep the growing destination readable under its final name, with a `.growing` marker beside it. */
  readable: z.boolean().default(false),
});

/** Pure data; engine/watch says what each field does. */
export const watchSpecSchema = z.strictObject({
  kind: z.literal('watch'),
  source: z.string().min(1),
  destinations: z.array(z.string().min(1)).min(1),
  scanSeconds: z.number().min(0.1).max(86_400).default(10),
  stableSeconds: z.number().min(0).max(86_400).default(30),
  growthPollSeconds: z.number().min(0.1).max(3600).default(5),
  emptySeconds: z.number().min(0).max(86_400).default(300),
  historyDays: z.number().min(0).max(3650).default(14),
  growing: growingSchema.prefault({}),
  rules: z.array(placementRuleSchema).default([]),
  /** What happens to a source file once it is proven at all destinations. */
  after: z.enum(['keep', 'delete', 'move-to']).default('keep'),
  /** Where `after: move-to` puts it; a folder outside the watched one. */
  moveTo: z.string().min(1).nullable().default(null),
  /** `folder`: each folder directly below the source is one set, taken as a whole. */
  bundle: z.enum(['folder']).nullable().default(null),
  /** Name of the file that says another is done: `{name}.done`. */
  doneMarker: z.string().min(1).nullable().default(null),
  conflict: conflictSchema.default('rename'),
  ...moving,
});
export type WatchRequest = z.input<typeof watchSpecSchema>;
export type WatchSpec = z.output<typeof watchSpecSchema>;

export const deviceIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/);
/** Opaque to Wherry. */
export const associateSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => text.isWellFormed(), { message: 'It must be text.' });

/** Hash formats of ASC MHL 2.0. */
export const ascMhlSchema = z.enum(mhlFormats);

/** A file of a device by its path; with size and mtime it need not be listed first. */
export const deviceFileSchema = z.strictObject({
  path: z.string().min(1).max(4096),
  /** Bytes. */
  size: z.int().min(0),
  /** Milliseconds since 1970. */
  mtime: z.number().optional(),
});

/** Pure data; engine/offload says what each field does. */
export const offloadSpecSchema = z.strictObject({
  kind: z.literal('offload'),
  /** Its id, as `wherry devices` shows it. */
  device: deviceIdSchema,
  /** `all` takes what `include` and `exclude` leave; a list takes what it names, each with its companions. */
  files: z
    .union([
      z.literal('all'),
      z
        .array(z.union([z.string().min(1).max(4096), deviceFileSchema]))
        .min(1)
        .max(100_000),
    ])
    .default('all'),
  /** Null: `transfers/downloads` in the media folder. */
  downloadDir: z.string().min(1).nullable().default(null),
  /** Null: `transfers/processed` in the media folder. */
  processedDir: z.string().min(1).nullable().default(null),
  /** Kept on transfers and recordings, which can be found by it. */
  associateWith: associateSchema.nullable().default(null),
  /** Delete a file on the device once so many copies of it are proven; null never does. */
  deleteAfterCopies: z.int().min(1).max(16).nullable().default(null),
  /** By its name in the configuration; `none` for no processing; null takes the first that fits the file. */
  pipeline: z.string().min(1).nullable().default(null),
  /** An ASC MHL history of the download folder, with hashes of this kind, grows by a generation at the end; null writes none. */
  ascMhl: ascMhlSchema.nullable().default(null),
  conflict: z.literal('rename').default('rename'),
  ...moving,
});
export type OffloadRequest = z.input<typeof offloadSpecSchema>;
export type OffloadSpec = z.output<typeof offloadSpecSchema>;

/** As a batch is asked for by itself. */
export const batchBodySchema = offloadSpecSchema.omit({ kind: true });

export const jobSpecSchema = z.discriminatedUnion('kind', [
  copySpecSchema,
  watchSpecSchema,
  syncSpecSchema,
  offloadSpecSchema,
  shareSpecSchema,
]);
export type JobRequest = z.input<typeof jobSpecSchema>;
export type JobSpec = z.output<typeof jobSpecSchema>;
