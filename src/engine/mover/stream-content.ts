// What goes by in a stream: looked at, held to the bandwidth, stopped when it is asked for.

import { awaitBandwidth } from '../../endpoints/bandwidth.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';

export interface Passing {
  readonly control: Control;
  readonly limits: readonly SharedArrayBuffer[];
  /** The limits do not hold for so many of the first bytes. */
  readonly freeBytes: number;
  readonly signal: AbortSignal;
  /** At most so many bytes go by; then the stream ends. */
  readonly mostBytes: number;
  /** Called before the chunk goes on, which may take its memory away. */
  readonly chunk: (chunk: Uint8Array) => void;
}

/** The same stream, looked at in passing. The source is cancelled when it is cancelled or has given enough. */
export function passing(source: ReadableStream<Uint8Array>, options: Passing): ReadableStream<Uint8Array> {
  const { control, limits, signal, mostBytes } = options;
  const reader = source.getReader();
  let left = mostBytes;
  let free = options.freeBytes;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          signal.throwIfAborted();
          const { value } = left > 0 ? await reader.read() : {};
          control.enter(sides.none);
          if (value === undefined) {
            await reader.cancel();
            controller.close();
            return;
          }
          const chunk = value.length > left ? value.subarray(0, left) : value;
          const limited = Math.max(0, chunk.length - free);
          free -= chunk.length - limited;
          if (limited > 0) for (const limit of limits) await awaitBandwidth(limit, limited, signal);
          options.chunk(chunk);
          left -= chunk.length;
          controller.enqueue(chunk);
        } catch (error) {
          await reader.cancel(error).catch(() => undefined);
          controller.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
