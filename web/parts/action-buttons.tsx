// The verbs of a job or a transfer: those that its state takes, and a question before it is cancelled.

import { useState } from 'react';
import type { Action } from '../../src/model/views.ts';
import { Button } from './button.tsx';
import { Confirm } from './confirm.tsx';

interface ActionButtonsProps {
  actions: readonly Action[];
  /** Of the button that tries again. */
  retry: string;
  /** What is asked before it is cancelled. */
  cancelling: string;
  onAct: (action: Action) => void;
}

export function ActionButtons({ actions, retry, cancelling, onAct }: ActionButtonsProps) {
  const [asking, setAsking] = useState(false);
  const can = (action: Action) => actions.includes(action);
  if (asking && can('cancel')) {
    return (
      <Confirm
        label="Cancel?"
        verb="Cancel it"
        onYes={() => {
          onAct('cancel');
          setAsking(false);
        }}
        onNo={() => setAsking(false)}
      >
        {cancelling}
      </Confirm>
    );
  }
  return (
    <div className="flex gap-2">
      {can('retry') && (
        <Button icon="retry" weight="strong" onClick={() => onAct('retry')}>
          {retry}
        </Button>
      )}
      {can('resume') && (
        <Button icon="play" weight="strong" onClick={() => onAct('resume')}>
          Resume
        </Button>
      )}
      {can('pause') && (
        <Button icon="pause" onClick={() => onAct('pause')}>
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
