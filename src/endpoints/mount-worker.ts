// The worker thread of a mount pool: loads the operations and runs one call at a time.

import { statfsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { FaultReport } from '../model/fault.ts';
import { asFault } from '../model/fault.ts';
import { openControl, openPulse } from './control.ts';
import type { FileThreadStart } from './file-thread.ts';
import type { Operation } from './mounts.ts';
import { sides } from './mounts.ts';

/** What a worker is told first. */
export interface WorkerSetup {
  readonly pulse: SharedArrayBuffer;
  /** The bandwidth for all pools together. */
  readonly bandwidth: SharedArrayBuffer;
}

export interface WorkerCall {
  readonly operation: string;
  readonly input: unknown;
  readonly control: SharedArrayBuffer;
  readonly limit: SharedArrayBuffer | undefined;
}

export type WorkerReply =
  | { readonly kind: 'message'; readonly message: unknown }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly report: FaultReport; readonly stack: string | undefined };

const port = parentPort;
if (port === null) throw new Error('mount-worker runs in a worker thread only');
const operations = new Map<string, Operation>([['mounts.probe', (mountPoint: string) => void statfsSync(mountPoint)]]);

for (const module of (workerData as FileThreadStart).modules) {
  const found = (await import(module)) as { operations?: Record<string, Operation> };
  for (const [name, operation] of Object.entries(found.operations ?? {})) {
    if (operations.has(name)) throw new Error(`two operations are named ${name}`);
    operations.set(name, operation);
  }
}

/** By then most of what a copy needs has been compiled; a thread is ended without a chance to keep it later. */
const keepCompiledAfter = 5;
let answered = 0;

const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

port.once('message', ({ pulse, bandwidth }: WorkerSetup) => {
  port.on('message', answerer(pulse, bandwidth));
});

function answerer(pulseMemory: SharedArrayBuffer, bandwidth: SharedArrayBuffer): (call: WorkerCall) => void {
  const pulse = openPulse(pulseMemory);
  return (call) => {
    const limits = call.limit === undefined ? [bandwidth] : [bandwidth, call.limit];
    const control = openControl(call.control, { pulse: pulseMemory, limits });
    try {
      const operation = operations.get(call.operation);
      if (operation === undefined) throw new Error(`no operation is named ${call.operation}`);
      // An operation that never says where it is counts as one call to its source.
      control.enter(sides.source);
      const output = operation(call.input, {
        control,
        emit: (message, transfer) => reply({ kind: 'message', message }, transfer),
      });
      pulse.side = sides.none;
      reply({ kind: 'done', output });
    } catch (error) {
      pulse.side = sides.none;
      const fault = asFault(error);
      const stack = fault.code === 'internal' && error instanceof Error ? error.stack : undefined;
      reply({ kind: 'failed', report: fault.report(), stack });
    }
    answered += 1;
    if (answered === keepCompiledAfter) flushCompileCache();
  };
}
