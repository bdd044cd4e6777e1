// A day of free space as a small line.

import type { StorageView } from '../../../src/model/watch-views.ts';
import { size } from '../../words/amounts.ts';

const widthPx = 220;
const heightPx = 36;

export function FreeSpaceLine({ history, endpoint }: { history: StorageView['history']; endpoint: string }) {
  const first = history[0];
  const last = history.at(-1);
  if (first === undefined || last === undefined || history.length < 2) return null;
  const fromMs = Date.parse(first.at);
  const spanMs = Math.max(1, Date.parse(last.at) - fromMs);
  const most = Math.max(...history.map((point) => point.freeBytes));
  const least = Math.min(...history.map((point) => point.freeBytes));
  // A line that hardly moves is drawn flat: noise must not look like a fall.
  const rangeBytes = Math.max(most - least, most * 0.02, 1);
  const points = history.map((point) => {
    const x = ((Date.parse(point.at) - fromMs) / spanMs) * widthPx;
    const y = 2 + ((most - point.freeBytes) / rangeBytes) * (heightPx - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      role="img"
      aria-label={`Free space of ${endpoint} over the last day: from ${size(first.freeBytes)} to ${size(last.freeBytes)}`}
      viewBox={`0 0 ${widthPx} ${heightPx}`}
      className="h-9 w-full text-ink-faint"
      preserveAspectRatio="none"
    >
      <polyline
        points={points.join(' ')}
        fill="none"
        stroke="currentcolor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
