// The thread in which steps run: it starts their programs and reads their files, so that nothing else waits where one of these hangs.

import { parentPort } from 'node:worker_threads';
import { asFault, Fault, type FaultReport } from '../model/fault.ts';
import type { StepRequest } from '../model/pipeline.ts';
import type { LocalFile, OutputPlan, ProcessResult } from '../model/processing.ts';
import { paramsOf, stepOf } from './index.ts';

export type StepOrder =
  | { readonly kind: 'run'; readonly request: StepRequest; readonly file: LocalFile; readonly output: OutputPlan }
  | { readonly kind: 'stop' };

export type StepNews =
  /** It lives: heartbeat, apart from progress. */
  | { readonly kind: 'beat' }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number | null }
  /** Null: it does not take such files. */
  | { readonly kind: 'done'; readonly result: ProcessResult | null }
  | { readonly kind: 'failed'; readonly report: FaultReport; readonly stack: string | undefined };

const beatMs = 1_000;
const progressMs = 100;

const port = parentPort;
if (port === null) throw new Error('step-worker runs in a worker thread only');
const tell = (news: StepNews) => port.postMessage(news);
let running: AbortController | undefined;

port.on('message', (order: StepOrder) => {
  if (order.kind === 'stop') running?.abort(new Fault('interrupted', 'The step was stopped.'));
  else void run(order);
});

async function run({ request, file, output }: Extract<StepOrder, { kind: 'run' }>): Promise<void> {
  const controller = new AbortController();
  running = controller;
  const beating = setInterval(() => tell({ kind: 'beat' }), beatMs);
  let toldAt = Number.NEGATIVE_INFINITY;
  const progress = (done: number, total: number | null) => {
    const now = performance.now();
    if (now - toldAt < progressMs) return;
    toldAt = now;
    tell({ kind: 'progress', done, total });
  };
  try {
    const step = stepOf(request.step);
    const params = paramsOf(request);
    const takes = step.takes?.(file, params) ?? true;
    const result = takes ? await step.run(file, output, params, { signal: controller.signal, progress }) : null;
    tell({ kind: 'done', result });
  } catch (error) {
    const fault = asFault(error);
    const stack = fault.code === 'internal' && error instanceof Error ? error.stack : undefined;
    tell({ kind: 'failed', report: fault.report(), stack });
  } finally {
    clearInterval(beating);
    running = undefined;
  }
}
