// Asks the daemon for something at a button: busy meanwhile, what it came to in a note, and the list read again afterwards.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { note, noteFault } from './notes.ts';

/** `ask` resolves in any case; what `what` resolves with is said, and why it was refused. */
export function useAsking(queryKey: readonly string[]): {
  readonly busy: boolean;
  readonly ask: (what: () => Promise<string>) => Promise<void>;
} {
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const ask = async (what: () => Promise<string>) => {
    setBusy(true);
    try {
      note('info', await what());
    } catch (error) {
      noteFault(error);
    } finally {
      setBusy(false);
      await queries.invalidateQueries({ queryKey });
    }
  };
  return { busy, ask };
}
