// What the configuration says of sinks: who is told which files came home.

import { z } from 'zod';
import { ingestTypes } from './ingest.ts';

const common = {
  name: z.string().min(1).max(200).describe('By it the sink is known again, with how far it has come'),
  events: z
    .array(z.enum(ingestTypes))
    .min(1)
    .default([...ingestTypes])
    .describe('What it is told; with batch_synced files come up to 500 at a time, else singly'),
  jobs: z
    .array(z.enum(['copy', 'watch', 'sync', 'offload']))
    .min(1)
    .default(['sync'])
    .describe('Kinds of jobs whose files are meant'),
  from: z
    .enum(['now', 'oldest'])
    .default('now')
    .describe('Where a new sink begins: with what happens now, or with the oldest event that is kept'),
};

const secretFile = z.string().min(1).describe('A file whose first line is the secret');

const sinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('postgres'),
    ...common,
    url: z.string().min(1).describe('postgres://user@host:5432/database, without a password'),
    passwordFile: secretFile.optional().describe('A file whose first line is the password'),
    passwordEnv: z.string().min(1).optional().describe('The variable of the environment that holds the password'),
    schema: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'A name of small letters, digits and _.')
      .default('wherry')
      .describe('The schema that holds the tables; made where it is missing'),
  }),
  z.strictObject({
    kind: z.literal('json-lines'),
    ...common,
    file: z.string().min(1).describe('Lines are added at its end; nobody else may write to it'),
  }),
  z.strictObject({
    kind: z.literal('webhook'),
    ...common,
    url: z.url({ protocol: /^https?$/ }).describe('http or https, without name and password'),
    secretFile: secretFile.describe('A file whose first line is the secret: whsec_ and base64 of 24 to 64 bytes'),
    allowPrivate: z.boolean().default(false).describe('It may be at a private or loopback address'),
  }),
  z.strictObject({
    kind: z.literal('plugin'),
    ...common,
    sink: z.string().min(1).describe('What the plugin calls its sink'),
    options: z.record(z.string(), z.unknown()).default({}).describe('Handed to the plugin'),
  }),
]);

export const sinksConfigSchema = z
  .array(sinkSchema)
  .superRefine((sinks, context) => {
    const files = new Set<string>();
    for (const [at, sink] of sinks.entries()) {
      const complain = (key: string, message: string) => context.addIssue({ code: 'custom', path: [at, key], message });
      if (sinks.findIndex(({ name }) => name === sink.name) < at)
        complain('name', 'Each sink needs a name of its own.');
      if (sink.kind === 'postgres' && sink.passwordFile !== undefined && sink.passwordEnv !== undefined) {
        complain('passwordEnv', 'Either passwordFile or passwordEnv.');
      }
      if (sink.kind === 'json-lines') {
        if (files.has(sink.file)) complain('file', 'Each sink needs a file of its own.');
        files.add(sink.file);
      }
    }
  })
  .default([]);
export type SinkConfig = z.output<typeof sinkSchema>;

/** With its secret read, and its paths absolute. */
export type SinkSettings =
  | (Omit<Extract<SinkConfig, { kind: 'postgres' }>, 'passwordFile' | 'passwordEnv'> & {
      readonly password: string | null;
    })
  | Extract<SinkConfig, { kind: 'json-lines' }>
  | (Omit<Extract<SinkConfig, { kind: 'webhook' }>, 'secretFile'> & { readonly secret: string })
  | Extract<SinkConfig, { kind: 'plugin' }>;
