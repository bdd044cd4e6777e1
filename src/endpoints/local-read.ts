// The reader's end of a local file's stream: credit goes to the worker, chunks come back.

import type { Call } from './endpoint.ts';
import type { ReadInput, ReadMessage } from './local-streams.ts';
import type { MountPool } from './mounts.ts';

/** Chunks that wait for the reader, and one more that the worker may read meanwhile. */
const chunksAhead = 2;

/** Resolves once the file is open. A reader that goes away has to cancel the stream: its worker is busy until then. */
export async function readLocal(
  pool: MountPool,
  input: Omit<ReadInput, 'credit'>,
  call: Call,
): Promise<ReadableStream<Uint8Array>> {
  const credit = new SharedArrayBuffer(4);
  const credits = new Int32Array(credit);
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let arrived: () => void = () => undefined;
  let cancelled = false;
  let bytesDone = 0;

  const allowOne = () => {
    Atomics.add(credits, 0, 1);
    Atomics.notify(credits, 0);
  };
  const receive = (message: ReadMessage) => {
    if ('opened' in message) return opened.resolve();
    if (cancelled) return;
    bytesDone += message.chunk.length;
    controller?.enqueue(message.chunk);
    call.progress?.(bytesDone);
    arrived();
  };

  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
        allowOne();
      },
      pull() {
        allowOne();
        return new Promise((resolve) => {
          arrived = resolve;
        });
      },
      async cancel(reason) {
        cancelled = true;
        arrived();
        stop.abort(reason);
        await ended;
      },
    },
    { highWaterMark: chunksAhead },
  );

  const ended = pool
    .run<number>(
      'local.read',
      { ...input, credit },
      {
        signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
        unqueued: true,
        onMessage: (message) => receive(message as ReadMessage),
      },
    )
    .then(
      () => {
        if (!cancelled) controller?.close();
      },
      (fault: unknown) => {
        opened.reject(fault);
        if (!cancelled) controller?.error(fault);
      },
    )
    .finally(() => arrived());

  await opened.promise;
  return stream;
}
