// A row as a card of two lines, for a phone.
// biome-ignore-all lint/a11y/useSemanticElements: a virtual grid cannot be a table element; its parts carry the roles
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant

import { figuresOf } from '../../live/row-figures.ts';
import { useNow } from '../../live/use-now.ts';
import { FileName } from '../../parts/file-name.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { perCent, size, speed } from '../../words/amounts.ts';
import { transferLooks } from '../../words/states.ts';
import { age } from '../../words/times.ts';
import { baseName, etaText, shortReason, waitSentence } from '../../words/transfers.ts';
import type { InnerProps } from './row-cells.tsx';
import { SelectBox } from './row-cells.tsx';

export function RowCard({ transfer, progress, selected, onSelect }: InnerProps) {
  const nowMs = useNow(1000);
  const figures = figuresOf(transfer, progress);
  const look = transferLooks[transfer.state];
  const moving = figures.bytesPerSecond !== null;
  const eta = etaText(figures.eta);
  return (
    <div role="gridcell" className="flex h-full flex-col justify-center gap-0.5 px-4">
      <div className="flex min-w-0 items-center gap-2">
        <FileName name={baseName(transfer.published?.path ?? transfer.source.path)} className="flex-1 text-14" />
        {selected && <SelectBox transfer={transfer} selected={selected} onSelect={onSelect} />}
        <span className="shrink-0 text-12 text-ink-faint tabular-nums">
          {figures.sizeBytes === null ? '' : size(figures.sizeBytes)}
        </span>
      </div>
      <div className="flex min-w-0 items-center gap-2 text-12">
        <StateMark look={look} />
        {moving || transfer.state === 'paused' ? (
          <>
            <ProgressBar
              part={figures.part}
              tone={look.tone}
              label={`Progress of ${baseName(transfer.source.path)}`}
              className="h-1.5 min-w-0 flex-1"
              head={figures.head?.part}
            />
            <span className="shrink-0 text-ink-soft tabular-nums">
              {figures.head !== undefined ? 'grows' : figures.part === undefined ? '' : perCent(figures.part)}
              {moving && figures.bytesPerSecond !== null ? ` · ${speed(figures.bytesPerSecond)}` : ''}
              {eta.short === '' ? '' : ` · ${eta.short}`}
            </span>
          </>
        ) : (
          <span className="min-w-0 flex-1 truncate text-right text-ink-faint">
            {transfer.state === 'failed'
              ? shortReason(transfer)
              : transfer.state === 'waiting'
                ? waitSentence(transfer, nowMs)
                : age(Date.parse(transfer.createdAt), nowMs)}
          </span>
        )}
      </div>
    </div>
  );
}
