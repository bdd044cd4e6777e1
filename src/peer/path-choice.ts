// Which way a transfer's bytes go: what is ready first, then whatever measurement finds; direct stays unless it is dead or several times slower.

import type { PathRule } from './room-client.ts';

/** `socket`: as chunks through the server's socket, which is there before anything else. */
export type ContentPath = 'direct' | 'socket' | 'relay';

/** A relay has to be so many times quicker before direct is left for it. */
export const relayAdvantage = 3;
const timing = {
  /** A path has run so long before another is tried. */
  settleMs: 1_000,
  /** What is left must take so long before it is worth trying another. */
  worthwhileMs: 3_000,
  /** A trial ends after so long, or so many bytes, counted from its first byte … */
  probeMs: 1_500,
  probeBytes: 33_554_432,
  /** … but not before so long, since the first moments say little. */
  probeLeastMs: 300,
  /** No first byte within this time: the trial has failed. */
  probeSilenceMs: 4_000,
  /** No byte for so long while there is another path: that one is taken. */
  stallMs: 5_000,
  /** A path that failed is tried again after so long; doubled each time. */
  penaltyMs: 10_000,
  mostPenaltyMs: 300_000,
  /** A measurement holds for so long; doubled with each that says the same. */
  freshMs: 60_000,
  sampleMs: 1_000,
} as const;

interface Standing {
  available: boolean;
  /** Not before this time. */
  barredUntilMs: number;
  penaltyMs: number;
  bytesPerSecond: number | undefined;
  measuredMs: number;
  freshMs: number;
}

interface Run {
  readonly path: ContentPath;
  /** Where a trial returns to. */
  readonly back: ContentPath | undefined;
  readonly sinceMs: number;
  firstByteMs: number | undefined;
  lastByteMs: number;
  bytes: number;
}

export class PathChoice {
  readonly #nowMs: () => number;
  readonly #standings: Record<ContentPath, Standing>;
  #rule: PathRule;
  #run: Run | undefined;

  /** `nowMs` only goes forward. */
  constructor(rule: PathRule, nowMs: () => number) {
    this.#rule = rule;
    this.#nowMs = nowMs;
    this.#standings = { direct: newStanding(), socket: newStanding(), relay: newStanding() };
  }

  get rule(): PathRule {
    return this.#rule;
  }

  setRule(rule: PathRule): void {
    this.#rule = rule;
  }

  setAvailable(path: ContentPath, available: boolean): void {
    const standing = this.#standings[path];
    if (available && !standing.available) {
      // It is another connection than the one that was measured or failed.
      standing.barredUntilMs = 0;
      standing.bytesPerSecond = undefined;
    }
    standing.available = available;
  }

  /** Bytes of content that came in by that path. */
  received(path: ContentPath, bytes: number): void {
    const run = this.#run;
    if (run?.path !== path) return;
    const nowMs = this.#nowMs();
    run.lastByteMs = nowMs;
    // The first piece marks the beginning; how long it was under way is not known.
    if (run.firstByteMs === undefined) run.firstByteMs = nowMs;
    else run.bytes += bytes;
  }

  /** That path broke or was refused: it is left alone for a while. */
  failed(path: ContentPath): void {
    const standing = this.#standings[path];
    standing.barredUntilMs = this.#nowMs() + standing.penaltyMs;
    standing.penaltyMs = Math.min(timing.mostPenaltyMs, standing.penaltyMs * 2);
    standing.bytesPerSecond = undefined;
  }

  /** Nothing moves at present (paused, checking): time does not count against the path. */
  rest(): void {
    this.#run = undefined;
  }

  /** Of the path that is being used; undefined before it can be told. */
  get bytesPerSecond(): number | undefined {
    return this.#run === undefined ? undefined : (rateOf(this.#run) ?? this.#standings[this.#run.path].bytesPerSecond);
  }

  /** The path to use now; undefined where there is none. To be asked some times a second. */
  choose(remainingBytes: number): ContentPath | undefined {
    const path = this.#decide(remainingBytes);
    if (path === undefined) this.#run = undefined;
    return path;
  }

