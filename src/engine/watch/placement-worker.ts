// The thread in which rules meet names: an expression that takes for ever holds up nobody but this thread, which is then ended.

import { parentPort, workerData } from 'node:worker_threads';
import { asFault } from '../../model/fault.ts';
import { whyIgnored } from './explain-watched.ts';
import { compileRules, type PlacementRule } from './placement.ts';
import type { Placed, PlacementRequest, PlacerOptions } from './placer.ts';

interface Given extends Pick<PlacerOptions, 'selection'> {
  readonly rules: readonly PlacementRule[];
  readonly at: SharedArrayBuffer;
}

const { rules, at, selection } = workerData as Given;
const place = compileRules(rules);
/** [0]: number of the file at work, from 1; 0 between two requests. */
const atWork = new Int32Array(at);

parentPort?.on('message', ({ files }: PlacementRequest) => {
  const placed = files.map((facts, index): Placed => {
    Atomics.store(atWork, 0, index + 1);
    try {
      const ignored = selection === undefined ? undefined : whyIgnored(facts.path, selection);
      if (ignored !== undefined) return { kind: 'ignored', reason: ignored };
      return { kind: 'placed', ...place(facts) };
    } catch (error) {
      return { kind: 'refused', fault: asFault(error).report() };
    }
  });
  Atomics.store(atWork, 0, 0);
  parentPort?.postMessage({ placed });
});
