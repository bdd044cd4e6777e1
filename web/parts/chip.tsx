// Filters as chips: one that is on or off, and one that can only be taken away.

import { Icon } from './icon.tsx';

export function Chip(props: { on: boolean; needs?: boolean; onClick: () => void; children: React.ReactNode }) {
  const { on, needs = false, onClick, children } = props;
  const look = on
    ? 'border-ink bg-ink text-surface'
    : needs
      ? 'border-line-strong text-needs hover:bg-needs-tint'
      : 'border-line-strong text-ink-soft hover:bg-tint hover:text-ink';
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={onClick}
      className={`inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full border px-2.5 text-12 font-medium coarse:h-9 coarse:px-3.5 ${look}`}
    >
      {children}
    </button>
  );
}

export function Removable({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <button
      type="button"
      onClick={onRemove}
      title="Remove this filter"
      className="inline-flex h-7 max-w-64 shrink-0 items-center gap-1.5 rounded-full border border-ink bg-ink px-2.5 text-12 font-medium text-surface coarse:h-9"
    >
      <span className="truncate">{label}</span>
      <Icon name="close" className="size-3" />
    </button>
  );
}
