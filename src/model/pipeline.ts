// A pipeline: which steps files of a kind go through after they have arrived, and what is known of the steps that are done.

import { z } from 'zod';
import type { ProcessResult } from './processing.ts';

/** Parameters of the step itself stand beside these. */
export const stepRequestSchema = z.looseObject({
  step: z.string().min(1).describe('checksum, metadata, xmp, thumbnail, transcode, exec or scan'),
  timeoutMinutes: z.number().positive().default(120).describe('The step is ended after this long'),
  optional: z.boolean().default(false).describe('A failure is noted, and the next step goes on'),
  from: z
    .string()
    .min(1)
    .optional()
    .describe('Works on what an earlier step made, by its role (stitched), in place of the original'),
  existing: z
    .enum(['number', 'keep', 'replace'])
    .optional()
    .describe(
      'Where a result’s name is taken: number (default) gives it another, keep leaves what is there and makes nothing, replace puts it in its place (never in that of a file that was received)',
    ),
});

export const pipelineSchema = z.strictObject({
  name: z.string().min(1).describe('By it `wherry process --pipeline` and the results name it'),
  /** Both must fit where both are given. */
  deviceKinds: z.array(z.string().min(1)).optional().describe('Only for files from devices of these kinds'),
  files: z.array(z.string().min(1)).optional().describe('Only for these files (globs; case does not matter)'),
  steps: z.array(stepRequestSchema).min(1),
});

export type StepRequest = z.infer<typeof stepRequestSchema>;
export type Pipeline = z.infer<typeof pipelineSchema>;

/** A result under its final name. */
export interface Derived {
  readonly role: string;
  /** Absolute. For a folder the one whose files belong together. */
  readonly path: string;
  readonly mediaType: string | null;
  /** Of a file; for a folder the sum. */
  readonly sizeBytes: number;
  /** Of a file, or of a folder's sorted list of names and hashes. */
  readonly hash: { readonly algorithm: string; readonly value: string };
  /** Hash of what it was made from. */
  readonly parentHash: string | null;
}

/** A step that is done, as it is kept: it is not run again. */
export interface StepRecord {
  /** Place in the pipeline, from 0. */
  readonly at: number;
  readonly step: string;
  /** Passed over (it does not take such files), or failed although optional: why. */
  readonly skipped: string | null;
  readonly derived: readonly Derived[];
  readonly facts: ProcessResult['facts'];
  readonly tool: ProcessResult['tool'];
  readonly startedAt: number;
  readonly finishedAt: number;
}
