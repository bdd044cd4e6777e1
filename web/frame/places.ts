// The pages of the console, in the order of the rail. A page of a mode stands here once the mode exists.

import type { IconName } from '../parts/drawings.ts';

export interface PlaceInRail {
  readonly href: string;
  readonly label: string;
  readonly icon: IconName;
  /** On a phone it stands under "More". */
  readonly aside?: true;
  /** Pages beside the first one, which its heading leads to. */
  readonly beside?: readonly { readonly href: string; readonly label: string }[];
}

export const places: readonly PlaceInRail[] = [
  { href: '/', label: 'Overview', icon: 'overview' },
  { href: '/transfers', label: 'Transfers', icon: 'transfers' },
  { href: '/watches', label: 'Watches', icon: 'watches' },
  { href: '/syncs', label: 'Syncs', icon: 'syncs', aside: true },
  { href: '/devices', label: 'Devices', icon: 'devices', aside: true },
  { href: '/recordings', label: 'Recordings', icon: 'recordings', aside: true },
  { href: '/rooms', label: 'Rooms', icon: 'rooms', aside: true },
  { href: '/jobs', label: 'Jobs', icon: 'jobs' },
  { href: '/storage', label: 'Storage', icon: 'storage', aside: true },
  {
    ...{ href: '/events', label: 'Events', icon: 'events', aside: true },
    beside: [
      { href: '/changes', label: 'Changes' },
      { href: '/webhooks', label: 'Webhooks' },
    ],
  },
  { href: '/settings', label: 'Settings', icon: 'settings', aside: true },
  { href: '/about', label: 'About', icon: 'about', aside: true },
];

/** The place that an address belongs to. */
export function placeOf(path: string): PlaceInRail | undefined {
  return places.find((place) => [place, ...(place.beside ?? [])].some(({ href }) => isAt(href, path)));
}

/** What the page at an address is called; undefined where there is none. */
export function pageLabel(path: string): string | undefined {
  const place = placeOf(path);
  return [place, ...(place?.beside ?? [])].find((each) => each !== undefined && isAt(each.href, path))?.label;
}

function isAt(href: string, path: string): boolean {
  return href === '/' ? path === '/' : path === href || path.startsWith(`${href}/`);
}
