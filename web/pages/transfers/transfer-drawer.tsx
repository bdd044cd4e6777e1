// The drawer of one transfer: where it stands, why, its receipts with their hashes, and every fact of its way.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { Action, TransferView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { actOnTransfers } from '../../live/actions.ts';
import { onBatch } from '../../live/live-feed.ts';
import { learnTransfers, useLive } from '../../live/live-store.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { Timeline } from '../../parts/timeline.tsx';
import { exactSize, perCent, size, speed } from '../../words/amounts.ts';
import { behindWords } from '../../words/growing.ts';
import { jobTitle } from '../../words/jobs.ts';
import { transferLooks } from '../../words/states.ts';
import { exactMoment, moment, span } from '../../words/times.ts';
import { baseName, doneOf, etaText, targetPath, waitSentence, wholePath } from '../../words/transfers.ts';
import { BlockStrip } from './block-strip.tsx';
import { Phases } from './phases.tsx';
import { ReceiptCard } from './receipt-card.tsx';
import { tookOf } from './row-course.tsx';
import { Siblings } from './siblings.tsx';

interface TransferDrawerProps {
  id: string;
  onClose: () => void;
  takesFocus: boolean;
}

/** Facts are read again at most this often while the transfer changes. */
const rereadMs = 700;

export function TransferDrawer({ id, onClose, takesFocus }: TransferDrawerProps) {
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: ['transfer', id],
    queryFn: async ({ signal }) => {
      const answer = await api.call('getTransfer', { params: { id } }, { signal });
      learnTransfers([answer.transfer]);
      return answer;
    },
  });
  const live = useLive((state) => state.transfers.get(id));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = onBatch((batch) => {
      if (timer !== undefined || !batch.events.some((event) => event.transferId === id)) return;
      timer = setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries({ queryKey: ['transfer', id] });
      }, rereadMs);
    });
    return () => {
      quiet();
      clearTimeout(timer);
    };
  }, [queries, id]);
  const transfer = live ?? data?.transfer;
  if (transfer === undefined) {
    return (
      <Drawer title="Transfer" label="Transfer" onClose={onClose} takesFocus={takesFocus}>
        <p className="p-4 text-ink-soft">{error === null ? 'Reading…' : asFault(error).message}</p>
      </Drawer>
    );
  }
  const name = baseName(transfer.published?.path ?? transfer.source.path);
  return (
    <Drawer
      title={<span className="break-words">{name}</span>}
      label={`Transfer of ${name}`}
      onClose={onClose}
      takesFocus={takesFocus}
      footer={transfer.actions.length > 0 && <Verbs transfer={transfer} />}
    >
      <Standing transfer={transfer} />
      <BlockStrip transfer={transfer} />
      {data?.receipts.map((receipt) => (
        <ReceiptCard key={`${receipt.at}${receipt.destination.path}`} receipt={receipt} />
      ))}
      <Section title="Way">
        <Facts
          rows={[
            ['From', <PathLine key="from" path={wholePath(transfer.source)} />],
            ['To', <PathLine key="to" path={targetPath(transfer)} />],
            ['Size', <SizeText key="size" sizeBytes={transfer.sizeBytes} />],
            [
              'Attempts',
              <span key="attempts" className="tabular-nums">
                {transfer.attempts}
              </span>,
            ],
            ['Job', <JobLink key="job" transfer={transfer} />],
            ['Id', <PathLine key="id" path={transfer.id} what="the id" />],
          ]}
        />
      </Section>
      <Siblings transfer={transfer} />
      <Section title="Timeline">
        <Timeline facts={(data?.facts ?? []).map((fact) => ({ ...fact, key: fact.cursor }))} />
      </Section>
    </Drawer>
  );
}

function JobLink({ transfer }: { transfer: TransferView }) {
  const known = useLive((state) => state.jobs.get(transfer.jobId));
  const { data } = useQuery({
    queryKey: ['job', transfer.jobId],
    queryFn: ({ signal }) => api.call('getJob', { params: { id: transfer.jobId } }, { signal }),
    enabled: known === undefined,
  });
  const job = known ?? data;
  return (
    <Link href={`/jobs/${transfer.jobId}`} className="break-words underline decoration-line-strong underline-offset-2">
      {job === undefined ? transfer.mode : jobTitle(job)}
    </Link>
  );
}

function PathLine({ path, what = 'the path' }: { path: string; what?: string }) {
  return (
    <span className="flex items-start gap-1">
      <span className="min-w-0 flex-1 wrap-anywhere font-mono text-12 leading-5">{path}</span>
      <span className="-my-1">
        <CopyButton text={path} what={what} />
      </span>
    </span>
  );
}

