// The left rail: words where there is room, icons on a narrow screen, a bar at the bottom of a phone.

import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';
import { useAddress } from '../router.ts';
import { placeOf, places } from './places.ts';

export function Rail() {
  const here = placeOf(useAddress().path);
  return (
    <nav
      aria-label="Pages"
      className="flex w-44 shrink-0 flex-col gap-0.5 border-r border-line px-2 py-3 middling:w-14 narrow:order-last narrow:h-14 narrow:w-full narrow:flex-row narrow:border-t narrow:border-r-0 narrow:bg-surface narrow:p-0 narrow:pb-[env(safe-area-inset-bottom)] narrow:box-content print:hidden"
    >
      <Link
        href="/"
        className="mb-3 flex h-8 items-center gap-2.5 px-2 text-16 font-semibold tracking-tight middling:justify-center middling:px-0 narrow:hidden"
      >
        <img src="/wherry.svg" alt="" className="size-6" />
        <span className="middling:sr-only">Wherry</span>
      </Link>
      {places.map((place) => {
        const current = place === here;
        return (
          <Link
            key={place.href}
            href={place.href}
            aria-current={current ? 'page' : undefined}
            title={place.label}
            className={`flex h-8 items-center gap-2.5 rounded px-2 middling:h-10 middling:justify-center middling:px-0 narrow:h-full narrow:min-w-0 narrow:flex-1 narrow:flex-col narrow:gap-0.5 narrow:rounded-none narrow:text-12 ${
              current
                ? 'bg-tint-strong font-medium text-ink narrow:bg-transparent'
                : 'text-ink-soft hover:bg-tint hover:text-ink'
            }`}
          >
            <Icon name={place.icon} className={current ? 'stroke-[1.8]' : ''} />
            <span className="middling:sr-only narrow:not-sr-only">{place.label}</span>
          </Link>
        );
      })}
    </nav>
  );
}
