// Many files on their way from a connection's thread: small ones share a piece of memory, large ones go through several.

import type { FaultReport } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';

/** Of one file: its beginning tells what it is, and so many of the batch's bytes are its own. */
export interface ManyRecord {
  readonly path: string;
  readonly entry?: Entry;
  readonly report?: FaultReport;
  bytes: number;
  /** Nothing more of it comes. */
  isLast: boolean;
}

export interface ManyBatch {
  readonly records: readonly ManyRecord[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What the receiver has used up. */
export interface ManyGrant {
  readonly bytes: number;
}

const batchBytes = 512 * 1024;
const mostRecords = 512;
/** Under way to the receiver at most. */
const aheadBytes = 8 * 1024 * 1024;

/** The thread's end. */
export class BatchWriter {
  readonly #send: (batch: ManyBatch) => void;
  readonly #signal: AbortSignal;
  #records: ManyRecord[] = [];
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(batchBytes);
  #filled = 0;
  #ahead = 0;
  #willFlush = false;
  #granted: () => void = () => undefined;

  constructor(send: (batch: ManyBatch) => void, signal: AbortSignal) {
    this.#send = send;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#granted(), { once: true });
  }

  grant(bytes: number): void {
    this.#ahead -= bytes;
    this.#granted();
  }

  fault(path: string, report: FaultReport): void {
    this.#add({ path, report, bytes: 0, isLast: true });
  }

  async file(path: string, entry: Entry, body: AsyncIterable<Uint8Array>): Promise<void> {
    let record = this.#add({ path, entry, bytes: 0, isLast: false });
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length; ) {
        if (this.#filled === batchBytes) {
          this.flush();
          while (this.#ahead >= aheadBytes && !this.#signal.aborted) {
            await new Promise<void>((resolve) => {
              this.#granted = resolve;
            });
          }
          this.#signal.throwIfAborted();
        }
        if (this.#records.at(-1) !== record) record = this.#add({ path, bytes: 0, isLast: false });
        const part = chunk.subarray(at, at + batchBytes - this.#filled);
        this.#bytes.set(part, this.#filled);
        this.#filled += part.length;
        record.bytes += part.length;
        at += part.length;
      }
    }
    if (this.#records.at(-1) === record) record.isLast = true;
    else this.#add({ path, bytes: 0, isLast: true });
  }

  /** Sends what has come together. */
  flush(): void {
    this.#willFlush = false;
    if (this.#records.length === 0) return;
    const isFull = this.#filled > batchBytes / 2;
    const bytes = isFull ? this.#bytes.subarray(0, this.#filled) : this.#bytes.slice(0, this.#filled);
    this.#ahead += this.#filled;
    this.#send({ records: this.#records, bytes });
    if (isFull) this.#bytes = new Uint8Array(batchBytes);
    this.#records = [];
    this.#filled = 0;
  }

  #add(record: ManyRecord): ManyRecord {
    if (this.#records.length === mostRecords) this.flush();
    this.#records.push(record);
    // What has come goes as soon as there is nothing else to do.
    if (!this.#willFlush) setImmediate(() => this.flush());
    this.#willFlush = true;
    return record;
  }
}
