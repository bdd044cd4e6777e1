// Starts the thread of an SSH connection; light, so that one can be under way while the rest of the program is still being loaded.

import { Worker } from 'node:worker_threads';
import { threadEnv } from '../file-thread.ts';

const script = new URL(import.meta.url.endsWith('.ts') ? './ssh-worker.ts' : './ssh-worker.js', import.meta.url);

/** Does not keep the process alive. Which host it is for is its first message. */
export function startSshThread(): Worker {
  const thread = new Worker(script, { execArgv: [], env: threadEnv() });
  thread.unref();
  return thread;
}
