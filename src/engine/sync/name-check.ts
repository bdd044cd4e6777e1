// Names that a destination cannot hold: found before anything moves.

import { Fault } from '../../model/fault.ts';
import { collisionKey, displayPath, joinPath, windowsProblem } from '../../model/names.ts';
import { destinationPath, type Leg } from './leg.ts';
import type { TreeListing } from './tree-listing.ts';

/**
 * What is wrong with a path of the listing, below the leg's folders, as a fault (`exists`: another has that name already where case does
 * not count; `name_unsafe`: the place does not take such names); undefined where it can be held.
 */
export function nameCheck(leg: Leg, listing: TreeListing): (path: string) => Fault | undefined {
  const { caseSensitive, windowsNames = false } = leg.destination.traits;
  if (caseSensitive && !windowsNames) return () => undefined;
  const first = caseSensitive ? undefined : firstNames(listing);
  const placeOf = (path: string) => ({
    path: displayPath(destinationPath(leg, path)),
    endpoint: displayPath(leg.key.destination),
  });
  return (path) => {
    const why = windowsNames ? firstProblem(path) : undefined;
    if (why !== undefined) {
      const place = placeOf(path);
      return new Fault('name_unsafe', `${place.path} ${why}, and ${place.endpoint} is such a place.`, { place });
    }
    const holder = first?.get(collisionKey(path));
    if (holder === undefined || holder === path) return undefined;
    const place = placeOf(path);
    const text = `${place.path} and ${displayPath(holder)} are one name at ${place.endpoint}, where case does not count; only the first is copied.`;
    return new Fault('exists', text, { place });
  };
}

function firstProblem(path: string): string | undefined {
  for (const part of path.split('/')) {
    const why = windowsProblem(part);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Who has a name of those that are one where case does not count: the first of the listing. */
function firstNames(listing: TreeListing): Map<string, string> {
  const first = new Map<string, string>();
  for (const [folder, files] of listing.folders) {
    for (const name of files.keys()) {
      const path = joinPath(folder, name);
      const key = collisionKey(path);
      if (!first.has(key)) first.set(key, path);
    }
  }
  return first;
}
