// Time, randomness and ids as values that are handed in, so that tests can decide them.

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z; may jump when the operator sets the clock. */
  now(): number;
  /** Milliseconds of a clock that only goes forward; for durations. */
  monotonic(): number;
  /** Resolves after `ms`, rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** In [0, 1). */
  next(): number;
  bytes(count: number): Uint8Array;
}

/** Makes sortable unique ids (ULID: 48 bits of time, 80 of randomness; rising within one millisecond too). */
export type NewId = () => string;

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Ids are those of https://github.com/ulid/spec, monotonic form, also when the clock goes backwards. */
export function idSource(clock: Clock, random: Random): NewId {
  let lastMs = -1;
  let tail: number[] = [];
  const begin = (ms: number) => {
    lastMs = ms;
    tail = Array.from(random.bytes(16), (byte) => byte & 31);
  };
  return () => {
    const nowMs = clock.now();
    if (nowMs > lastMs) begin(nowMs);
    else {
      let at = tail.length - 1;
      while (at >= 0 && tail[at] === 31) tail[at--] = 0;
      if (at >= 0) tail[at] = (tail[at] ?? 0) + 1;
      else begin(lastMs + 1);
    }
    let head = '';
    for (let rest = lastMs, place = 0; place < 10; place++, rest = Math.floor(rest / 32)) {
      head = alphabet.charAt(rest % 32) + head;
    }
    return head + tail.map((digit) => alphabet.charAt(digit)).join('');
  };
}

// A timer of more than 2^31 - 1 ms fires at once.
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const endMs = performance.now() + ms;
      let timer: ReturnType<typeof setTimeout>;
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const wait = () => {
        const leftMs = endMs - performance.now();
        if (leftMs > longestTimerMs) timer = setTimeout(wait, longestTimerMs);
        else timer = setTimeout(finish, Math.max(0, leftMs));
      };
      const finish = () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      wait();
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};
