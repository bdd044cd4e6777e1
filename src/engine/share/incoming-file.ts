// A file that a member is sent, as a stream that the mover reads: what the session writes here waits until it is read there.

import { Fault } from '../../model/fault.ts';
import type { ReceivingFile } from '../../peer/files.ts';

/**
 * One attempt to bring the file home. The session calls `kept`, `write`, `finish`, `publish` and `abandon` (peer/room-client.ts); the mover
 * reads `stream`, has what it wrote proven, and asks `agreed` before the file gets its name.
 */
export class IncomingFile implements ReceivingFile {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #from: number;
  #at: number;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #wanted: (() => void) | undefined;
  #ended: Fault | undefined;
  #isFinished = false;
  readonly #proven = Promise.withResolvers<string>();
  readonly #agreed = Promise.withResolvers<void>();
  readonly #kept = Promise.withResolvers<void>();

  /** `stopped` is told before all else where the reader gives up: a pause, a cancel, a destination that failed. */
  constructor(from: number, sizeBytes: number, stopped: () => void) {
    this.#from = from;
    this.#at = from;
    for (const promise of [this.#proven.promise, this.#agreed.promise, this.#kept.promise]) {
      promise.catch(() => undefined);
    }
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#wanted?.();
          this.#wanted = undefined;
        },
        cancel: () => {
          // Who has read all that there is does not wait for the end of the stream.
          if (this.#at >= sizeBytes) return;
          stopped();
          this.fail(new Fault('interrupted', 'The file is not read on for now.'));
        },
      },
      { highWaterMark: 4 },
    );
  }

  /** Bytes from the beginning that are there already. */
  kept = async (): Promise<number> => this.#from;

  /** Resolves once the reader has room for more. Rejects with why nobody reads any more, and with `invalid` for bytes out of turn. */
  write = async (from: number, bytes: Uint8Array): Promise<void> => {
    if (this.#ended !== undefined) throw this.#ended;
    if (from !== this.#at || this.#isFinished) {
      throw new Fault('invalid', `Bytes from ${from} on came where those from ${this.#at} on were due.`);
    }
    this.#at += bytes.byteLength;
    if (bytes.byteLength === 0) return;
    this.#controller?.enqueue(bytes);
    if ((this.#controller?.desiredSize ?? 1) > 0) return;
    await new Promise<void>((resolve) => {
      this.#wanted = resolve;
    });
    if (this.#ended !== undefined) throw this.#ended;
  };

  /** The SHA-256 of the whole content as it stands at the destination, read back there. */
  finish = (): Promise<string> => {
    if (this.#ended === undefined && !this.#isFinished) {
      this.#isFinished = true;
      this.#close();
    }
    return this.#proven.promise;
  };

  /** The sender has the same hash. Resolves once the file has its name, and its receipt is durable. */
  publish = (): Promise<void> => {
    this.#agreed.resolve();
    return this.#kept.promise;
  };

  /** What stands at the destination is of another content: the mover begins anew. */
  restart = async (): Promise<void> => {
    if (this.#at === 0) return;
    const fault = new Fault('source_changed', 'The file changed at its sender; it is sent from the beginning.');
    this.fail(fault);
    throw fault;
  };

  abandon = async (): Promise<void> => {
    this.fail(new Fault('network', 'The sender, or the room, gave the file up.'));
  };

  /** The mover has proven this content. Resolves when the sender agrees; rejects where it does not, or is gone. */
  agreed(sha256: string): Promise<void> {
    this.#proven.resolve(sha256);
    return this.#agreed.promise;
  }

  /** The receipt is durable. */
  arrived(): void {
    this.#kept.resolve();
  }

  #close(): void {
    try {
      this.#controller?.close();
    } catch {
      // It was cancelled, and is over already.
    }
  }

  fail(fault: Fault): void {
    if (this.#ended !== undefined) return;
    this.#ended = fault;
    if (!this.#isFinished) this.#controller?.error(fault);
    this.#wanted?.();
    for (const { reject } of [this.#proven, this.#agreed, this.#kept]) reject(fault);
  }
}
