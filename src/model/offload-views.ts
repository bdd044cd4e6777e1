// What the API gives of how devices are offloaded: rules and pipelines as they are configured.

import { z } from 'zod';
import { offloadRuleSchema } from './offload-rules.ts';

export const pipelineViewSchema = z.object({
  name: z.string(),
  deviceKinds: z.array(z.string()).nullable().describe('Null: of any device'),
  files: z.array(z.string()).nullable().describe('Globs; null: any file'),
  steps: z.array(z.string()).describe('What each step is, in order'),
});
export type PipelineView = z.infer<typeof pipelineViewSchema>;

export const offloadSettingsViewSchema = z.object({
  rules: z
    .array(
      offloadRuleSchema.safeExtend({ devices: z.array(z.string()).describe('Ids of known devices that it is for') }),
    )
    .describe('What is taken as soon as a device comes; set up in the configuration'),
  triggers: z.array(z.string()).describe('Events from outside at which devices are looked at'),
  pipelines: z.array(pipelineViewSchema).describe('In the order in which they are tried'),
  downloadDir: z
    .string()
    .nullable()
    .describe('Where originals go that no one says more of; null: nowhere, one must be named'),
  processedDir: z.string().nullable().describe('Where results go that no one says more of'),
});
export type OffloadSettingsView = z.infer<typeof offloadSettingsViewSchema>;
