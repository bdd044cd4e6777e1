// Bytes per second over time, as the daemon has measured them.

import 'uplot/dist/uPlot.min.css';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import type { ThroughputView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { useTheme } from '../../frame/theme.ts';
import { speed } from '../../words/amounts.ts';

const spans = [
  { name: 'minutes', label: '5 min', everyMs: 2000 },
  { name: 'hour', label: '1 h', everyMs: 20_000 },
  { name: 'day', label: '24 h', everyMs: 60_000 },
] as const;
type Span = (typeof spans)[number];

const heightPx = 168;
const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export function ThroughputGraph({ bytesPerSecond }: { bytesPerSecond: number }) {
  const [chosen, setChosen] = useState<Span>(spans[0]);
  const { data } = useQuery({
    queryKey: ['throughput', chosen.name],
    queryFn: ({ signal }) => api.call('getThroughput', { query: { span: chosen.name } }, { signal }),
    refetchInterval: chosen.everyMs,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const highest = (data?.bytesPerSecond ?? []).reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
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
          {spans.map((span) => (
            // biome-ignore lint/a11y/useSemanticElements: three short words side by side are a switch, not a form
            <button
              key={span.name}
              type="button"
              role="radio"
              aria-checked={span === chosen}
              onClick={() => setChosen(span)}
              className={`h-7 rounded px-2 text-12 tabular-nums coarse:h-10 coarse:px-3 ${span === chosen ? 'bg-tint-strong font-medium text-ink' : 'text-ink-soft hover:bg-tint'}`}
            >
              {span.label}
            </button>
          ))}
        </div>
      </div>
      <div role="img" aria-label={`Over the last ${chosen.label}: at most ${speed(highest)}.`}>
        <Plot data={data} />
      </div>
    </section>
  );
}

function Plot({ data }: { data: ThroughputView | undefined }) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const theme = useTheme((state) => state.theme);
  const systemDark = useSystemDark();
  const latest = useRef(data);
  latest.current = data;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme means other colours, read from the page when the plot is made
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element), pointsOf(latest.current), element);
    plot.current = made;
    const fit = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }));
    fit.observe(element);
    return () => {
      fit.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [theme, systemDark]);
  useEffect(() => plot.current?.setData(pointsOf(data)), [data]);
  return <div ref={holder} className="w-full overflow-hidden" style={{ height: `${heightPx}px` }} />;
}

function pointsOf(data: ThroughputView | undefined): uPlot.AlignedData {
  if (data === undefined) return [[], []];
  const until = Date.parse(data.until) / 1000;
  const { stepSeconds, bytesPerSecond } = data;
  return [bytesPerSecond.map((_, at) => until - (bytesPerSecond.length - 1 - at) * stepSeconds), bytesPerSecond];
}

function optionsFor(element: HTMLElement): uPlot.Options {
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
