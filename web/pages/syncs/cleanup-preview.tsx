// What cleanup would delete at the source of a sync right now, file by file; deletes nothing.

import { useQuery } from '@tanstack/react-query';
import { asFault } from '../../../src/model/fault.ts';
import type { SyncView } from '../../../src/model/sync-views.ts';
import { api } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Section } from '../../parts/section.tsx';
import { count, size } from '../../words/amounts.ts';
import { span } from '../../words/times.ts';
import { CleanupFigures } from './cleanup-outcome.tsx';
import { wishesOf } from './sync-form.ts';

const mostListed = 200;

interface CleanupPreviewProps {
  sync: SyncView;
  /** Else it waits to be asked: the whole source is looked at. */
  shown: boolean;
  onShow: () => void;
}

export function CleanupPreview({ sync, shown, onShow }: CleanupPreviewProps) {
  if (shown) return <Preview sync={sync} />;
  return (
    <Section title="Cleanup at the source">
      <div className="flex items-center justify-between gap-3">
        <p className="text-ink-soft">
          After each run, proven files older than {span((wishesOf(sync).cleanup?.ageHours ?? 0) * 3600)}.
        </p>
        <Button onClick={onShow}>What it would delete now</Button>
      </div>
    </Section>
  );
}

function Preview({ sync }: { sync: SyncView }) {
  const { data, error } = useQuery({
    queryKey: ['cleanup-preview', sync.id, sync.updatedAt],
    queryFn: ({ signal }) => api.call('cleanUp', { body: requestOf(sync) }, { signal }),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    retry: false,
  });
  return (
    <Section title="What cleanup would delete now">
      {error !== null && (
        <p role="alert" className="text-needs">
          {asFault(error).message}
        </p>
      )}
      {data === undefined && error === null && <p className="text-ink-faint">The source is being looked at…</p>}
      {data !== undefined && (
        <>
          <CleanupFigures result={data} />
          <ul aria-label="Files that would be deleted" className="mt-2 max-h-64 overflow-y-auto text-12">
            {data.files.slice(0, mostListed).map(({ path, sizeBytes }) => (
              <li key={path} className="flex justify-between gap-3 py-0.5">
                <span className="min-w-0 wrap-anywhere font-mono">{path}</span>
                <span className="shrink-0 text-ink-faint tabular-nums">{size(sizeBytes)}</span>
              </li>
            ))}
            {data.filesDeleted > mostListed && (
              <li className="text-ink-faint">and {count(data.filesDeleted - mostListed)} more</li>
            )}
          </ul>
        </>
      )}
    </Section>
  );
}

/** As a run of the sync asks for it at its end. */
function requestOf(sync: SyncView) {
  const { source, folders, destinations, cleanup } = wishesOf(sync);
  return {
    ...cleanup,
    endpoint: source,
    folders: folders.map((each) => (typeof each === 'string' ? each : each.from)).filter((folder) => folder !== ''),
    copies: destinations.length,
    dryRun: true,
  };
}
