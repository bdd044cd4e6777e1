// How a run of a sync stands: its folders side by side, each with its progress and its fault, how places are reached, and what was deleted.

import type { SyncStatusView } from '../../../src/model/sync-views.ts';
import type { JobView } from '../../../src/model/views.ts';
import { useLive } from '../../live/live-store.ts';
import { useSyncStatus } from '../../live/use-syncs.ts';
import { useTransferList } from '../../live/use-transfer-list.ts';
import { Icon } from '../../parts/icon.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { counted } from '../../words/amounts.ts';
import { folderLooks, folderName, folderSentence, isUnderWay } from '../../words/syncs.ts';
import { CleanupOutcome } from './cleanup-outcome.tsx';

export function RunFolders({ job }: { job: JobView }) {
  const underWay = isUnderWay(job.state);
  const { data } = useSyncStatus(job.id, underWay);
  if (data === undefined) return null;
  const { folders, transport, problems, deleted, renamed, cleanup } = data;
  const ways = Object.entries(transport);
  const done = [
    renamed > 0 ? `${counted(renamed, 'file')} renamed` : '',
    deleted > 0 ? `${counted(deleted, 'file')} deleted at the destination` : '',
  ].filter((text) => text !== '');
  return (
    <>
      {folders.length > 0 && (
        <Section
          title={folders.length === 1 ? 'Folder' : `Folders${underWay ? ', side by side' : ''}: ${folders.length}`}
        >
          {underWay && <Known jobId={job.id} />}
          <ul className="flex flex-col gap-3">
            {folders.map((folder) => (
              <Folder
                key={`${folder.destination} ${folder.from} ${folder.to}`}
                jobId={job.id}
                folder={folder}
                showsDestination={job.destinations.length > 1}
              />
            ))}
          </ul>
          {done.length > 0 && <p className="mt-3 text-ink-soft tabular-nums">{done.join(', ')}.</p>}
        </Section>
      )}
      {problems.length > 0 && (
        <Section title="What a person should know">
          <ul className="text-12">
            {problems.map(({ path, text }) => (
              <li key={`${path} ${text}`} className="flex gap-1.5 py-0.5 text-waits">
                <Icon name="needs" />
                <span className="min-w-0 break-words">
                  {path !== '' && <span className="font-mono">{path}: </span>}
                  {text}
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {ways.length > 0 && (
        <Section title="How they are reached">
          <dl className="flex flex-col gap-1.5">
            {ways.map(([place, words]) => (
              <div key={place}>
                <dt className="wrap-anywhere font-mono text-12 text-ink-faint">{place}</dt>
                <dd>{words}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      <CleanupOutcome result={cleanup} />
    </>
  );
}

interface FolderProps {
  jobId: string;
  folder: SyncStatusView['folders'][number];
  showsDestination: boolean;
}

function Folder({ jobId, folder, showsDestination }: FolderProps) {
  const moving = useMovingBytes(jobId, folder);
  const look = folderLooks[folder.state];
  const name = folderName(folder);
  return (
    <li className="flex flex-col gap-1">
      <span className="flex items-center justify-between gap-2">
        <span className="min-w-0 truncate font-medium" title={`${name} → ${folder.destination}`}>
          {name}
        </span>
        <span className="shrink-0 text-12">
          <StateMark look={look} />
        </span>
      </span>
      {folder.state === 'transferring' && (
        <ProgressBar part={partOf(folder, moving)} tone={look.tone} label={`Progress of ${name}`} />
      )}
      <span className="text-12 text-ink-soft tabular-nums">
        {showsDestination && <span className="wrap-anywhere">To {folder.destination}: </span>}
        {folderSentence(folder)}
      </span>
      {folder.fault !== null && (
        <span className="text-12 text-needs">
          {folder.fault.message} <span className="text-ink-soft">{folder.fault.remedy}</span>
        </span>
      )}
    </li>
  );
}

/** Rows of files that began to move before the page was opened: events tell only of others. */
function Known({ jobId }: { jobId: string }) {
  useTransferList({
    states: ['transferring'],
    job: jobId,
    mode: undefined,
    search: '',
    sort: 'created',
    order: 'desc',
  });
  return null;
}

/** Of files that are under way: so far only the live figures know of them. */
function useMovingBytes(jobId: string, { from, to, destination }: FolderProps['folder']): number {
  return useLive(({ progress, transfers }) => {
    let bytes = 0;
    for (const { transferId, jobId: of, bytesDone } of progress.values()) {
      const transfer = of === jobId ? transfers.get(transferId) : undefined;
      if (transfer === undefined || transfer.destination.endpoint !== destination) continue;
      if (isWithin(transfer.source.path, from) && isWithin(transfer.destination.path, to)) bytes += bytesDone;
    }
    return bytes;
  });
}

function isWithin(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`);
}

function partOf({ expected, expectedBytes, transferred, bytes }: FolderProps['folder'], moving: number) {
  if (expectedBytes > 0) return Math.min(1, (bytes + moving) / expectedBytes);
  return expected === 0 ? undefined : Math.min(1, transferred / expected);
}
