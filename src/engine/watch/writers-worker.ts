// The thread that looks into /proc for writers: of its own, because a process that hangs can hold up whoever looks at it.

import { parentPort, workerData } from 'node:worker_threads';
import { openWriters } from './open-writers.ts';

/** [0]: the process that is being looked at, so that one that holds us up can be passed over by our successor. */
const looking = new Int32Array((workerData as { looking: SharedArrayBuffer }).looking);
const passOver = new Set((workerData as { passOver: readonly number[] }).passOver);

parentPort?.on('message', ({ requestId, paths }: { requestId: number; paths: readonly string[] }) => {
  const found = openWriters(paths, {
    skip: (pid) => pid === process.pid || passOver.has(pid),
    before: (pid) => Atomics.store(looking, 0, pid),
  });
  Atomics.store(looking, 0, 0);
  parentPort?.postMessage({ requestId, found });
});
