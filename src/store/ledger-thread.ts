// A thread that holds one connection to the ledger, and the questions that are on their way to it.

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Fault, faultFrom } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { NumberedRequest, Request, ThreadMessage, ThreadStart } from './ledger-messages.ts';

export interface LedgerThread {
  readonly ledgerId: string;
  /** Folded packs that it found when it was opened. */
  readonly foldedPacks: number;
  /** Milliseconds since the oldest request that has not been answered was made; 0 where there is none. */
  readonly busyForMs: number;
  /** Rejects with the thread's Fault, or `ledger` where the thread is gone. */
  ask(request: Request): Promise<unknown>;
  end(): Promise<void>;
}

interface Asked {
  readonly askedAt: number;
  resolve(value: unknown): void;
  reject(fault: Fault): void;
}

export interface ThreadHooks {
  /** Called when a thread that `waits` has loaded; it opens the ledger at once after. */
  readonly loaded?: () => void;
  /** Ends a thread that is not ready yet. */
  readonly signal?: AbortSignal;
}

/** Rejects with `data_in_use` (writer) or `ledger`. The thread keeps the process alive only while it is asked something. */
export function startLedgerThread(start: ThreadStart, { loaded, signal }: ThreadHooks = {}): Promise<LedgerThread> {
  const { role, folder } = start;
  const script = new URL(
    import.meta.url.endsWith('.ts') ? './ledger-worker.ts' : './ledger-worker.js',
    import.meta.url,
  );
  const cache = getCompileCacheDir();
  // A thread takes compiled code from where the process does only if its environment says so.
  const env = cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
  // Without the process's own flags: some (`--input-type`) forbid a script of any thread.
  const worker = new Worker(script, { workerData: start, name: `ledger ${role}`, execArgv: [], env });
  const waiting = new Map<number, Asked>();
  let lastId = 0;
  let gone: Fault | undefined;

  function fail(fault: Fault): void {
    gone ??= fault;
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  }

  function ask(request: Request): Promise<unknown> {
    if (gone !== undefined) return Promise.reject(gone);
    lastId += 1;
    const numbered: NumberedRequest = { ...request, id: lastId };
    return new Promise((resolve, reject) => {
      waiting.set(numbered.id, { resolve, reject, askedAt: performance.now() });
      worker.ref();
      worker.postMessage(numbered);
    });
  }

  function settle(id: number): Asked | undefined {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    return asked;
  }

  return new Promise((resolve, reject) => {
    const stop = () => void worker.terminate();
    signal?.addEventListener('abort', stop);
    worker.on('message', (message: ThreadMessage) => {
      switch (message.kind) {
        case 'loaded':
          loaded?.();
          worker.postMessage(null);
          return;
        case 'ready':
          signal?.removeEventListener('abort', stop);
          if (waiting.size === 0) worker.unref();
          resolve({
            ledgerId: message.ledgerId,
            foldedPacks: message.foldedPacks,
            get busyForMs() {
              const [oldest] = waiting.values();
              return oldest === undefined ? 0 : performance.now() - oldest.askedAt;
            },
            ask,
            end: async () => {
              gone ??= new Fault('ledger', `The ledger in ${displayPath(folder)} has been closed.`);
              await worker.terminate();
            },
          });
          return;
        case 'refused':
          reject(faultFrom(message.fault));
          return;
        case 'done':
          settle(message.id)?.resolve(message.value);
          return;
        case 'failed':
          settle(message.id)?.reject(faultFrom(message.fault));
      }
    });
    worker.on('error', (error) => {
      const fault = new Fault(
        'ledger',
        `The thread of the ledger in ${displayPath(folder)} broke down: ${error.message}.`,
        { cause: error },
      );
      fail(fault);
      reject(fault);
    });
    worker.on('exit', () => {
      const fault = new Fault('ledger', `The thread of the ledger in ${displayPath(folder)} ended.`);
      fail(fault);
      reject(fault);
    });
  });
}
