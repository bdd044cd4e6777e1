// The contract of the mount pools: every file call runs in worker threads that belong to the mounts it touches.

import type { Transferable } from 'node:worker_threads';

/** What a worker's operation gets beside its input. Operations are synchronous: a blocked call blocks only its worker. */
export interface OperationContext {
  readonly control: Control;
  /** Sends something to the caller's `onMessage` while the operation runs. */
  emit(message: unknown, transfer?: ArrayBuffer[]): void;
}

/** A worker module exports `operations: Record<string, Operation>`; their names must be unique over all modules. */
// biome-ignore lint/suspicious/noExplicitAny: input and output cross a thread as plain data; each caller names their types
export type Operation = (input: any, context: OperationContext) => unknown;

/** Which side a worker is inside of, so that a hung call can be charged to its mount. */
export const sides = { none: 0, source: 1, destination: 2, own: 3 } as const;
export type Side = (typeof sides)[keyof typeof sides];

/** Why a running operation has to stop; it looks at this for each buffer. */
export const stopReasons = { run: 0, pause: 1, cancel: 2, fence: 3, stall: 4, shutdown: 5 } as const;
export type StopReason = (typeof stopReasons)[keyof typeof stopReasons];

/**
 * Shared memory between a running operation and whoever asked for it. One per call, or one for several calls of a transfer
 * (lanes of one file share `next`, `done` and the stop flag).
 */
export interface Control {
  readonly memory: SharedArrayBuffer;
  /** Set by the owner, looked at by the worker. */
  stop: StopReason;
  /** Bytes moved so far; added to by every lane. */
  readonly bytesDone: number;
  addBytes(count: number): void;
  /** Takes the next number of a counter that starts at 0: how lanes share the blocks of a file. */
  takeNext(): number;
  /** How many numbers have been taken (or were set as taken). */
  readonly taken: number;
  skipTo(next: number): void;
  /** Grows with every heartbeat of any lane: as long as it grows, somebody is at work. */
  readonly beats: number;
  /**
   * Called by the worker around every system call: marks the side it is in (`sides.none` when it is out again). Counts as heartbeat.
   * `patienceMs` is how long this one call may take before its worker is given up; default is the mount's (10 s for shares). An fsync
   * of much data needs more. Throws `unreachable` in a worker that has been given up: nothing further may be touched then.
   */
  enter(side: Side, patienceMs?: number): void;
  /** Bytes per second through the shared limit; the worker sleeps here until `count` bytes are allowed or stop is set. */
  throttle(count: number): void;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly control?: SharedArrayBuffer;
  readonly transfer?: readonly Transferable[];
  readonly onMessage?: (message: unknown) => void;
  /** True for calls that must not wait behind long copies (stat, list, probe, statfs): they have a worker of their own. */
  readonly quick?: boolean;
  /**
   * True for calls that wait for one another (the readers and writers of one ring): they never queue, but get a worker of their own,
   * beyond the pool's number if need be.
   */
  readonly unqueued?: boolean;
}

/** The workers for calls that touch one mount, or a source and a destination mount. */
export interface MountPool {
  /** Rejects with the operation's Fault; with `unreachable` where a mount hangs and its two workers are spent. */
  run<Output>(operation: string, input: unknown, options?: RunOptions): Promise<Output>;
}

export interface MountHealth {
  readonly mountPoint: string;
  readonly state: 'well' | 'slow' | 'unreachable';
  /** Milliseconds since the oldest call that has not come back went in; 0 where none hangs. */
  readonly hungForMs: number;
  readonly abandonedWorkers: number;
}

export interface Mounts {
  /** By text from /proc/self/mountinfo: asking never touches the mount itself. */
  pool(sourcePath: string, destinationPath?: string): MountPool;
  /** An id of the mount that holds the path; equal for paths on one mount. */
  mountOf(path: string): { mountPoint: string; type: string };
  health(): readonly MountHealth[];
  onHealth(listener: (health: MountHealth) => void): () => void;
  /** Bytes per second for all pools together; null lifts it. Workers feel it within 100 ms. */
  limitBandwidth(bytesPerSecond: number | null): void;
  /** The memory of that limit (bandwidth.ts), for streams whose bytes no operation carries. */
  readonly bandwidth: SharedArrayBuffer;
  /** Ends all workers; resolves with false where one hangs in the operating system (the process must then be ended by a signal). */
  close(): Promise<boolean>;
}
