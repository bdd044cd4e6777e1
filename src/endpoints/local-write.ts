// The writer's end of a local file's stream: chunks go to the worker, which says how many bytes it has written.

import { MessageChannel } from 'node:worker_threads';
import type { Call } from './endpoint.ts';
import { chunkBytes, type WriteChunk, type WriteInput, type WriteMessage } from './local-streams.ts';
import type { MountPool } from './mounts.ts';

/** Bytes that may be on their way to the worker before the body is asked for more. */
const bytesUnderWay = 4 * chunkBytes;

/** Resolves with the file's size when it is durable. The body is cancelled where the writing fails. */
export async function writeLocal(
  pool: MountPool,
  input: Omit<WriteInput, 'port' | 'bell'>,
  body: ReadableStream<Uint8Array>,
  call: Call,
): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const bell = new SharedArrayBuffer(4);
  const bells = new Int32Array(bell);
  const stop = new AbortController();
  const reader = body.getReader();
  let written = 0;
  let over = false;
  let wake: () => void = () => undefined;

  const send = (chunk: WriteChunk) => {
    port1.postMessage(chunk, 'chunk' in chunk ? [chunk.chunk.buffer as ArrayBuffer] : []);
    Atomics.add(bells, 0, 1);
    Atomics.notify(bells, 0);
  };
  const room = async (sent: number) => {
    while (!over && sent - written > bytesUnderWay) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };

  const ended = pool.run<number>(
    'local.write',
    { ...input, port: port2, bell },
    {
      signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
      unqueued: true,
      transfer: [port2],
      onMessage: (message) => {
        written = (message as WriteMessage).written;
        call.progress?.(written);
        wake();
      },
    },
  );
  // A cancelled body answers the read that may be waiting for it.
  const failed = ended.then(
    () => undefined,
    (fault: unknown) => {
      over = true;
      wake();
      return reader.cancel(fault).catch(() => undefined);
    },
  );

  try {
    for (let sent = 0; !over; ) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let at = 0; at < value.length && !over; at += chunkBytes) {
        // A copy: the chunk's memory may be part of a pool, or be used again by whoever made it.
        const piece = new Uint8Array(value.subarray(at, at + chunkBytes));
        sent += piece.length;
        send({ chunk: piece });
        await room(sent);
      }
    }
    if (!over) send({ end: true });
    return await ended;
  } catch (error) {
    stop.abort(error);
    await failed;
    throw error;
  } finally {
    port1.close();
    port2.close();
  }
}
