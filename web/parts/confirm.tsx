// Asks once more, in the place of the buttons, before something that cannot be taken back.

import type { ReactNode } from 'react';
import { Button } from './button.tsx';

interface ConfirmProps {
  /** Spoken, such as `Remove?`. */
  label: string;
  /** What would happen. */
  children: ReactNode;
  /** Of the button that does it. */
  verb: string;
  onYes: () => void;
  onNo: () => void;
}

export function Confirm({ label, children, verb, onYes, onNo }: ConfirmProps) {
  return (
    <div role="alertdialog" aria-label={label} className="flex flex-wrap items-center gap-2">
      <span className="mr-auto">{children}</span>
      <Button weight="danger" autoFocus onClick={onYes}>
        {verb}
      </Button>
      <Button onClick={onNo}>Keep</Button>
    </div>
  );
}
