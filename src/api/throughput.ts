// Bytes per second over the last minutes, hour and day, kept in memory for the console's graph.

import type { Clock } from '../model/clock.ts';
import type { ThroughputView } from '../model/views.ts';
import { isoTime } from './present.ts';

const sampleMs = 2000;

/** How long each span is and for how long one of its points stands. */
export const throughputSpans = {
  minutes: { points: 150, stepSeconds: 2 },
  hour: { points: 180, stepSeconds: 20 },
  day: { points: 288, stepSeconds: 300 },
} as const;
export type ThroughputSpan = keyof typeof throughputSpans;

export interface Throughput {
  read(span: ThroughputSpan): ThroughputView;
  /** Takes what moves now into all spans; called by a timer until `close`. */
  sample(): void;
  close(): void;
}

interface Ring {
  readonly stepMs: number;
  readonly points: number;
  /** By the number of its step since 1970; oldest first. */
  readonly means: Map<number, { sum: number; samples: number }>;
}

export function openThroughput(parts: { bytesPerSecond: () => number; clock: Clock }): Throughput {
  const { bytesPerSecond, clock } = parts;
  const rings = new Map<string, Ring>();
  for (const [name, { points, stepSeconds }] of Object.entries(throughputSpans)) {
    rings.set(name, { stepMs: stepSeconds * 1000, points, means: new Map() });
  }
  const sample = () => {
    const now = clock.now();
    const value = bytesPerSecond();
    for (const ring of rings.values()) take(ring, now, value);
  };
  const timer = setInterval(sample, sampleMs);
  timer.unref();
  return {
    sample,
    read(span) {
      const { stepSeconds, points } = throughputSpans[span];
      const last = Math.floor(clock.now() / (stepSeconds * 1000));
      const means = rings.get(span)?.means;
      const bytesPerSecond = Array.from({ length: points }, (_, at) => {
        const mean = means?.get(last - points + 1 + at);
        return mean === undefined ? null : Math.round(mean.sum / mean.samples);
      });
      return { stepSeconds, until: isoTime(last * stepSeconds * 1000), bytesPerSecond };
    },
    close: () => clearInterval(timer),
  };
}

function take({ stepMs, points, means }: Ring, now: number, value: number): void {
  const step = Math.floor(now / stepMs);
  const mean = means.get(step) ?? { sum: 0, samples: 0 };
  mean.sum += value;
  mean.samples += 1;
  means.set(step, mean);
  // A clock that was set can leave steps of the future behind: those go too.
  for (const known of means.keys()) if (known <= step - points || known > step) means.delete(known);
}