function SizeText({ sizeBytes }: { sizeBytes: number | null }) {
  if (sizeBytes === null) return 'Not known yet';
  return (
    <span className="tabular-nums">
      {size(sizeBytes)} <span className="text-ink-faint">({exactSize(sizeBytes)})</span>
    </span>
  );
}

function Standing({ transfer }: { transfer: TransferView }) {
  const progress = useLive((state) => state.progress.get(transfer.id));
  const nowMs = useNow(1000);
  const figures = figuresOf(transfer, progress);
  const look = transferLooks[transfer.state];
  const eta = etaText(figures.eta);
  const took = tookOf(transfer);
  const inTwoPhases = transfer.mode === 'offload';
  const showBar =
    !inTwoPhases && ['transferring', 'processing', 'paused', 'waiting', 'failed'].includes(transfer.state);
  return (
    <section aria-label="State" className="flex flex-col gap-3 p-4">
      <div className="flex items-center justify-between gap-3 text-14 font-medium">
        <StateMark look={look} />
        {figures.bytesPerSecond !== null && <span className="tabular-nums">{speed(figures.bytesPerSecond)}</span>}
        {transfer.state === 'completed' && transfer.finishedAt !== null && (
          <time
            dateTime={transfer.finishedAt}
            title={exactMoment(Date.parse(transfer.finishedAt))}
            className="text-13 font-normal text-ink-soft tabular-nums"
          >
            {moment(Date.parse(transfer.finishedAt), nowMs)}
            {took !== undefined && took >= 1 && `, in ${span(took)}`}
          </time>
        )}
      </div>
      {inTwoPhases && <Phases transfer={transfer} />}
      {showBar && (
        <>
          <ProgressBar
            part={figures.part}
            tone={look.tone}
            label="Progress"
            className="h-2"
            head={figures.head?.part}
          />
          {figures.head !== undefined && <p className="tabular-nums">Still growing: {behindWords(figures.head)}.</p>}
          <div className="flex justify-between gap-3 text-ink-soft tabular-nums">
            <span>
              {figures.part !== undefined && figures.head === undefined && `${perCent(figures.part)} · `}
              {doneOf(figures.bytesDone, figures.sizeBytes)}
            </span>
            <span className="text-right">
              {eta.short}
              {eta.cause !== '' && <span className="text-ink-faint"> {eta.cause}</span>}
            </span>
          </div>
        </>
      )}
      {transfer.state === 'waiting' && <p className="text-waits">{waitSentence(transfer, nowMs)}.</p>}
      {transfer.error !== null && transfer.state !== 'completed' && (
        <Trouble transfer={transfer} loud={transfer.state === 'failed'} />
      )}
    </section>
  );
}

function Trouble({ transfer, loud }: { transfer: TransferView; loud: boolean }) {
  const { error } = transfer;
  if (error === null) return null;
  return (
    <div className={`flex gap-2 rounded p-3 ${loud ? 'bg-needs-tint' : 'bg-waits-tint'}`}>
      <Icon name={loud ? 'needs' : 'waits'} className={`mt-0.5 ${loud ? 'text-needs' : 'text-waits'}`} />
      <div className="flex min-w-0 flex-col gap-1">
        <p className="break-words font-medium">{error.message}</p>
        <p className="text-ink-soft">{error.remedy}</p>
        <p className="font-mono text-12 text-ink-faint">{error.code}</p>
      </div>
    </div>
  );
}

function Verbs({ transfer }: { transfer: TransferView }) {
  const [asking, setAsking] = useState(false);
  const can = (action: Action) => transfer.actions.includes(action);
  const act = (action: Action) => void actOnTransfers(action, [transfer]);
  if (asking && can('cancel')) {
    return (
      <div role="alertdialog" aria-label="Cancel?" className="flex flex-wrap items-center gap-2">
        <span className="mr-auto">Cancel and remove what has been copied so far?</span>
        <Button
          weight="danger"
          autoFocus
          onClick={() => {
            act('cancel');
            setAsking(false);
          }}
        >
          Cancel it
        </Button>
        <Button onClick={() => setAsking(false)}>Keep</Button>
      </div>
    );
  }
  return (
    <div className="flex gap-2">
      {can('retry') && (
        <Button icon="retry" weight="strong" onClick={() => act('retry')}>
          Retry
        </Button>
      )}
      {can('resume') && (
        <Button icon="play" weight="strong" onClick={() => act('resume')}>
          Resume
        </Button>
      )}
      {can('pause') && (
        <Button icon="pause" onClick={() => act('pause')}>
          Pause
        </Button>
      )}
      {can('cancel') && (
        <Button icon="cancel" onClick={() => setAsking(true)}>
          Cancel
        </Button>
      )}
    </div>
  );
}
