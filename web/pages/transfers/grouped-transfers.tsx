// The transfers by the job that asked for them: each job with how far it is, and the first of its transfers below it.
// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by their number; their parts carry the roles

import { useCallback, useEffect, useRef, useState } from 'react';
import type { Action, JobView, TransferView } from '../../../src/model/views.ts';
import { type JobFigures, jobFiguresOf } from '../../live/job-figures.ts';
import { useLive } from '../../live/live-store.ts';
import type { ListFilter } from '../../live/transfer-list.ts';
import { useJobs } from '../../live/use-jobs.ts';
import { useTransferList } from '../../live/use-transfer-list.ts';
import { Button } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { withQuery } from '../../router.ts';
import { count, counted, size, speed } from '../../words/amounts.ts';
import { jobTitle } from '../../words/jobs.ts';
import { jobLooks } from '../../words/states.ts';
import { isFiltered } from './list-address.ts';
import { rowHeightPx, TransferRow } from './transfer-row.tsx';
import { useIsNarrow } from './transfer-table.tsx';

interface GroupedTransfersProps {
  filter: ListFilter;
  query: URLSearchParams;
  currentId: string | undefined;
  openId: string | undefined;
  selected: ReadonlySet<string>;
  onOpen: (id: string) => void;
  onSelect: (id: string, range: boolean) => void;
  onAct: (action: Action, transfer: TransferView) => void;
  /** The ids of the rows in sight, from the top, whenever they change. */
  onRows: (ids: readonly string[]) => void;
  onClear: () => void;
}

/** What of a job stands here; the rest is one click away. */
const mostRows = 8;
/** So many jobs stand open by themselves. */
const mostOpen = 6;

export function GroupedTransfers(props: GroupedTransfersProps) {
  const { filter, onRows } = props;
  const { jobs, more, readMore } = useJobs();
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [rows, setRows] = useState<ReadonlyMap<string, readonly string[]>>(new Map());
  const scroller = useRef<HTMLDivElement>(null);
  const cards = useIsNarrow(scroller);
  const shown = (jobs ?? []).filter((job) => mayHold(job, filter));
  const filtered = isFiltered(filter);
  const busy = shown.filter((job) => filtered || needsALook(job)).slice(0, mostOpen);
  const first = busy.length > 0 ? busy : shown.slice(0, 1);
  const isOpen = (job: JobView) => chosen.get(job.id) ?? (filtered || first.includes(job));
  const order = shown.map((job) => job.id).join();
  useEffect(() => {
    onRows(order.split(',').flatMap((id) => rows.get(id) ?? []));
  }, [onRows, order, rows]);
  const report = useCallback((jobId: string, ids: readonly string[] | undefined) => {
    setRows((before) => {
      const next = new Map(before);
      if (ids === undefined) next.delete(jobId);
      else next.set(jobId, ids);
      return next;
    });
  }, []);
  const currentId = props.currentId;
  useEffect(() => {
    if (currentId !== undefined) document.getElementById(`row-${currentId}`)?.scrollIntoView({ block: 'nearest' });
  }, [currentId]);
  const nothing = filtered && jobs !== undefined && shown.every((job) => isOpen(job) && rows.get(job.id)?.length === 0);
  return (
    <div ref={scroller} className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
      {nothing && (
        <EmptyState title="No transfer matches" action={<Button onClick={props.onClear}>Show all transfers</Button>}>
          No job has one that fits these filters.
        </EmptyState>
      )}
      {shown.map((job) => (
        <Group
          key={job.id}
          {...props}
          job={job}
          cards={cards}
          open={isOpen(job)}
          hidden={filtered && isOpen(job) && rows.get(job.id)?.length === 0}
          onToggle={(open) => setChosen(new Map(chosen).set(job.id, open))}
          onReport={report}
        />
      ))}
      {more && (
        <div className="p-4">
          <Button onClick={() => void readMore()}>Show older jobs</Button>
        </div>
      )}
    </div>
  );
}

interface GroupProps extends GroupedTransfersProps {
  job: JobView;
  cards: boolean;
  open: boolean;
  hidden: boolean;
  onToggle: (open: boolean) => void;
  onReport: (jobId: string, ids: readonly string[] | undefined) => void;
}

