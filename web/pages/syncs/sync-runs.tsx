// The runs of a sync, newest first: how each ended, files, bytes, how long it took, and its error.

import type { SyncView } from '../../../src/model/sync-views.ts';
import type { JobView } from '../../../src/model/views.ts';
import { useSyncRuns } from '../../live/use-syncs.ts';
import { Button } from '../../parts/button.tsx';
import { Link } from '../../parts/link.tsx';
import { Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { When } from '../../parts/when.tsx';
import { count, counted, size } from '../../words/amounts.ts';
import { jobLooks } from '../../words/states.ts';
import { span } from '../../words/times.ts';

export function SyncRuns({ sync, onCheck }: { sync: SyncView; onCheck: () => void }) {
  const { runs, error, more, readMore } = useSyncRuns(sync.id);
  return (
    <Section
      title="Runs"
      tools={
        <Button icon="retry" onClick={onCheck}>
          Check everything again
        </Button>
      }
    >
      {error !== null && runs === undefined && <p className="text-needs">The runs could not be read.</p>}
      {runs?.length === 0 && <p className="text-ink-faint">None yet.</p>}
      {runs !== undefined && runs.length > 0 && (
        <ul aria-label="Runs">
          {runs.map((job) => (
            <Run key={job.id} job={job} />
          ))}
        </ul>
      )}
      {more && (
        <div className="pt-3">
          <Button onClick={() => void readMore()}>Show older runs</Button>
        </div>
      )}
    </Section>
  );
}

function Run({ job }: { job: JobView }) {
  const { counts, createdAt, finishedAt, error, id } = job;
  const tookSeconds = finishedAt === null ? undefined : (Date.parse(finishedAt) - Date.parse(createdAt)) / 1000;
  const files =
    counts.completed === 0
      ? finishedAt === null
        ? 'Under way'
        : 'Nothing new'
      : `${counted(counts.completed, 'file')}, ${size(counts.bytesCompleted)}`;
  return (
    <li className="border-t border-line first:border-t-0">
      <Link href={`/jobs/${id}`} className="flex flex-col gap-0.5 py-1.5 hover:bg-tint">
        <span className="flex items-center justify-between gap-3">
          <StateMark look={jobLooks[job.state]} />
          <When at={createdAt} className="text-12 text-ink-faint" />
        </span>
        <span className="text-12 text-ink-soft tabular-nums">
          {files}
          {counts.skipped > 0 && ` · ${count(counts.skipped)} unchanged`}
          {counts.failed > 0 && <span className="text-needs"> · {count(counts.failed)} failed</span>}
          {tookSeconds !== undefined && ` · took ${tookSeconds < 1 ? 'under 1 s' : span(tookSeconds)}`}
        </span>
        {error !== null && (
          <span className="truncate text-12 text-needs" title={error.message}>
            {error.message}
          </span>
        )}
      </Link>
    </li>
  );
}
