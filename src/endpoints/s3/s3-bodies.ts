// Bodies on their way to and from a store: read part by part into one buffer, sent in slices, and handed on as they come.

import { Readable } from 'node:stream';
import { Fault } from '../../model/fault.ts';
import type { Call } from '../endpoint.ts';

const sliceBytes = 128 * 1024;

/** Reads a body in pieces of a wanted length; a wait for it can be aborted. */
export class PartReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #stop: () => void;
  #rest: Uint8Array | undefined;

  constructor(body: ReadableStream<Uint8Array>, call?: Call) {
    this.#reader = body.getReader();
    this.#signal = call?.signal;
    this.#stop = () => void this.#reader.cancel(this.#signal?.reason).catch(() => undefined);
    this.#signal?.addEventListener('abort', this.#stop, { once: true });
    if (this.#signal?.aborted) this.#stop();
  }

  /** How much of the buffer was filled; less than all of it only at the body's end. */
  async fill(buffer: Uint8Array): Promise<number> {
    let at = 0;
    while (at < buffer.length) {
      const chunk = this.#rest ?? (await this.#reader.read()).value;
      this.#signal?.throwIfAborted();
      if (chunk === undefined) return at;
      const part = chunk.subarray(0, buffer.length - at);
      buffer.set(part, at);
      at += part.length;
      this.#rest = part.length < chunk.length ? chunk.subarray(part.length) : undefined;
    }
    return at;
  }

  /** The body is cancelled where it has not ended. */
  async end(reason?: unknown): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop);
    await this.#reader.cancel(reason).catch(() => undefined);
  }
}

/** A request's body out of memory, which tells how much of it the connection has taken. */
export function bodyFrom(bytes: Uint8Array, taken: (bytes: number) => void): Readable {
  const slices = function* () {
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      const slice = bytes.subarray(at, at + sliceBytes);
      yield slice;
      taken(at + slice.length);
    }
  };
  return Readable.from(slices(), { objectMode: false, highWaterMark: sliceBytes });
}

/** An answer's body. Where fewer bytes come than were announced it fails, however politely the connection ended. */
export function streamOf(
  body: Readable,
  announcedBytes: number | undefined,
  call: Call | undefined,
  fault: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const signal = call?.signal;
  let done = 0;
  const stop = () => void body.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value } = await chunks.next();
          signal?.throwIfAborted();
          if (value !== undefined) {
            done += value.length;
            call?.progress?.(done);
            controller.enqueue(value);
            return;
          }
          if (announcedBytes !== undefined && done < announcedBytes) {
            throw new Fault('network', `Only ${done} of ${announcedBytes} bytes came before the connection ended.`);
          }
          signal?.removeEventListener('abort', stop);
          controller.close();
        } catch (error) {
          signal?.removeEventListener('abort', stop);
          body.destroy();
          controller.error(fault(error));
        }
      },
      cancel() {
        signal?.removeEventListener('abort', stop);
        body.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
