// The mount pools: worker threads by the pair of mounts that a call touches, so that a hung mount stops nobody else.

import type { Worker } from 'node:worker_threads';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { newBandwidth, setBandwidth } from './bandwidth.ts';
import { newControl, stopControl } from './control.ts';
import { startFileThread } from './file-thread.ts';
import type { Mount } from './mount-table.ts';
import { isLocalDisk, openMountTable } from './mount-table.ts';
import type { MountWatch } from './mount-watch.ts';
import { watchMount } from './mount-watch.ts';
import type { MountHealth, MountPool, Mounts, RunOptions, Side } from './mounts.ts';
import { sides, stopReasons } from './mounts.ts';
import type { PoolCall } from './pool-worker.ts';
import { PoolWorker } from './pool-worker.ts';

export interface MountsOptions {
  /** Worker modules: each exports `operations`. */
  readonly modules: readonly URL[];
  /** Workers of a pool for long calls. Default is 2. */
  readonly longWorkers?: number;
  /** A call that is inside one side for this long makes its mount `slow`, and on shares its worker is given up. Default is 10,000. */
  readonly hangMs?: number;
  /** On disks of this machine, which may be slow under load, a worker is given up after this. Default is 60,000. */
  readonly localHangMs?: number;
  /** A worker with nothing to do ends after this. Default is 10,000. */
  readonly idleMs?: number;
  /** So many workers stay although there is nothing to do: the next call starts at once, and takes no memory more. Default is 0. */
  readonly keptWorkers?: number;
  /** Workers collect their garbage before it takes megabytes in each, which costs work on many files some 7 %. Default is `false`. */
  readonly leanWorkers?: boolean;
  /** A thread with the same modules that has been started already, for the first call. */
  readonly earlyThread?: Worker | undefined;
  /** Where Wherry keeps its own files: calls in `sides.own` are charged to its mount. Default is `/`. */
  readonly ownPath?: string;
  /** How long `close` lets running calls come to their end by themselves. Default is 3,000. */
  readonly closeMs?: number;
}

/** Quick calls take turns in one worker; a second one helps where a call has had to wait for this long. */
const quickWorkers = 2;
const quickGrowMs = 10;

interface Paths {
  readonly source: string;
  readonly destination: string | undefined;
}

/** A call with what its pool needs to know of it. */
interface QueuedCall extends PoolCall {
  readonly paths: Paths;
  readonly unqueued: boolean;
}

/** Workers and queue of one kind (long or quick) of one pool. */
interface Crew {
  readonly source: MountWatch;
  readonly destination: MountWatch | undefined;
  readonly limit: number;
  /** How long a call waits for a busy worker before one more is started. */
  readonly growAfterMs: number;
  readonly workers: Set<PoolWorker>;
  readonly queue: QueuedCall[];
}

