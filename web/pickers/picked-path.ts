// Paths that were picked or typed, and the exact form in which requests name them.

import { exactPath } from '../../src/model/path-text.ts';
import type { BrowseEntry } from '../../src/model/views.ts';

/** A path as the API gives it: text to show, and the exact bytes where the text is not the name. */
export interface PickedPath {
  readonly path: string;
  readonly pathBytes?: string | undefined;
  readonly kind: BrowseEntry['kind'];
}

export const keyOf = (entry: { path: string; pathBytes?: string | undefined }) => entry.pathBytes ?? entry.path;

/** A place in a form: what stands in the field, and what was picked for it. */
export interface PlaceInput {
  readonly text: string;
  readonly picked?: PickedPath | undefined;
}

export const noPlace: PlaceInput = { text: '' };

export function exactPicked({ path, pathBytes }: PickedPath): string {
  return exactPath(pathBytes === undefined ? { path } : { path, pathBytes });
}

/** What was picked counts for as long as the field still shows it; an address such as `ssh://host/path` is typed. */
export function exactPlace({ text, picked }: PlaceInput): string {
  const typed = text.trim();
  return picked !== undefined && picked.path === typed ? exactPicked(picked) : typed;
}
