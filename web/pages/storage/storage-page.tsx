// The page of storage: the places that watches read from and write to, whether they are well, and how long their room lasts.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { asFault } from '../../../src/model/fault.ts';
import type { StorageView } from '../../../src/model/watch-views.ts';
import { api } from '../../api.ts';
import { PageHead } from '../../frame/page-head.tsx';
import { note, noteFault } from '../../live/notes.ts';
import { useNow } from '../../live/use-now.ts';
import { useWatches } from '../../live/use-watches.ts';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { exactSize, perCent, size, speed } from '../../words/amounts.ts';
import type { Look } from '../../words/states.ts';
import { ago, exactMoment, span } from '../../words/times.ts';
import { FreeSpaceLine } from './free-space-line.tsx';

const key = ['storage'];

export function StoragePage() {
  const queries = useQueryClient();
  const { data: watches } = useWatches();
  const { data, error } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => api.call('getStorage', {}, { signal }),
    refetchInterval: 5000,
  });
  const isWatched = (watches?.rows.length ?? 0) > 0;
  const check = async () => {
    try {
      queries.setQueryData(key, await api.call('checkStorage'));
      note('info', 'All places were looked at.');
    } catch (problem) {
      noteFault(problem);
    }
  };
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <PageHead title="Storage">
        <Button icon="retry" onClick={() => void check()}>
          Look now
        </Button>
      </PageHead>
      {error !== null && data === undefined && (
        <EmptyState title="The places could not be read">{asFault(error).message}</EmptyState>
      )}
      {data?.rows.length === 0 && (
        <EmptyState
          title={isWatched ? 'The places are being looked at' : 'No place is in use'}
          {...(isWatched
            ? {}
            : {
                action: <ButtonLink href="/watches/new">Watch a folder</ButtonLink>,
                command: 'wherry watch FROM TO',
              })}
        >
          The folders that watches read from and write to stand here: whether they answer, whether they can be written,
          and how much room is left.
        </EmptyState>
      )}
      {data !== undefined && data.rows.length > 0 && (
        <ul className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
          {data.rows.map((place) => (
            <Place key={`${place.role} ${place.endpoint}`} place={place} />
          ))}
        </ul>
      )}
    </div>
  );
}

const looks: Readonly<Record<StorageView['state'], Look>> = {
  ok: { word: 'Well', icon: 'check', tone: 'still' },
  warning: { word: 'Short', icon: 'waits', tone: 'waits' },
  critical: { word: 'Critical', icon: 'needs', tone: 'needs' },
  unreachable: { word: 'Away', icon: 'needs', tone: 'needs' },
};

function Place({ place }: { place: StorageView }) {
  const nowMs = useNow(5000);
  const look = looks[place.state];
  const { freeBytes, totalBytes } = place;
  const used = freeBytes === null || totalBytes === null || totalBytes === 0 ? undefined : 1 - freeBytes / totalBytes;
  return (
    <li className="grid grid-cols-[116px_minmax(0,1fr)_220px_180px] items-center gap-x-6 gap-y-2 border-b border-line px-4 py-3 @max-[820px]:grid-cols-[minmax(0,1fr)_auto]">
      <span className="@max-[820px]:order-2">
        <StateMark look={look} title={`since ${exactMoment(Date.parse(place.since))}`} />
      </span>
      <span className="flex min-w-0 flex-col">
        <span className="truncate font-medium" title={place.endpoint}>
          {place.endpoint}
        </span>
        <span
          className={`text-12 ${place.reason === '' ? 'text-ink-faint' : look.tone === 'needs' ? 'text-needs' : 'text-waits'}`}
        >
          {place.role === 'source' ? 'Source' : 'Destination'}
          {place.reason !== '' && ` · ${place.reason}`}
          {place.reason === '' && place.writable === true && ' · writable'}
          {` · looked ${ago(Date.parse(place.checkedAt), nowMs)}`}
        </span>
      </span>
      <span className="@max-[820px]:order-3 @max-[820px]:col-span-2">
        <FreeSpaceLine history={place.history} endpoint={place.endpoint} />
      </span>
      <span className="flex flex-col text-right tabular-nums @max-[820px]:order-4 @max-[820px]:col-span-2 @max-[820px]:text-left">
        {freeBytes !== null && (
          <span title={exactSize(freeBytes)}>
            <strong className="font-medium">{size(freeBytes)}</strong> free
          </span>
        )}
        <span className="text-12 text-ink-faint">
          {totalBytes !== null && `of ${size(totalBytes)}`}
          {used !== undefined && `, ${perCent(used)} used`}
        </span>
        {place.bytesPerSecond > 0 && (
          <span className="text-12 text-ink-soft">
            {speed(place.bytesPerSecond)} comes in
            {place.roomSeconds !== null && `: room for ${span(place.roomSeconds)}`}
          </span>
        )}
      </span>
    </li>
  );
}
