// The writer's end of a local file's stream: its bytes go through shared memory to the worker, which says how many it has written.

import type { Call, ProvedBlock } from './endpoint.ts';
import type { WriteInput } from './local-streams.ts';
import type { MountPool } from './mounts.ts';
import { newWriteRing, RingWriter } from './write-ring.ts';

/** Resolves with the file's size when it is durable. The body is cancelled where the writing fails. `told`: each block is read back. */
export async function writeLocal(
  pool: MountPool,
  input: Omit<WriteInput, 'ring' | 'readBack'>,
  body: ReadableStream<Uint8Array>,
  call: Call,
  told?: (block: ProvedBlock) => void,
): Promise<number> {
  const ring = newWriteRing();
  const writer = new RingWriter(ring);
  const stop = new AbortController();
  const reader = body.getReader();
  let over = false;

  const ended = pool.run<number>(
    'local.write',
    { ...input, ring, readBack: told !== undefined },
    {
      signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
      unqueued: true,
      ...(told === undefined ? {} : { onMessage: (block: unknown) => told(block as ProvedBlock) }),
    },
  );
  // A cancelled body answers the read that may be waiting for it.
  const failed = ended.then(
    () => undefined,
    (fault: unknown) => {
      over = true;
      writer.close();
      return reader.cancel(fault).catch(() => undefined);
    },
  );

  writer.attend((writtenBytes) => call.progress?.(writtenBytes)).catch((error) => stop.abort(error));
  try {
    while (!over) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let at = 0; at < value.length && !over; ) {
        at += writer.put(value.subarray(at));
        if (at < value.length) await writer.room();
      }
    }
    if (!over) writer.end();
    const size = await ended;
    writer.close();
    call.progress?.(size - input.from);
    return size;
  } catch (error) {
    stop.abort(error);
    await failed;
    throw error;
  }
}
