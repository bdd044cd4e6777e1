// What a call's operation sends, in order, until it ends.

/** The end of a call at which its messages come in; what it ends with comes after the last of them. */
export class Inbox<Message> {
  readonly #came: Message[] = [];
  #result: { readonly error?: unknown } | undefined;
  #told: () => void = () => undefined;

  readonly take = (message: unknown): void => {
    this.#came.push(message as Message);
    this.#told();
  };

  /** The call's output: its end is the end here. */
  follow(output: Promise<unknown>): void {
    const end = (result: { readonly error?: unknown }) => {
      this.#result = result;
      this.#told();
    };
    output.then(
      () => end({}),
      (error: unknown) => end({ error }),
    );
  }

  get isOver(): boolean {
    return this.#result !== undefined;
  }

  /** Resolves when another message has come, or the call has ended. */
  async change(): Promise<void> {
    if (this.#came.length > 0 || this.#result !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#told = resolve;
    });
  }

  /** Undefined at the end. Rejects with what the call rejected with, after all that came before. */
  async next(): Promise<Message | undefined> {
    await this.change();
    const message = this.#came.shift();
    if (message !== undefined) return message;
    if (this.#result !== undefined && 'error' in this.#result) throw this.#result.error;
    return undefined;
  }

  /** All that has come so far. */
  drain(): Message[] {
    return this.#came.splice(0);
  }
}