function Group({ job, open, hidden, onToggle, ...rest }: GroupProps) {
  const live = useLive((state) => state.jobProgress.get(job.id));
  const figures = jobFiguresOf(job, live);
  const look = jobLooks[job.state];
  const title = jobTitle(job);
  const running = ['running', 'waiting', 'paused'].includes(job.state);
  return (
    <section aria-label={title} className={hidden ? 'hidden' : 'border-b border-line'}>
      <div className="grid min-h-10 grid-cols-[auto_minmax(0,1fr)_minmax(0,380px)_116px] items-center gap-x-3 bg-page px-2 @max-[720px]:grid-cols-[auto_minmax(0,1fr)_auto] @max-[720px]:py-1">
        <button
          type="button"
          aria-expanded={open}
          aria-label={`Transfers of ${title}`}
          onClick={() => onToggle(!open)}
          className="inline-flex size-7 items-center justify-center rounded text-ink-soft hover:bg-tint-strong coarse:size-10"
        >
          <Icon name={open ? 'down' : 'right'} />
        </button>
        <h2 className="min-w-0">
          <Link href={`/jobs/${job.id}`} className="block truncate font-medium hover:underline" title={job.name}>
            {title}
          </Link>
        </h2>
        <span className="flex min-w-0 items-center justify-end gap-3 text-12 text-ink-soft tabular-nums @max-[720px]:order-last @max-[720px]:col-span-3 @max-[720px]:justify-start @max-[720px]:pl-10">
          {running && figures.part !== undefined && (
            <ProgressBar
              part={figures.part}
              tone={look.tone}
              label={`Progress of ${title}`}
              className="h-1.5 max-w-32"
            />
          )}
          <span className="truncate">
            {figuresText(job, figures)}
            {figures.bytesPerSecond > 0 && ` · ${speed(figures.bytesPerSecond)}`}
          </span>
          {figures.filesFailed > 0 && <span className="shrink-0 text-needs">{count(figures.filesFailed)} failed</span>}
        </span>
        <StateMark look={look} />
      </div>
      {open && <GroupRows job={job} {...rest} />}
    </section>
  );
}

function GroupRows(props: Omit<GroupProps, 'open' | 'hidden' | 'onToggle'>) {
  const { job, cards, filter, query, onReport, currentId, openId, selected } = props;
  const { view } = useTransferList({ ...filter, job: job.id });
  const total = view.index.ids.length;
  const ids = view.index.ids.slice(0, mostRows).filter((id) => id !== undefined);
  const key = view.loading ? undefined : ids.join();
  useEffect(() => {
    if (key !== undefined) onReport(job.id, key === '' ? [] : key.split(','));
  }, [onReport, job.id, key]);
  useEffect(() => () => onReport(job.id, undefined), [onReport, job.id]);
  // Room is kept while they are read, so that nothing below moves when they come.
  const expected = view.loading ? Math.min(mostRows, Math.max(1, job.counts.found)) : ids.length;
  const heightPx = cards ? rowHeightPx.cards : rowHeightPx.table;
  if (!view.loading && total === 0)
    return <p className="px-12 py-2 text-ink-faint">Nothing of it has been found yet.</p>;
  return (
    <>
      <div role="grid" aria-label={`Transfers of ${jobTitle(job)}`} aria-rowcount={total} tabIndex={-1}>
        <div role="rowgroup" className="relative" style={{ height: `${expected * heightPx}px` }}>
          {ids.map((id, at) => (
            <TransferRow
              key={id}
              id={id}
              row={at - 1}
              topPx={at * heightPx}
              cards={cards}
              current={id === currentId}
              open={id === openId}
              selected={selected.has(id)}
              onOpen={props.onOpen}
              onSelect={props.onSelect}
              onAct={props.onAct}
            />
          ))}
        </div>
      </div>
      {total > ids.length && (
        <p className="px-12 py-1.5 text-12">
          <Link
            href={withQuery('/transfers', query, { group: undefined, job: job.id })}
            className="font-medium underline decoration-line-strong underline-offset-2"
          >
            All {counted(total, 'transfer')} of it
          </Link>
        </p>
      )}
    </>
  );
}

function figuresText(job: JobView, figures: JobFigures): string {
  const done = figures.filesDone + figures.filesSkipped;
  const bytes = figures.bytesDone === 0 ? '' : `, ${size(figures.bytesDone)}`;
  if (job.kind !== 'watch') return `${counted(done, 'file')} of ${count(figures.filesFound)}${bytes}`;
  // A watch never knows how many there will be.
  return done === 0 ? `Nothing proven yet${bytes}` : `${counted(done, 'file')} proven${bytes}`;
}

function needsALook(job: JobView): boolean {
  return ['pending', 'running', 'waiting', 'paused'].includes(job.state) || job.counts.failed > 0;
}

/** False where the job's own counts say already that none of its transfers can fit. */
function mayHold(job: JobView, filter: ListFilter): boolean {
  if (filter.job !== undefined && filter.job !== job.id) return false;
  if (filter.mode !== undefined && filter.mode !== job.kind) return false;
  if (filter.states.length === 0) return true;
  return filter.states.some((state) => {
    if (state === 'completed') return job.counts.completed > 0;
    if (state === 'failed') return job.counts.failed > 0;
    if (state === 'cancelled') return true;
    return ['pending', 'running', 'waiting', 'paused'].includes(job.state);
  });
}
