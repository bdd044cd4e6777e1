// An icon by its name.

import type { IconName } from './drawings.ts';
import { drawings } from './drawings.ts';

/** Decoration only: the word beside it, or the button's label, says what it means. */
export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      className={`size-4 shrink-0 ${className}`}
      viewBox="0 0 16 16"
      fill={name === 'play' ? 'currentcolor' : 'none'}
      stroke="currentcolor"
      strokeWidth={name === 'more' || name === 'queued' ? 1.8 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={drawings[name]} />
    </svg>
  );
}
