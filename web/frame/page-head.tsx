// The heading of a page, with what can be done on it.

import type { ReactNode } from 'react';

export function PageHead({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="flex shrink-0 items-center justify-between gap-3 border-b border-line px-4 py-2">
      <h1 className="text-14 font-semibold">{title}</h1>
      {children}
    </div>
  );
}
