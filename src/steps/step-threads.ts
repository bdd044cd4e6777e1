// Threads for steps: one for each step that runs, kept a while for the next, given up where it hangs.

import { Worker } from 'node:worker_threads';
import { Fault, faultFrom } from '../model/fault.ts';
import type { StepRequest } from '../model/pipeline.ts';
import type { LocalFile, OutputPlan, ProcessCall, ProcessResult } from '../model/processing.ts';
import type { StepNews, StepOrder } from './step-worker.ts';

const script = new URL(import.meta.url.endsWith('.ts') ? './step-worker.ts' : './step-worker.js', import.meta.url);

export interface StepRun {
  readonly request: StepRequest;
  readonly file: LocalFile;
  readonly output: OutputPlan;
}

export interface StepThreads {
  /**
   * Resolves with null where the step does not take such files. Rejects as Step.run does; after an abort with the signal's reason, as soon as
   * no process of the step is left, or the thread has been given up.
   */
  run(run: StepRun, call: ProcessCall & { beat(): void }): Promise<ProcessResult | null>;
  close(): Promise<void>;
}

/** A thread that has nothing to do ends after this. */
const idleMs = 10_000;
/** A thread that was told to stop has its programs ended within 2 s; after this it is itself ended, and with it what it has started. */
const stopMs = 5_000;
const closeMs = 2_000;

/** Starts no thread before the first step. Threads without work do not keep the process alive. */
export function createStepThreads(): StepThreads {
  const idle: { worker: Worker; timer: NodeJS.Timeout }[] = [];
  const all = new Set<Worker>();
  let closed = false;

  const take = (): Worker => {
    const kept = idle.pop();
    if (kept !== undefined) {
      clearTimeout(kept.timer);
      kept.worker.ref();
      return kept.worker;
    }
    const worker = new Worker(script, { name: 'step', execArgv: [] });
    all.add(worker);
    worker.once('exit', () => {
      all.delete(worker);
      const at = idle.findIndex((each) => each.worker === worker);
      if (at >= 0) clearTimeout(idle.splice(at, 1)[0]?.timer);
    });
    // One that fails with nothing to do is forgotten at its exit.
    worker.on('error', () => undefined);
    return worker;
  };

  const giveBack = (worker: Worker) => {
    if (closed || !all.has(worker)) {
      void worker.terminate();
      return;
    }
    worker.unref();
    const end = () => {
      // Out of the list first: one that is ending is not given away.
      idle.splice(idle.indexOf(one), 1);
      void worker.terminate();
    };
    const one = { worker, timer: setTimeout(end, idleMs).unref() };
    idle.push(one);
  };

  return {
    run: (run, { signal, progress, beat }) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Fault('interrupted', 'Wherry is shutting down.'));
        if (signal.aborted) return reject(signal.reason);
        const worker = take();
        const order = (message: StepOrder) => worker.postMessage(message);
        let stopping: NodeJS.Timeout | undefined;
        const settle = (then: () => void, keep: boolean) => {
          clearTimeout(stopping);
          signal.removeEventListener('abort', stop);
          worker.off('message', hear).off('error', broke).off('exit', ended);
          if (keep) giveBack(worker);
          else void worker.terminate();
          then();
        };
        const stop = () => {
          order({ kind: 'stop' });
          stopping = setTimeout(() => settle(() => reject(signal.reason), false), stopMs);
        };
        const hear = (news: StepNews) => {
          if (news.kind === 'beat') beat();
          else if (news.kind === 'progress') progress(news.done, news.total);
          else if (signal.aborted) settle(() => reject(signal.reason), true);
          else if (news.kind === 'done') settle(() => resolve(news.result), true);
          else settle(() => reject(withStack(faultFrom(news.report), news.stack)), true);
        };
        const broke = (error: unknown) =>
          settle(
            () => reject(new Fault('internal', `The thread of a step failed: ${String(error)}.`, { cause: error })),
            false,
          );
        const ended = () => broke('it ended');
        worker.on('message', hear).on('error', broke).on('exit', ended);
        signal.addEventListener('abort', stop, { once: true });
        order({ kind: 'run', ...run });
      }),
    async close() {
      closed = true;
      for (const { timer } of idle.splice(0)) clearTimeout(timer);
      // What a thread has started ends with it: the pipes that it held close. One that hangs in the operating system is not waited for.
      const ended = Promise.all([...all].map((worker) => worker.terminate()));
      const timeUp = Promise.withResolvers<void>();
      const timer = setTimeout(() => timeUp.resolve(), closeMs);
      await Promise.race([ended, timeUp.promise]);
      clearTimeout(timer);
    },
  };
}

function withStack(fault: Fault, stack: string | undefined): Fault {
  if (stack !== undefined) fault.stack = stack;
  return fault;
}
