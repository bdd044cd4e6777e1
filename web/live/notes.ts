// Short notes at the foot of the page: what an action came to, why it was refused, what has just failed and what to do about it.

import { create } from 'zustand';
import { asFault } from '../../src/model/fault.ts';

export interface Note {
  readonly key: number;
  readonly kind: 'info' | 'problem';
  readonly text: string;
  readonly remedy: string | undefined;
  /** Where more is said about it. */
  readonly href: string | undefined;
}

export interface NoteDetails {
  readonly remedy?: string;
  readonly href?: string;
  /** A later note on the same topic takes the place of the one that still stands. */
  readonly topic?: string;
}

const mostNotes = 3;

let lastKey = 0;
const topics = new Map<string, number>();

export const useNotes = create<{ notes: readonly Note[] }>()(() => ({ notes: [] }));

/** Goes by itself: problems stay long enough to be read twice. */
export function note(kind: Note['kind'], text: string, details: NoteDetails = {}): void {
  lastKey += 1;
  const key = lastKey;
  const { remedy, href, topic } = details;
  const replaced = topic === undefined ? undefined : topics.get(topic);
  if (topic !== undefined) topics.set(topic, key);
  useNotes.setState(({ notes }) => ({
    notes: [...notes.filter((each) => each.key !== replaced).slice(1 - mostNotes), { key, kind, text, remedy, href }],
  }));
  setTimeout(
    () => {
      dismiss(key);
      if (topic !== undefined && topics.get(topic) === key) topics.delete(topic);
    },
    kind === 'problem' ? 12_000 : 4000,
  );
}

/** Why something was refused, with what to do about it. */
export function noteFault(error: unknown): void {
  const fault = asFault(error);
  note('problem', fault.message, { remedy: fault.meaning.remedy });
}

export function dismiss(key: number): void {
  useNotes.setState(({ notes }) => ({ notes: notes.filter((each) => each.key !== key) }));
}
