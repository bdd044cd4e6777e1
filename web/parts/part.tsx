// A titled part of a page that is read like a document: the title beside it, above it on a phone.

import type { ReactNode } from 'react';

export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="grid grid-cols-[10rem_minmax(0,1fr)] gap-x-8 gap-y-3 border-t border-line py-6 first-of-type:border-t-0 narrow:grid-cols-1">
      <h2 className="text-14 font-semibold">{title}</h2>
      <div className="min-w-0">{children}</div>
    </section>
  );
}
