// Rules by which devices are offloaded without anybody asking, as the configuration has them.

import { z } from 'zod';
import { ascMhlSchema, associateSchema } from './specs.ts';

const pattern = 'may hold {device} {name} {kind} {date} {YYYY} {MM} {DD}';

export const offloadRuleSchema = z
  .strictObject({
    name: z.string().min(1).max(200).describe('By it the rule is known again'),
    device: z.string().min(1).optional().describe('Only devices with such an id (glob)'),
    kind: z.string().min(1).optional().describe('Only devices of this kind: mounted, gphoto2, …'),
    include: z.array(z.string().min(1)).default([]).describe('Globs on paths of the device: what to take'),
    exclude: z.array(z.string().min(1)).default([]).describe('Globs: what to leave there'),
    newerThanLastTime: z.boolean().default(false).describe('Only files newer than all that it took the last time'),
    downloadDir: z.string().min(1).nullable().default(null).describe(`Where originals go; ${pattern}`),
    processedDir: z.string().min(1).nullable().default(null).describe(`Where results go; ${pattern}`),
    pipeline: z.string().min(1).nullable().default(null).describe('A pipeline by its name; none for no processing'),
    deleteAfterCopies: z
      .int()
      .min(1)
      .max(16)
      .nullable()
      .default(null)
      .describe('Delete on the device once so many copies are proven; null never does'),
    ascMhl: ascMhlSchema
      .nullable()
      .default(null)
      .describe('Write an ASC MHL history of downloadDir, with hashes of this kind: every file of it is read again'),
    associateWith: associateSchema.nullable().default(null).describe(`Key of transfers and recordings; ${pattern}`),
    priority: z.int().min(-100).max(100).default(0).describe('Higher goes first'),
  })
  .refine(({ device, kind }) => device !== undefined || kind !== undefined, {
    message: 'A rule needs device or kind: of which devices it is.',
  });
export type OffloadRule = z.output<typeof offloadRuleSchema>;

export const offloadConfigSchema = z.strictObject({
  rules: z
    .array(offloadRuleSchema)
    .refine((rules) => new Set(rules.map(({ name }) => name)).size === rules.length, {
      message: 'Each rule needs a name of its own.',
    })
    .default([])
    .describe('What is taken from which device as soon as it comes'),
  triggers: z
    .array(z.string().regex(/^[a-z]+(\.[a-z_]+)+$/))
    .default(['observation.flight.end'])
    .describe('Events from outside at which devices are looked at and rules carried out'),
});
export type OffloadConfig = z.output<typeof offloadConfigSchema>;
