// Turns: callers go one at a time, in the order in which they came, and may give up while they wait.

export class Turns {
  #busy = false;
  readonly #waiting = new Set<() => void>();

  /** Resolves with what ends the turn; rejects with the signal's reason where that is aborted first. */
  take(signal?: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const begin = () => {
        this.#waiting.delete(begin);
        signal?.removeEventListener('abort', giveUp);
        this.#busy = true;
        resolve(() => this.#next());
      };
      const giveUp = () => {
        this.#waiting.delete(begin);
        reject(signal?.reason);
      };
      if (!this.#busy) return begin();
      this.#waiting.add(begin);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  #next(): void {
    this.#busy = false;
    const [first] = this.#waiting;
    first?.();
  }
}

/** Those who wait until something is different; each looks for itself whether it is. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `wake`; rejects with the signal's reason. */
  wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(wake);
        reject(signal?.reason);
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  wake(): void {
    for (const each of [...this.#waiting]) each();
  }
}
