// A connection's thread as the rest of the program sees it: calls go in, answers, messages and faults come out.

import type { Worker } from 'node:worker_threads';
import { Fault, faultFrom } from '../../model/fault.ts';
import type { FarOperations, FarPlace, FromThread, HostFacts, ToThread } from './far-call.ts';
import type { SshTarget } from './ssh-target.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onMessage?: (message: unknown) => void;
}

/** A call that runs; `send` reaches its operation. */
export interface FarCall<Output> {
  readonly output: Promise<Output>;
  send(message: unknown, transfer?: ArrayBuffer[]): void;
}

interface Waiting {
  readonly onMessage: ((message: unknown) => void) | undefined;
  settle(result: { output: unknown } | { fault: Fault }): void;
}

/** What has been stopped may take this long to close its file over there; then it is left behind. */
const stopMs = 1_500;

/** Keeps the process alive only while a call is running. */
export class SshThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #isGone = false;
  #endsWhenIdle = false;
  /** Calls that run here now. */
  busy = 0;

  /** `started` is a thread by startSshThread. */
  constructor(
    target: SshTarget,
    started: Worker,
    { onExit, onFacts }: { onExit: () => void; onFacts: (facts: HostFacts) => void },
  ) {
    this.#worker = started;
    this.#post({ kind: 'target', target });
    let trouble: unknown;
    this.#worker.on('message', (reply: FromThread) => {
      if (reply.kind === 'facts') onFacts(reply.facts);
      else this.#receive(reply);
    });
    this.#worker.on('error', (error) => {
      trouble = error;
    });
    this.#worker.on('exit', () => {
      this.#isGone = true;
      onExit();
      const fault = new Fault(
        'internal',
        `The thread of ${target.host} ended: ${trouble instanceof Error ? trouble.message : 'without a word'}.`,
        { cause: trouble },
      );
      for (const { settle } of [...this.#waiting.values()]) settle({ fault });
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Its output rejects with the operation's fault, or with the signal's reason. */
  call<Name extends keyof FarOperations>(
    operation: Name,
    place: FarPlace,
    input: FarOperations[Name]['input'],
    { signal, onMessage }: CallOptions = {},
  ): FarCall<FarOperations[Name]['output']> {
    const id = this.#nextId++;
    const output = new Promise<FarOperations[Name]['output']>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#isGone) return reject(new Fault('network', 'The connection is closed.'));
      this.#worker.ref();
      this.busy++;
      let late: NodeJS.Timeout | undefined;
      const stop = () => {
        this.#post({ kind: 'stop', id });
        late = setTimeout(() => this.#waiting.get(id)?.settle({ fault: new Fault('interrupted', 'stopped') }), stopMs);
      };
      signal?.addEventListener('abort', stop, { once: true });
      this.#waiting.set(id, {
        onMessage,
        settle: (result) => {
          this.#waiting.delete(id);
          clearTimeout(late);
          signal?.removeEventListener('abort', stop);
          if (--this.busy === 0) {
            this.#worker.unref();
            if (this.#endsWhenIdle) void this.close();
          }
          if (signal?.aborted) reject(signal.reason);
          else if ('fault' in result) reject(result.fault);
          else resolve(result.output as FarOperations[Name]['output']);
        },
      });
      this.#post({ kind: 'call', id, operation, place, input });
    });
    return {
      output,
      send: (message, transfer = []) => {
        if (this.#waiting.has(id)) this.#post({ kind: 'message', id, message }, transfer);
      },
    };
  }

  /** What is under way comes to its end first. */
  closeWhenIdle(): void {
    this.#endsWhenIdle = true;
    if (this.busy === 0) void this.close();
  }

  /** Ends the connection and the thread. */
  async close(): Promise<void> {
    if (this.#isGone) return;
    this.#post({ kind: 'close' });
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.ref();
    const late = setTimeout(() => void this.#worker.terminate(), stopMs);
    await ended;
    clearTimeout(late);
  }

  #post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    if (!this.#isGone) this.#worker.postMessage(message, transfer);
  }

  #receive(reply: Exclude<FromThread, { kind: 'facts' }>): void {
    const waiting = this.#waiting.get(reply.id);
    if (reply.kind === 'message') waiting?.onMessage?.(reply.message);
    else if (reply.kind === 'done') waiting?.settle({ output: reply.output });
    else {
      const fault = faultFrom(reply.report);
      if (reply.stack !== undefined) fault.stack = reply.stack;
      waiting?.settle({ fault });
    }
  }
}
