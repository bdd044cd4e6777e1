// The configuration's shape: what `wherry.yaml` may say, its defaults, and its published JSON Schema.

import { z } from 'zod';
import { syncDescriptions, watchDescriptions } from './config-descriptions.ts';
import { defaultLimits } from './default-limits.ts';
import { parseBandwidth } from './engine/bandwidth-plan.ts';
import { compileGlob } from './engine/glob.ts';
import { createSelection } from './engine/selection.ts';
import { requestOf } from './engine/sync/check-spec.ts';
import { checkSchedule } from './engine/sync/schedule.ts';
import { compileRules } from './engine/watch/placement.ts';
import { deviceConfigSchema, pluginNameSchema } from './model/device-config.ts';
import { offloadConfigSchema } from './model/offload-rules.ts';
import { roomsConfigSchema } from './model/room-config.ts';
import { s3ConfigSchema } from './model/s3-config.ts';
import { sinksConfigSchema } from './model/sink-config.ts';
import { sizeSchema } from './model/size-schema.ts';
import { watchSpecSchema } from './model/specs.ts';
import { sshConfigSchema } from './model/ssh-config.ts';
import { compatConfigSchema, syncContractConfigSchema } from './model/sync-contract.ts';
import { syncDefinitionBodySchema } from './model/sync-spec.ts';
import { webhookEventsSchema } from './model/webhook-events.ts';
import { checkedPipelineSchema } from './steps/index.ts';

const folder = z
  .string()
  .min(1)
  .describe('A folder; relative ones begin at the configuration file, ~ is the home folder');
const origin = z.url({ protocol: /^https?$/ }).describe('scheme://host:port of a page that may use the API');

/** What refuses a value says why. */
function checked(context: z.RefinementCtx, path: PropertyKey[], check: () => unknown): void {
  try {
    check();
  } catch (error) {
    context.addIssue({ code: 'custom', path, message: error instanceof Error ? error.message : String(error) });
  }
}

const bandwidthSchema = z.string().superRefine((text, context) => checked(context, [], () => parseBandwidth(text)));

/** HOST:PORT, [IPv6]:PORT or :PORT. */
export const listenSchema = z
  .string()
  .refine((text) => parseListen(text) !== undefined, { message: 'Write HOST:PORT, such as 127.0.0.1:7373.' })
  .describe('HOST:PORT');

const limitsSchema = z.strictObject({
  transfers: z.int().min(1).max(64).default(defaultLimits.transfers).describe('Files that move at once'),
  perEndpoint: z
    .int()
    .min(1)
    .max(64)
    .default(defaultLimits.perEndpoint)
    .describe('Of them at one device, mount or remote endpoint'),
  processing: z.int().min(1).max(64).default(defaultLimits.processing).describe('Files that are processed at once'),
  endpoints: z.record(z.string(), z.int().min(1).max(64)).default({}).describe('Other numbers for single endpoints'),
});

const retrySchema = z
  .strictObject({
    firstSeconds: z.number().min(0.1).max(3600).default(2).describe('The first back-off; it doubles each time'),
    mostSeconds: z.number().min(0.1).max(86_400).default(60).describe('The longest back-off'),
    windowDays: z.number().min(0).max(3650).default(7).describe('Given up so long after it was first queued'),
    attempts: z.int().min(1).max(100_000).default(500).describe('Given up after so many'),
    checkSeconds: z
      .number()
      .min(1)
      .max(86_400)
      .default(30)
      .describe('How often a full or forbidden place is looked at'),
  })
  .describe('What is done about trouble that may pass');

const logsSchema = z.strictObject({
  folder: folder.optional().describe('Default is logs in the data folder'),
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The least that is written'),
  maxSize: sizeSchema.default(10_000_000).describe('A log that grows beyond this is put aside'),
  keep: z.int().min(1).max(1000).default(5).describe('How many logs put aside are kept'),
  jobs: z.int().min(1).max(100_000).default(500).describe('Of how many jobs the logs are kept'),
});

