// How far a transfer is, how fast, how long still; or, where nothing moves, the one sentence that says why.
// biome-ignore-all lint/a11y/useSemanticElements: a virtual grid cannot be a table element; its parts carry the roles
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant

import type { TransferProgressView, TransferView } from '../../../src/model/views.ts';
import { actOnTransfers } from '../../live/actions.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { useNow } from '../../live/use-now.ts';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { exactSize, perCent, size, speed } from '../../words/amounts.ts';
import { behindWords } from '../../words/growing.ts';
import { transferLooks } from '../../words/states.ts';
import { span } from '../../words/times.ts';
import { baseName, etaText, shortReason, stepWords, waitSentence } from '../../words/transfers.ts';
import { roomy, wide } from './row-columns.ts';

/** Progress, speed and ETA; or, where nothing moves, the one sentence that says why. */
export function RowCourse({
  transfer,
  progress,
}: {
  transfer: TransferView;
  progress: TransferProgressView | undefined;
}) {
  const nowMs = useNow(1000);
  const figures = figuresOf(transfer, progress);
  const look = transferLooks[transfer.state];
  const three = 'col-span-3 @max-[1080px]:col-span-2 @max-[820px]:col-span-1';
  if (transfer.state === 'failed') {
    return (
      <div role="gridcell" className={`flex min-w-0 items-center gap-2 ${three}`}>
        <span
          className="min-w-0 flex-1 truncate text-needs"
          title={transfer.error === null ? '' : `${transfer.error.message}\n${transfer.error.remedy}`}
        >
          {shortReason(transfer)}
        </span>
        <button
          type="button"
          tabIndex={-1}
          className="shrink-0 rounded border border-line-strong bg-surface px-2 text-12 leading-5 hover:bg-tint-strong group-hover:mr-0"
          onClick={(event) => {
            event.stopPropagation();
            void actOnTransfers('retry', [transfer]);
          }}
        >
          Retry
        </button>
      </div>
    );
  }
  if (transfer.state === 'waiting') {
    return (
      <div role="gridcell" className={`truncate text-waits ${three}`} title={transfer.error?.message}>
        {waitSentence(transfer, nowMs)}
        {transfer.error !== null && <span className="text-ink-faint"> · {transfer.error.message}</span>}
      </div>
    );
  }
  if (transfer.state === 'completed') {
    const tookSeconds = tookOf(transfer);
    return (
      <>
        <div role="gridcell" className="truncate font-mono text-12 text-ink-faint" title={transfer.hash?.value}>
          {transfer.hash?.value.slice(0, 16) ?? ''}
        </div>
        <div role="gridcell" className={`text-right text-12 text-ink-faint tabular-nums ${roomy}`}>
          {tookSeconds !== undefined && tookSeconds > 0.5 && transfer.sizeBytes !== null
            ? speed(transfer.sizeBytes / tookSeconds)
            : ''}
        </div>
        <div role="gridcell" className={`truncate text-12 text-ink-faint ${wide}`}>
          {tookSeconds === undefined ? '' : tookSeconds < 1 ? 'in under 1 s' : `in ${span(tookSeconds)}`}
        </div>
      </>
    );
  }
  if (transfer.state === 'queued' || transfer.state === 'discovered' || transfer.state === 'cancelled') {
    const started = figures.bytesDone > 0 && figures.part !== undefined;
    return (
      <div role="gridcell" className={`truncate text-12 text-ink-faint tabular-nums ${three}`}>
        {started ? `${perCent(figures.part ?? 0)} done` : ''}
      </div>
    );
  }
  const eta = etaText(figures.eta);
  const step = transfer.state === 'processing' ? (progress?.step ?? transfer.step) : null;
  return (
    <>
      <div
        role="gridcell"
        className="grid min-w-0 grid-cols-[minmax(0,1fr)_36px_66px] items-center gap-2 tabular-nums @max-[820px]:grid-cols-[minmax(0,1fr)_36px]"
      >
        <ProgressBar
          part={figures.part}
          tone={look.tone}
          label={`Progress of ${baseName(transfer.source.path)}`}
          head={figures.head?.part}
        />
        <span className="text-right" title={figures.head === undefined ? undefined : behindWords(figures.head)}>
          {figures.head !== undefined ? 'grows' : figures.part === undefined ? '' : perCent(figures.part)}
        </span>
        <span className={`text-right text-12 text-ink-soft ${roomy}`} title={exactSize(figures.bytesDone)}>
          {size(figures.bytesDone)}
        </span>
      </div>
      <div role="gridcell" className={`text-right tabular-nums ${roomy}`}>
        {figures.bytesPerSecond === null ? '' : speed(figures.bytesPerSecond)}
      </div>
      <div
        role="gridcell"
        className={`truncate text-ink-soft tabular-nums ${wide}`}
        title={figures.head === undefined ? eta.cause : behindWords(figures.head)}
      >
        {figures.head !== undefined && `${size(figures.head.behindBytes)} behind`}
        {step !== null && `${stepWords(step)} `}
        {eta.short}
        {eta.cause !== '' && <span className="text-12 text-ink-faint"> {eta.cause}</span>}
      </div>
    </>
  );
}

export function tookOf(transfer: TransferView): number | undefined {
  if (transfer.startedAt === null || transfer.finishedAt === null) return undefined;
  return Math.max(0, (Date.parse(transfer.finishedAt) - Date.parse(transfer.startedAt)) / 1000);
}
