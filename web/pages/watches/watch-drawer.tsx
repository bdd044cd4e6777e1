// The drawer of one watch: how it is, how it looks for files, what is under way and how far behind its writer, and what it was asked for.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { TransferState } from '../../../src/model/transfer.ts';
import type { WatchView } from '../../../src/model/watch-views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { useLive } from '../../live/live-store.ts';
import { note } from '../../live/notes.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { useNow } from '../../live/use-now.ts';
import { useTransferList } from '../../live/use-transfer-list.ts';
import { watchesKey } from '../../live/use-watches.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go } from '../../router.ts';
import { count, counted, size } from '../../words/amounts.ts';
import { behindWords } from '../../words/growing.ts';
import { jobTitle } from '../../words/jobs.ts';
import { transferLooks } from '../../words/states.ts';
import { ago, span } from '../../words/times.ts';
import { baseName, doneOf, etaText, waitSentence } from '../../words/transfers.ts';
import { lookingWords, watchLook, watchSentence } from '../../words/watches.ts';
import { WatchWishes } from './watch-wishes.tsx';

export function WatchDrawer({ watch, onClose }: { watch: WatchView; onClose: () => void }) {
  const title = jobTitle({ name: watch.name, sources: [watch.source], destinations: watch.destinations });
  return (
    <Drawer
      title={<span className="break-words">{title}</span>}
      label={`Watch ${title}`}
      onClose={onClose}
      footer={watch.actions.length > 0 && <Verbs watch={watch} />}
    >
      <Standing watch={watch} />
      <UnderWay jobId={watch.id} severalWays={watch.destinations.length > 1} />
      <Looking watch={watch} />
      <WatchWishes watch={watch} />
    </Drawer>
  );
}

function Standing({ watch }: { watch: WatchView }) {
  const { counts, error } = watch;
  return (
    <section aria-label="State" className="flex flex-col gap-2 p-4">
      <div className="text-14 font-medium">
        <StateMark look={watchLook(watch)} />
      </div>
      <p className="break-words">{watchSentence(watch)}</p>
      {error !== null && <p className="text-ink-soft">{error.remedy}</p>}
      <p className="text-12 text-ink-faint tabular-nums">
        {counted(counts.completed, 'file')} proven, {size(counts.bytesCompleted)}
        {counts.failed > 0 && (
          <>
            {' · '}
            <Link href={`/transfers?job=${watch.id}&state=failed`} className="text-needs underline">
              {count(counts.failed)} failed
            </Link>
          </>
        )}
        {' · '}
        <Link href={`/transfers?job=${watch.id}`} className="underline decoration-line-strong underline-offset-2">
          Show its transfers
        </Link>
      </p>
    </section>
  );
}

const underWay: readonly TransferState[] = [
  'discovered',
  'queued',
  'waiting',
  'transferring',
  'transferred',
  'processing',
];
const mostShown = 12;

function UnderWay({ jobId, severalWays }: { jobId: string; severalWays: boolean }) {
  const { view } = useTransferList({
    states: underWay,
    job: jobId,
    mode: undefined,
    search: '',
    sort: 'created',
    order: 'desc',
  });
  const ids = view.index.ids.slice(0, mostShown).filter((id) => id !== undefined);
  if (ids.length === 0) return null;
  return (
    <Section
      title={`Under way: ${severalWays ? counted(view.index.ids.length, 'transfer') : count(view.index.ids.length)}`}
    >
      <ul className="flex flex-col gap-3">
        {ids.map((id) => (
          <File key={id} id={id} showsDestination={severalWays} />
        ))}
      </ul>
    </Section>
  );
}