export const watchConfigSchema = watchSpecSchema
  .omit({ kind: true, destinations: true })
  .extend({
    source: folder,
    destination: folder.optional().describe('Where the files go'),
    destinations: z.array(folder).min(1).optional().describe('In place of destination: read once, written to all'),
  })
  .refine((watch) => (watch.destination === undefined) !== (watch.destinations === undefined), {
    message: 'A watch needs either destination or destinations.',
  })
  .superRefine((watch, context) => {
    if (watch.after === 'move-to' && watch.moveTo === null) {
      context.addIssue({
        code: 'custom',
        path: ['after'],
        message: 'move-to needs moveTo, the folder to put files into.',
      });
    }
    checked(context, ['rules'], () => compileRules(watch.rules));
  });
export type WatchConfig = z.output<typeof watchConfigSchema>;

export const syncConfigSchema = syncDefinitionBodySchema
  .omit({ destinations: true })
  .extend({
    name: z.string().min(1).max(200).describe('By it the sync is known again'),
    source: folder,
    destination: folder.optional().describe('Where the files go'),
    destinations: z.array(folder).min(1).max(16).optional().describe('In place of destination: each has all files'),
  })
  .refine((sync) => (sync.destination === undefined) !== (sync.destinations === undefined), {
    message: 'A sync needs either destination or destinations.',
  })
  .superRefine(({ destination = '', destinations = [destination], ...sync }, context) => {
    checked(context, ['schedule'], () => checkSchedule(sync.schedule));
    if (destinations.includes('')) return;
    checked(context, [], () => requestOf({ ...sync, destinations }, null));
  });
export type SyncConfig = z.output<typeof syncConfigSchema>;

const webhookConfigSchema = z.strictObject({
  name: z.string().min(1).max(200).describe('By it the webhook is known again'),
  url: z.url({ protocol: /^https?$/ }).describe('http or https, without name and password'),
  events: webhookEventsSchema.default(['observation.transfer.completed', 'observation.transfer.download.failed']),
  secretFile: z.string().min(1).describe('A file whose first line is the secret: whsec_ and base64 of 24 to 64 bytes'),
  allowPrivate: z.boolean().default(false).describe('It may be at a private or loopback address'),
});

