// The left rail: words where there is room, icons on a narrow screen, a bar at the bottom of a phone.

import { DropdownMenu } from 'radix-ui';
import { Icon } from '../parts/icon.tsx';
import { Link } from '../parts/link.tsx';
import { useAddress } from '../router.ts';
import type { PlaceInRail } from './places.ts';
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
            className={`${place.aside === true ? 'narrow:hidden' : ''} flex h-8 items-center gap-2.5 rounded px-2 middling:h-10 middling:justify-center middling:px-0 narrow:h-full narrow:min-w-0 narrow:flex-1 narrow:flex-col narrow:gap-0.5 narrow:rounded-none narrow:text-12 ${
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
      <More current={here?.aside === true ? here : undefined} />
    </nav>
  );
}

/** The places for which a phone's bar has no room. */
function More({ current }: { current: PlaceInRail | undefined }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <button
          type="button"
          className={`hidden min-w-0 flex-1 flex-col items-center justify-center gap-0.5 text-12 narrow:flex ${current === undefined ? 'text-ink-soft' : 'font-medium text-ink'}`}
        >
          <Icon name={current?.icon ?? 'more'} />
          {current?.label ?? 'More'}
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Content
        align="end"
        sideOffset={4}
        collisionPadding={8}
        className="z-30 min-w-44 rounded border border-line-strong bg-raised p-1"
      >
        {places
          .filter((place) => place.aside === true)
          .map((place) => (
            <DropdownMenu.Item key={place.href} asChild>
              <Link
                href={place.href}
                className="flex h-11 items-center gap-2.5 rounded px-3 outline-none data-highlighted:bg-tint"
              >
                <Icon name={place.icon} className="text-ink-soft" />
                {place.label}
              </Link>
            </DropdownMenu.Item>
          ))}
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}
