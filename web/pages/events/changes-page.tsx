// The page of changes: who did what by console, command or script, newest first, with what was done before this page was opened.

import type { EventView } from '../../../src/model/views.ts';
import { PageTabs } from '../../frame/page-tabs.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Link } from '../../parts/link.tsx';
import { changeText } from '../../words/changes.ts';
import { History, HistoryLine } from './history.tsx';

const name = 'observation.audit.changed';

export function ChangesPage() {
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <PageTabs />
      <History
        queryKey={['changes']}
        name={name}
        shows={(event) => event.name === name}
        what="changes"
        nothing={
          <EmptyState title="Nobody has changed anything yet">
            Whoever starts, pauses, edits or removes something, here, by a command or by a script, is written down with
            what was done.
          </EmptyState>
        }
      >
        {(event) => <ChangeRow key={event.cursor} event={event} />}
      </History>
    </div>
  );
}

function ChangeRow({ event }: { event: EventView }) {
  const { who, how, what, about, href } = changeText(event.data);
  const address = typeof event.data.address === 'string' ? event.data.address : '';
  return (
    <HistoryLine at={event.at} columns="grid-cols-[6.5rem_minmax(0,1fr)_minmax(0,1.4fr)_minmax(0,1fr)_7rem]">
      <span className="truncate font-medium narrow:order-1">{what}</span>
      <span className="min-w-0 narrow:order-3 narrow:col-span-2">
        {about !== undefined && <About text={about} href={href} />}
      </span>
      <span className="truncate text-ink-soft narrow:order-4 narrow:col-span-2">
        {who}
        {how !== '' && <span className="text-ink-faint"> · {how}</span>}
      </span>
      <code className="truncate text-right font-mono text-12 text-ink-faint narrow:hidden" title="Where it came from">
        {address}
      </code>
    </HistoryLine>
  );
}

function About({ text, href }: { text: string; href: string | undefined }) {
  if (href === undefined) {
    return (
      <span className="block truncate" title={text}>
        {text}
      </span>
    );
  }
  return (
    <Link href={href} title={text} className="block truncate underline decoration-line-strong underline-offset-2">
      {text}
    </Link>
  );
}
