// What a file goes through once it has arrived: what a mode asks for, and the contract of who carries it out.

import type { DeviceAdapter } from '../devices/device.ts';
import type { Pipeline, StepRecord } from '../model/pipeline.ts';
import type { LocalFile } from '../model/processing.ts';

/** What is to be done with one file. */
export interface Processing {
  readonly pipeline: Pipeline;
  /** Absolute. Results are published below it, beside where the original lies below its own folder. */
  readonly processedFolder: string;
  /** The original's path below the folder that it was published in. */
  readonly relativePath: string;
  /** Whose adapter may stand in for the pipeline; null where no device is involved. */
  readonly deviceKind: string | null;
}

export interface ProcessRequest {
  /** The transfer's. */
  readonly id: string;
  readonly file: LocalFile;
  readonly pipeline: Pipeline;
  readonly processedFolder: string;
  readonly relativePath: string;
  /** Steps that are not run again. */
  readonly done: readonly StepRecord[];
  readonly adapter?: DeviceAdapter;
}

export interface ProcessHooks {
  /** Durable when it resolves. Rejects with `lease_lost` where the transfer is somebody else's by now. */
  stepDone(record: StepRecord): Promise<void>;
  /** 0 to 1. */
  progress(fraction: number): void;
  beat(): void;
}

export interface ProcessRunner {
  /**
   * Runs what of the pipeline is not in `done`, one step after the other; resolves with all records. Rejects with a Fault, or with the
   * signal's reason; nothing of it runs any more then.
   */
  run(request: ProcessRequest, hooks: ProcessHooks, signal: AbortSignal): Promise<readonly StepRecord[]>;
  /** Removes what a cancelled or finished transfer left in work folders. */
  sweep(id: string): Promise<void>;
}

/** What the ledger keeps of a transfer that is being processed, by its id. */
export const stepsCollection = 'steps';

export interface StepsDocument {
  readonly steps: Pipeline['steps'];
  readonly done: readonly StepRecord[];
}

/** What is done of a pipeline: records up to the first step that has changed since. Pure. */
export function stillDone(kept: unknown, pipeline: Pipeline): readonly StepRecord[] {
  const document = kept as StepsDocument | undefined;
  if (document === undefined) return [];
  let same = 0;
  while (
    same < pipeline.steps.length &&
    JSON.stringify(pipeline.steps[same]) === JSON.stringify(document.steps[same] ?? null)
  )
    same += 1;
  return document.done.filter(({ at }) => at < same);
}
