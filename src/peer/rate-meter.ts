// How fast something moves, and when it will be through: over the last seconds, as a range.

import type { Clock } from '../model/clock.ts';
import type { Eta } from './room-client.ts';

const windowMs = 5_000;
/** Nothing is said of the first moments. */
const leastMs = 1_000;

export class RateMeter {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #marks: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** `bytes` is where it stands now. */
  note(bytes: number): void {
    const atMs = this.#clock.monotonic();
    const last = this.#marks.at(-1);
    if (last !== undefined && bytes < last.bytes) this.#marks = [];
    if (last === undefined || atMs - last.atMs >= 200) this.#marks.push({ atMs, bytes });
    while (this.#marks.length > 2 && atMs - (this.#marks[1]?.atMs ?? atMs) > windowMs) this.#marks.shift();
  }

  /** What was before does not count any more. */
  rest(): void {
    this.#marks = [];
  }

  get bytesPerSecond(): number | undefined {
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const ms = this.#clock.monotonic() - first.atMs;
    return ms < leastMs ? undefined : ((last.bytes - first.bytes) / ms) * 1_000;
  }

  eta(leftBytes: number): Eta | undefined {
    const rate = this.bytesPerSecond;
    if (rate === undefined || rate <= 0) return undefined;
    const seconds = leftBytes / rate;
    return { minSeconds: Math.floor(seconds * 0.8), maxSeconds: Math.ceil(seconds * 1.4), cause: undefined };
  }
}
