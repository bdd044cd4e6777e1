// The sync contract that older clients speak (`/api/v2/sync/*`, `/sync/*`, Socket.IO `/sync`): what it takes and gives, and its presets.

import { z } from 'zod';
import { sshHostSchema } from './ssh-config.ts';
import { syncFolderSchema } from './sync-spec.ts';

/** What a `source_type` stands for. */
export const syncPresetSchema = sshHostSchema
  .pick({
    user: true,
    identityFile: true,
    agent: true,
    passwordFile: true,
    hostKeys: true,
    knownHosts: true,
    jump: true,
  })
  .extend({
    root: z.string().min(1).max(4096).optional().describe('The folder on the host that is synced'),
    folders: z
      .array(syncFolderSchema)
      .max(1000)
      .optional()
      .describe('Folders below it; those that are not there are passed over'),
    host: z.string().min(1).max(253).optional().describe('The host of POST /sync/NAME'),
    port: z.int().min(1).max(65_535).optional().describe('Its port'),
    destination: z
      .string()
      .min(1)
      .optional()
      .describe('Where POST /sync/NAME puts the files; default is NAME in the media folder'),
  });
export type SyncPreset = z.output<typeof syncPresetSchema>;

export const syncContractConfigSchema = z.strictObject({
  presets: z
    .record(z.string().regex(/^[a-z][a-z0-9_-]{0,40}$/), syncPresetSchema)
    .default({})
    .describe('By source_type; forge, comfyui and vastai are there, and what is said of them here replaces their own'),
});

export const compatConfigSchema = z.strictObject({
  syncWithoutToken: z
    .boolean()
    .default(false)
    .describe('Clients on this machine may use the sync contract without a token'),
});

const forgeFolders = ['txt2img-images', 'img2img-images', 'txt2img-grids', 'img2img-grids', 'extras-images', 'WAN'];
const forgeRoot = '/workspace/stable-diffusion-webui/outputs';

export const builtInPresets: Readonly<Record<string, SyncPreset>> = {
  forge: { user: 'root', root: forgeRoot, folders: forgeFolders },
  comfyui: { user: 'root', root: '/workspace/ComfyUI', folders: ['output'] },
  vastai: { user: 'root', root: forgeRoot, folders: forgeFolders },
};

const required = (name: string) => ({ error: `Missing required field: ${name}` });
const port = z
  .union([z.int().min(1).max(65_535), z.string().regex(/^[1-9]\d{0,4}$/)], required('source_port'))
  .transform(Number)
  .refine((value) => value <= 65_535, { message: 'source_port is at most 65535' });

const options = {
  folders: z.array(syncFolderSchema).max(1000).nullish().describe("Empty: the preset's, else the whole source_path"),
  parallel_transfers: z.int().min(1).max(16).default(3).describe('Folders at once'),
  bandwidth_limit_mbps: z.number().min(0).max(1_000_000).nullish().describe('10^6 bytes a second; 0 is no limit'),
  enable_cleanup: z.boolean().default(true),
  cleanup_age_hours: z.number().min(0).max(87_600).default(24),
  cleanup_dry_run: z.boolean().default(false),
  generate_xmp: z.boolean().default(true),
  calculate_hashes: z.boolean().default(false),
  extract_metadata: z.boolean().default(true),
  retry_attempts: z.int().min(0).max(500).default(3),
  retry_delay_seconds: z.number().min(0).max(86_400).default(5),
  verify_transfers: z.boolean().default(true),
};

/** What else a client sends is left alone. */
export const startBodySchema = z.looseObject({
  source_type: z.string(required('source_type')).min(1, required('source_type')).max(41),
  source_host: z.string(required('source_host')).min(1, required('source_host')).max(253),
  source_port: port,
  source_path: z.string().max(4096).nullish().describe("Left out: the preset's root"),
  dest_path: z.string(required('dest_path')).min(1, required('dest_path')).max(4096),
  ...options,
});
export type StartBody = z.output<typeof startBodySchema>;

/** Of the older routes: what the preset says, unless it is said here. */
export const presetBodySchema = z
  .looseObject({
    host: z.string().min(1).max(253).optional(),
    port: port.optional(),
    dest_path: z.string().min(1).max(4096).optional(),
    ...options,
  })
  .optional();
export type PresetBody = z.output<typeof presetBodySchema>;

export const contractStatuses = [
  'initializing',
  'scanning',
  'transferring',
  'processing',
  'cleaning',
  'complete',
  'failed',
  'cancelled',
] as const;
export type ContractStatus = (typeof contractStatuses)[number];

const statusSchema = z.enum(contractStatuses);
const time = z.string().describe('UTC, without a zone: 2026-01-31T12:00:00.000');
const success = z.literal(true);

export const contractResultSchema = z.object({
  success: z.boolean(),
  files_transferred: z.int(),
  bytes_transferred: z.int(),
  duration: z.number().describe('Seconds'),
  errors: z.array(z.string()),
});
export type ContractResult = z.infer<typeof contractResultSchema>;

export const startedSchema = z.object({ success, job_id: z.string(), sync_id: z.string(), message: z.string() });
export const ranSchema = startedSchema.extend({
  success: z.boolean(),
  status: statusSchema,
  result: contractResultSchema,
});

export const contractJobSchema = z.object({
  success,
  job: z.object({
    id: z.string(),
    status: statusSchema,
    start_time: time,
    end_time: time.nullable(),
    result: contractResultSchema.nullable().describe('Null until it has ended'),
  }),
});

export const contractProgressSchema = z.object({
  sync_id: z.string(),
  job_id: z.string(),
  status: statusSchema,
  progress_percent: z.number().describe('100 only on success'),
  current_stage: z.string(),
  current_folder: z.string(),
  current_file: z.string(),
  total_folders: z.int(),
  completed_folders: z.int(),
  transferred_files: z.int(),
  total_files: z.int(),
  transferred_bytes: z.int(),
  total_bytes: z.int(),
  transfer_rate_mbps: z.number().describe('10^6 bytes a second'),
  estimated_time_remaining: z.number().nullable().describe('Seconds; null while nobody knows'),
  start_time: time,
  last_update: time,
  end_time: time.nullable(),
  errors: z.array(z.string()),
  warnings: z.array(z.string()),
});
export type ContractProgress = z.infer<typeof contractProgressSchema>;

export const progressAnswerSchema = z.object({ success, progress: contractProgressSchema });
export const activeSchema = z.object({
  success,
  jobs: z.array(
    z.object({
      id: z.string(),
      status: statusSchema,
      start_time: time,
      source_type: z.string(),
      source_host: z.string(),
    }),
  ),
  count: z.int(),
});
export const cancelledSchema = z.object({ success, message: z.string() });
export const contractRefusalSchema = z.object({ success: z.literal(false), error: z.string() });
