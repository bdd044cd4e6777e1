// The heading of pages that stand beside each other in one place of the rail, with what belongs to the one that is shown.

import type { ReactNode } from 'react';
import { Link } from '../parts/link.tsx';
import { useAddress } from '../router.ts';
import { pageLabel, placeOf } from './places.ts';

export function PageTabs({ children, end }: { children?: ReactNode; end?: ReactNode }) {
  const { path } = useAddress();
  const place = placeOf(path);
  const here = pageLabel(path);
  if (place === undefined) return null;
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 border-b border-line px-4 py-2">
      <h1 className="sr-only">{here}</h1>
      <nav aria-label={`Pages about ${place.label.toLowerCase()}`} className="flex h-7 items-center gap-4 coarse:h-10">
        {[place, ...(place.beside ?? [])].map(({ href, label }) => (
          <Link
            key={href}
            href={href}
            aria-current={label === here ? 'page' : undefined}
            className={`flex h-full items-center text-14 ${label === here ? 'font-semibold' : 'text-ink-soft hover:text-ink'}`}
          >
            {label}
          </Link>
        ))}
      </nav>
      {children !== undefined && (
        <div className="flex min-w-0 items-center gap-1 overflow-x-auto narrow:w-full">{children}</div>
      )}
      {end !== undefined && <div className="ml-auto">{end}</div>}
    </div>
  );
}
