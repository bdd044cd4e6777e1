// What a device gives of a file, held to the size that it claims: an end that comes too early, none at all, or a silence is a fault.

import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';

export interface DeviceStreamOptions {
  readonly clock: Clock;
  /** Bytes that have to come. */
  readonly expected: number;
  /** Between two chunks. */
  readonly chunkMs: number;
  /** For messages: file and device. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((bytesDone: number) => void) | undefined;
  /** Turns what went wrong into what is told. */
  readonly failed: (error: unknown) => Promise<Fault>;
  /** Called once, however it ends. */
  readonly ended: () => void;
}

/** How the stream broke its word about the size. */
export class WrongSize extends Error {
  readonly more: boolean;

  constructor(message: string, more: boolean) {
    super(message);
    this.name = 'WrongSize';
    this.more = more;
  }
}

/**
 * The same bytes. The last chunk is held back until the device has ended: whoever takes only as many bytes as were promised would
 * not notice that there are more. Empty chunks are passed on: an adapter that has to wait for its device says by them that it is at work.
 */
export function deviceStream(
  source: ReadableStream<Uint8Array>,
  options: DeviceStreamOptions,
): ReadableStream<Uint8Array> {
  const { clock, expected, what, signal, chunkMs } = options;
  const reader = source.getReader();
  const over = new AbortController();
  let done = 0;
  let waiting: { readonly since: number; readonly reject: (error: unknown) => void } | undefined;
  let isEnded = false;

  const finish = () => {
    if (isEnded) return;
    isEnded = true;
    over.abort();
    signal?.removeEventListener('abort', aborted);
    options.ended();
  };
  const aborted = () => {
    waiting?.reject(signal?.reason);
    void reader.cancel(signal?.reason).catch(() => undefined);
  };
  signal?.addEventListener('abort', aborted, { once: true });
  const watch = async () => {
    for (;;) {
      await clock.sleep(chunkMs / 4, over.signal);
      if (waiting === undefined || clock.monotonic() - waiting.since < chunkMs) continue;
      waiting.reject(new Fault('timeout', `No byte of ${what} has come for ${Math.round(chunkMs / 1000)} s.`));
    }
  };
  watch().catch(() => undefined);

  /** Not by Promise.race, which would keep something for each chunk until the stream ends. */
  const next = (): Promise<Uint8Array | undefined> =>
    new Promise((resolve, reject) => {
      waiting = { since: clock.monotonic(), reject };
      reader.read().then(({ value }) => resolve(value), reject);
    });
  const nextBytes = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      signal?.throwIfAborted();
      const chunk = await next();
      waiting = undefined;
      if (chunk === undefined || chunk.length > 0 || done < expected) return chunk;
    }
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = done < expected || expected === 0 ? await nextBytes() : undefined;
          if (chunk === undefined && done < expected) {
            throw new WrongSize(`${what} ended after ${done} of ${expected} bytes.`, false);
          }
          done += chunk?.length ?? 0;
          if (done > expected || (done === expected && chunk !== undefined && (await nextBytes()) !== undefined)) {
            throw new WrongSize(`${what} has more than the ${expected} bytes that the device claims.`, true);
          }
          if (chunk !== undefined) {
            options.progress?.(done);
            controller.enqueue(chunk);
          }
          if (done === expected) {
            finish();
            controller.close();
          }
        } catch (error) {
          void reader.cancel(error).catch(() => undefined);
          finish();
          controller.error(signal?.aborted ? signal.reason : await options.failed(error));
        }
      },
      cancel(reason) {
        finish();
        // Not waited for: an adapter that hangs would hold up who has had enough of it.
        void reader.cancel(reason).catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
