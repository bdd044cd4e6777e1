// Where the notes appear; read out by screen readers as they come.

import { dismiss, useNotes } from '../live/notes.ts';
import { IconButton } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';

export function NotesShelf() {
  const notes = useNotes((state) => state.notes);
  return (
    <section
      aria-label="Notes"
      className="pointer-events-none fixed inset-x-0 bottom-4 z-40 flex flex-col items-center gap-2 px-4 narrow:bottom-16 print:hidden"
    >
      <div role="status" className="flex max-w-full flex-col items-center gap-2">
        {notes.map(({ key, kind, text, remedy, href }) => (
          <div
            key={key}
            className="pointer-events-auto flex w-max max-w-[min(36rem,100%)] items-start gap-2 rounded border border-line-strong bg-raised py-1 pr-1 pl-3"
          >
            <Icon
              name={kind === 'problem' ? 'needs' : 'check'}
              className={`mt-1.5 ${kind === 'problem' ? 'text-needs' : 'text-ink-soft'}`}
            />
            <div className="min-w-0 flex-1 py-1">
              <p className="wrap-anywhere">{text}</p>
              {remedy !== undefined && <p className="text-12 text-ink-soft">{remedy}</p>}
              {href !== undefined && (
                <Link
                  href={href}
                  className="text-12 font-medium underline decoration-line-strong underline-offset-2"
                  onClick={() => dismiss(key)}
                >
                  Show it
                </Link>
              )}
            </div>
            <IconButton icon="close" label="Dismiss" onClick={() => dismiss(key)} />
          </div>
        ))}
      </div>
    </section>
  );
}
