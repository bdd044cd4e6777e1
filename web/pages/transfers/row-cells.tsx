// The cells of a row in the table.
// biome-ignore-all lint/a11y/useSemanticElements: a virtual grid cannot be a table element; its parts carry the roles
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant

import type { Action, TransferProgressView, TransferView } from '../../../src/model/views.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { useNow } from '../../live/use-now.ts';
import { IconButton } from '../../parts/button.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { exactSize, size } from '../../words/amounts.ts';
import { transferLooks } from '../../words/states.ts';
import { age, exactMoment } from '../../words/times.ts';
import { baseName, folderOf, targetPath, wholePath } from '../../words/transfers.ts';
import { columns, wide } from './row-columns.ts';
import { RowCourse } from './row-course.tsx';

export interface RowProps {
  id: string | undefined;
  row: number;
  topPx: number;
  cards: boolean;
  current: boolean;
  open: boolean;
  selected: boolean;
  onOpen: (id: string) => void;
  onSelect: (id: string, range: boolean) => void;
  onAct: (action: Action, transfer: TransferView) => void;
}

export interface InnerProps extends RowProps {
  transfer: TransferView;
  progress: TransferProgressView | undefined;
}

export function RowCells({ transfer, progress, selected, onSelect, onAct }: InnerProps) {
  const figures = figuresOf(transfer, progress);
  const folder = folderOf(transfer.source.path);
  const name = baseName(transfer.published?.path ?? transfer.source.path);
  return (
    <div className={`${columns} h-full`}>
      <div role="gridcell">
        <SelectBox transfer={transfer} selected={selected} onSelect={onSelect} />
      </div>
      <div role="gridcell" className="min-w-0">
        <StateMark look={transferLooks[transfer.state]} />
      </div>
      <div role="gridcell" className="flex min-w-0 items-baseline gap-2" title={wholePath(transfer.source)}>
        <FileName name={name} title="" className="max-w-full shrink-0" />
        {folder !== '' && <span className="min-w-0 truncate text-12 text-ink-faint">{folder}</span>}
      </div>
      <div role="gridcell" className={`min-w-0 ${wide}`}>
        <FromTo transfer={transfer} />
      </div>
      <div role="gridcell" className="text-right tabular-nums">
        {figures.sizeBytes !== null && <span title={exactSize(figures.sizeBytes)}>{size(figures.sizeBytes)}</span>}
      </div>
      <RowCourse transfer={transfer} progress={progress} />
      <div role="gridcell" className="relative h-full text-right text-12 text-ink-faint tabular-nums">
        <Age at={transfer.createdAt} />
        <RowActions transfer={transfer} onAct={onAct} />
      </div>
    </div>
  );
}

export function SelectBox({ transfer, selected, onSelect }: Pick<InnerProps, 'transfer' | 'selected' | 'onSelect'>) {
  return (
    <label className="-m-2 flex items-center p-2">
      <input
        type="checkbox"
        tabIndex={-1}
        className="size-3.5 accent-(--ink)"
        checked={selected}
        aria-label={`Select ${baseName(transfer.source.path)}`}
        onChange={() => undefined}
        onClick={(event) => {
          event.stopPropagation();
          onSelect(transfer.id, event.shiftKey);
        }}
      />
    </label>
  );
}

function FromTo({ transfer }: { transfer: TransferView }) {
  const title = `${wholePath(transfer.source)}\n→ ${targetPath(transfer)}`;
  return (
    <span className="grid grid-cols-[fit-content(45%)_auto_minmax(0,1fr)] gap-1.5 text-12 text-ink-soft" title={title}>
      <PlaceText text={transfer.source.endpoint} />
      <span aria-hidden="true">→</span>
      <span className="sr-only">to</span>
      <PlaceText text={transfer.destination.endpoint} />
    </span>
  );
}

/** Of a long place its last folder says most. */
function PlaceText({ text }: { text: string }) {
  const last = text.split('/').findLast((part) => part !== '');
  return <span className="min-w-0 truncate">{text.startsWith('/') ? (last ?? '/') : text}</span>;
}

function Age({ at }: { at: string }) {
  const nowMs = useNow(5000);
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={exactMoment(ms)} className="leading-8">
      {age(ms, nowMs)}
    </time>
  );
}

const actionLooks = {
  pause: { icon: 'pause', label: 'Pause' },
  resume: { icon: 'play', label: 'Resume' },
  retry: { icon: 'retry', label: 'Retry' },
  cancel: { icon: 'cancel', label: 'Cancel' },
} as const;

function RowActions({ transfer, onAct }: Pick<InnerProps, 'transfer' | 'onAct'>) {
  if (transfer.actions.length === 0) return null;
  return (
    <span className="absolute inset-y-0 right-0 hidden items-center bg-inherit group-hover:flex coarse:hidden">
      <span className="flex rounded bg-tint">
        {transfer.actions.map((action) => (
          <IconButton
            key={action}
            tabIndex={-1}
            icon={actionLooks[action].icon}
            label={actionLooks[action].label}
            onClick={(event) => {
              event.stopPropagation();
              onAct(action, transfer);
            }}
          />
        ))}
      </span>
    </span>
  );
}
