// Asks who has files open for writing, and never waits long for it: a process that holds up whoever looks at it is passed over.

import { Worker } from 'node:worker_threads';
import type { Clock } from '../../model/clock.ts';

const answerMs = 2_000;
/** Threads that may be left hanging in /proc; after that nobody can tell any more. */
const mostLeft = 3;

export interface WriterWatch {
  /** Of these absolute paths (symlinks resolved), those that another process holds open for writing; null where nobody can tell. */
  ask(paths: readonly string[]): Promise<readonly string[] | null>;
  /** Resolves with false where a thread hangs in the operating system. */
  close(): Promise<boolean>;
}

interface Thread {
  readonly worker: Worker;
  readonly looking: Int32Array<SharedArrayBuffer>;
  readonly pending: Map<number, (found: readonly string[] | null) => void>;
}

export function createWriterWatch({ clock }: { clock: Clock }): WriterWatch {
  const passOver = new Set<number>();
  let thread: Thread | undefined;
  let left = 0;
  let nextRequest = 1;

  function begin(): Thread {
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const memory = new SharedArrayBuffer(4);
    const worker = new Worker(new URL(`./writers-worker.${ending}`, import.meta.url), {
      workerData: { looking: memory, passOver: [...passOver] },
    });
    const begun: Thread = { worker, looking: new Int32Array(memory), pending: new Map() };
    worker.unref();
    worker.on('message', ({ requestId, found }: { requestId: number; found: readonly string[] | undefined }) => {
      begun.pending.get(requestId)?.(found ?? null);
      begun.pending.delete(requestId);
    });
    worker.on('error', () => giveUp(begun));
    return begun;
  }

  function giveUp(hung: Thread): void {
    if (thread === hung) thread = undefined;
    for (const answer of hung.pending.values()) answer(null);
    hung.pending.clear();
  }

  return {
    async ask(paths) {
      if (left >= mostLeft || paths.length === 0) return left >= mostLeft ? null : [];
      thread ??= begin();
      const asked = thread;
      const requestId = nextRequest++;
      const answered = new AbortController();
      const answer = new Promise<readonly string[] | null>((resolve) => {
        asked.pending.set(requestId, resolve);
        asked.worker.postMessage({ requestId, paths });
      });
      const late = clock.sleep(answerMs, answered.signal).then(
        () => {
          // Not yet at work (a busy machine) is no reason to leave it behind.
          const pid = Atomics.load(asked.looking, 0);
          if (pid === 0 || thread !== asked) return null;
          passOver.add(pid);
          left += 1;
          void asked.worker.terminate().then(() => {
            left -= 1;
          });
          giveUp(asked);
          return null;
        },
        () => null,
      );
      try {
        return await Promise.race([answer, late]);
      } finally {
        answered.abort();
      }
    },
    async close() {
      if (left > 0) return false;
      await thread?.worker.terminate();
      return true;
    },
  };
}