  #decide(remainingBytes: number): ContentPath | undefined {
    const run = this.#run;
    const allowed = this.#allowed();
    if (run === undefined || !allowed.includes(run.path)) return this.#start(allowed[0]);
    const nowMs = this.#nowMs();
    const others = allowed.filter((path) => path !== run.path);
    if (run.back !== undefined) return this.#judgeTrial(run, run.back, allowed, nowMs);
    if (nowMs - run.lastByteMs >= timing.stallMs && others[0] !== undefined) {
      this.failed(run.path);
      return this.#start(others[0]);
    }
    this.#sample(run, nowMs);
    if (run.path === 'socket' && others[0] !== undefined) return this.#start(others[0]);
    const rate = this.#standings[run.path].bytesPerSecond;
    const other = others.find((path) => path !== 'socket');
    if (rate === undefined || other === undefined) return run.path;
    if ((remainingBytes / rate) * 1000 < timing.worthwhileMs) return run.path;
    const standing = this.#standings[other];
    if (standing.bytesPerSecond !== undefined && nowMs - standing.measuredMs < standing.freshMs) {
      return this.#better(run.path, other) === run.path ? run.path : this.#start(other);
    }
    return this.#start(other, run.path);
  }

  /** In the order of preference where nothing is measured. */
  #allowed(): ContentPath[] {
    const nowMs = this.#nowMs();
    const paths: readonly ContentPath[] =
      this.#rule === 'direct'
        ? ['direct']
        : this.#rule === 'relay'
          ? ['relay', 'socket']
          : ['direct', 'relay', 'socket'];
    const there = paths.filter((path) => this.#standings[path].available);
    const free = there.filter((path) => this.#standings[path].barredUntilMs <= nowMs);
    // Where all have failed, the one whose time is over first is better than none.
    const soonest = there.toSorted(
      (one, two) => this.#standings[one].barredUntilMs - this.#standings[two].barredUntilMs,
    );
    return free.length > 0 ? free : soonest.slice(0, 1);
  }

  #start(path: ContentPath | undefined, back?: ContentPath): ContentPath | undefined {
    if (path === undefined) return undefined;
    const nowMs = this.#nowMs();
    this.#run = { path, back, sinceMs: nowMs, firstByteMs: undefined, lastByteMs: nowMs, bytes: 0 };
    return path;
  }

  #judgeTrial(run: Run, back: ContentPath, allowed: readonly ContentPath[], nowMs: number): ContentPath | undefined {
    const home = allowed.includes(back) ? back : undefined;
    if (run.firstByteMs === undefined) {
      if (nowMs - run.sinceMs < timing.probeSilenceMs) return run.path;
      this.failed(run.path);
      return this.#start(home ?? run.path);
    }
    const ranMs = nowMs - run.firstByteMs;
    const isOver = ranMs >= timing.probeMs || (ranMs >= timing.probeLeastMs && run.bytes >= timing.probeBytes);
    if (!isOver) return run.path;
    this.#measure(run.path, rateOf(run) ?? 0, nowMs);
    if (home === undefined) return this.#start(run.path);
    const better = this.#better(run.path, home);
    return this.#start(better);
  }

  /** Of two paths that were measured. */
  #better(one: ContentPath, two: ContentPath): ContentPath {
    const rate = (path: ContentPath) => this.#standings[path].bytesPerSecond ?? 0;
    const [direct, other] = one === 'direct' ? [one, two] : [two, one];
    if (direct !== 'direct') return rate(one) >= rate(two) ? one : two;
    return rate(other) >= relayAdvantage * rate(direct) ? other : direct;
  }

  #sample(run: Run, nowMs: number): void {
    if (run.firstByteMs === undefined || nowMs - run.firstByteMs < Math.max(timing.sampleMs, timing.settleMs)) return;
    const rate = rateOf(run);
    if (rate === undefined) return;
    const former = this.#standings[run.path].bytesPerSecond;
    this.#standings[run.path].bytesPerSecond = former === undefined ? rate : (former + rate) / 2;
    this.#standings[run.path].measuredMs = nowMs;
    run.firstByteMs = nowMs;
    run.bytes = 0;
  }

  #measure(path: ContentPath, bytesPerSecond: number, nowMs: number): void {
    const standing = this.#standings[path];
    if (standing.measuredMs > 0) standing.freshMs = Math.min(timing.mostPenaltyMs * 2, standing.freshMs * 2);
    standing.bytesPerSecond = bytesPerSecond;
    standing.measuredMs = nowMs;
  }
}

function newStanding(): Standing {
  return {
    available: false,
    barredUntilMs: 0,
    penaltyMs: timing.penaltyMs,
    bytesPerSecond: undefined,
    measuredMs: 0,
    freshMs: timing.freshMs,
  };
}

function rateOf({ firstByteMs, lastByteMs, bytes }: Run): number | undefined {
  if (firstByteMs === undefined || lastByteMs <= firstByteMs) return undefined;
  return (bytes / (lastByteMs - firstByteMs)) * 1000;
}
