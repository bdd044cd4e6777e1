// One line of a list of things that are set up (watches, webhooks): how it is, its name and way, one sentence, a few figures.

import type { ReactNode } from 'react';
import type { Look } from '../words/states.ts';
import { Link } from './link.tsx';
import { StateMark } from './state-mark.tsx';

interface ListEntryProps {
  href: string;
  /** Its drawer is open. */
  open: boolean;
  look: Look;
  name: ReactNode;
  /** Under the name. */
  detail: string;
  /** All of the detail, on hover. */
  detailTitle: string;
  sentence: string;
  /** At the right end, where there is room. */
  figures: ReactNode;
}

export function ListEntry({ href, open, look, name, detail, detailTitle, sentence, figures }: ListEntryProps) {
  const loud = look.tone === 'needs' ? 'text-needs' : look.tone === 'waits' ? 'text-waits' : 'text-ink-soft';
  return (
    <li className={`border-b border-line ${open ? 'bg-tint-strong' : 'hover:bg-tint'}`}>
      <Link
        href={href}
        className="grid grid-cols-[116px_minmax(0,1fr)_minmax(0,300px)_150px] items-center gap-x-4 px-4 py-2.5 @max-[820px]:grid-cols-[minmax(0,1fr)_auto] @max-[820px]:gap-y-1"
      >
        <span className="@max-[820px]:order-2">
          <StateMark look={look} />
        </span>
        <span className="flex min-w-0 flex-col">
          <span className="truncate font-medium">{name}</span>
          <span className="truncate text-12 text-ink-faint" title={detailTitle}>
            {detail}
          </span>
        </span>
        <span className={`min-w-0 truncate @max-[820px]:order-3 @max-[820px]:col-span-2 ${loud}`} title={sentence}>
          {sentence}
        </span>
        <span className="flex flex-col text-right text-12 text-ink-faint tabular-nums @max-[820px]:hidden">
          {figures}
        </span>
      </Link>
    </li>
  );
}
