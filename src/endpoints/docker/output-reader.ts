// Reads what programs in a container write: pieces up to a certain byte, and runs of bytes whose length is known.

export const newline = 0x0a;

export class OutputReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(output: AsyncIterable<Uint8Array>) {
    this.#chunks = output[Symbol.asyncIterator]();
  }

  /** Without the byte itself; undefined where the output ends before it comes. */
  async upTo(end: number): Promise<Buffer | undefined> {
    for (let seen = 0; ; ) {
      const cut = this.#buffer.indexOf(end, seen);
      if (cut >= 0) {
        const piece = this.#buffer.subarray(0, cut);
        this.#buffer = this.#buffer.subarray(cut + 1);
        return piece;
      }
      seen = this.#buffer.length;
      if (!(await this.#more())) return undefined;
    }
  }

  /** The next so many bytes, as they come; fewer where the output ends before. */
  async *bytes(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0; ) {
      if (this.#buffer.length === 0 && !(await this.#more())) return;
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(value) : Buffer.concat([this.#buffer, value]);
    return true;
  }
}
