// The drawer of one sync: how it is, the run that is under way, what it would do, its runs, what it was asked for, and its verbs.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { SyncView } from '../../../src/model/sync-views.ts';
import type { JobView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { actOnJob } from '../../live/actions.ts';
import { jobFiguresOf } from '../../live/job-figures.ts';
import { learnJobs, useLive } from '../../live/live-store.ts';
import { useAsking } from '../../live/use-asking.ts';
import { useNow } from '../../live/use-now.ts';
import { syncsKey } from '../../live/use-syncs.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { go, useAddress } from '../../router.ts';
import { counted, perCent, speed } from '../../words/amounts.ts';
import { jobLooks } from '../../words/states.ts';
import { dueWords, isUnderWay, syncLook, syncSentence } from '../../words/syncs.ts';
import { doneOf, etaText } from '../../words/transfers.ts';
import { CleanupPreview } from './cleanup-preview.tsx';
import { RunFolders } from './run-folders.tsx';
import { wishesOf } from './sync-form.ts';
import { SyncPlan } from './sync-plan.tsx';
import { SyncRuns } from './sync-runs.tsx';
import { SyncWishes } from './sync-wishes.tsx';

export function SyncDrawer({ sync, onClose }: { sync: SyncView; onClose: () => void }) {
  const { query } = useAddress();
  const show = query.get('show');
  const job = useLastRun(sync);
  const [asked, setAsked] = useState(0);
  const [asking, setAsking] = useState<Question>();
  const showPlan = () => {
    setAsked(asked + 1);
    go(`/syncs/${sync.id}?show=plan`, { replace: show !== null });
  };
  return (
    <Drawer
      title={<span className="break-words">{sync.name}</span>}
      label={`Sync ${sync.name}`}
      onClose={onClose}
      footer={<Verbs sync={sync} job={job} onPlan={showPlan} asking={asking} onAsk={setAsking} />}
    >
      <Standing sync={sync} />
      {show === 'plan' && (
        <Section title="What the next run would do">
          <SyncPlan
            asked={`${sync.id} ${sync.updatedAt} ${asked}`}
            ask={(signal) => api.lines('planSync', { params: { id: sync.id } }, { signal })}
          />
        </Section>
      )}
      {wishesOf(sync).cleanup !== null && (
        <CleanupPreview
          sync={sync}
          shown={show === 'cleanup'}
          onShow={() => go(`/syncs/${sync.id}?show=cleanup`, { replace: show !== null })}
        />
      )}
      {job !== undefined && (
        <>
          <RunProgress job={job} />
          <RunFolders job={job} />
        </>
      )}
      <SyncRuns sync={sync} onCheck={() => setAsking('check')} />
      <SyncWishes sync={sync} />
    </Drawer>
  );
}

/** The row of its last run, kept up by events. */
function useLastRun({ lastRun }: SyncView): JobView | undefined {
  const id = lastRun?.jobId ?? '';
  const { data } = useQuery({
    queryKey: ['job', id],
    queryFn: async ({ signal }) => {
      const job = await api.call('getJob', { params: { id } }, { signal });
      learnJobs([job]);
      return job;
    },
    enabled: id !== '',
    retry: false,
  });
  const live = useLive((state) => state.jobs.get(id));
  return live ?? data;
}

function Standing({ sync }: { sync: SyncView }) {
  const nowMs = useNow(1000);
  const { skipped, lastRun } = sync;
  const isSkippedSince = skipped !== null && (lastRun === null || skipped.at > lastRun.at);
  return (
    <section aria-label="State" className="flex flex-col gap-2 p-4">
      <div className="text-14 font-medium">
        <StateMark look={syncLook(sync)} />
      </div>
      <p>{syncSentence(sync, nowMs)}</p>
      <p className="text-ink-soft tabular-nums">{dueWords(sync, nowMs)}</p>
      {isSkippedSince && lastRun !== null && <p className="text-waits">Passed over since then: {skipped.reason}</p>}
    </section>
  );
}

function RunProgress({ job }: { job: JobView }) {
  const live = useLive((state) => state.jobProgress.get(job.id));
  const figures = jobFiguresOf(job, live);
  const look = jobLooks[job.state];
  const eta = etaText(figures.eta);
  const underWay = isUnderWay(job.state);
  // What failed in part is said by its folders.
  if (!underWay && (job.error === null || job.state === 'partial')) return null;
  return (
    <Section
      title={underWay ? 'The run that is under way' : 'The last run'}
      tools={
        <Link
          href={`/transfers?job=${job.id}`}
          className="text-12 font-medium underline decoration-line-strong underline-offset-2"
        >
          Show its transfers
        </Link>
      }
    >
      {underWay && (
        <div className="flex flex-col gap-2">
          {job.state !== 'running' && <StateMark look={look} />}
          <ProgressBar part={figures.part} tone={look.tone} label="Progress of the run" className="h-2" />
          <span className="flex justify-between gap-3 text-12 text-ink-soft tabular-nums">
            <span>
              {figures.planning && 'Looking for files: '}
              {counted(figures.filesDone, 'file')} brought over
              {figures.part !== undefined &&
                `, ${perCent(figures.part)} · ${doneOf(figures.bytesDone, figures.bytesFound)}`}
            </span>
            <span className="shrink-0 text-right">
              {figures.bytesPerSecond > 0 && speed(figures.bytesPerSecond)}
              {eta.short !== '' && ` · ${eta.short}`}
            </span>
          </span>
        </div>
      )}
      {job.error !== null && (
        <div className={underWay ? 'mt-3' : ''}>
          <Trouble error={job.error} loud={job.state === 'failed'} />
        </div>
      )}
    </Section>
  );
}

interface VerbsProps {
  sync: SyncView;
  job: JobView | undefined;
  onPlan: () => void;
  asking: Question | undefined;
  onAsk: (question: Question | undefined) => void;
}

type Question = keyof typeof questions;

const questions = {
  remove: {
    label: 'Remove?',
    verb: 'Remove it',
    text: 'Forget this sync? What it has copied stays.',
  },
  check: {
    label: 'Check everything again?',
    verb: 'Check again',
    text: 'Forget what is known of the destinations? The next run compares every file; receipts stay.',
  },
} as const;

function Verbs({ sync, job, onPlan, asking, onAsk }: VerbsProps) {
  const { busy, ask } = useAsking(syncsKey);
  const params = { id: sync.id };
  const run = async () => {
    learnJobs([await api.call('runSync', { params })]);
    if (window.location.search !== '') go(`/syncs/${sync.id}`, { replace: true });
    return 'The run has begun.';
  };
  const remove = async () => {
    await api.call('removeSync', { params });
    go('/syncs');
    return 'The sync is removed.';
  };
  const check = async () => {
    const { files } = await api.call('clearSyncManifest', { params });
    return `${counted(files, 'file')} forgotten: the next run checks everything again.`;
  };
  if (asking !== undefined) {
    const { label, verb, text } = questions[asking];
    return (
      <Confirm
        label={label}
        verb={verb}
        onYes={() => {
          onAsk(undefined);
          void ask(asking === 'remove' ? remove : check);
        }}
        onNo={() => onAsk(undefined)}
      >
        {text}
      </Confirm>
    );
  }
  const underWay = job !== undefined && isUnderWay(job.state);
  return (
    <div className="flex flex-wrap gap-2">
      {underWay ? (
        <>
          {job.actions.includes('resume') && (
            <Button
              icon="play"
              weight="strong"
              onClick={() => void actOnJob('resume', { id: job.id, title: sync.name })}
            >
              Resume the run
            </Button>
          )}
          {job.actions.includes('cancel') && (
            <Button icon="cancel" onClick={() => void actOnJob('cancel', { id: job.id, title: sync.name })}>
              Cancel the run
            </Button>
          )}
        </>
      ) : (
        <>
          <Button icon="play" weight="strong" disabled={busy} onClick={() => void ask(run)}>
            Run now
          </Button>
          <Button icon="search" onClick={onPlan}>
            Show the plan
          </Button>
        </>
      )}
      {sync.fromConfig ? (
        <p className="self-center text-12 text-ink-faint">Set up in wherry.yaml; changed and removed there.</p>
      ) : (
        <>
          <Button icon="settings" onClick={() => go(`/syncs/${sync.id}?edit=1`)}>
            Change
          </Button>
          <Button icon="cancel" onClick={() => onAsk('remove')}>
            Remove
          </Button>
        </>
      )}
    </div>
  );
}
