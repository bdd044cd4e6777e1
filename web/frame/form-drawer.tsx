// A drawer that asks for something: its fields, what is still missing, one button that sends it, and why it was refused.

import type { ReactNode } from 'react';
import { useState } from 'react';
import { asFault } from '../../src/model/fault.ts';
import { Button } from '../parts/button.tsx';
import { Drawer } from './drawer.tsx';

interface FormDrawerProps {
  title: string;
  /** Of the button that sends. */
  verb: string;
  /** Why it cannot be sent yet. */
  missing?: string | undefined;
  /** Default is whether nothing is missing; false keeps it from being sent without a word. */
  ready?: boolean;
  /** Of the button that leaves. Default is `Close`. */
  leave?: string;
  /** What it rejects with is shown beside the button, and the form can be sent again. */
  onSend: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}

export function FormDrawer(props: FormDrawerProps) {
  const { title, verb, missing, ready = missing === undefined, leave = 'Close', onSend, onClose, children } = props;
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await onSend();
    } catch (error) {
      setProblem(asFault(error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Drawer
      title={title}
      label={title}
      onClose={onClose}
      footer={
        <div className="flex flex-col gap-2">
          {problem !== undefined && (
            <p role="alert" className="text-needs">
              {problem}
            </p>
          )}
          <div className="flex items-center gap-2">
            <Button weight="strong" disabled={!ready || busy} onClick={() => void send()}>
              {verb}
            </Button>
            <Button onClick={onClose}>{leave}</Button>
            {missing !== undefined && <span className="text-ink-faint">{missing}</span>}
          </div>
        </div>
      }
    >
      {children}
    </Drawer>
  );
}
