// What a file goes through once it has arrived: what a mode asks for, and what is known of it in the ledger.

import { displayPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import type { Pipeline, StepRecord } from '../model/pipeline.ts';
import type { WorkingRunner } from './process/process-runner.ts';

/** What is to be done with one file. */
export interface Processing {
  readonly pipeline: Pipeline;
  /** Absolute. Results are published below it, beside where the original lies below its own folder. */
  readonly processedFolder: string;
  /** The original's path below the folder that it was published in. */
  readonly relativePath: string;
  /**
   * True: results stand in the original's own folder, named after its whole name (`a.png.xmp`). Default is a folder named as the original,
   * and names without its extension.
   */
  readonly beside?: boolean;
  /** Whose adapter may stand in for the pipeline; null where no device is involved. */
  readonly deviceKind: string | null;
}

/** As process/process-runner.ts makes it. */
export type ProcessRunner = Pick<WorkingRunner, 'run' | 'sweep'>;

/** What the ledger keeps of a transfer that is being processed, by its id. */
export const stepsCollection = 'steps';

export interface StepsDocument {
  readonly steps: Pipeline['steps'];
  readonly done: readonly StepRecord[];
  /** The content that was scanned before it got its name: hash with its algorithm. */
  readonly scanned?: string;
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

/** What is told of a file that has been processed, for whoever needs no recording: what was found out, and what was made of it. */
export function processedFacts(steps: readonly StepRecord[]): Readonly<Record<string, unknown>> {
  const derived = steps.flatMap((record) => record.derived);
  const pathOf = (role: string) => {
    const path = derived.findLast((one) => one.role === role)?.path;
    return path === undefined ? null : displayPath(path);
  };
  return {
    // What the first says of a thing counts: later steps may be about what was made of the original.
    metadata: Object.assign({}, ...steps.map(({ facts }) => facts).toReversed()) as Record<string, unknown>,
    xmpPath: pathOf('xmp'),
    thumbnailPath: pathOf('thumbnail'),
    derived: derived.map(({ role, path, mediaType, sizeBytes, hash }) => ({
      ...{ role, ...pathText(path), mediaType, sizeBytes, hash },
    })),
    passedOver: steps.flatMap(({ step, skipped }) => (skipped === null ? [] : [{ step, why: skipped }])),
  };
}
