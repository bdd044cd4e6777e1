// Watched trees as the engine sees them: scans, looks at single files, and notices between scans, from a thread for each mount.

import { Worker } from 'node:worker_threads';
import type { Mounts } from '../../endpoints/mounts.ts';
import type { Clock } from '../../model/clock.ts';
import { Fault, faultFrom } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { eventsProblem } from './folder-events.ts';
import type { SeenFile, SnapshotOptions } from './tree-snapshot.ts';
import type {
  EventsTest,
  LookResult,
  ScanResult,
  SeenFiles,
  WatcherReply,
  WatcherRequest,
} from './watcher-messages.ts';
import { createWriterWatch } from './writer-watch.ts';

/** A thread that has not moved on for this long hangs in the operating system. */
const hangMs = 10_000;

export interface TreeListener {
  /** Whether events are in force; told once after opening and again where that changes. */
  events(test: EventsTest): void;
  noticed(changed: readonly SeenFile[], gone: readonly string[]): void;
  /** Too much happened at once to be told one by one: a scan is due. */
  overflow(): void;
}

export interface WatchedTree {
  /**
   * Looks at everything. Rejects with the Fault of the root (`not_found`, `permission`, `network` …) or `unreachable` where the place
   * hangs; nothing is then said of any file. One scan at a time: a second call joins the one under way.
   */
  scan(): Promise<ScanResult>;
  /** Looks at these files, and at who has them open. Rejects as `scan` does. */
  look(paths: readonly string[]): Promise<LookResult>;
  close(): void;
}

export interface Watchers {
  open(watchId: string, snapshot: SnapshotOptions, listener: TreeListener): WatchedTree;
  /** Resolves with false where a thread hangs in the operating system. */
  close(): Promise<boolean>;
}

interface Pending {
  resolve(value: ScanResult | SeenFiles): void;
  reject(fault: Fault): void;
}

interface Thread {
  readonly worker: Worker;
  readonly beats: Int32Array<SharedArrayBuffer>;
  readonly pending: Map<number, Pending>;
  seenBeats: number;
  movedAt: number;
  hangs: boolean;
}

export function createWatchers(parts: { mounts: Mounts; clock: Clock }): Watchers {
  const threads = new Map<string, Thread>();
  const listeners = new Map<string, TreeListener>();
  const writers = createWriterWatch(parts);
  let nextRequest = 1;

  function threadFor(root: string): Thread {
    const { mountPoint } = parts.mounts.mountOf(root);
    const there = threads.get(mountPoint);
    if (there !== undefined) return there;
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const memory = new SharedArrayBuffer(4);
    const worker = new Worker(new URL(`./watcher-worker.${ending}`, import.meta.url), {
      workerData: { beats: memory },
    });
    const thread: Thread = {
      worker,
      beats: new Int32Array(memory),
      pending: new Map(),
      seenBeats: 0,
      movedAt: parts.clock.monotonic(),
      hangs: false,
    };
    threads.set(mountPoint, thread);
    worker.unref();
    worker.on('message', (message: WatcherReply) => hear(thread, message));
    worker.on('error', (error) => {
      threads.delete(mountPoint);
      for (const one of thread.pending.values())
        one.reject(new Fault('internal', `Looking at ${mountPoint} failed: ${error.message}`, { cause: error }));
      thread.pending.clear();
    });
    return thread;
  }

  function hear(thread: Thread, message: WatcherReply): void {
    thread.movedAt = parts.clock.monotonic();
    thread.hangs = false;
    const listener = listeners.get(message.watchId);
    switch (message.kind) {
      case 'events':
        listener?.events(message.test);
        return;
      case 'noticed':
        if (message.overflow) listener?.overflow();
        else listener?.noticed(message.changed, message.gone);
        return;
      case 'scanned': {
        const asked = thread.pending.get(message.requestId);
        // A scan that came back after it had been given up has been taken down all the same: no later one would tell of these again.
        if (asked === undefined) listener?.noticed(message.result.changed, message.result.gone);
        else asked.resolve(message.result);
        break;
      }
      case 'looked':
        thread.pending.get(message.requestId)?.resolve(message.files);
        break;
      case 'failed':
        thread.pending.get(message.requestId)?.reject(faultFrom(message.fault));
    }
    thread.pending.delete(message.requestId);
  }

  const guard = setInterval(() => {
    const now = parts.clock.monotonic();
    for (const [mountPoint, thread] of threads) {
      const beats = Atomics.load(thread.beats, 0);
      if (beats !== thread.seenBeats || thread.pending.size === 0) {
        thread.seenBeats = beats;
        thread.movedAt = now;
        continue;
      }
      if (now - thread.movedAt < hangMs) continue;
      thread.hangs = true;
      const fault = new Fault(
        'unreachable',
        `${displayPath(mountPoint)} has not answered for ${Math.round((now - thread.movedAt) / 1000)} s.`,
      );
      for (const one of thread.pending.values()) one.reject(fault);
      thread.pending.clear();
    }
  }, 1_000);
  guard.unref();

  function ask(thread: Thread, request: (requestId: number) => WatcherRequest): Promise<ScanResult | SeenFiles> {
    // A thread that hangs takes no more: it would answer them all when nobody asks any longer.
    if (thread.hangs)
      return Promise.reject(
        new Fault('unreachable', 'The place does not answer; it goes on by itself when it is back.'),
      );
    const requestId = nextRequest++;
    if (thread.pending.size === 0) thread.movedAt = parts.clock.monotonic();
    return new Promise((resolve, reject) => {
      thread.pending.set(requestId, { resolve, reject });
      thread.worker.postMessage(request(requestId));
    });
  }

  return {
    open(watchId, snapshot, listener) {
      const thread = threadFor(snapshot.root);
      listeners.set(watchId, listener);
      const problem = eventsProblem(parts.mounts.mountOf(snapshot.root).type);
      thread.worker.postMessage({
        kind: 'open',
        watchId,
        snapshot,
        events: problem === undefined,
      } satisfies WatcherRequest);
      if (problem !== undefined) queueMicrotask(() => listener.events({ inForce: false, reason: problem }));
      let scanning: Promise<ScanResult> | undefined;
      return {
        scan() {
          scanning ??= (
            ask(thread, (requestId) => ({ kind: 'scan', watchId, requestId })) as Promise<ScanResult>
          ).finally(() => {
            scanning = undefined;
          });
          return scanning;
        },
        look: async (paths) => {
          const absolute = new Map(paths.map((path) => [`${snapshot.root}/${path}`, path]));
          const [files, open] = await Promise.all([
            ask(thread, (requestId) => ({ kind: 'look', watchId, requestId, paths })) as Promise<SeenFiles>,
            writers.ask([...absolute.keys()]),
          ]);
          return { files, openForWriting: open?.map((path) => absolute.get(path) ?? path) ?? null };
        },
        close() {
          listeners.delete(watchId);
          thread.worker.postMessage({ kind: 'close', watchId } satisfies WatcherRequest);
        },
      };
    },
    async close() {
      clearInterval(guard);
      const hung = [...threads.values()].some((thread) => thread.hangs);
      if (!hung) await Promise.all([...threads.values()].map((thread) => thread.worker.terminate()));
      return (await writers.close()) && !hung;
    },
  };
}