/** Starts no thread before the first call. Threads without work end by themselves and never keep the process alive. */
export function openMounts(options: MountsOptions): Mounts {
  const { longWorkers = 2, hangMs = 10_000, localHangMs = Math.max(60_000, hangMs), idleMs = 10_000 } = options;
  const { ownPath = '/', closeMs = 3_000, keptWorkers = 0, leanWorkers = false } = options;
  const lookMs = Math.min(1_000, hangMs / 4);
  const table = openMountTable();
  const bandwidth = newBandwidth();
  const modules = options.modules.map((module) => module.href);
  let { earlyThread } = options;
  const watches = new Map<string, MountWatch>();
  const crews = new Map<string, Crew>();
  const crewOfWorker = new WeakMap<PoolWorker, Crew>();
  const threads = new Set<PoolWorker>();
  const listeners = new Set<(health: MountHealth) => void>();
  let ticker: NodeJS.Timeout | undefined;
  let closed = false;

  const startWorker = (onFree: () => void, onExit: (worker: PoolWorker) => void): PoolWorker => {
    // One that has died meanwhile has no number any more, and says nothing.
    const early = earlyThread?.threadId === -1 ? undefined : earlyThread;
    earlyThread = undefined;
    const thread = early ?? startFileThread(modules, leanWorkers);
    const worker: PoolWorker = new PoolWorker({
      idleMs,
      thread,
      bandwidth,
      mayEnd: () => [...threads].filter((each) => each.free || each.call !== undefined).length > keptWorkers,
      onFree,
      onExit: () => {
        threads.delete(worker);
        onExit(worker);
      },
    });
    threads.add(worker);
    return worker;
  };

  const probe = (mount: Mount): Promise<void> =>
    new Promise((resolve) => {
      const worker = startWorker(
        () => void worker.end(),
        () => resolve(),
      );
      worker.start({
        operation: 'mounts.probe',
        input: mount.mountPoint,
        control: newControl(),
        transfer: [],
        onMessage: undefined,
        settle: () => resolve(),
      });
      worker.letGo();
    });

  const watchOf = (path: string): MountWatch => {
    const mount = table.find(path);
    const known = watches.get(mount.mountPoint);
    if (known !== undefined) return known;
    const watch = watchMount(mount, {
      probe: () => probe(mount),
      changed: (health) => {
        for (const listener of listeners) listener(health);
        if (health.state === 'unreachable') refuseQueued();
      },
    });
    watches.set(mount.mountPoint, watch);
    return watch;
  };

  const crewOf = (source: MountWatch, destination: MountWatch | undefined, quick: boolean): Crew => {
    const key = [quick, source.mount.mountPoint, destination?.mount.mountPoint ?? ''].join('\0');
    const known = crews.get(key);
    if (known !== undefined) return known;
    const crew: Crew = {
      source,
      destination,
      limit: quick ? quickWorkers : longWorkers,
      growAfterMs: quick ? quickGrowMs : 0,
      workers: new Set(),
      queue: [],
    };
    crews.set(key, crew);
    return crew;
  };

  const addWorker = (crew: Crew): PoolWorker => {
    const worker: PoolWorker = startWorker(
      () => dispatchFor(worker),
      (gone) => {
        const last = crewOfWorker.get(gone);
        last?.workers.delete(gone);
        for (const watch of watches.values()) watch.reap(gone);
        if (last !== undefined) dispatch(last);
      },
    );
    enlist(crew, worker);
    return worker;
  };

  const enlist = (crew: Crew, worker: PoolWorker) => {
    crewOfWorker.get(worker)?.workers.delete(worker);
    crewOfWorker.set(worker, crew);
    crew.workers.add(worker);
  };

  /** First for its own crew, then for whoever else has something to do. */
  const dispatchFor = (worker: PoolWorker) => {
    const own = crewOfWorker.get(worker);
    if (own !== undefined) dispatch(own);
    for (const crew of crews.values()) {
      if (!worker.free) return;
      if (crew.queue.length > 0) dispatch(crew);
    }
  };

  /** One of another crew that has nothing to do hangs nowhere, and is there sooner than a new thread. */
  const borrowWorker = (crew: Crew): PoolWorker | undefined => {
    for (const other of crews.values()) {
      if (other === crew || other.queue.length > 0) continue;
      const worker = freeWorker(other);
      if (worker === undefined) continue;
      enlist(crew, worker);
      return worker;
    }
    return undefined;
  };

  /** Where a call was given up, no more are sent after it than the mount may tie up. */
  const trusted = (watch: MountWatch) => {
    if (watch.trust === Number.POSITIVE_INFINITY) return true;
    let unproven = 0;
    for (const crew of crews.values()) {
      if (crew.source !== watch && crew.destination !== watch) continue;
      for (const worker of crew.workers) if (worker.call !== undefined && !worker.getsOn) unproven += 1;
    }
    return unproven < watch.trust;
  };

  const mayStart = (crew: Crew) => {
    if (!trusted(crew.source) || (crew.destination && !trusted(crew.destination))) return false;
    let running = 0;
    for (const worker of crew.workers) {
      const call = worker.call as QueuedCall | undefined;
      if (call?.unqueued === false) running += 1;
    }
    return running < crew.limit;
  };

  const freeWorker = (crew: Crew): PoolWorker | undefined => {
    for (const worker of crew.workers) if (worker.free) return worker;
    return undefined;
  };

  /** A quick call is answered sooner by a thread that is about to be free, or starting, than by one that is started now. */
  const mayGrow = (crew: Crew, grow: boolean) => {
    if (crew.growAfterMs === 0 || threads.size === 0) return true;
    return grow && ![...threads].some((worker) => worker.starting && crewOfWorker.get(worker)?.growAfterMs !== 0);
  };

  const dispatch = (crew: Crew, grow = crew.growAfterMs === 0) => {
    while (crew.queue.length > 0 && mayStart(crew)) {
      const worker = freeWorker(crew) ?? borrowWorker(crew) ?? (mayGrow(crew, grow) ? addWorker(crew) : undefined);
      if (worker === undefined) {
        setTimeout(() => dispatch(crew, true), crew.growAfterMs).unref();
        return;
      }
      const call = crew.queue.shift();
      if (call !== undefined) start(worker, call);
    }
  };

  const start = (worker: PoolWorker, call: PoolCall) => {
    ticker ??= setInterval(look, lookMs).unref();
    worker.start(call);
  };

  /** Charges a side to the mount behind it, and says the path that the call was for. */
  const chargedTo = (crew: Crew, paths: Paths, side: Side): { watch: MountWatch; path: string } => {
    if (side === sides.own) return { watch: watchOf(ownPath), path: ownPath };
    if (side === sides.destination && crew.destination !== undefined) {
      return { watch: crew.destination, path: paths.destination ?? paths.source };
    }
    return { watch: crew.source, path: paths.source };
  };

  /** Looks every second at every call that runs. */
  const look = () => {
    const hung = new Map<MountWatch, number[]>();
    for (const crew of crews.values()) {
      for (const worker of crew.workers) {
        const call = worker.call as QueuedCall | undefined;
        if (call === undefined) continue;
        const stillMs = worker.stillForMs();
        if (stillMs < hangMs) continue;
        const { watch, path } = chargedTo(crew, call.paths, worker.pulse.side);
        const usualMs = isLocalDisk(watch.mount.type) ? localHangMs : hangMs;
        if (stillMs < Math.max(usualMs, worker.pulse.patienceMs)) {
          hung.set(watch, [...(hung.get(watch) ?? []), worker.movedAt]);
          continue;
        }
        crew.workers.delete(worker);
        watch.leaveBehind(worker, worker.movedAt);
        stopControl(call.control, stopReasons.stall);
        worker.abandon(hangs(watch.mount, path, stillMs));
      }
    }
    for (const watch of watches.values()) watch.setHung(hung.get(watch) ?? []);
    // Only now: whoever would come next must not be sent after those that hang.
    for (const crew of crews.values()) dispatch(crew);
    if (![...threads].some((worker) => worker.call !== undefined)) {
      clearInterval(ticker);
      ticker = undefined;
    }
  };

  const refuseQueued = () => {
    for (const crew of crews.values()) {
      const away = [crew.source, crew.destination].find((watch) => watch?.unreachable);
      if (away === undefined) continue;
      for (const call of crew.queue.splice(0)) call.settle({ fault: waits(away, pathOn(crew, away, call.paths)) });
    }
  };

  const run = <Output>(
    crew: Crew,
    paths: Paths,
    operation: string,
    input: unknown,
    runOptions: RunOptions,
  ): Promise<Output> =>
    new Promise((resolve, reject) => {
      const { signal } = runOptions;
      if (closed) return reject(shutDown());
      if (signal?.aborted) return reject(signal.reason);
      const away = [crew.source, crew.destination].find((watch) => watch?.unreachable);
      if (away !== undefined) return reject(waits(away, pathOn(crew, away, paths)));
      const control = runOptions.control ?? newControl();
      const stop = () => {
        stopControl(control, stopReasons.cancel);
        const at = crew.queue.indexOf(call);
        if (at < 0) return;
        crew.queue.splice(at, 1);
        reject(signal?.reason);
      };
      const call: QueuedCall = {
        operation,
        input,
        control,
        paths,
        unqueued: runOptions.unqueued === true,
        transfer: runOptions.transfer ?? [],
        onMessage: runOptions.onMessage,
        settle(result) {
          signal?.removeEventListener('abort', stop);
          if ('output' in result) resolve(result.output as Output);
          else reject(signal?.aborted ? signal.reason : result.fault);
        },
      };
      signal?.addEventListener('abort', stop, { once: true });
      if (call.unqueued) start(freeWorker(crew) ?? borrowWorker(crew) ?? addWorker(crew), call);
      else {
        crew.queue.push(call);
        dispatch(crew);
      }
    });

  return {
    pool(sourcePath, destinationPath) {
      const paths: Paths = { source: sourcePath, destination: destinationPath };
      const source = watchOf(sourcePath);
      const destination = destinationPath === undefined ? undefined : watchOf(destinationPath);
      const pool: MountPool = {
        run: (operation, input, runOptions = {}) =>
          run(crewOf(source, destination, runOptions.quick === true), paths, operation, input, runOptions),
      };
      return pool;
    },
    mountOf: (path) => table.find(path),
    health: () => [...watches.values()].map((watch) => watch.health()),
    onHealth(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    bandwidth,
    limitBandwidth: (bytesPerSecond) => setBandwidth(bandwidth, bytesPerSecond),
    async close() {
      closed = true;
      for (const crew of crews.values()) for (const call of crew.queue.splice(0)) call.settle({ fault: shutDown() });
      const running = [...threads].filter((worker) => worker.call !== undefined);
      for (const worker of running)
        if (worker.call !== undefined) stopControl(worker.call.control, stopReasons.shutdown);
      await until(() => running.every((worker) => worker.call === undefined), closeMs);
      for (const worker of threads) void worker.end();
      void earlyThread?.terminate();
      const ended = await until(() => threads.size === 0, 1_000);
      clearInterval(ticker);
      return ended;
    },
  };
}

function pathOn(crew: Crew, watch: MountWatch, paths: Paths): string {
  return watch === crew.source ? paths.source : (paths.destination ?? paths.source);
}

function hangs(mount: Mount, path: string, forMs: number): Fault {
  const seconds = Math.round(forMs / 1000);
  return unreachable(
    mount,
    path,
    `${displayPath(mount.mountPoint)} does not answer: a call for ${displayPath(path)} has hung for ${seconds} s.`,
  );
}

function waits(watch: MountWatch, path: string): Fault {
  const seconds = Math.round(watch.health().hungForMs / 1000);
  const { mount } = watch;
  return unreachable(
    mount,
    path,
    `${displayPath(mount.mountPoint)} has not answered for ${seconds} s; ${displayPath(path)} waits until it is back.`,
  );
}

function unreachable(mount: Mount, path: string, message: string): Fault {
  return new Fault('unreachable', message, {
    place: { path: displayPath(path), endpoint: displayPath(mount.mountPoint) },
  });
}

function shutDown(): Fault {
  return new Fault('interrupted', 'Wherry is shutting down.');
}

async function until(done: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}
