// A progress bar that trails the truth: it glides to each newly known value and never runs ahead of it.

import type { Tone } from '../words/states.ts';
import { toneFill } from '../words/states.ts';

interface ProgressBarProps {
  /** 0 to 1; undefined while the whole is not known. */
  part: number | undefined;
  tone: Tone;
  /** What is being measured, for screen readers. */
  label: string;
  /** A second mark, 0 to 1: how far the writer of a growing file has come. */
  head?: number | undefined;
  className?: string;
}

export function ProgressBar({ part, tone, label, head, className = 'h-1.5' }: ProgressBarProps) {
  const shown = part ?? 0;
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(part === undefined ? {} : { 'aria-valuenow': Math.floor(shown * 100) })}
      className={`relative w-full overflow-hidden rounded-full bg-track ${className}`}
    >
      <div
        className={`bar-fill absolute inset-0 rounded-full ${toneFill[tone]}`}
        style={{ transform: `scaleX(${shown.toFixed(4)})` }}
      />
      {head !== undefined && (
        <div className="absolute inset-y-0 w-0.5 bg-ink" style={{ left: `${(head * 100).toFixed(2)}%` }} />
      )}
    </div>
  );
}
