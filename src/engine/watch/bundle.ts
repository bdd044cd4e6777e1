// Sets of files that belong together: a folder as a whole, or a file and its done-marker; taken in order, the marker last. Pure.

import { baseName, joinPath, parentPath } from '../../model/names.ts';

export interface BundleRules {
  /** `folder`: everything below one folder of the watched root is one set. */
  readonly bundle: 'folder' | null;
  /** Name of the marker that says a file (or bundle folder) is done: `{name}.done`, `{stem}.ok`. */
  readonly doneMarker: string | null;
}

export interface Grouping {
  /** The set's name: a folder or file path; null for a file that stands alone. */
  readonly bundle: string | null;
  /** True for the marker, which goes last. */
  readonly marker: boolean;
}

/** The marker's path for a file or folder. */
export function markerPath(path: string, doneMarker: string): string {
  const name = baseName(path);
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  return joinPath(
    parentPath(path),
    doneMarker.replace(/\{name\}/g, () => name).replace(/\{stem\}/g, () => stem),
  );
}

/** Which set each of the paths (files below the root) belongs to. */
export function groupBundles(paths: readonly string[], rules: BundleRules): ReadonlyMap<string, Grouping> {
  const groups = new Map<string, Grouping>();
  const folders = new Set<string>();
  for (const path of paths) {
    const cut = path.indexOf('/');
    const folder = rules.bundle === 'folder' && cut > 0 ? path.slice(0, cut) : null;
    if (folder !== null) folders.add(folder);
    groups.set(path, { bundle: folder, marker: false });
  }
  const { doneMarker } = rules;
  if (doneMarker === null) return groups;
  for (const owner of [...folders, ...paths.filter((path) => groups.get(path)?.bundle === null)]) {
    const marker = markerPath(owner, doneMarker);
    if (marker === owner || !groups.has(marker)) continue;
    groups.set(marker, { bundle: owner, marker: true });
    if (!folders.has(owner)) groups.set(owner, { bundle: owner, marker: false });
  }
  return groups;
}

/** The order of a set: that of the paths, markers last. */
export function inOrder<Member extends { readonly path: string }>(
  members: readonly Member[],
  isMarker: (path: string) => boolean,
): Member[] {
  return [...members].sort((one, other) => {
    const markers = Number(isMarker(one.path)) - Number(isMarker(other.path));
    return markers !== 0 ? markers : one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
  });
}
