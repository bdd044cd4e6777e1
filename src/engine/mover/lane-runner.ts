// Runs the worker operations of one attempt: lanes side by side, a stop that was asked for, workers that hang.

import { openControl } from '../../endpoints/control.ts';
import { type Control, type MountPool, stopReasons } from '../../endpoints/mounts.ts';
import { asFault, type Fault } from '../../model/fault.ts';
import { blockBytes } from '../../model/hash.ts';
import { type MoverParts, Stopped } from './mover-parts.ts';

/** Files from here on are worth a second lane. */
const secondLaneBytes = 2 * blockBytes;
/** More blocks than any file has: lanes that see it come to their end. */
const pastAllBlocks = 2 ** 30;

export interface RunnerSetup {
  readonly parts: MoverParts;
  readonly pool: MountPool;
  readonly control: SharedArrayBuffer;
  /** Whose partials a worker that hangs may still write to. */
  readonly transferIds: readonly string[];
}

export class LaneRunner {
  readonly control: Control;
  readonly #setup: RunnerSetup;
  #secondWorker: Promise<unknown> = Promise.resolve();

  constructor(setup: RunnerSetup) {
    this.#setup = setup;
    this.control = openControl(setup.control);
  }

  /** Rejects with Stopped where the operation ended because of the stop flag, else with its Fault. */
  async run<Output>(operation: string, input: unknown): Promise<Output> {
    const { pool, control, parts, transferIds } = this.#setup;
    try {
      return await pool.run<Output>(operation, input, { control, unqueued: true });
    } catch (error) {
      const fault = asFault(error);
      // The pool says so of a worker that hangs in the operating system, and only then.
      if (fault.code === 'unreachable') for (const id of transferIds) parts.holdersAlive.add(id);
      else if (fault.code === 'interrupted') this.throwIfStopped();
      throw fault;
    }
  }

  /** Where so many bytes are worth a second lane: has its worker start now, so that it is there when the file has been opened. */
  prepareFor(bytes: number): void {
    this.#secondWorker = this.#standBy(bytes).catch(() => undefined);
  }

  async #standBy(bytes: number): Promise<void> {
    // Files that begin together each have one lane, and a thread takes megabytes.
    await new Promise(setImmediate);
    if (this.lanesFor(bytes) >= 2) await this.#setup.pool.run('mover.standBy', null, { unqueued: true });
  }

  /** Runs lanes that share blocks, from the first one on; when one fails the others end after their block. Rejects with what failed. */
  async lanes<Result>(count: number, run: () => Promise<Result>): Promise<Result[]> {
    const { lanes } = this.#setup.parts;
    this.control.skipTo(0);
    let failed: unknown;
    const running = Array.from({ length: count }, async (_, at) => {
      lanes.running++;
      try {
        if (at > 0) await this.#secondWorker;
        return await run();
      } catch (error) {
        // A worker that hangs says more than what its end makes of the others.
        if (failed === undefined || isHung(error)) failed = error;
        this.control.skipTo(pastAllBlocks);
        return undefined;
      } finally {
        lanes.running--;
      }
    });
    const results = await Promise.all(running);
    if (failed !== undefined) throw failed;
    return results.filter((result) => result !== undefined);
  }

  /** How many lanes pay off now for that many bytes. */
  lanesFor(bytes: number): number {
    const { running, sources, most } = this.#setup.parts.lanes;
    return bytes > secondLaneBytes ? Math.max(1, most - Math.max(running, sources - 1)) : 1;
  }

  throwIfStopped(): void {
    if (this.control.stop !== stopReasons.run) throw new Stopped(this.control.stop);
  }
}

function isHung(error: unknown): boolean {
  return (error as Fault).code === 'unreachable';
}
