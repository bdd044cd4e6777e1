// The page of jobs: what was asked for, how far each is, and the drawer of one of them or of a new copy.

import { useCallback } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { JobView } from '../../../src/model/views.ts';
import { PageHead } from '../../frame/page-head.tsx';
import { jobFiguresOf } from '../../live/job-figures.ts';
import { useLive } from '../../live/live-store.ts';
import { useJobs } from '../../live/use-jobs.ts';
import { useNow } from '../../live/use-now.ts';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go } from '../../router.ts';
import { count, counted, perCent, size, speed } from '../../words/amounts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { jobLooks } from '../../words/states.ts';
import { age, exactMoment } from '../../words/times.ts';
import { etaText } from '../../words/transfers.ts';
import { JobDrawer } from './job-drawer.tsx';
import { NewCopyDrawer } from './new-copy-drawer.tsx';

export function JobsPage({ open }: { open: string | undefined }) {
  const { jobs, error, more, readMore } = useJobs();
  const close = useCallback(() => go('/jobs'), []);
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PageHead title="Jobs">
          <ButtonLink href="/jobs/new">Copy files</ButtonLink>
        </PageHead>
        {error !== null && jobs === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        {jobs?.length === 0 && (
          <EmptyState
            title="No jobs yet"
            action={<ButtonLink href="/jobs/new">Copy files</ButtonLink>}
            command="wherry copy FROM TO"
          >
            A job is what you ask for: copy these files there, or watch this folder. Start with a copy here, or with
            this command.
          </EmptyState>
        )}
        {jobs !== undefined && jobs.length > 0 && (
          <div className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
            <ul>
              {jobs.map((job) => (
                <JobRow key={job.id} job={job} open={job.id === open} />
              ))}
            </ul>
            {more && (
              <div className="p-4">
                <Button onClick={() => void readMore()}>Show older jobs</Button>
              </div>
            )}
          </div>
        )}
      </div>
      {open === 'new' && <NewCopyDrawer onClose={close} />}
      {open !== undefined && open !== 'new' && <JobDrawer id={open} onClose={close} />}
    </>
  );
}

function JobRow({ job, open }: { job: JobView; open: boolean }) {
  const live = useLive((state) => state.jobProgress.get(job.id));
  const nowMs = useNow(5000);
  const figures = jobFiguresOf(job, live);
  const look = jobLooks[job.state];
  const eta = etaText(figures.eta);
  return (
    <li className={`border-b border-line ${open ? 'bg-tint-strong' : 'hover:bg-tint'}`}>
      <Link
        href={`/jobs/${job.id}`}
        className="grid grid-cols-[116px_minmax(0,3fr)_minmax(0,2fr)_64px] items-center gap-x-4 px-4 py-2.5 @max-[720px]:grid-cols-[minmax(0,1fr)_auto] @max-[720px]:gap-y-1"
      >
        <span className="@max-[720px]:order-2">
          <StateMark look={look} />
        </span>
        <span className="flex min-w-0 flex-col">
          <span className="truncate font-medium" title={job.name}>
            {jobTitle(job)}
          </span>
          <span
            className="truncate text-12 text-ink-faint"
            title={`${job.sources.join('\n')}\n→ ${job.destinations.join('\n')}`}
          >
            {job.kind} · {job.sources[0]}
            {job.sources.length > 1 && ` and ${job.sources.length - 1} more`} → {job.destinations.join(', ')}
          </span>
        </span>
        <span className="flex min-w-0 flex-col gap-1 tabular-nums @max-[720px]:order-3 @max-[720px]:col-span-2">
          {figures.part !== undefined && ['running', 'waiting', 'paused'].includes(job.state) && (
            <ProgressBar part={figures.part} tone={look.tone} label={`Progress of ${jobTitle(job)}`} />
          )}
          <span className="flex justify-between gap-2 text-12 text-ink-soft">
            <span className="truncate">
              {job.error !== null && job.state === 'failed' ? (
                <span className="text-needs" title={job.error.message}>
                  {job.error.message}
                </span>
              ) : (
                <>
                  {job.kind === 'watch'
                    ? `${figures.filesDone === 0 ? 'Nothing' : counted(figures.filesDone, 'file')} proven`
                    : `${count(figures.filesDone + figures.filesSkipped)} of ${counted(figures.filesFound, 'file')}`}
                  {figures.bytesFound > 0 && `, ${size(figures.bytesDone)}`}
                  {figures.filesFailed > 0 && (
                    <span className="text-needs"> · {count(figures.filesFailed)} failed</span>
                  )}
                </>
              )}
            </span>
            <span className="shrink-0">
              {figures.bytesPerSecond > 0 && speed(figures.bytesPerSecond)}
              {eta.short !== '' && ` · ${eta.short}`}
              {figures.planning && figures.bytesPerSecond === 0 && job.kind !== 'watch' && 'Looking for files'}
              {job.state === 'paused' && figures.part !== undefined && perCent(figures.part)}
            </span>
          </span>
        </span>
        <time
          dateTime={job.createdAt}
          title={exactMoment(Date.parse(job.createdAt))}
          className="text-right text-12 text-ink-faint tabular-nums @max-[720px]:hidden"
        >
          {age(Date.parse(job.createdAt), nowMs)}
        </time>
      </Link>
    </li>
  );
}
