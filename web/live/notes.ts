// Short notes at the foot of the page: what an action came to, or why it was refused.

import { create } from 'zustand';

export interface Note {
  readonly key: number;
  readonly kind: 'info' | 'problem';
  readonly text: string;
}

let lastKey = 0;

export const useNotes = create<{ notes: readonly Note[] }>()(() => ({ notes: [] }));

/** Goes by itself: problems stay long enough to be read twice. */
export function note(kind: Note['kind'], text: string): void {
  lastKey += 1;
  const key = lastKey;
  useNotes.setState(({ notes }) => ({ notes: [...notes.slice(-2), { key, kind, text }] }));
  setTimeout(() => dismiss(key), kind === 'problem' ? 12_000 : 4000);
}

export function dismiss(key: number): void {
  useNotes.setState(({ notes }) => ({ notes: notes.filter((each) => each.key !== key) }));
}
