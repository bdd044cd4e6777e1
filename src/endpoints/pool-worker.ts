// One worker thread as its pool sees it: runs a call, shows its pulse, is given up when it hangs.

import type { Transferable, Worker } from 'node:worker_threads';
import { Fault, faultFrom } from '../model/fault.ts';
import type { Pulse } from './control.ts';
import { limitOf, newPulse, openPulse } from './control.ts';
import type { WorkerCall, WorkerReply, WorkerSetup } from './mount-worker.ts';
import { sides } from './mounts.ts';

export interface PoolCall {
  readonly operation: string;
  readonly input: unknown;
  readonly control: SharedArrayBuffer;
  readonly transfer: readonly Transferable[];
  readonly onMessage: ((message: unknown) => void) | undefined;
  settle(result: { output: unknown } | { fault: Fault }): void;
}

export interface PoolWorkerOptions {
  readonly idleMs: number;
  /** Just started, by file-thread.ts. */
  readonly thread: Worker;
  /** Shared by all workers. */
  readonly bandwidth: SharedArrayBuffer;
  /** Asked when nothing was to do for `idleMs`; false keeps the thread until it has been free for as long again. */
  readonly mayEnd: () => boolean;
  readonly onFree: () => void;
  readonly onExit: () => void;
}

/** How long a thread may take to load its modules on a busy machine. */
const usualStartMs = 300;

/** An idle worker does not keep the process alive. `onFree` is called after each call, `onExit` once, when the thread is gone. */
export class PoolWorker {
  readonly pulse: Pulse;
  /** When the pulse was last seen to move, by performance.now(). */
  movedAt = 0;
  #beats = 0;
  #movedLooks = 0;
  #call: PoolCall | undefined;
  #ending = false;
  #answered = false;
  readonly #startedAt = performance.now();
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #thread: Worker;
  readonly #options: PoolWorkerOptions;

  constructor(options: PoolWorkerOptions) {
    const pulse = newPulse();
    this.pulse = openPulse(pulse);
    this.#options = options;
    this.#thread = options.thread;
    this.#thread.postMessage({ pulse, bandwidth: options.bandwidth } satisfies WorkerSetup);
    let trouble: unknown;
    this.#thread.on('message', (reply: WorkerReply) => {
      this.#answered = true;
      this.#receive(reply);
    });
    this.#thread.on('messageerror', (error) => this.#finish({ fault: crashed(error) }));
    this.#thread.on('error', (error) => {
      trouble = error;
    });
    this.#thread.on('exit', () => {
      this.#ending = true;
      clearTimeout(this.#idleTimer);
      const call = this.#call;
      this.#call = undefined;
      options.onExit();
      call?.settle({ fault: crashed(trouble) });
    });
  }

  get free(): boolean {
    return this.#call === undefined && !this.#ending;
  }

  /** True until it has answered for the first time, or should have: its first call may be one that hangs. */
  get starting(): boolean {
    return !this.#answered && performance.now() - this.#startedAt < usualStartMs;
  }

  get call(): PoolCall | undefined {
    return this.#call;
  }

  start(call: PoolCall): void {
    clearTimeout(this.#idleTimer);
    const message: WorkerCall = {
      operation: call.operation,
      input: call.input,
      control: call.control,
      limit: limitOf(call.control),
    };
    this.#call = call;
    this.#movedLooks = 0;
    this.movedAt = performance.now();
    try {
      this.#thread.postMessage(message, call.transfer);
      this.#thread.ref();
    } catch (error) {
      // What cannot be cloned is the caller's mistake, not the worker's.
      this.#finish({ fault: crashed(error) });
    }
  }

  /** The running call no longer keeps the process alive. */
  letGo(): void {
    this.#thread.unref();
  }

  /** True where the call has moved between each of the last looks: it does not hang. */
  get getsOn(): boolean {
    return this.#movedLooks >= 2;
  }

  /** For the regular look: milliseconds that the call has shown no sign of life inside a side; 0 where it is in none. */
  stillForMs(): number {
    const beats = this.pulse.beats;
    const now = performance.now();
    const moved = beats !== this.#beats;
    const inside = this.#call !== undefined && this.pulse.side !== sides.none;
    this.#beats = beats;
    if (moved) this.#movedLooks += 1;
    else if (inside) this.#movedLooks = 0;
    if (moved || !inside) this.movedAt = now;
    return now - this.movedAt;
  }

  /** Rejects the call with `fault` and leaves the thread behind: it ends without another step when the operating system lets go of it. */
  abandon(fault: Fault): void {
    this.pulse.abandoned = true;
    const call = this.#call;
    this.#call = undefined;
    void this.end();
    call?.settle({ fault });
  }

  /** Resolves when the thread is gone, which a hung call may put off for ever. */
  async end(): Promise<void> {
    this.#ending = true;
    clearTimeout(this.#idleTimer);
    this.#thread.unref();
    await this.#thread.terminate();
  }

  #rest(): void {
    const { idleMs, mayEnd } = this.#options;
    this.#idleTimer = setTimeout(() => (mayEnd() ? void this.end() : this.#rest()), idleMs).unref();
  }

  #receive(reply: WorkerReply): void {
    if (reply.kind === 'message') this.#call?.onMessage?.(reply.message);
    else if (reply.kind === 'done') this.#finish({ output: reply.output });
    else {
      const fault = faultFrom(reply.report);
      if (reply.stack !== undefined) fault.stack = reply.stack;
      this.#finish({ fault });
    }
  }

  #finish(result: { output: unknown } | { fault: Fault }): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    this.#thread.unref();
    this.#rest();
    call.settle(result);
    this.#options.onFree();
  }
}

function crashed(cause: unknown): Fault {
  const why = cause instanceof Error ? cause.message : 'it ended';
  return new Fault('internal', `A worker thread for files failed: ${why}.`, { cause });
}