function File({ id, showsDestination }: { id: string; showsDestination: boolean }) {
  const transfer = useLive((state) => state.transfers.get(id));
  const progress = useLive((state) => state.progress.get(id));
  const nowMs = useNow(1000);
  if (transfer === undefined) return null;
  const figures = figuresOf(transfer, progress);
  const look = transferLooks[transfer.state];
  const name = baseName(transfer.source.path);
  const eta = etaText(figures.eta);
  return (
    <li>
      <Link href={`/transfers/${id}`} className="flex flex-col gap-1 hover:bg-tint">
        <span className="flex items-baseline justify-between gap-2">
          <FileName name={name} title={transfer.source.path} />
          <span className="shrink-0 text-12">
            <StateMark look={look} />
          </span>
        </span>
        {transfer.state === 'transferring' && (
          <ProgressBar part={figures.part} tone={look.tone} label={`Progress of ${name}`} head={figures.head?.part} />
        )}
        <span className="text-12 text-ink-soft tabular-nums">
          {showsDestination && (
            <span title={transfer.destination.endpoint}>To {baseName(transfer.destination.endpoint)}: </span>
          )}
          {transfer.state === 'waiting'
            ? waitSentence(transfer, nowMs)
            : transfer.state === 'discovered'
              ? 'Not stable yet'
              : figures.head !== undefined
                ? behindWords(figures.head)
                : `${doneOf(figures.bytesDone, figures.sizeBytes)}${eta.short === '' ? '' : ` · ${eta.short}`}`}
        </span>
      </Link>
    </li>
  );
}

function Looking({ watch }: { watch: WatchView }) {
  const { status } = watch;
  const nowMs = useNow(5000);
  if (status === null) return null;
  return (
    <Section title="How it looks">
      <p className="mb-2">{lookingWords(watch)}</p>
      <Facts
        rows={[
          [
            'Last scan',
            status.lastScanAt === null
              ? 'None yet'
              : `${ago(Date.parse(status.lastScanAt), nowMs)}${status.lastScanMs === null ? '' : `, took ${status.lastScanMs < 1000 ? `${Math.round(status.lastScanMs)} ms` : span(status.lastScanMs / 1000)}`}`,
          ],
          ['It found', status.lastScanAt === null ? 'Nothing yet' : counted(status.files, 'file')],
        ]}
      />
      {status.unreadable.length > 0 && (
        <div className="mt-2 text-waits">
          <p>Could not be looked at:</p>
          <ul>
            {status.unreadable.map((path) => (
              <li key={path} className="wrap-anywhere font-mono text-12">
                {path}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}

const routes = { pause: 'pauseWatch', resume: 'resumeWatch' } as const;

function Verbs({ watch }: { watch: WatchView }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const ask = async (what: () => Promise<unknown>, said: string) => {
    try {
      await what();
      note('info', said);
    } catch (error) {
      note('problem', asFault(error).message);
    } finally {
      await queries.invalidateQueries({ queryKey: watchesKey });
    }
  };
  const params = { id: watch.id };
  if (asking) {
    return (
      <Confirm
        label="Remove?"
        verb="Remove it"
        onYes={() =>
          void ask(() => api.call('removeWatch', { params }), 'The watch is removed.').then(() => go('/watches'))
        }
        onNo={() => setAsking(false)}
      >
        End this watch? What it has copied stays.
      </Confirm>
    );
  }
  return (
    <div className="flex flex-wrap gap-2">
      {watch.actions.includes('resume') && (
        <Button
          icon="play"
          weight="strong"
          onClick={() => void ask(() => api.call(routes.resume, { params }), 'It goes on.')}
        >
          Resume
        </Button>
      )}
      {watch.actions.includes('pause') && (
        <Button icon="pause" onClick={() => void ask(() => api.call(routes.pause, { params }), 'Paused.')}>
          Pause
        </Button>
      )}
      {watch.actions.includes('edit') && (
        <Button icon="settings" onClick={() => go(`/watches/${watch.id}?edit=1`)}>
          Change
        </Button>
      )}
      {watch.actions.includes('remove') && (
        <Button icon="cancel" onClick={() => setAsking(true)}>
          Remove
        </Button>
      )}
      {watch.fromConfig && (
        <p className="self-center text-12 text-ink-faint">Set up in wherry.yaml; changed and removed there.</p>
      )}
    </div>
  );
}
