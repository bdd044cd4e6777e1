// Where the notes appear; read out by screen readers as they come.

import { dismiss, useNotes } from '../live/notes.ts';
import { IconButton } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';

export function NotesShelf() {
  const notes = useNotes((state) => state.notes);
  return (
    <div
      role="status"
      className="pointer-events-none fixed inset-x-0 bottom-4 z-40 flex flex-col items-center gap-2 px-4 narrow:bottom-16"
    >
      {notes.map((note) => (
        <div
          key={note.key}
          className="pointer-events-auto flex max-w-xl items-center gap-2 rounded border border-line-strong bg-raised py-1 pr-1 pl-3"
        >
          <Icon
            name={note.kind === 'problem' ? 'needs' : 'check'}
            className={note.kind === 'problem' ? 'text-needs' : 'text-ink-soft'}
          />
          <span className="min-w-0 py-1 break-words">{note.text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(note.key)} />
        </div>
      ))}
    </div>
  );
}
