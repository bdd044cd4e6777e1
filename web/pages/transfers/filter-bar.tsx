// The filters over the list: a search, one chip for each kind of state with its count, and what else the address narrows down.

import { useEffect, useRef, useState } from 'react';
import { useLive } from '../../live/live-store.ts';
import type { ListFilter } from '../../live/transfer-list.ts';
import { useOverview } from '../../live/use-overview.ts';
import { Icon } from '../../parts/icon.tsx';
import { count, counted } from '../../words/amounts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { chosenGroups, isGrouped, stateGroups } from './list-address.ts';

interface FilterBarProps {
  filter: ListFilter;
  query: URLSearchParams;
  total: number;
  onChange: (changes: Record<string, string | undefined>) => void;
  searchField: React.RefObject<HTMLInputElement | null>;
}

export function FilterBar({ filter, query, total, onChange, searchField }: FilterBarProps) {
  const { data: overview } = useOverview();
  const chosen = chosenGroups(query);
  const grouped = isGrouped(query);
  const job = useLive((state) => (filter.job === undefined ? undefined : state.jobs.get(filter.job)));
  const countsKnown = filter.job === undefined && filter.mode === undefined && filter.search === '';
  const toggle = (key: string) => {
    const next = chosen.includes(key) ? chosen.filter((each) => each !== key) : [...chosen, key];
    onChange({ state: next.join(',') });
  };
  return (
    <div className="@container flex shrink-0 items-center gap-2 border-b border-line px-4 py-2 narrow:flex-col narrow:items-stretch narrow:px-0">
      <h1 className="sr-only">Transfers</h1>
      <div className="narrow:px-3">
        <SearchField value={filter.search} onChange={(q) => onChange({ q })} field={searchField} />
      </div>
      <div
        role="toolbar"
        aria-label="Filters"
        className="flex min-w-0 flex-1 items-center gap-1 overflow-x-auto p-0.5 pr-4 [mask-image:linear-gradient(to_right,black_calc(100%-16px),transparent)] [scrollbar-width:none] narrow:px-3"
      >
        <Chip on={chosen.length === 0} onClick={() => onChange({ state: undefined })}>
          All
        </Chip>
        {stateGroups.map((group) => {
          const known = overview?.transfers;
          const of = known === undefined ? 0 : group.states.reduce((sum, state) => sum + (known[state] ?? 0), 0);
          const on = chosen.includes(group.key);
          if (countsKnown && of === 0 && !on && ['paused', 'cancelled', 'waiting', 'queued'].includes(group.key))
            return null;
          return (
            <Chip key={group.key} on={on} onClick={() => toggle(group.key)} needs={group.key === 'failed' && of > 0}>
              {group.label}
              {countsKnown && <span className="font-normal tabular-nums">{count(of)}</span>}
            </Chip>
          );
        })}
        {filter.job !== undefined && (
          <Removable
            label={`Job: ${job === undefined ? filter.job : jobTitle(job)}`}
            onRemove={() => onChange({ job: undefined })}
          />
        )}
        {filter.mode !== undefined && (
          <Removable label={`Mode: ${filter.mode}`} onRemove={() => onChange({ mode: undefined })} />
        )}
      </div>
      <span className="flex shrink-0 items-center gap-3 narrow:px-3">
        <CheckChip label="By job" on={grouped} onChange={(on) => onChange({ group: on ? 'job' : undefined })} />
        <span className="text-12 text-ink-faint tabular-nums @max-[900px]:hidden" aria-live="off">
          {counted(total, 'transfer')}
        </span>
      </span>
    </div>
  );
}

function Chip(props: { on: boolean; needs?: boolean; onClick: () => void; children: React.ReactNode }) {
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

function CheckChip({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="flex h-7 items-center gap-1.5 text-12 font-medium text-ink-soft coarse:h-9">
      <input
        type="checkbox"
        className="size-3.5 accent-(--ink)"
        checked={on}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}

function Removable({ label, onRemove }: { label: string; onRemove: () => void }) {
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

/** Types ahead of the address: what is asked follows once the typing rests. */
function SearchField(props: {
  value: string;
  onChange: (value: string | undefined) => void;
  field: React.RefObject<HTMLInputElement | null>;
}) {
  const { value, onChange, field } = props;
  const [text, setText] = useState(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => latest.current(text === '' ? undefined : text), 250);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <div className="relative">
      <Icon name="search" className="pointer-events-none absolute top-1.5 left-2 text-ink-faint coarse:top-3" />
      <input
        ref={field}
        type="search"
        value={text}
        aria-label="Search names and folders in this list"
        placeholder="Filter by name or folder"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          setText('');
          event.currentTarget.blur();
        }}
        className="h-7 w-56 rounded border border-line-strong bg-surface pr-2 pl-7 coarse:h-10 coarse:text-16 narrow:w-full [&::-webkit-search-cancel-button]:hidden"
      />
    </div>
  );
}
