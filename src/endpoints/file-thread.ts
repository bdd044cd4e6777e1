// Starts the threads of the mount pools; light, so that one can be under way while the rest of the program is still being loaded.

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** With what a thread is started; what its pool must tell it (mount-worker.ts) is its first message. */
export interface FileThreadStart {
  /** Worker modules: each exports `operations`. */
  readonly modules: readonly string[];
}

const script = new URL(import.meta.url.endsWith('.ts') ? './mount-worker.ts' : './mount-worker.js', import.meta.url);

/** Operations keep little: garbage can be collected before it takes megabytes in each of many threads. */
const leanLimits = { maxYoungGenerationSizeMb: 1 };

/** Does not keep the process alive. */
export function startFileThread(modules: readonly string[], isLean: boolean): Worker {
  const workerData: FileThreadStart = { modules };
  const resourceLimits = isLean ? { resourceLimits: leanLimits } : {};
  const thread = new Worker(script, { workerData, execArgv: [], env: threadEnv(), ...resourceLimits });
  thread.unref();
  return thread;
}

/** A thread takes compiled code from where the process does only if its environment says so. */
export function threadEnv(): NodeJS.ProcessEnv {
  const cache = getCompileCacheDir();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
