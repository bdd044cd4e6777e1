// Takes back what a move left: its partial and its journal.

import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault } from '../../model/fault.ts';
import { JournalWriter, readJournal, removeJournal } from './block-journal.ts';
import { removePartial } from './exposed-partial.ts';
import { type At, removeFile, within } from './lane-file.ts';

export interface DiscardInput {
  readonly root: string;
  readonly journal: string;
}

/** Removes the partial that a journal speaks of, and the journal. What is not there is removed already. */
export function discardPartial({ root, journal: path }: DiscardInput, { control }: OperationContext): void {
  const journal = readJournal(path, control);
  if (journal !== undefined) {
    // Where the partial cannot be removed now, because its place is away, nothing is to be taken over from it later.
    giveUpBlocks(path, control);
    try {
      within(control, sides.destination, root, (confined) => {
        for (const partial of journal.paths) removePartial(confined, partial, journal.head, control);
      });
    } catch (error) {
      if (asFault(error).code !== 'not_found') throw error;
    }
  }
  removeJournal(path, control);
}

function giveUpBlocks(path: string, control: Control): void {
  const journal = JournalWriter.open(path, control);
  try {
    journal.giveUp();
  } finally {
    journal.close();
  }
}

/** The journal has done its work. */
export function forgetMove({ journal }: { journal: string }, { control }: OperationContext): void {
  removeJournal(journal, control);
}

export function removeLeftover({ root, path }: At, { control }: OperationContext): void {
  within(control, sides.destination, root, (confined) => removeFile(confined, path, control));
}
