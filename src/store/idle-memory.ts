// Gives memory back to the system when a thread has come to rest: a heap that a burst has blown up shrinks by itself only with more work.

const lookEveryMs = 10_000;
/** Busier than this part of the time is not at rest. */
const restful = 0.05;
/** Less than this is not worth a collection. */
const worthBytes = 12_000_000;

/** For the thread that calls it; call it once. Does not keep the thread alive. */
export function giveMemoryBackWhenIdle(): void {
  let before = performance.eventLoopUtilization();
  let settledBytes = 0;
  let collect: (() => void) | undefined;
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > restful) return;
    const { getHeapStatistics } = process.getBuiltinModule('node:v8');
    if (getHeapStatistics().total_heap_size - settledBytes < worthBytes) return;
    collect ??= collector();
    collect();
    settledBytes = getHeapStatistics().total_heap_size;
  }, lookEveryMs).unref();
}

/** V8 offers its collector to programs only where a flag says so. Does nothing where it is not to be had. */
function collector(): () => void {
  try {
    // Loaded here: most processes have ended before they come to rest.
    const { setFlagsFromString } = process.getBuiltinModule('node:v8');
    // The flag is one for all threads, and stays: another one may be about to use it.
    setFlagsFromString('--expose-gc');
    return process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void;
  } catch {
    return () => undefined;
  }
}
