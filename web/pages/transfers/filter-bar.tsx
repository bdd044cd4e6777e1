// The filters over the list: a search, one chip for each kind of state with its count, and what else the address narrows down.

import { useLive } from '../../live/live-store.ts';
import type { ListFilter } from '../../live/transfer-list.ts';
import { useOverview } from '../../live/use-overview.ts';
import { Chip, Removable } from '../../parts/chip.tsx';
import { SearchField } from '../../parts/search-field.tsx';
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
        <SearchField
          label="Search names and folders in this list"
          placeholder="Filter by name or folder"
          value={filter.search}
          onChange={(q) => onChange({ q })}
          field={searchField}
        />
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
