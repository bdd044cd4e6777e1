// What recordings are picked out by: a search, the kind, the device, days, and what the address narrows down besides; and how they are shown.

import type { RecordingView } from '../../../src/model/recording-views.ts';
import { useDevices } from '../../live/use-devices.ts';
import type { RecordingFilter } from '../../live/use-recordings.ts';
import { Chip, Removable } from '../../parts/chip.tsx';
import { SearchField } from '../../parts/search-field.tsx';
import { kindWords } from '../../words/recordings.ts';

interface RecordingFiltersProps {
  filter: RecordingFilter;
  query: URLSearchParams;
  /** Devices that are not known any more still stand in these. */
  known: readonly RecordingView[];
  onChange: (changes: Record<string, string | undefined>) => void;
}

const field = 'h-7 rounded border border-line-strong bg-surface px-1.5 text-12 coarse:h-10 coarse:text-16';

export function RecordingFilters({ filter, query, known, onChange }: RecordingFiltersProps) {
  const { data } = useDevices();
  const names = new Map<string, string>();
  if (filter.device !== undefined) names.set(filter.device, filter.device);
  for (const { device } of known) if (device !== null) names.set(device.id, device.name);
  for (const { id, name } of data?.rows ?? []) names.set(id, name);
  const asList = query.get('view') === 'list';
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-4 py-2">
      <h1 className="sr-only">Recordings</h1>
      <div className="narrow:min-w-0 narrow:flex-1">
        <SearchField
          label="Search recordings"
          placeholder="Name, device or key"
          value={filter.search ?? ''}
          onChange={(q) => onChange({ q })}
        />
      </div>
      <div role="toolbar" aria-label="Kinds" className="flex gap-1 overflow-x-auto narrow:order-2 narrow:w-full">
        <Chip on={filter.kind === undefined} onClick={() => onChange({ kind: undefined })}>
          All
        </Chip>
        {kindWords.map(([kind, label]) => (
          <Chip key={kind} on={filter.kind === kind} onClick={() => onChange({ kind })}>
            {label}
          </Chip>
        ))}
      </div>
      <span className="flex min-w-0 items-center gap-1 overflow-x-auto text-12 text-ink-soft narrow:order-3 narrow:w-full">
        <select
          aria-label="Device"
          value={filter.device ?? ''}
          onChange={(event) => onChange({ device: event.target.value })}
          className={`${field} mr-1 max-w-44 min-w-0 narrow:flex-1`}
        >
          <option value="">All devices</option>
          {[...names].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <input
          type="date"
          aria-label="Recorded from"
          value={filter.fromDay ?? ''}
          onChange={(event) => onChange({ from: event.target.value })}
          className={`${field} narrow:w-[7.5rem]`}
        />
        –
        <input
          type="date"
          aria-label="Recorded to"
          value={filter.toDay ?? ''}
          onChange={(event) => onChange({ to: event.target.value })}
          className={`${field} narrow:w-[7.5rem]`}
        />
      </span>
      {filter.associateWith !== undefined && (
        <Removable label={`Key: ${filter.associateWith}`} onRemove={() => onChange({ key: undefined })} />
      )}
      {filter.job !== undefined && <Removable label="One job" onRemove={() => onChange({ job: undefined })} />}
      <div role="toolbar" aria-label="Shown as" className="ml-auto flex gap-1 narrow:order-1">
        <Chip on={!asList} onClick={() => onChange({ view: undefined })}>
          Pictures
        </Chip>
        <Chip on={asList} onClick={() => onChange({ view: 'list' })}>
          List
        </Chip>
      </div>
    </div>
  );
}
