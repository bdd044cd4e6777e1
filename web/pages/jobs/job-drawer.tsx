// The drawer of one job: how far it is, what it was asked for, its verbs, and the way to its transfers.

import { useQuery } from '@tanstack/react-query';
import { asFault } from '../../../src/model/fault.ts';
import type { JobView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { actOnJob } from '../../live/actions.ts';
import { jobFiguresOf } from '../../live/job-figures.ts';
import { learnJobs, useLive } from '../../live/live-store.ts';
import { ActionButtons } from '../../parts/action-buttons.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { When } from '../../parts/when.tsx';
import { count, perCent, size, speed } from '../../words/amounts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { jobLooks } from '../../words/states.ts';
import { exactMoment } from '../../words/times.ts';
import { doneOf, etaText } from '../../words/transfers.ts';
import { RunFolders } from '../syncs/run-folders.tsx';

export function JobDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, error } = useQuery({
    queryKey: ['job', id],
    queryFn: async ({ signal }) => {
      const job = await api.call('getJob', { params: { id } }, { signal });
      learnJobs([job]);
      return job;
    },
  });
  const live = useLive((state) => state.jobs.get(id));
  const job = live ?? data;
  if (job === undefined) {
    return (
      <Drawer title="Job" label="Job" onClose={onClose}>
        <p className="p-4 text-ink-soft">{error === null ? 'Reading…' : asFault(error).message}</p>
      </Drawer>
    );
  }
  return (
    <Drawer
      title={<span className="break-words">{jobTitle(job)}</span>}
      label={`Job ${jobTitle(job)}`}
      onClose={onClose}
      footer={
        job.actions.length > 0 && (
          <ActionButtons
            actions={job.actions}
            retry="Retry what failed"
            cancelling="Cancel this job? What is proven stays."
            onAct={(action) => void actOnJob(action, { id: job.id, title: jobTitle(job) })}
          />
        )
      }
    >
      <Standing job={job} />
      <Counts job={job} />
      {job.kind === 'sync' && <RunFolders job={job} />}
      <Asked job={job} />
    </Drawer>
  );
}

function Standing({ job }: { job: JobView }) {
  const live = useLive((state) => state.jobProgress.get(job.id));
  const figures = jobFiguresOf(job, live);
  const look = jobLooks[job.state];
  const eta = etaText(figures.eta);
  return (
    <section aria-label="State" className="flex flex-col gap-3 p-4">
      <div className="flex items-center justify-between gap-3 text-14 font-medium">
        <StateMark look={look} />
        {figures.bytesPerSecond > 0 && <span className="tabular-nums">{speed(figures.bytesPerSecond)}</span>}
        {job.finishedAt !== null && <When at={job.finishedAt} className="text-13 font-normal text-ink-soft" />}
      </div>
      {figures.part !== undefined && job.state !== 'completed' && (
        <>
          {['running', 'waiting', 'paused'].includes(job.state) && (
            <ProgressBar part={figures.part} tone={look.tone} label="Progress" className="h-2" />
          )}
          <div className="flex justify-between gap-3 text-ink-soft tabular-nums">
            <span>
              {perCent(figures.part)} · {doneOf(figures.bytesDone, figures.bytesFound)}
            </span>
            <span className="text-right">
              {eta.short} <span className="text-ink-faint">{eta.cause}</span>
            </span>
          </div>
        </>
      )}
      {job.error !== null && <Trouble error={job.error} />}
    </section>
  );
}

function Counts({ job }: { job: JobView }) {
  const live = useLive((state) => state.jobProgress.get(job.id));
  const figures = jobFiguresOf(job, live);
  const cells: readonly (readonly [label: string, value: number, state: string | undefined])[] = [
    ['Found', figures.filesFound, undefined],
    ['Unchanged', figures.filesSkipped, undefined],
    ['Proven', figures.filesDone, 'proven'],
    ['Failed', figures.filesFailed, 'failed'],
  ];
  return (
    <Section
      title="Files"
      tools={
        <Link
          href={`/transfers?job=${job.id}`}
          className="text-12 font-medium underline decoration-line-strong underline-offset-2"
        >
          Show its transfers
        </Link>
      }
    >
      <dl className="grid grid-cols-4 gap-2">
        {cells.map(([label, value, state]) => (
          <div key={label} className="flex flex-col-reverse">
            <dt className="text-12 text-ink-faint">{label}</dt>
            <dd className={`text-20 font-medium tabular-nums ${state === 'failed' && value > 0 ? 'text-needs' : ''}`}>
              {state !== undefined && value > 0 ? (
                <Link href={`/transfers?job=${job.id}&state=${state}`} className="hover:underline">
                  {count(value)}
                </Link>
              ) : (
                count(value)
              )}
            </dd>
          </div>
        ))}
      </dl>
      <p className="mt-2 text-12 text-ink-faint tabular-nums">
        {size(figures.bytesFound)} in all{figures.planning && job.kind !== 'watch' ? ' so far' : ''}
      </p>
    </Section>
  );
}

const shownOptions = ['conflict', 'verify', 'hash', 'bandwidth', 'scanSeconds', 'stableSeconds', 'move', 'checksum'];

function Asked({ job }: { job: JobView }) {
  const options = shownOptions.flatMap((key) => {
    const value = job.spec[key];
    if (value === undefined || value === null || value === false) return [];
    return [[optionName(key), value === true ? 'Yes' : String(value)] as const];
  });
  return (
    <Section title="Asked for">
      <Facts
        rows={[
          ['From', <Paths key="from" paths={job.sources} />],
          ['To', <Paths key="to" paths={job.destinations} />],
          ...options,
          ['Created', exactMoment(Date.parse(job.createdAt))],
        ]}
      />
    </Section>
  );
}

function optionName(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1).replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
}

function Paths({ paths }: { paths: readonly string[] }) {
  return (
    <ul>
      {paths.slice(0, 20).map((path) => (
        <li key={path} className="wrap-anywhere font-mono text-12 leading-5">
          {path}
        </li>
      ))}
      {paths.length > 20 && <li className="text-ink-faint">and {paths.length - 20} more</li>}
    </ul>
  );
}
