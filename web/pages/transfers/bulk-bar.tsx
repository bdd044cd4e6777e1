// What can be done with the selected transfers; also where cancelling asks once more.

import { useEffect, useRef } from 'react';
import type { Action, TransferView } from '../../../src/model/views.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { counted, count as formatCount } from '../../words/amounts.ts';

interface BulkBarProps {
  count: number;
  /** Those of the selected whose rows are at hand. */
  selected: readonly TransferView[];
  /** How many a pending cancel is about; undefined while nothing is asked. */
  asking: number | undefined;
  /** Where all that were loaded are selected and there are more: how many match in all. */
  allMatching: number | undefined;
  onSelectAllMatching: () => void;
  onAct: (action: Action) => void;
  onAnswer: (yes: boolean) => void;
  onClear: () => void;
}

export function BulkBar(props: BulkBarProps) {
  const { count, selected, asking } = props;
  if (asking !== undefined) return <CancelQuestion count={asking} onAnswer={props.onAnswer} />;
  if (count === 0) return null;
  const able = (action: Action) => selected.filter((transfer) => transfer.actions.includes(action)).length;
  const verbs: readonly { action: Action; label: string; icon: 'pause' | 'play' | 'retry' | 'cancel' }[] = [
    { action: 'pause', label: 'Pause', icon: 'pause' },
    { action: 'resume', label: 'Resume', icon: 'play' },
    { action: 'retry', label: 'Retry', icon: 'retry' },
    { action: 'cancel', label: 'Cancel', icon: 'cancel' },
  ];
  return (
    <div
      role="toolbar"
      aria-label="Selected transfers"
      className="flex min-h-11 shrink-0 flex-wrap items-center gap-2 border-t border-line-strong bg-raised px-4 py-1.5"
    >
      <strong className="mr-2 font-semibold tabular-nums">{counted(count, 'selected', 'selected')}</strong>
      {verbs.map(({ action, label, icon }) => (
        <Button key={action} icon={icon} disabled={able(action) === 0} onClick={() => props.onAct(action)}>
          {label}
          {able(action) > 0 && able(action) < count && selected.length === count && (
            <span className="text-ink-faint tabular-nums">{able(action)}</span>
          )}
        </Button>
      ))}
      {props.allMatching !== undefined && (
        <Button weight="quiet" onClick={props.onSelectAllMatching}>
          Select all {formatCount(props.allMatching)} that match
        </Button>
      )}
      <IconButton icon="close" label="Clear the selection" className="ml-auto" onClick={props.onClear} />
    </div>
  );
}

function CancelQuestion({ count, onAnswer }: { count: number; onAnswer: (yes: boolean) => void }) {
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => yes.current?.focus(), []);
  return (
    <div
      role="alertdialog"
      aria-label="Cancel?"
      aria-describedby="cancel-question"
      className="flex min-h-11 shrink-0 flex-wrap items-center gap-2 border-t border-needs bg-needs-tint px-4 py-1.5"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        onAnswer(false);
      }}
    >
      <span id="cancel-question" className="mr-2">
        Cancel {counted(count, 'transfer')}? What has been copied so far is removed at the destination; the source
        stays.
      </span>
      <Button ref={yes} weight="danger" className="bg-surface" onClick={() => onAnswer(true)}>
        Cancel {count === 1 ? 'it' : 'them'}
      </Button>
      <Button onClick={() => onAnswer(false)}>Keep</Button>
    </div>
  );
}
