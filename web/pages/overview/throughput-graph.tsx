// Bytes per second over time, drawn from what this page has seen.

import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useTheme } from '../../frame/theme.ts';
import type { Sample, SpanName } from '../../live/throughput.ts';
import { spanNames, spans, useThroughput } from '../../live/throughput.ts';
import { speed } from '../../words/amounts.ts';

const heightPx = 168;
const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export function ThroughputGraph({ bytesPerSecond }: { bytesPerSecond: number }) {
  const [chosen, setChosen] = useState<SpanName>('now');
  const samples = useThroughput((series) => series[chosen]);
  const highest = samples.reduce((most, sample) => Math.max(most, sample.bytesPerSecond), 0);
  return (
    <section aria-label="Throughput" className="flex flex-col gap-1">
      <div className="flex items-end justify-between gap-4">
        <div>
          <h2 className="text-12 font-semibold text-ink-soft">Throughput</h2>
          <p className="text-28 leading-9 font-medium tabular-nums">
            {bytesPerSecond > 0 ? speed(bytesPerSecond) : 'Idle'}
          </p>
        </div>
        <div role="radiogroup" aria-label="Time shown" className="flex gap-1">
          {spanNames.map((name) => (
            // biome-ignore lint/a11y/useSemanticElements: three short words side by side are a switch, not a form
            <button
              key={name}
              type="button"
              role="radio"
              aria-checked={name === chosen}
              onClick={() => setChosen(name)}
              className={`h-7 rounded px-2 text-12 tabular-nums coarse:h-10 coarse:px-3 ${name === chosen ? 'bg-tint-strong font-medium text-ink' : 'text-ink-soft hover:bg-tint'}`}
            >
              {spans[name].label}
            </button>
          ))}
        </div>
      </div>
      <div role="img" aria-label={`Over the last ${spans[chosen].label}: at most ${speed(highest)}.`}>
        <Plot samples={samples} span={chosen} />
      </div>
    </section>
  );
}

function Plot({ samples, span }: { samples: readonly Sample[]; span: SpanName }) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const theme = useTheme((state) => state.theme);
  const systemDark = useSystemDark();
  const latest = useRef(samples);
  latest.current = samples;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme means other colours, read from the page when the plot is made
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element, span), dataOf(latest.current, span), element);
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }));
    fit.observe(element);
    return () => {
      fit.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [span, theme, systemDark]);
  useEffect(() => plot.current?.setData(dataOf(samples, span)), [samples, span]);
  return <div ref={holder} className="w-full overflow-hidden" style={{ height: `${heightPx}px` }} />;
}

/** Every step of the span has a point, so that a gap (a daemon that was away) shows as one. */
function dataOf(samples: readonly Sample[], name: SpanName): uPlot.AlignedData {
  const { seconds, stepSeconds } = spans[name];
  const lastMs = samples.at(-1)?.atMs ?? Math.floor(Date.now() / 1000 / stepSeconds) * stepSeconds * 1000;
  const known = new Map(samples.map((sample) => [sample.atMs, sample.bytesPerSecond]));
  const times: number[] = [];
  const values: (number | null)[] = [];
  for (let atMs = lastMs - seconds * 1000; atMs <= lastMs; atMs += stepSeconds * 1000) {
    times.push(atMs / 1000);
    values.push(known.get(atMs) ?? null);
  }
  return [times, values];
}

function optionsFor(element: HTMLElement, name: SpanName): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const axis = {
    stroke: colour('--ink-faint'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(100, element.clientWidth),
    height: heightPx,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 0, 0, 0],
    scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, Math.max(1_000_000, (max ?? 0) * 1.15)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 90,
        incrs: [60, 300, 600, 900, 1800, 3600, 7200, 14_400],
        values: (_plot, ticks) => ticks.map((tick) => hourMinute.format(tick * 1000)),
      },
      {
        ...axis,
        size: 76,
        space: 40,
        values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? '0' : speed(tick))),
      },
    ],
    series: [
      {},
      {
        stroke: colour('--moves'),
        fill: colour('--moves-tint'),
        width: 1.5,
        points: { show: false },
        spanGaps: name === 'now',
      },
    ],
  };
}

function useSystemDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const asked = matchMedia('(prefers-color-scheme: dark)');
    const change = () => setDark(asked.matches);
    asked.addEventListener('change', change);
    return () => asked.removeEventListener('change', change);
  }, []);
  return dark;
}
