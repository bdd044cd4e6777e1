// The list of steps, and what a configuration may say of each.

import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { pipelineSchema, type StepRequest, stepRequestSchema } from '../model/pipeline.ts';
import { checksum } from './checksum.ts';
import { exec } from './exec.ts';
import { metadata } from './metadata.ts';
import { scan } from './scan.ts';
import type { Step } from './step.ts';
import { thumbnail } from './thumbnail.ts';
import { transcode } from './transcode.ts';
import { xmp } from './xmp.ts';

export const steps: readonly Step[] = [checksum, metadata, xmp, thumbnail, transcode, exec, scan];

/** Rejects with `config_invalid`. */
export function stepOf(kind: string): Step {
  const step = steps.find((each) => each.kind === kind);
  if (step !== undefined) return step;
  const known = steps.map((each) => each.kind).join(', ');
  throw new Fault('config_invalid', `There is no step "${displayPath(kind)}"; there are ${known}.`);
}

/** The step's own parameters of a request, with their defaults. Rejects with `config_invalid`. */
export function paramsOf(request: StepRequest): unknown {
  const result = stepOf(request.step).params.safeParse(request);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Fault('config_invalid', `Step ${request.step}, ${issue?.path.join('.')}: ${issue?.message}.`);
}

const [first, ...others] = steps.map((step) =>
  z.strictObject({
    ...stepRequestSchema.shape,
    ...step.params.shape,
    step: z.literal(step.kind).describe(step.about),
    // What is to be scanned is not let through unscanned.
    ...(step === scan
      ? { optional: z.literal(false).default(false).describe('Never: without a verdict nothing goes on') }
      : {}),
  }),
);
if (first === undefined) throw new Error('there are no steps');

/** The words that there are, for who says it in a sentence. */
const notOne = (issue: { readonly code?: string }) =>
  issue.code === 'invalid_union'
    ? steps
        .map(({ kind }) => kind)
        .join(', ')
        .replace(/, (?=[^,]*$)/, ' or ')
    : undefined;

/** A pipeline whose steps are there, and whose parameters are theirs. */
export const checkedPipelineSchema = pipelineSchema.extend({
  steps: z
    .array(z.discriminatedUnion('step', [first, ...others], { error: notOne }))
    .min(1)
    .describe('In this order'),
});
