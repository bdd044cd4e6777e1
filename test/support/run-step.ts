// Runs one step on one file in a work folder of its own, in this thread.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import type { StepRequest } from '../../src/model/pipeline.ts';
import { stepRequestSchema } from '../../src/model/pipeline.ts';
import type { LocalFile, OutputPlan, ProcessResult } from '../../src/model/processing.ts';
import { paramsOf, stepOf } from '../../src/steps/index.ts';
import { localFile } from './media.ts';

export interface StepBench {
  readonly folder: string;
  path(...parts: string[]): string;
  /** A plan with an empty work folder. */
  plan(original: string): OutputPlan;
  run(
    step: string,
    original: string,
    params?: Readonly<Record<string, unknown>>,
    options?: { readonly signal?: AbortSignal; readonly progress?: (done: number, total: number | null) => void },
  ): Promise<ProcessResult & { readonly at: (path: string) => string; readonly output: OutputPlan }>;
  close(): void;
}

export function openStepBench(): StepBench {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-steps-'));
  let made = 0;
  const plan = (original: string): OutputPlan => {
    made += 1;
    const workFolder = join(folder, `work-${made}`);
    mkdirSync(workFolder);
    return { workFolder, name: parse(original).name };
  };
  return {
    folder,
    path: (...parts) => join(folder, ...parts),
    plan,
    async run(step, original, params = {}, { signal = new AbortController().signal, progress = () => undefined } = {}) {
      const output = plan(original);
      const file: LocalFile = localFile(original);
      const request = requestOf(step, params);
      const result = await stepOf(step).run(file, output, paramsOf(request), { signal, progress });
      return { ...result, output, at: (path) => join(output.workFolder, path) };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function requestOf(step: string, params: Readonly<Record<string, unknown>> = {}): StepRequest {
  return stepRequestSchema.parse({ step, ...params });
}
