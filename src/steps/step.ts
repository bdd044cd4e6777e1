// The contract of a step: one kind of processing that a file goes through once it has arrived.

import type { z } from 'zod';
import type { LocalFile, OutputPlan, ProcessCall, ProcessResult } from '../model/processing.ts';

export interface Step<Params = unknown> {
  /** As a pipeline names it: `thumbnail`, `transcode`. */
  readonly kind: string;
  /** What it does, in a few words. */
  readonly about: string;
  /** What a pipeline may set, with its defaults; each key described. */
  readonly params: z.ZodObject & z.ZodType<Params>;
  /** False for files that it has nothing to do with: it is passed over then. Absent: takes each. */
  takes?(file: LocalFile, params: Params): boolean;
  /**
   * Never changes the file. Resolves with what stands in the work folder then. Rejects with a Fault: `tool_missing` where a program is not
   * there (it says what to install), `tool_unavailable` where a service does not answer, `step_failed` where the file cannot be
   * processed, `infected`, transient ones where another try may help, or with the signal's reason; no process of its own runs any more
   * then. Runs in a worker thread: calls that block are welcome, as long as they let a message through now and then.
   */
  run(file: LocalFile, output: OutputPlan, params: Params, call: ProcessCall): Promise<ProcessResult>;
}
