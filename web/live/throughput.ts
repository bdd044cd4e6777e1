// Bytes per second over time, as this page has seen it: fine for the last minutes, coarser for hours; bounded.

import { create } from 'zustand';

export interface Sample {
  readonly atMs: number;
  readonly bytesPerSecond: number;
}

export interface Span {
  readonly label: string;
  readonly seconds: number;
  /** One sample stands for this long. */
  readonly stepSeconds: number;
}

export const spans = {
  now: { label: '5 min', seconds: 300, stepSeconds: 2 },
  hour: { label: '1 h', seconds: 3600, stepSeconds: 20 },
  day: { label: '24 h', seconds: 86_400, stepSeconds: 300 },
} as const satisfies Record<string, Span>;
export type SpanName = keyof typeof spans;

export const spanNames = Object.keys(spans) as SpanName[];

type Series = Readonly<Record<SpanName, readonly Sample[]>>;

export const useThroughput = create<Series>()(() => ({ now: [], hour: [], day: [] }));

export function sampleThroughput(atMs: number, bytesPerSecond: number): void {
  useThroughput.setState((series) => ({
    now: extended(series.now, spans.now, atMs, bytesPerSecond),
    hour: extended(series.hour, spans.hour, atMs, bytesPerSecond),
    day: extended(series.day, spans.day, atMs, bytesPerSecond),
  }));
}

/** A sample within the step of the last one is averaged into it. */
function extended(samples: readonly Sample[], span: Span, atMs: number, bytesPerSecond: number): readonly Sample[] {
  const stepMs = span.stepSeconds * 1000;
  const slotMs = Math.floor(atMs / stepMs) * stepMs;
  const last = samples.at(-1);
  if (last !== undefined && last.atMs >= slotMs) {
    const averaged = { atMs: last.atMs, bytesPerSecond: (last.bytesPerSecond + bytesPerSecond) / 2 };
    return [...samples.slice(0, -1), averaged];
  }
  const oldestMs = slotMs - span.seconds * 1000;
  const from = samples.findIndex((sample) => sample.atMs >= oldestMs);
  return [...(from < 0 ? [] : samples.slice(from)), { atMs: slotMs, bytesPerSecond }];
}
