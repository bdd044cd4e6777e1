// Follows the event table and live progress for any number of listeners: each pulls at its own pace, none is dropped.

import type { Engine, JobProgress } from '../engine/engine.ts';
import type { Clock } from '../model/clock.ts';
import { eventNameMatches, type StoredEvent } from '../model/event.ts';
import { activeStates } from '../model/transfer.ts';
import type { ProgressView } from '../model/views.ts';
import type { StoreReader } from '../store/store.ts';
import { isoTime, jobProgressView, transferProgressView } from './present.ts';

const pageSize = 200;

export interface FollowOptions {
  /** Cursor of the last event seen. */
  readonly since: string;
  readonly transferId?: string | undefined;
  readonly jobId?: string | undefined;
  /** Only what has this name, or begins so where it ends with `*`; progress, too. */
  readonly name?: string | undefined;
  readonly signal: AbortSignal;
  /** With nothing else to say for this long, `idle` is called. */
  readonly heartbeatMs: number;
}

/** Each resolves once the listener can take more: that is the back-pressure. */
export interface Listener {
  event(event: StoredEvent): Promise<void>;
  progress(progress: ProgressView): Promise<void>;
  idle(): Promise<void>;
}

export interface EventHub {
  /** Resolves when the signal is aborted; rejects as the store does (`invalid` for a cursor that is none) or as the listener does. */
  follow(options: FollowOptions, listener: Listener): Promise<void>;
  /** Last known figures of a job under way. */
  jobProgress(jobId: string): JobProgress | undefined;
  readonly listeners: number;
  close(): void;
}

export function openEventHub(parts: {
  engine: Engine;
  reader: StoreReader;
  onEvents: (listener: () => void) => () => void;
  clock: Clock;
}): EventHub {
  const { engine, reader, clock } = parts;
  const followers = new Set<Follower>();
  const jobs = new Map<string, JobProgress>();

  const spread = (key: string, progress: ProgressView, transferId: string | undefined, jobId: string) => {
    for (const follower of followers) follower.offer(key, progress, transferId, jobId);
  };
  /** Reads that are under way, by what they ask for: followers that stand at one place read it once, together. */
  const reads = new Map<string, ReturnType<StoreReader['events']>>();
  let commits = 0;
  const read = (query: Parameters<StoreReader['events']>[0]) => {
    // Not one that began before the last commit: whoever joined it would wait for the next one to hear of that.
    const key = JSON.stringify([commits, query]);
    const known = reads.get(key);
    if (known !== undefined) return known;
    const reading = reader.events(query).finally(() => reads.delete(key));
    reads.set(key, reading);
    return reading;
  };
  const stops = [
    parts.onEvents(() => {
      commits += 1;
      for (const follower of followers) follower.wake();
    }),
    engine.onTransferProgress((progress) => {
      if (followers.size === 0) return;
      const view: ProgressView = {
        name: `observation.transfer.${progress.phase === 'process' ? 'processing' : 'download'}.progress`,
        at: isoTime(clock.now()),
        transfer: transferProgressView(progress),
      };
      spread(progress.transferId, view, progress.transferId, progress.jobId);
    }),
    engine.onJobProgress((progress) => {
      jobs.delete(progress.jobId);
      jobs.set(progress.jobId, progress);
      // A bound for daemons that run for months; what is shown is only asked for running jobs, which are few.
      const [oldest] = jobs.keys();
      if (jobs.size > 1000 && oldest !== undefined) jobs.delete(oldest);
      const view: ProgressView = {
        name: 'observation.job.progress',
        at: isoTime(clock.now()),
        job: jobProgressView(progress),
      };
      spread(`job ${progress.jobId}`, view, undefined, progress.jobId);
    }),
  ];

  return {
    async follow(options, listener) {
      const follower = new Follower(options);
      followers.add(follower);
      options.signal.addEventListener('abort', follower.wake);
      let cursor = options.since;
      const { transferId, jobId, name } = options;
      try {
        while (!options.signal.aborted) {
          const seen = follower.wakes;
          const page = await read({
            since: cursor,
            limit: pageSize,
            ...(transferId === undefined ? {} : { transferId }),
            ...(jobId === undefined ? {} : { jobId }),
            ...(name === undefined ? {} : { name }),
          });
          for (const event of page.events) {
            if (options.signal.aborted) return;
            await listener.event(event);
            forgetProgressAfter(event, follower);
          }
          cursor = page.cursor;
          for (const progress of follower.take()) {
            if (options.signal.aborted) return;
            await listener.progress(progress);
          }
          if (page.events.length === 0 && !(await follower.waken(seen, options.heartbeatMs))) await listener.idle();
        }
      } finally {
        followers.delete(follower);
        options.signal.removeEventListener('abort', follower.wake);
      }
    },
    jobProgress: (jobId) => jobs.get(jobId),
    get listeners() {
      return followers.size;
    },
    close() {
      for (const stop of stops) stop();
    },
  };
}

/** Progress that was heard before its transfer came to rest must not be told after that. */
function forgetProgressAfter(event: StoredEvent, follower: Follower): void {
  if (event.transfer !== undefined && !activeStates.includes(event.transfer.state)) follower.forget(event.transfer.id);
}

class Follower {
  readonly options: FollowOptions;
  wakes = 0;
  #waiting: (() => void) | undefined;
  #progress = new Map<string, ProgressView>();

  constructor(options: FollowOptions) {
    this.options = options;
  }

  readonly wake = (): void => {
    this.wakes += 1;
    this.#waiting?.();
  };

  offer(key: string, progress: ProgressView, transferId: string | undefined, jobId: string): void {
    const { options } = this;
    if (options.jobId !== undefined && options.jobId !== jobId) return;
    if (options.transferId !== undefined && options.transferId !== transferId) return;
    if (options.name !== undefined && !eventNameMatches(options.name, progress.name)) return;
    this.#progress.set(key, progress);
    this.wake();
  }

  forget(transferId: string): void {
    this.#progress.delete(transferId);
  }

  take(): ProgressView[] {
    const values = [...this.#progress.values()];
    this.#progress.clear();
    return values;
  }

  /** Resolves with true at the first wake after `seen` was read, with false when `timeoutMs` pass without one. */
  waken(seen: number, timeoutMs: number): Promise<boolean> {
    if (this.wakes !== seen) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (woken: boolean) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve(woken);
      };
      const timer = setTimeout(() => end(false), timeoutMs);
      this.#waiting = () => end(true);
    });
  }
}
