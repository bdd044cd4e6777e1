// Memory through which a stream's bytes reach the worker that writes them: pieces are copied in on one side and written from there on the other.

const lookAgainMs = 100;

/** Int32 cells before the pieces. */
const cells = { filled: 0, taken: 1, ended: 2, bell: 3, lengths: 4 } as const;
/** 2 MiB in all, of which only what is used takes up memory; a piece small enough to be still in the processor's cache when it is read back. */
const pieces = 8;
export const pieceBytes = 256 * 1024;
const headBytes = 64;

export function newWriteRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(headBytes + pieces * pieceBytes);
}

function pieceOf(ring: SharedArrayBuffer, index: number, length = pieceBytes): Uint8Array {
  return new Uint8Array(ring, headBytes + (index % pieces) * pieceBytes, length);
}

/** A reader that sleeps looks about. */
export function wakeReader(ring: SharedArrayBuffer): void {
  const state = new Int32Array(ring, 0, headBytes / 4);
  Atomics.add(state, cells.bell, 1);
  Atomics.notify(state, cells.bell);
}

/** Nothing more comes: for whoever knows it when another has put the last of it there. */
export function endRing(ring: SharedArrayBuffer): void {
  Atomics.store(new Int32Array(ring, 0, headBytes / 4), cells.ended, 1);
  wakeReader(ring);
}

/** The end at which bytes come in, where nothing may block. */
export class RingWriter {
  readonly #ring: SharedArrayBuffer;
  readonly #state: Int32Array;
  /** Bytes in the piece that is not handed over yet. */
  #used = 0;
  #handedOver = 0;
  /** Lengths of pieces on their way, oldest first. */
  readonly #underWay: number[] = [];
  #taken = 0;
  #writtenBytes = 0;
  #isOver = false;

  constructor(ring: SharedArrayBuffer) {
    this.#ring = ring;
    this.#state = new Int32Array(ring, 0, headBytes / 4);
  }

  /** Of what was handed over; a lower bound. */
  get writtenBytes(): number {
    for (const taken = Atomics.load(this.#state, cells.taken); this.#taken !== taken; this.#taken++)
      this.#writtenBytes += this.#underWay.shift() ?? 0;
    return this.#writtenBytes;
  }

  /** Copies what fits and says how much that was: 0 where all pieces are full. Small chunks share a piece while the worker is busy. */
  put(chunk: Uint8Array): number {
    const length = this.gather(chunk);
    if (this.#used > 0 && this.#free === pieces) this.#handOver();
    return length;
  }

  /** As `put`, but what does not fill a piece waits for more, or for `flush`: waking the worker costs more than many small chunks. */
  gather(chunk: Uint8Array): number {
    if (this.#free === 0) return 0;
    const part = chunk.length <= pieceBytes - this.#used ? chunk : chunk.subarray(0, pieceBytes - this.#used);
    pieceOf(this.#ring, this.#handedOver).set(part, this.#used);
    this.#used += part.length;
    if (this.#used === pieceBytes) this.#handOver();
    return part.length;
  }

  /** What waits goes. */
  flush(): void {
    if (this.#used > 0) this.#handOver();
  }

  /** Resolves once a piece is free, or `close` was called. */
  async room(): Promise<void> {
    const taken = Atomics.load(this.#state, cells.taken);
    if (this.#free > 0 || this.#isOver) return;
    await Atomics.waitAsync(this.#state, cells.taken, taken).value;
  }

  /** Tells each time that bytes have been written, until `close` is called; what waits for company goes when the worker has nothing else. */
  async attend(told: (writtenBytes: number) => void): Promise<void> {
    for (let seen = 0; ; ) {
      const taken = Atomics.load(this.#state, cells.taken);
      if (this.#isOver) return;
      if (taken === seen) {
        await Atomics.waitAsync(this.#state, cells.taken, taken).value;
        continue;
      }
      seen = taken;
      told(this.writtenBytes);
      if (this.#used > 0 && this.#free === pieces) this.#handOver();
    }
  }

  /** Nothing more comes. */
  end(): void {
    this.flush();
    endRing(this.#ring);
  }

  /** Whatever the worker does: nobody waits any more. */
  close(): void {
    this.#isOver = true;
    Atomics.notify(this.#state, cells.taken);
  }

  get #free(): number {
    return pieces - (this.#handedOver - Atomics.load(this.#state, cells.taken));
  }

  #handOver(): void {
    Atomics.store(this.#state, cells.lengths + (this.#handedOver % pieces), this.#used);
    this.#underWay.push(this.#used);
    this.#used = 0;
    this.#handedOver++;
    Atomics.store(this.#state, cells.filled, this.#handedOver);
    wakeReader(this.#ring);
  }
}

/** The worker's end, where waiting may block. */
export class RingReader {
  readonly #ring: SharedArrayBuffer;
  readonly #state: Int32Array;
  #taken = 0;
  #holds = false;
  #bell = 0;
  #sawEnd = false;

  constructor(ring: SharedArrayBuffer) {
    this.#ring = ring;
    this.#state = new Int32Array(ring, 0, headBytes / 4);
  }

  /** The next piece, to be used before the one after it is asked for; undefined where none is there. */
  next(): Uint8Array | undefined {
    this.release();
    this.#bell = Atomics.load(this.#state, cells.bell);
    // Looked at first: what is handed over before the end is then seen, too.
    this.#sawEnd = Atomics.load(this.#state, cells.ended) === 1;
    if (Atomics.load(this.#state, cells.filled) === this.#taken) return undefined;
    this.#holds = true;
    return pieceOf(this.#ring, this.#taken, Atomics.load(this.#state, cells.lengths + (this.#taken % pieces)));
  }

  /** Once `next` gave nothing: nothing more comes. */
  get isOver(): boolean {
    return this.#sawEnd;
  }

  /** Once `next` gave nothing: until something has changed since, at most 100 ms. */
  sleep(): void {
    Atomics.wait(this.#state, cells.bell, this.#bell, lookAgainMs);
  }

  /** The piece has been used. May be called again. */
  release(): void {
    if (!this.#holds) return;
    this.#holds = false;
    this.#taken++;
    Atomics.store(this.#state, cells.taken, this.#taken);
    Atomics.notify(this.#state, cells.taken);
  }
}

/** The worker's end as a sequence. `wait` is called about every 100 ms while nothing comes, and may throw. Pieces are to be used before the next is asked for. */
export function* ringPieces(ring: SharedArrayBuffer, wait: () => void): Generator<Uint8Array> {
  const reader = new RingReader(ring);
  for (;;) {
    wait();
    const piece = reader.next();
    if (piece !== undefined) {
      yield piece;
      reader.release();
    } else if (reader.isOver) return;
    else reader.sleep();
  }
}
