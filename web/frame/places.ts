// The pages of the console, in the order of the rail. A page of a mode stands here once the mode exists.

import type { IconName } from '../parts/drawings.ts';

export interface PlaceInRail {
  readonly href: string;
  readonly label: string;
  readonly icon: IconName;
  /** On a phone it stands under "More". */
  readonly aside?: true;
}

export const places: readonly PlaceInRail[] = [
  { href: '/', label: 'Overview', icon: 'overview' },
  { href: '/transfers', label: 'Transfers', icon: 'transfers' },
  { href: '/watches', label: 'Watches', icon: 'watches' },
  { href: '/jobs', label: 'Jobs', icon: 'jobs' },
  { href: '/storage', label: 'Storage', icon: 'storage', aside: true },
  { href: '/events', label: 'Events', icon: 'events', aside: true },
  { href: '/settings', label: 'Settings', icon: 'settings', aside: true },
  { href: '/about', label: 'About', icon: 'about', aside: true },
];

/** The place that an address belongs to. */
export function placeOf(path: string): PlaceInRail | undefined {
  return places.find((place) =>
    place.href === '/' ? path === '/' : path === place.href || path.startsWith(`${place.href}/`),
  );
}