export const configSchema = z.strictObject({
  data: folder.optional().describe('The data folder: ledger, journals, logs'),
  listen: listenSchema.optional(),
  insecureHttp: z.boolean().default(false).describe('Listen beyond loopback without TLS'),
  tls: z
    .union([
      z.strictObject({
        certificateFile: z.string().min(1).describe('The certificate and those above it'),
        keyFile: z.string().min(1).describe('Its private key'),
      }),
      z.literal('self-made').describe('Made once and kept in the data folder; its fingerprint is printed at start'),
    ])
    .optional()
    .describe('PEM files, or self-made; the API then speaks HTTPS'),
  tokenFile: z.string().min(1).optional().describe('A file whose first line is an admin token'),
  allowedOrigins: z.array(origin).default([]).describe('Origins whose pages may use the API with a token'),
  allowedHosts: z.array(z.string().min(1)).default([]).describe('Host names by which the daemon may be called'),
  roots: z.array(folder).optional().describe("What the API may read from and write to; default: the watches' folders"),
  mediaBase: folder.optional().describe('A root, and the default destination of syncs'),
  limits: limitsSchema.prefault({}).describe('How much goes on at once'),
  bandwidth: bandwidthSchema
    .nullable()
    .default(null)
    .describe('Bytes a second for all transfers together (2M), off, or a timetable (08:00,2M 19:00,off)'),
  stallSeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(defaultLimits.stallSeconds)
    .describe('No byte for so long ends an attempt'),
  retry: retrySchema.prefault({}),
  historyDays: z
    .number()
    .min(1)
    .max(36_500)
    .nullable()
    .default(null)
    .describe('How long finished transfers and their receipts are kept; null is for ever'),
  eventDays: z.number().min(1).max(3650).default(30).describe('How long events are kept'),
  logs: logsSchema.prefault({}).describe('JSON lines in files: one for the daemon, one for each job'),
  webhooks: z
    .array(webhookConfigSchema)
    .refine((hooks) => new Set(hooks.map(({ name }) => name)).size === hooks.length, {
      message: 'Each webhook needs a name of its own.',
    })
    .default([])
    .describe('Who is told of events by HTTP'),
  sinks: sinksConfigSchema.describe('Databases, files and services that are told which files came home'),
  pipelines: z
    .array(checkedPipelineSchema)
    .superRefine((pipelines, context) => {
      for (const [at, { name, files = [], steps }] of pipelines.entries()) {
        for (const [place, glob] of files.entries()) checked(context, [at, 'files', place], () => compileGlob(glob));
        if (pipelines.findIndex((other) => other.name === name) < at) {
          context.addIssue({ code: 'custom', path: [at, 'name'], message: 'Each pipeline needs a name of its own.' });
        }
        for (const [place, { from }] of steps.entries()) {
          if (from === undefined || place > 0) continue;
          const message = 'The first step has nothing before it to work on.';
          context.addIssue({ code: 'custom', path: [at, 'steps', place, 'from'], message });
        }
      }
    })
    .optional()
    .describe(
      'What files go through once they have arrived: the first that fits; left out: checksum, metadata and thumbnail for photos and videos',
    ),
  plugins: z
    .array(pluginNameSchema)
    .default([])
    .describe('More kinds of devices and sinks: npm packages wherry-plugin-…, or paths'),
  devices: deviceConfigSchema.prefault({}).describe('Cameras and cards: where to look for them'),
  s3: s3ConfigSchema.prefault({}).describe('Object stores: where they are, where the credentials lie'),
  ssh: sshConfigSchema.prefault({}).describe('Hosts that are reached over SSH: keys, host keys, jump hosts'),
  offload: offloadConfigSchema
    .superRefine(({ rules }, context) => {
      for (const [at, { device, include, exclude }] of rules.entries()) {
        if (device !== undefined) checked(context, ['rules', at, 'device'], () => compileGlob(device));
        checked(context, ['rules', at, 'include'], () => createSelection(include, []));
        checked(context, ['rules', at, 'exclude'], () => createSelection([], exclude));
      }
    })
    .prefault({})
    .describe('Devices that are offloaded without anybody asking'),
  syncs: z
    .array(syncConfigSchema)
    .superRefine((syncs, context) => {
      const names = syncs.map(({ name }) => name);
      const twice = names.findIndex((name, at) => names.indexOf(name) < at);
      if (twice < 0) return;
      context.addIssue({ code: 'custom', path: [twice, 'name'], message: 'Another sync has that name already.' });
    })
    .default([])
    .describe('Folders that are brought up to date again and again'),
  sync: syncContractConfigSchema
    .prefault({})
    .describe('The sync contract of older clients: what a source_type stands for'),
  compat: compatConfigSchema.prefault({}).describe('What is let through for the sake of older clients'),
  rooms: roomsConfigSchema.prefault({}).describe('Rooms, where people give each other files'),
  watches: z.array(watchConfigSchema).default([]).describe('Folders whose files move as they appear'),
});
/** With defaults filled in. */
export type ConfigValues = z.output<typeof configSchema>;

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Undefined where the text is no address. `:7373` is all of this machine's addresses, a bare number is loopback. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(
    /^\d+$/.test(text) ? `127.0.0.1:${text}` : text,
  );
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? '0.0.0.0' : host, port };
}

/** What editors and `docs/wherry.schema.json` know of the configuration. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' });
  const properties = schema.properties as Record<string, Described>;
  describeKeys(properties.watches, watchDescriptions);
  describeKeys(properties.syncs, { ...watchDescriptions, ...syncDescriptions });
  return { ...schema, title: 'Configuration of Wherry (wherry.yaml)' } as Record<string, unknown>;
}

interface Described {
  description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly anyOf?: readonly Described[];
}

function describeKeys(node: Described | undefined, descriptions: Readonly<Record<string, string>>): void {
  if (node === undefined) return;
  describeKeys(node.items, descriptions);
  for (const choice of node.anyOf ?? []) describeKeys(choice, descriptions);
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    const description = descriptions[key];
    if (inner.description === undefined && description !== undefined) inner.description = description;
    describeKeys(inner, descriptions);
  }
}
