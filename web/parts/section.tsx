// A titled part of a drawer or page.

import type { ReactNode } from 'react';

export function Section({ title, children, tools }: { title: string; children: ReactNode; tools?: ReactNode }) {
  return (
    <section className="border-t border-line px-4 py-4 first:border-t-0">
      <div className="mb-2 flex items-center justify-between gap-2">
        <h3 className="text-12 font-semibold text-ink-soft">{title}</h3>
        {tools}
      </div>
      {children}
    </section>
  );
}

/** Names and values, one pair a line. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 gap-y-1.5">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-faint">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
