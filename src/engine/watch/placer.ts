// Places files by rules in a thread with a time limit, because nobody can tell beforehand how long an expression takes.

import { Worker } from 'node:worker_threads';
import type { Clock } from '../../model/clock.ts';
import { asFault, Fault, type FaultReport } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { compileRules, type Placement, type PlacementFacts, type PlacementRule } from './placement.ts';

export type Placed =
  | ({ readonly kind: 'placed' } & Placement)
  /** It has no place: its name is not safe there, or the rules take too long over it (`invalid`). */
  | { readonly kind: 'refused'; readonly fault: FaultReport; readonly slow?: true }
  /** The selection does not take it. */
  | { readonly kind: 'ignored'; readonly reason: string };

export interface PlacementRequest {
  readonly files: readonly PlacementFacts[];
}

export interface Placer {
  /** A result for each, in their order. Rejects with `internal` only. */
  place(files: readonly PlacementFacts[]): Promise<readonly Placed[]>;
  close(): void;
}

/** For one name; no expression of any use takes a thousandth of it. */
const mostMs = 2_000;
/** A thread that nobody has asked for so long is ended. */
const idleMs = 10_000;
const lookEveryMs = 100;

interface Thread {
  readonly worker: Worker;
  readonly atWork: Int32Array<SharedArrayBuffer>;
}

export interface PlacerOptions {
  /** Tried before the rules. */
  readonly selection?: { readonly include: readonly string[]; readonly exclude: readonly string[] };
  /** After so many names that took too long, no more of them are tried. Default is 5. */
  readonly mostSlow?: number;
}

/** Throws `invalid` where a rule is none. */
export function createPlacer(
  rules: readonly PlacementRule[],
  clock: Clock,
  { selection, mostSlow = 5 }: PlacerOptions = {},
): Placer {
  const inline = compileRules(rules);
  let thread: Thread | undefined;
  let slowNames = 0;
  let line: Promise<unknown> = Promise.resolve();
  let idle: NodeJS.Timeout | undefined;

  const begin = (): Thread => {
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const at = new SharedArrayBuffer(4);
    const worker = new Worker(new URL(`./placement-worker.${ending}`, import.meta.url), {
      workerData: { rules, at, selection },
    });
    worker.unref();
    // Between two requests nobody listens, and an error that nobody hears would end the process.
    worker.on('error', () => undefined);
    return { worker, atWork: new Int32Array(at) };
  };

  const end = () => {
    clearTimeout(idle);
    void thread?.worker.terminate();
    thread = undefined;
  };

  /** The results, or the index of the file that takes too long; its thread is then ended. */
  const ask = (files: readonly PlacementFacts[]): Promise<readonly Placed[] | number> => {
    thread ??= begin();
    const { worker, atWork } = thread;
    const { promise, resolve, reject } = Promise.withResolvers<readonly Placed[] | number>();
    let seen = 0;
    let since = clock.monotonic();
    const guard = setInterval(() => {
      const now = Atomics.load(atWork, 0);
      if (now !== seen || now === 0) {
        seen = now;
        since = clock.monotonic();
      } else if (clock.monotonic() - since >= mostMs) {
        end();
        resolve(now - 1);
      }
    }, lookEveryMs);
    const failed = (error: Error) => {
      if (thread?.worker === worker) thread = undefined;
      reject(new Fault('internal', `Rules could not be tried: ${error.message}`, { cause: error }));
    };
    const answered = ({ placed }: { placed: readonly Placed[] }) => resolve(placed);
    worker.on('message', answered);
    worker.on('error', failed);
    worker.postMessage({ files } satisfies PlacementRequest);
    return promise.finally(() => {
      clearInterval(guard);
      worker.off('message', answered);
      worker.off('error', failed);
    });
  };

  const placeAll = async (files: readonly PlacementFacts[]): Promise<readonly Placed[]> => {
    const results = new Map<PlacementFacts, Placed>();
    clearTimeout(idle);
    for (;;) {
      const left = files.filter((one) => !results.has(one));
      if (left.length === 0) break;
      if (slowNames >= mostSlow) {
        for (const one of left) results.set(one, { kind: 'refused', fault: tooSlow(one).report(), slow: true });
        break;
      }
      const answer = await ask(left);
      if (typeof answer !== 'number') for (const [at, one] of left.entries()) results.set(one, answer[at] as Placed);
      else {
        const slow = left[answer] as PlacementFacts;
        slowNames += 1;
        results.set(slow, { kind: 'refused', fault: tooSlow(slow).report(), slow: true });
      }
    }
    idle = setTimeout(end, idleMs).unref();
    return files.map((one) => results.get(one) as Placed);
  };

  return {
    place: (files) => {
      if (rules.length === 0 && selection === undefined)
        return Promise.resolve(files.map((facts) => withoutRules(facts, inline)));
      const placed = line.then(() => placeAll(files));
      line = placed.catch(() => undefined);
      return placed;
    },
    close: end,
  };
}

function withoutRules(facts: PlacementFacts, place: (facts: PlacementFacts) => Placement): Placed {
  try {
    return { kind: 'placed', ...place(facts) };
  } catch (error) {
    return { kind: 'refused', fault: asFault(error).report() };
  }
}

function tooSlow({ path }: PlacementFacts): Fault {
  return new Fault(
    'invalid',
    `The rules take too long over names like ${displayPath(path)}; write their expressions more simply.`,
  );
}
