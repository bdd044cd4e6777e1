// What a sync is asked for, and what is asked for again and again: definitions with their schedules.

import { z } from 'zod';
import { type CleanupRules, cleanupRulesSchema } from './cleanup-schema.ts';
import type { FaultReport } from './fault.ts';
import { conflictSchema, moving } from './moving.ts';

/** A folder below both roots under the same name, or a pair of names; '' is the root itself. */
export const syncFolderSchema = z.union([
  z.string().max(4096),
  z.strictObject({ from: z.string().max(4096), to: z.string().max(4096) }),
]);
export type SyncFolder = z.infer<typeof syncFolderSchema>;

/** As a cleanup by itself takes it. */
export const syncCleanupSchema = cleanupRulesSchema;
export type SyncCleanup = CleanupRules;

export const syncMediaSchema = z.strictObject({
  hashes: z.boolean().default(false),
  metadata: z.boolean().default(false),
  /** Write a sidecar `NAME.EXT.xmp` beside each picture. */
  xmp: z.boolean().default(false),
  /** Else a sidecar that is there is kept. */
  overwriteXmp: z.boolean().default(false),
  thumbnails: z.boolean().default(false),
  /** What happens to content that is at the destination already. */
  dedup: z.enum(['off', 'hardlink', 'skip']).default('off'),
});
export type SyncMedia = z.infer<typeof syncMediaSchema>;

/** A count of files, or a part of those at the destination (`10%`). */
export const maxDeleteSchema = z.union([
  z.int().min(0),
  z.string().regex(/^(100|[0-9]{1,2})%$/, 'It is a number of files, or a percentage such as 10%.'),
]);

/** Pure data; engine/sync says what each field does. */
export const syncSpecSchema = z.strictObject({
  kind: z.literal('sync'),
  source: z.string().min(1),
  destinations: z.array(z.string().min(1)).min(1).max(16),
  /** Left empty: the whole source. */
  folders: z.array(syncFolderSchema).max(1000).default([]),
  /** Folders that are looked through, and files that move, at once; it stands for the limit at the endpoints. */
  parallel: z.int().min(1).max(16).default(3),
  /** Delete at the destination what is not in the source. */
  delete: z.boolean().default(false),
  /** Beyond so many nothing is deleted; null sets no bound. */
  maxDelete: maxDeleteSchema.nullable().default(null),
  /** Compare content by hash, not by time. */
  checksum: z.boolean().default(false),
  conflict: conflictSchema.default('overwrite'),
  /** Rename at the destination what was renamed in the source; only together with `delete`. */
  detectRenames: z.boolean().default(true),
  /** What is deleted at the source once it is safe; null deletes nothing. */
  cleanup: syncCleanupSchema.nullable().default(null),
  media: syncMediaSchema.prefault({}),
  /** Tries and pauses in place of the daemon's own rules. */
  retry: z
    .strictObject({ attempts: z.int().min(0).max(500), delaySeconds: z.number().min(0).max(86_400) })
    .nullable()
    .default(null),
  /** Only say what would be done. */
  dryRun: z.boolean().default(false),
  /** Id of the sync whose run this is. */
  definition: z.string().min(1).max(64).nullable().default(null),
  ...moving,
});
/** As given, with defaults still open. */
export type SyncRequest = z.input<typeof syncSpecSchema>;
export type SyncSpec = z.output<typeof syncSpecSchema>;

export const syncScheduleSchema = z.union([
  z.strictObject({
    /** Five fields (minute, hour, day, month, weekday), or six with seconds first. */
    cron: z.string().min(1).max(200),
    /** IANA name; null is that of the machine. */
    timezone: z.string().min(1).max(100).nullable().default(null),
  }),
  z.strictObject({ everyMinutes: z.number().min(0.1).max(525_600) }),
]);
export type SyncSchedule = z.output<typeof syncScheduleSchema>;

/** A sync that is kept under a name, as people ask for it. */
export const syncDefinitionBodySchema = syncSpecSchema.omit({ kind: true, definition: true, dryRun: true }).extend({
  name: z.string().min(1).max(200),
  /** Null: only when somebody starts it. */
  schedule: syncScheduleSchema.nullable().default(null),
  /** Else its schedule rests. */
  enabled: z.boolean().default(true),
});
export type SyncDefinitionRequest = z.input<typeof syncDefinitionBodySchema>;
export type SyncDefinitionBody = z.output<typeof syncDefinitionBodySchema>;

export interface SyncDefinition extends SyncDefinitionBody {
  readonly id: string;
  /** Null for one of the configuration. */
  readonly owner: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What is known of a definition's runs. Times are milliseconds since 1970. */
export interface SyncDefinitionState {
  /** When it is due next; null without a schedule, or while it rests. */
  readonly nextAt: number | null;
  readonly lastRun: { readonly jobId: string; readonly at: number } | null;
  /** The last time that was due and did not begin a run, with why. */
  readonly skipped: { readonly at: number; readonly reason: string } | null;
}

export interface SyncFolderStatus {
  /** Address. */
  readonly destination: string;
  /** Below the roots. */
  readonly from: string;
  readonly to: string;
  readonly state: 'waiting' | 'listing' | 'transferring' | 'done' | 'failed';
  /** Files of the source; of those how many this run brings over, as far as is known, and how many have arrived; with their bytes. */
  readonly found: number;
  readonly expected: number;
  readonly expectedBytes: number;
  readonly transferred: number;
  readonly bytes: number;
  readonly fault: FaultReport | null;
}

/** What a sync says of itself beside its row: while it runs, and after its end. */
export interface SyncStatus {
  /** How each place is reached, in words. */
  readonly transport: Readonly<Record<string, string>>;
  readonly folders: readonly SyncFolderStatus[];
  readonly deleted: number;
  readonly renamed: number;
  /** What a person should know: names that cannot be held, deletes beyond the bound. At most 100. */
  readonly problems: readonly { readonly path: string; readonly text: string }[];
  /** What was cleaned up at the source; null before, or without cleanup. */
  readonly cleanup: unknown;
}
