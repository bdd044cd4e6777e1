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

export interface BundleMember {
  readonly path: string;
  readonly stable: boolean;
  readonly marker: boolean;
}

/**
 * Whether a set may go: with a done-marker once it is there (whatever was written before it is done by the writer's own word),
 * without one once every member is stable. The order is that of the bytes of the paths, the marker last.
 */
export function bundleReady(
  members: readonly BundleMember[],
  rules: BundleRules,
): { ready: boolean; order: readonly string[] } {
  const marker = members.some((member) => member.marker);
  const ready = rules.doneMarker === null ? members.length > 0 && members.every((member) => member.stable) : marker;
  const order = [...members].sort(
    (a, b) => Number(a.marker) - Number(b.marker) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
  );
  return { ready, order: order.map((member) => member.path) };
}
