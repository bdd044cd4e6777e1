// The drawer of one transfer: where it stands, why, its receipts with their hashes, and every fact of its way.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { asFault } from '../../../src/model/fault.ts';
import type { TransferView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { actOnTransfers } from '../../live/actions.ts';
import { learnTransfers, useLive } from '../../live/live-store.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { useNow } from '../../live/use-now.ts';
import { useReread } from '../../live/use-reread.ts';
import { ActionButtons } from '../../parts/action-buttons.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { Timeline } from '../../parts/timeline.tsx';
import { Trouble } from '../../parts/trouble.tsx';
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
  useReread(
    rereadMs,
    ({ events }) => events.some(({ transferId }) => transferId === id),
    () => queries.invalidateQueries({ queryKey: ['transfer', id] }),
  );
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
      footer={
        transfer.actions.length > 0 && (
          <ActionButtons
            actions={transfer.actions}
            retry="Retry"
            cancelling="Cancel and remove what has been copied so far?"
            onAct={(action) => void actOnTransfers(action, [transfer])}
          />
        )
      }
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
        <Trouble error={transfer.error} loud={transfer.state === 'failed'}>
          <p className="font-mono text-12 text-ink-faint">{transfer.error.code}</p>
        </Trouble>
      )}
    </section>
  );
}
